"""The way back of rewritten paths: where an upstream names paths of its own, the client gets those it can ask for.

Mapped are the paths of Location, Content-Location and Refresh that name no host or the one that the client asked (a
backend that names itself was made to name that one before), and the Path of cookies. A reference that is relative to
the path that was asked for needs no mapping. A cookie whose name begins with `__Host-` belongs to the whole host, and
browsers refuse it with another path, so it keeps its own.

Source: RFC 9110 sections 10.2.2 and 8.7, RFC 6265 section 5.2.4, RFC 6265bis section 4.1.3.2 (`__Host-`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from addons.passing.hiding import Front
    from gateway.upstreams.rewriting import Rewriting

type RawField = tuple[bytes, bytes]

_REFERENCES: Final = frozenset({b"location", b"content-location"})
_REFERENCE: Final = re.compile(
    r"(?P<place>(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?//(?P<authority>[^/?#\\]*))?(?P<path>/[^?#]*)?(?P<rest>.*)",
    re.DOTALL,
)
_REFRESH: Final = re.compile(rb"(?P<head>[0-9.\s]*[;,]?\s*(?:url\s*=\s*)?[\"']?)(?P<url>.*)", re.IGNORECASE | re.DOTALL)
_WHOLE_HOST: Final = b"__host-"


def map_back(fields: list[RawField], front: Front, rewriting: Rewriting) -> list[RawField]:
    """The fields with the upstream's paths turned into those of the gateway, whose face to the client is `front`."""
    return [(name, _mapped(name.lower(), value, front, rewriting)) for name, value in fields]


def _mapped(name: bytes, value: bytes, front: Front, rewriting: Rewriting) -> bytes:
    if name in _REFERENCES:
        return _reference(value, front, rewriting)
    if name == b"refresh" and (found := _REFRESH.fullmatch(value)) is not None:
        return found["head"] + _reference(found["url"], front, rewriting)
    if name == b"set-cookie":
        return _cookie(value, rewriting)
    return value


def _reference(value: bytes, front: Front, rewriting: Rewriting) -> bytes:
    found = _REFERENCE.fullmatch(value.decode("latin-1"))
    if found is None or not _names(found, front):
        return value
    if found["path"] is None and found["place"] is None:
        return value
    path = rewriting.back(found["path"] or "/")
    if found["path"] is None and path == "/":
        return value
    return ((found["place"] or "") + path + found["rest"]).encode("latin-1")


def _names(found: re.Match[str], front: Front) -> bool:
    """Whether a reference names no host, or the one that the client asked, in its scheme."""
    if found["place"] is None:
        return True
    same = found["authority"].lower() == front.authority.decode("latin-1").lower()
    return same and (found["scheme"] or front.scheme.decode("latin-1")).lower() == front.scheme.decode("latin-1")


def _cookie(value: bytes, rewriting: Rewriting) -> bytes:
    first, *attributes = value.split(b";")
    if first.lstrip().lower().startswith(_WHOLE_HOST):
        return value
    return b";".join([first, *(_attribute(each, rewriting) for each in attributes)])


def _attribute(attribute: bytes, rewriting: Rewriting) -> bytes:
    name, mark, path = attribute.partition(b"=")
    if not mark or name.strip().lower() != b"path":
        return attribute
    mapped = rewriting.back(path.strip().decode("latin-1"))
    # A cookie for `/api/` would not be sent to `/api`, which is the upstream's root as well.
    if rewriting.taken and mapped == f"{rewriting.taken}/":
        mapped = rewriting.taken
    return name + b"=" + mapped.encode("latin-1")
