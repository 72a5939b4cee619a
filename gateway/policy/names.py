"""Host: the one spelling of a name or an address.

Every later question (does a rule match, what is logged, where is it dialled) is asked of this value, so that no
other spelling is left to be judged differently. A name is mapped to A-labels first and only then asked whether it
is an address: fullwidth `127.0.0.1` is loopback. A name that ends in a number is an IPv4 address in one of its old
spellings or nothing.

Sources: UTS 46 (mapping), RFC 5891 (A-labels), RFC 1035 (lengths), WHATWG URL 3.5 (ends-in-a-number, IPv4 parser).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed, TooLong, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME_LENGTH: Final = 253
LABEL_LENGTH: Final = 63
_TEXT_LENGTH: Final = 512
_REMEMBERED: Final = 4096

_PLAIN: Final = re.compile(
    r"(?=.{1,253}\Z)(?:(?!xn--)[a-z0-9_-]{1,63}\.)*(?!xn--|[0-9]+\Z|0x[0-9a-f]*\Z)[a-z0-9_-]{1,63}"
)
_CANONICAL: Final = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_-]{1,63}\.)*(?![0-9]+\Z|0x[0-9a-f]*\Z)[a-z0-9_-]{1,63}")
_LABEL: Final = re.compile(r"[a-z0-9_-]+")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_AT: Final = re.compile(r"[@\ufe6b\uff20]")
_PARTS: Final = 4
_BYTE: Final = 0xFF
_LAST_PORT: Final = 0xFFFF

_REFUSED: Final = {
    " ": "spaces are not allowed",
    "%": "percent signs and zone ids are not allowed",
    "/": "a host is not a URL, leave out `/`",
    "\\": "backslashes are not allowed",
    ":": "a port does not belong here, and IPv6 addresses are written like `[2001:db8::1]`",
    "[": "brackets go around a whole IPv6 address only",
    "]": "brackets go around a whole IPv6 address only",
    "*": "`*` is not a host, use `under` or `below` with the name itself",
}


@dataclass(frozen=True, slots=True)
class Host:
    """A canonical host: `text` is the name in A-labels or the address's own text (IPv6 without brackets)."""

    text: str
    address: Address | None = None

    def __post_init__(self) -> None:
        if self.address is None:
            if not _CANONICAL.fullmatch(self.text):
                raise Malformed(f"host {quoted(self.text)}: it is not a canonical name")
        elif self.text != str(self.address):
            raise Malformed(f"host {quoted(self.text)}: it is not the text of the address {self.address}")

    @classmethod
    def parse(cls, text: str) -> Host:
        """Read any spelling of a name or address, `[v6]` or bare. Raises Malformed (TooLong above its bounds)."""
        _refuse_user_information(text)
        if len(text) > _TEXT_LENGTH:
            raise TooLong(f"host {quoted(text)}: a name has at most {NAME_LENGTH} bytes")
        return _parse_host(text)

    @classmethod
    def of(cls, address: Address) -> Host:
        """The host that is this address."""
        return cls(str(address), address)

    def __str__(self) -> str:
        return self.text

    def labels(self) -> tuple[str, ...]:
        """The labels of a name from left to right; an address has none."""
        return () if self.address is not None else tuple(self.text.split("."))

    def parents(self) -> Iterator[str]:
        """The name and its parents, the longest first: `a.b.c`, `b.c`, `c`. Nothing for an address."""
        if self.address is not None:
            return
        text = self.text
        yield text
        at = text.find(".")
        while at != -1:
            yield text[at + 1 :]
            at = text.find(".", at + 1)

    def is_under(self, other: Host) -> bool:
        """Whether this is the other host or a name below it. An address is only under itself."""
        return self.text == other.text or self.is_below(other)

    def is_below(self, other: Host) -> bool:
        """Whether this is a name below the other name, and not that name itself."""
        if self.address is not None or other.address is not None:
            return False
        return self.text.endswith(f".{other.text}")

    def authority(self, port: int, default: int | None = None) -> str:
        """`host:port` with brackets around IPv6; the port is left out if it is the default."""
        host = f"[{self.text}]" if ":" in self.text else self.text
        return host if port == default else f"{host}:{port}"


