"""What facts are compared with: addresses, hosts, ports, paths, patterns, media types, each in its canonical form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from gateway.policy.addresses import AddressClass, Network
from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.conditions import ListRef, Span
from gateway.policy.language.declared import GROUP, LIST
from gateway.policy.language.patterns import MAX_LENGTH, Pattern
from gateway.policy.language.scalars import text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot
from gateway.policy.language.suggestions import nearest, way_out
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.policy.language.nodes import Node

type Operand[T] = Callable[[str, Spot], Read[T]]

MAX_PORT: Final = 65535
_CLASSES: Final = {str(member): member for member in AddressClass}
_METHOD: Final = re.compile(r"[A-Z][A-Z0-9!#$%&'*+.^_`|~-]*")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_SPAN: Final = re.compile(r"([0-9]{1,5})(?: ?- ?([0-9]{1,5}))?")
_STATUS_CLASS: Final = re.compile(r"([1-5])xx")
_AS_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}")
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")


def list_reference(kind: str) -> Operand[ListRef]:
    """`@name`: a list of the policy, of this kind."""

    def read(value: str, spot: Spot) -> Read[ListRef]:
        lists = spot.declared.get(LIST, {})
        name = value.removeprefix("@")
        if name == value:
            way = f"did you mean `@{value}`?" if value in lists else "write `@name`, as under `lists`"
            return spot.complain(f"{quoted(value)} is no list, {way}")
        if name not in lists:
            return spot.complain(_unknown_list(name, lists))
        if lists[name] not in {kind, ""}:
            return spot.complain(f"`@{name}` is a list of type `{lists[name]}`, here belongs one of type `{kind}`")
        return ListRef(name, spot.place)

    return read


def _unknown_list(name: str, lists: Mapping[str, str]) -> str:
    near = nearest(name, lists)
    way = f"did you mean `@{near}`?" if near else "declare it under `lists`"
    return f"the list {quoted('@' + name)} is not declared, {way}"


_NETWORK_LIST: Final = list_reference("network")
_DOMAIN_LIST: Final = list_reference("domain")


def _operand[T](wanted: str, read: Operand[T], longest: int = 1000) -> Shape[T]:
    words = text(wanted, longest=longest)

    def read_node(node: Node, spot: Spot) -> Read[T]:
        value = words.read(node, spot)
        return WRONG if value is WRONG else read(value, spot)

    return Shape(wanted, words.schema, read_node)


def _read_addresses(value: str, spot: Spot) -> Read[Network | AddressClass | ListRef]:
    if value.startswith("@"):
        return _NETWORK_LIST(value, spot)
    if value in _CLASSES:
        return _CLASSES[value]
    near = nearest(value, _CLASSES) if value[:1].isalpha() and ":" not in value else None
    if near is not None:
        return spot.complain(f"{quoted(value)} is no class of addresses, did you mean `{near}`?")
    try:
        return Network.parse(value)
    except Malformed as error:
        return spot.complain(str(error))


def _read_host(value: str, spot: Spot) -> Read[Host]:
    if value.startswith("@"):
        return spot.complain(f'a list belongs under `in`, write `{{in: ["{value}"]}}`')
    if "*" in value:
        name = value.removeprefix("*").removeprefix(".")
        return spot.complain(
            f"{quoted(value)}: there is no `*`, write `under: [{name}]` for the name and all below it, "
            f"or `below: [{name}]` for only what is below"
        )
    if "://" in value:
        return spot.complain(f"{quoted(value)} is a URL, write its host alone")
    try:
        return Host.parse(value)
    except Malformed as error:
        return spot.complain(str(error))


def _read_parent(value: str, spot: Spot) -> Read[Host]:
    host = _read_host(value, spot)
    if host is not WRONG and host.address is not None:
        return spot.complain(f"nothing lies below the address {quoted(value)}, write `{{is: [{value}]}}`")
    return host


def _spans(least: int, most: int, what: str) -> Operand[Span]:
    def read(value: str, spot: Spot) -> Read[Span]:
        found = _SPAN.fullmatch(value)
        if found is None:
            return spot.complain(f"{quoted(value)} is no {what}, write a number or a range like `{least}-{most}`")
        first, last = int(found[1]), int(found[2] or found[1])
        if first > last:
            return spot.complain(f"the range {quoted(value)} runs backwards, write `{last}-{first}`")
        if first < least or last > most:
            return spot.complain(f"{quoted(value)} is no {what}, they go from {least} to {most}")
        return Span(first, last)

    return read


_STATUS_SPAN: Final = _spans(100, 599, "status")


def _read_status(value: str, spot: Spot) -> Read[Span]:
    found = _STATUS_CLASS.fullmatch(value)
    if found is None:
        return _STATUS_SPAN(value, spot)
    hundreds = int(found[1]) * 100
    return Span(hundreds, hundreds + 99)


def _read_method(value: str, spot: Spot) -> Read[str]:
    if _METHOD.fullmatch(value) is None:
        better = value.upper()
        way = f", write `{better}`" if _METHOD.fullmatch(better) else ""
        return spot.complain(f"{quoted(value)} is no method: methods are upper case{way}")
    return value


def _read_group(value: str, spot: Spot) -> Read[str]:
    groups = spot.declared.get(GROUP, {})
    if value not in groups:
        way = way_out(value, groups, otherwise="declared are") or ", declare it under `groups`"
        return spot.complain(f"the group {quoted(value)} is not declared{way}")
    return value


def _read_country(value: str, spot: Spot) -> Read[str]:
    if _COUNTRY.fullmatch(value) is None:
        return spot.complain(f"{quoted(value)} is no country, write its two capital letters, like `DE`")
    return value


def _read_media_type(value: str, spot: Spot) -> Read[str]:
    media_type = value.lower()
    if "*" in value or _MEDIA_TYPE.fullmatch(media_type) is None:
        return spot.complain(f"{quoted(value)} is no media type, name each one in full, like `text/html`")
    return media_type


def _read_number(value: str, spot: Spot) -> Read[int]:
    digits = value.removeprefix("AS")
    if _AS_NUMBER.fullmatch(digits) is None or int(digits) >= 1 << 32:
        return spot.complain(f"{quoted(value)} is no number of a network, write it like `64496`")
    return int(digits)


def _read_path(value: str, spot: Spot) -> Read[str]:
    problem = _path_problem(value)
    return value if problem is None else spot.complain(f"path {quoted(value)}: {problem}")


def _read_prefix(value: str, spot: Spot) -> Read[str]:
    """A prefix is whole segments, so `/admin/` and `/admin` mean the same: `/admin` and all below."""
    path = _read_path(value, spot)
    return path if path is WRONG else path.removesuffix("/") or "/"


def _path_problem(value: str) -> str | None:
    if not value.startswith("/"):
        return f"a path begins with `/`, write `/{value}`"
    if "*" in value:
        return "there is no `*`, use `prefix` for all below a path, or `matches`"
    if "?" in value or "#" in value:
        return "the query is no part of the path, ask for it by `query.<name>`"
    if "//" in value or "\\" in value or any(segment in {".", ".."} for segment in value.split("/")):
        return "paths are judged in canonical form, leave out `//`, `\\`, `.` and `..`"
    if _ESCAPE.search(value):
        return "paths are judged decoded, write the character instead of its `%` code"
    return None


def _read_pattern(value: str, spot: Spot) -> Read[Pattern]:
    try:
        return Pattern.parse(value)
    except Malformed as error:
        return spot.complain(str(error))


ADDRESSES: Final[Shape[Network | AddressClass | ListRef]] = _operand(
    "an address, a network like `10.0.0.0/8`, a class like `private`, or a `@list`", _read_addresses
)
NETWORK: Final = text("a network, like `10.0.0.0/8`").then(Network.parse)
HOST: Final = _operand("a host name, like `example.com`", _read_host)
PARENT: Final = _operand("a host name, like `example.com`", _read_parent)
DOMAIN_LIST: Final = _operand('a list of names, like `"@ads"`', _DOMAIN_LIST)
PORTS: Final = _operand("a port, or a range like `8000-8099`", _spans(1, MAX_PORT, "port"))
STATUSES: Final = _operand("a status like `404`, a range, or `5xx`", _read_status)
METHOD: Final = _operand("a method, like `POST`", _read_method)
GROUP_NAME: Final = _operand("a group of this policy", _read_group)
COUNTRY: Final = _operand("a country, like `DE`", _read_country)
MEDIA_TYPE: Final = _operand("a media type, like `text/html`", _read_media_type)
AS_NUMBER: Final = _operand("the number of a network, like `64496`", _read_number)
PATH: Final = _operand("a path, like `/admin`", _read_path)
PREFIX: Final = _operand("the beginning of paths, like `/admin`", _read_prefix)
PATTERN: Final = _operand("a pattern", _read_pattern, longest=MAX_LENGTH)
NAME: Final = text("a name")
VALUE: Final = text("a value")
SCHEMES: Final[tuple[Literal["http"], Literal["https"]]] = ("http", "https")
