"""How else an origin may read a path: decoded again, with slashes merged, without parameters.

A deny looks at every reading. An allow looks at the canonical one alone, which is safe only because a path whose
further readings hide a dot segment is refused: no reading of what is sent climbs out of its folder.

Sources: RFC 3986 5.2.4 (dot segments), 3.3 (parameters of a segment); RFC 3629 3 and 10 (overlong UTF-8).
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, unquote_to_bytes

from gateway.policy.errors import Malformed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

_DECODINGS: Final = 4
_SEPARATOR: Final = re.compile(r"%(2F|5C)")
_KEPT: Final = r"%25\1"
_MANY_SLASHES: Final = re.compile(r"/{2,}")
_END: Final = re.compile(r"[?#\x00]")
_SEGMENT_END: Final = re.compile(r"[;?#\x00]")
_UNTIDY: Final = re.compile(r"//|/\.|[;?#\\\x00]|[^\x00-\x7f]")
_DOTS: Final = frozenset({".", ".."})
_PARAMETERS: Final = re.compile(r";[^/]*")
_OVERLONG: Final = re.compile(rb"[\xc0\xc1]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]")


def of(raw: str, canonical: str) -> tuple[str, ...]:
    """All readings: the decoded canonical path first, then the others in a fixed order, each once."""
    decoded = unquote(_SEPARATOR.sub(_KEPT, canonical))
    found = [decoded, canonical, raw]
    for level in _levels(decoded):
        found.append(level)
        if _UNTIDY.search(level):
            tidy = _tidy(level)
            found += [tidy, _tidy(_PARAMETERS.sub("", _END.split(tidy, maxsplit=1)[0]))]
    return tuple(dict.fromkeys(found))


def resolved(path: str) -> str:
    """Remove dot segments, those with parameters (`..;x`) too. Raises Malformed for a path above the root."""
    result, climbs = _without_dots(path)
    if climbs:
        raise Malformed(f"target {quoted(path)}: it climbs above the root")
    return result


def refuse_hidden_dots(canonical: str) -> None:
    """Refuse a canonical path in which a further decoding would find a dot segment, or no end. Raises Malformed."""
    if "%" not in canonical:
        return
    levels = list(_levels(unquote(canonical)))
    untidy = filter(_UNTIDY.search, levels)
    if any(_bare(segment) in _DOTS for level in untidy for segment in _slashed(level).split("/")):
        raise Malformed(f"target {quoted(canonical)}: a dot segment is hidden behind an encoding")
    if unquote(levels[-1]) != levels[-1]:
        raise Malformed(f"target {quoted(canonical)}: it is encoded more than {_DECODINGS} times")


def refuse_odd_encodings(path: str, *, strict: bool) -> None:
    """Refuse overlong UTF-8, which some decoders read as ASCII; if strict, every byte that is no UTF-8. Malformed."""
    decoded = unquote_to_bytes(path)
    if decoded.isascii():
        return
    try:
        decoded.decode("utf-8")
    except UnicodeDecodeError:
        if strict or _OVERLONG.search(decoded):
            raise Malformed(f"target {quoted(path)}: its encoded bytes are not UTF-8") from None


def _levels(decoded: str) -> Iterator[str]:
    """The text, and what further decodings make of it, up to a bound."""
    for _ in range(_DECODINGS):
        yield decoded
        again = unquote(decoded)
        if again == decoded:
            return
        decoded = again


def _slashed(path: str) -> str:
    return unicodedata.normalize("NFKC", path).replace("\\", "/")


def _tidy(path: str) -> str:
    """Slashes merged and dot segments resolved as browsers do it: what climbs above the root stays there."""
    return _without_dots(_MANY_SLASHES.sub("/", _slashed(path)))[0]


def _without_dots(path: str) -> tuple[str, bool]:
    """The path without dot segments, and whether it climbs above the root."""
    if "/." not in path:
        return path, False
    kept: list[str] = []
    climbs = False
    segments = path.split("/")[1:]
    for segment in segments:
        match _bare(segment):
            case ".":
                pass
            case "..":
                climbs = climbs or not kept
                del kept[-1:]
            case _:
                kept.append(segment)
    if _bare(segments[-1]) in _DOTS:
        kept.append("")
    return "/" + "/".join(kept), climbs


def _bare(segment: str) -> str:
    """The segment as servers read it that stop at its parameters or at the end of the path."""
    return _SEGMENT_END.split(segment, maxsplit=1)[0]