def parse_authority(text: str, default_port: int | None) -> tuple[Host, int]:
    """Read `host`, `host:port` or `[v6]:port`. User information and empty or odd ports are refused: Malformed.

    Without a default (None) the port has to be there, as it has for CONNECT.
    """
    _refuse_user_information(text)
    bracketed, bracket, rest = text.partition("]") if text.startswith("[") else ("", "", text)
    name, colon, port = rest.partition(":")
    host = f"{bracketed}{bracket}{name}"
    if ":" in port:
        raise Malformed(f"authority {quoted(text)}: IPv6 addresses are written like `[2001:db8::1]:443`")
    if colon:
        return Host.parse(host), _parse_port(text, port)
    if default_port is None:
        raise Malformed(f"authority {quoted(text)}: the port is missing, write `host:port`")
    return Host.parse(host), default_port


def _refuse_user_information(text: str) -> None:
    """Say so without a word of the text: it may hold a password."""
    if _AT.search(text):
        raise Malformed("host: user information before `@` is not allowed")


def _parse_port(text: str, port: str) -> int:
    if _PORT.fullmatch(port) and (number := int(port)) <= _LAST_PORT:
        return number
    raise Malformed(f"authority {quoted(text)}: the port has to be a plain number from 1 to 65535")


@lru_cache(maxsize=_REMEMBERED)
def _parse_host(text: str) -> Host:
    ascii_only = text.isascii()
    folded = text.lower() if ascii_only else text
    if ascii_only and _PLAIN.fullmatch(folded):
        return Host(folded)
    if text.startswith("["):
        return _bracketed(text)
    if ascii_only and text.count(":") > 1:
        return Host.of(Address.parse(text))
    return _named(text, folded)


def _bracketed(text: str) -> Host:
    inner = text[1:-1]
    if not text.endswith("]") or ":" not in inner:
        raise Malformed(f"host {quoted(text)}: {_REFUSED['[']}")
    return Host.of(Address.parse(inner))


def _named(text: str, folded: str) -> Host:
    if not folded.isascii() or "xn--" in folded:
        from gateway.policy import idna_labels  # noqa: PLC0415 - its tables are large, and most names are plain

        folded = idna_labels.to_ascii(folded)
    name = folded.rstrip(".")
    labels = name.split(".")
    for label in labels:
        _check_label(text, label)
    if len(name) > NAME_LENGTH:
        raise TooLong(f"host {quoted(text)}: a name has at most {NAME_LENGTH} bytes, this has {len(name)}")
    if _NUMBER.fullmatch(labels[-1]):
        return Host.of(_old_spelling(text, labels))
    return Host(name)


def _check_label(text: str, label: str) -> None:
    if not label:
        raise Malformed(f"host {quoted(text)}: a name has no empty parts")
    if len(label) > LABEL_LENGTH:
        raise TooLong(f"host {quoted(text)}: a part between dots has at most {LABEL_LENGTH} bytes")
    if _LABEL.fullmatch(label):
        return
    if _CONTROL.search(label):
        raise Malformed(f"host {quoted(text)}: control characters are not allowed")
    odd = next(character for character in label if not _LABEL.fullmatch(character))
    raise Malformed(f"host {quoted(text)}: {_REFUSED.get(odd, f'{quoted(odd)} is not allowed')}")


def _old_spelling(text: str, labels: list[str]) -> Address:
    """Read what `inet_aton` reads: one to four decimal, octal or hexadecimal numbers, the last fills the rest."""
    numbers = [_number(label) for label in labels]
    *bytes_, last = numbers
    if len(numbers) > _PARTS or None in numbers or last is None:
        raise Malformed(f"host {quoted(text)}: it ends in a number and is not an IPv4 address")
    value = 0
    for byte in bytes_:
        if byte is None or byte > _BYTE:
            raise Malformed(f"host {quoted(text)}: a part of an IPv4 address is at most 255")
        value = value << 8 | byte
    rest = 8 * (_PARTS - len(bytes_))
    if last >= 1 << rest:
        raise Malformed(f"host {quoted(text)}: the last number is too large for an IPv4 address")
    return Address(4, value << rest | last)


def _number(label: str) -> int | None:
    if not _NUMBER.fullmatch(label):
        return None
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    if label.startswith("0"):
        return None if "8" in label or "9" in label else int(label, 8)
    return int(label)
