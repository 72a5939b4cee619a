"""Where the gateway fetches a list: an `https` URL, nothing in it that could be a secret or be read in two ways."""

from __future__ import annotations

import re
from typing import Final

from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.clauses import Feed
from gateway.policy.language.scalars import text
from gateway.policy.names import parse_authority

_SCHEME: Final = "https://"
HTTPS: Final = 443
"""The port of a URL that names none."""
_TARGET: Final = re.compile(r"[!-~]*")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def parse_feed(written: str) -> Feed:
    """The place that a URL names. Raises Malformed."""
    if not written.startswith(_SCHEME):
        raise Malformed(f"{quoted(written)}: a list is fetched over https alone, write `https://...`")
    authority, slash, rest = written.removeprefix(_SCHEME).partition("/")
    if "@" in authority:
        raise Malformed("a URL with a user in it is not fetched, whoever may read the policy could read a password")
    if "#" in written or _TARGET.fullmatch(written) is None:
        raise Malformed(f"{quoted(written)}: leave out `#`, and write everything but ASCII with `%`")
    host, port = parse_authority(authority, HTTPS)
    return Feed(written, host, port, slash + rest or "/")


def parse_digest(written: str) -> str:
    """`sha256:` and 64 hexadecimal digits. Raises Malformed."""
    if _DIGEST.fullmatch(written) is None:
        raise Malformed(f"{quoted(written)}: a digest is `sha256:` and 64 digits, as `sha256sum` prints them")
    return written


FEED: Final = text("a URL, like `https://lists.example/ads.hosts`").then(parse_feed, type="string")
"""Where a list is fetched."""
DIGEST: Final = text("a digest, like `sha256:...`").then(parse_digest, type="string")
"""What a fetched list has to be."""
