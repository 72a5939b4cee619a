"""Other spellings of hosts, addresses and paths, for tests of the law that spelling does not matter."""

from __future__ import annotations

import ipaddress
import string
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

UNRESERVED: Final = string.ascii_letters + string.digits + "-._~"
_DOTS: Final = ".\u3002\uff0e\uff61"
_IGNORED: Final = ["", "", "", "\u00ad", "\u200b", "\u2060", "\ufeff"]

labels = st.from_regex(r"[a-z_][a-z0-9_-]{0,10}", fullmatch=True).filter(lambda label: not label.startswith("xn--"))
unicode_labels = st.text("abc\u00fc\u00e9\u00df\u03b1\u0436\u4f8b\u3048\u2665\U0001f510", min_size=1, max_size=8)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
unicode_names = st.lists(unicode_labels, min_size=1, max_size=3).map(".".join)

v4_numbers = st.one_of(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 0x7F000001, 0x0A000001, 0xA9FEA9FE, 0xC0A80101, 0xFFFFFFFF]),
)
v6_numbers = st.one_of(
    st.integers(0, 2**128 - 1),
    st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF, 0x2002, 0x5EFE, 0xFE80]), min_size=8, max_size=8).map(
        lambda groups: int("".join(f"{group:04x}" for group in groups), 16)
    ),
).filter(lambda value: value >> 32 != 0xFFFF)

segments = st.text(UNRESERVED + "!$&'()*+,=:@", min_size=1, max_size=6).filter(lambda text: text not in {".", ".."})
paths = st.lists(segments, max_size=5).map(lambda parts: "/" + "/".join(parts))


@st.composite
def _changed(draw: st.DrawFn, text: str, change: Callable[[str], list[str]]) -> str:
    return "".join(draw(st.sampled_from(change(character))) for character in text)


def respelt_name(name: str) -> st.SearchStrategy[str]:
    """The name in other cases, widths and dots, with characters that are not seen, and with trailing dots."""
    dots = st.text(_DOTS, max_size=3)
    return st.builds(lambda text, end: text + end, _changed(name, _letters), dots)


def _letters(character: str) -> list[str]:
    if character == ".":
        return list(_DOTS)
    if character in string.ascii_letters + string.digits:
        wide = chr(ord(character) - 0x21 + 0xFF01)
        return [character, character.upper(), wide] + [character + ignored for ignored in _IGNORED]
    return [character]


def respelt_v4(value: int) -> st.SearchStrategy[str]:
    """The address in one to four numbers of three bases, or mapped into IPv6."""
    return st.one_of(_old_v4(value), _mapped(value))


@st.composite
def _old_v4(draw: st.DrawFn, value: int) -> str:
    count = draw(st.integers(1, 4))
    head = [value >> 24, value >> 16 & 255, value >> 8 & 255][: count - 1]
    parts = [*head, value & (1 << 8 * (5 - count)) - 1]
    written = [
        draw(st.sampled_from([f"{part}", f"0{part:o}", f"000{part:o}", f"0x{part:x}", f"0X00{part:X}"]))
        for part in parts
    ]
    return ".".join(written) + draw(st.sampled_from(["", ".", ".."]))


@st.composite
def _mapped(draw: st.DrawFn, value: int) -> str:
    tail = draw(st.sampled_from([str(ipaddress.IPv4Address(value)), f"{value >> 16:x}:{value & 0xFFFF:04X}"]))
    return f"[{draw(st.sampled_from(['::ffff:', '::FFFF:', '0:0:0:0:0:ffff:', '0000::ffff:']))}{tail}]"


@st.composite
def respelt_v6(draw: st.DrawFn, value: int) -> str:
    """The address with zeros written or left out, in either case, with or without a dotted tail."""
    groups = [value >> shift & 0xFFFF for shift in range(112, -1, -16)]
    written = [draw(st.sampled_from([f"{group:x}", f"{group:X}", f"{group:04x}", f"{group:04X}"])) for group in groups]
    dotted: bool = draw(st.booleans())
    if dotted:
        written[6:] = [str(ipaddress.IPv4Address(value & 0xFFFFFFFF))]
    zeros = [at for at in range(6) if groups[at] == 0]
    start = draw(st.sampled_from([None, *zeros]))
    if start is not None:
        end = start
        while end < 6 and groups[end] == 0:
            end += 1
        return f"{':'.join(written[:start])}::{':'.join(written[end:])}"
    return ":".join(written)


def respelt_path(path: str, *, merge: bool) -> st.SearchStrategy[str]:
    """The path with letters encoded and detours through dot segments; with doubled slashes if they are merged."""
    return _changed(path, lambda character: _detours(merge=merge) if character == "/" else _encodings(character))


def _encodings(character: str) -> list[str]:
    if character not in UNRESERVED:
        return [character]
    return [character, character, f"%{ord(character):02x}", f"%{ord(character):02X}"]


def _detours(*, merge: bool) -> list[str]:
    plain = ["/", "/", "/", "/./", "/%2e/", "/.;x/", "/x/../", "/x/%2E./", "/x/y/../..;p=1/", "/x;y/..;/"]
    return [*plain, "//", "///", "//x//..//"] if merge else plain
