"""From one authority to the next without a moment in which a client trusts neither.

The next one is published while the old one still signs; clients install it at their leisure; then it signs, and the
old one is published on until it expires or is retired. Nothing switches by itself: a date would lock out whoever was
on holiday. As long as the old one is not retired, one may go back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.authority import exports
from gateway.authority.folder import NEXT, OLD, PREVIOUS, PUBLIC, SIGNING, held, put, rename, settle
from gateway.authority.keeping import publish, usable
from gateway.authority.making import make, plan_of
from gateway.authority.signers import AuthorityUnusable, certificates_in, written

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from gateway.authority.making import Plan
    from gateway.authority.signers import Authority

_COMING: Final = "coming.key.new"
"""An imported authority on its way to sign at once; left behind, it is removed as every draft is."""


def rotate(folder: Path, now: dt.datetime, plan: Plan | None = None) -> None:
    """Make the next authority, like the one that signs or after `plan`. Raises AuthorityUnusable."""
    with held(folder):
        current = _signing(folder)
        _refuse_two(folder)
        certificate, *chain = certificates_in(current.read_bytes(), str(current))
        if chain or certificate.issuer != certificate.subject:
            raise AuthorityUnusable(
                "ca: the authority that signs was issued by another one, have the next one issued there too "
                "and bring it with `wicketgate ca import --next`"
            )
        put(folder / NEXT, written(make(now, plan or plan_of(certificate))))
        publish(folder, now)


def install(folder: Path, authority: Authority, now: dt.datetime, *, as_next: bool) -> None:
    """Bring an authority from elsewhere: to sign at once, or next. Raises AuthorityUnusable."""
    with held(folder):
        if as_next:
            _signing(folder)
            _refuse_two(folder)
            put(folder / NEXT, written(authority))
        elif not (folder / SIGNING).exists():
            put(folder / SIGNING, written(authority))
        else:
            _signing(folder)
            coming = folder / _COMING
            put(coming, written(authority))
            _let_sign(folder, coming, PREVIOUS)
        publish(folder, now)


def activate(folder: Path, now: dt.datetime) -> None:
    """Let the next authority sign; the one that signed is kept, to go back. Raises AuthorityUnusable."""
    with held(folder):
        _signing(folder)
        coming = folder / NEXT
        if not coming.exists():
            raise AuthorityUnusable("ca: there is no next authority, `wicketgate ca rotate` makes one")
        usable(coming, now)
        _let_sign(folder, coming, PREVIOUS)
        publish(folder, now)


def go_back(folder: Path, now: dt.datetime) -> None:
    """Let the authority sign that signed before; the one that signs becomes the next. Raises AuthorityUnusable."""
    with held(folder):
        _signing(folder)
        coming = folder / PREVIOUS
        if not coming.exists():
            raise AuthorityUnusable("ca: there is no authority that signed before, so there is none to go back to")
        if (folder / NEXT).exists():
            raise AuthorityUnusable(f"ca: the one that signs would become the next, remove `{folder / NEXT}` first")
        usable(coming, now)
        _let_sign(folder, coming, NEXT)
        publish(folder, now)


def retire(folder: Path, now: dt.datetime) -> None:
    """Publish old authorities no longer, and destroy the key of the last. Raises AuthorityUnusable."""
    with held(folder):
        _signing(folder)
        old = [each for each in (folder / PREVIOUS, *folder.glob(OLD)) if each.exists()]
        if not old:
            raise AuthorityUnusable("ca: there is no old authority to retire")
        for each in old:
            each.unlink()
        settle(folder)
        publish(folder, now)


def _signing(folder: Path) -> Path:
    """The file of the authority that signs; the copy that an interrupted change made of it is removed."""
    file = folder / SIGNING
    if not file.exists():
        raise AuthorityUnusable(f"ca: there is no authority that signs in `{folder}`, so there is none to follow")
    for copy in (folder / NEXT, folder / PREVIOUS):
        if copy.exists() and copy.read_bytes() == file.read_bytes():
            copy.unlink()
    return file


def _refuse_two(folder: Path) -> None:
    if (folder / NEXT).exists():
        raise AuthorityUnusable(
            f"ca: there is a next authority already (`{folder / NEXT}`), "
            "let it sign with `wicketgate ca rotate --activate`, or remove the file to have another one"
        )


def _let_sign(folder: Path, coming: Path, leaving: str) -> None:
    """The file `coming` signs from now on, what signed becomes `leaving`. Interrupted, it can be done again.

    What signed gets its second name before it loses its first, so that it is never unpublished in between. The key of
    an authority that was `leaving` before is destroyed; its certificate is kept apart first, because clients may
    still be shown what it signed.
    """
    file, target = folder / SIGNING, folder / leaving
    if target.exists():
        certificates = certificates_in(target.read_bytes(), str(target))
        mark = exports.fingerprint(certificates[0], "SHA-256").replace(":", "")[:16].lower()
        put(folder / OLD.replace("*", mark), exports.pem(certificates), PUBLIC)
    put(target, file.read_bytes())
    rename(coming, file)
