"""The authorities of a gateway, kept in a folder: which one signs, and which ones clients should trust meanwhile."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from gateway.authority import checks, exports
from gateway.authority.folder import NEXT, OLD, PREVIOUS, PUBLIC, SIGNING, TRUSTED, held, put
from gateway.authority.making import Plan, make
from gateway.authority.signers import Authority, AuthorityUnusable, anchor, certificates_in, key_in, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography import x509

type Role = Literal["signing", "next", "old"]

_BEFORE: Final = "ca.key"
"""Where the key was when an authority had two files; its certificate was where all that is trusted stands now."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An authority in the folder, seen without its key."""

    role: Role
    file: Path
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]

    @property
    def anchor(self) -> x509.Certificate:
        """What clients have to trust."""
        return anchor((self.certificate, *self.chain))


def load_or_make(folder: Path, plan: Plan | None = None) -> Authority:
    """The authority that signs, made now after `plan` if there is none. Raises AuthorityUnusable."""
    return _load(folder, plan or Plan(), make_one=True)


def load(folder: Path, plan: Plan | None = None) -> Authority:
    """The authority that signs; none is made. Raises AuthorityUnusable."""
    return _load(folder, plan or Plan(), make_one=False)


def _load(folder: Path, plan: Plan, *, make_one: bool) -> Authority:
    now = dt.datetime.now(dt.UTC)
    with held(folder):
        _adopt(folder)
        file = folder / SIGNING
        if not file.exists():
            _refuse_to_replace(folder, make_one=make_one)
            put(file, written(make(now, plan)))
        authority = usable(file, now, plan)
        publish(folder, now)
    return authority


def usable(file: Path, now: dt.datetime, plan: Plan | None = None) -> Authority:
    """The authority in a file, checked. Raises AuthorityUnusable."""
    text = file.read_bytes()
    certificate, *chain = certificates_in(text, str(file))
    bounds = (plan or Plan()).constraints
    authority = Authority(certificate, key_in(text, str(file)), tuple(chain), bounds)
    wrong = [f"ca: `{file}`: {each}" for each in checks.problems(authority, now)]
    if wrong:
        raise AuthorityUnusable(*wrong)
    return authority


def _adopt(folder: Path) -> None:
    """Take over the two files that an authority had before; interrupted, it is done again."""
    key, certificate, file = folder / _BEFORE, folder / TRUSTED, folder / SIGNING
    if not key.exists():
        return
    text = key.read_bytes().rstrip() + b"\n"
    if not file.exists():
        if not certificate.exists():
            raise AuthorityUnusable(
                f"ca: `{key}` is a key without its certificate, bring `{certificate}` back from where it was kept, "
                "or move the key away to have a new authority made"
            )
        put(file, text + certificate.read_bytes())
    if file.read_bytes().startswith(text):
        key.unlink()


def _refuse_to_replace(folder: Path, *, make_one: bool) -> None:
    """Where others are kept, or were published, the one that signs was lost; another one would surprise clients."""
    left = next((each for each in (folder / NEXT, folder / PREVIOUS, folder / TRUSTED) if each.exists()), None)
    if left is not None or not make_one:
        beside = "" if left is None else f" and `{left}` is there"
        raise AuthorityUnusable(
            f"ca: `{folder / SIGNING}` is missing{beside}: bring it back from where it was kept, "
            f"or move `{folder}` away to have a new authority made, which clients must trust anew"
        )


def read(folder: Path) -> tuple[Kept, ...]:
    """Every authority in the folder, the one that signs first. Raises AuthorityUnusable."""
    if not folder.is_dir():
        return ()
    with held(folder):
        return tuple(_kept(folder))


def _kept(folder: Path) -> Iterator[Kept]:
    files: list[tuple[Role, Path]] = [("signing", folder / SIGNING), ("next", folder / NEXT)]
    files += [("old", folder / PREVIOUS), *(("old", each) for each in sorted(folder.glob(OLD)))]
    seen = set()
    for role, file in files:
        if file.exists():
            certificate, *chain = certificates_in(file.read_bytes(), str(file))
            if certificate not in seen:
                seen.add(certificate)
                yield Kept(role, file, certificate, tuple(chain))


def published(folder: Path, now: dt.datetime) -> tuple[x509.Certificate, ...]:
    """What clients should trust now: of the one that signs, of the next one, and of old ones until they expire."""
    return trusted(read(folder), now)


def trusted(kept: tuple[Kept, ...], now: dt.datetime) -> tuple[x509.Certificate, ...]:
    """What clients should trust of these: old ones only until they expire, and none twice."""
    anchors = [each.anchor for each in kept if each.role != "old" or now < each.certificate.not_valid_after_utc]
    return tuple(dict.fromkeys(anchors))


def publish(folder: Path, now: dt.datetime) -> None:
    """Bring the file of what is trusted up to date; the folder must be held."""
    text = exports.pem(trusted(tuple(_kept(folder)), now))
    file = folder / TRUSTED
    if not file.exists() or file.read_bytes() != text:
        put(file, text, PUBLIC)
