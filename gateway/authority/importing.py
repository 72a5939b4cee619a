"""An authority that was issued elsewhere, read from the files in which people bring it.

Source: RFC 5280, RFC 7468 (PEM), RFC 5958 and RFC 8018 (keys, and their encryption).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.authority.checks import problems
from gateway.authority.signers import Authority, AuthorityUnusable, certificates_in, key_in

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path


def read_authority(
    certificate: Path, key: Path, chain: Path | None, passphrase: Path | None, now: dt.datetime
) -> Authority:
    """The authority in these files, checked. Raises AuthorityUnusable with everything that is wrong, and OSError.

    The certificate that signs comes first; those above it may follow in its file or stand in `chain`. Of the file
    with the passphrase, the first line counts.
    """
    first, *above = certificates_in(certificate.read_bytes(), str(certificate))
    if chain is not None:
        above += [each for each in certificates_in(chain.read_bytes(), str(chain)) if each not in above]
    secret = key_in(key.read_bytes(), str(key), None if passphrase is None else _word(passphrase))
    authority = Authority(first, secret, tuple(each for each in above if each != first))
    wrong = [f"ca: `{certificate}`: {each}" for each in problems(authority, now)]
    if wrong:
        raise AuthorityUnusable(*wrong)
    return authority


def _word(file: Path) -> bytes:
    lines = file.read_bytes().splitlines()
    if not lines or not lines[0]:
        raise AuthorityUnusable(f"ca: `{file}` is empty, write the passphrase into its first line")
    return lines[0]
