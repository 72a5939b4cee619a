"""Facts as people write them beside a policy: `client.ip: 10.1.2.3`, `group: [build]`, `request.size: 20MB`.

A value is one or several texts; None says that nobody knows the fact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed, quoted
from gateway.policy.headers import Fields
from gateway.policy.language.suggestions import listed, way_out
from gateway.policy.language.units import parse_size
from gateway.policy.matchers.sizes import VERSIONS
from gateway.policy.model import UNKNOWN, FactName, Facts
from gateway.policy.names import Host

type Texts = tuple[str, ...] | None
type Given = Mapping[str, Texts]
"""Facts by their names in a policy."""

type Parser = Callable[[str], object]

MAX_PORT: Final = 65535
PROTOCOLS: Final = ("http/1.1", "h2", "h3", "websocket", "tcp")


def with_given(facts: Facts, given: Given) -> Facts:
    """`facts` with those that are given in their place; raises Malformed with the name of the fact that is wrong."""
    fields = {name: texts for name, texts in given.items() if name.startswith(_FIELD)}
    changed: dict[str, Any] = {}
    for name, texts in given.items():
        if name not in fields:
            attribute, value = _read(name, texts)
            changed[attribute] = value
    return replace(facts, **changed, **_headers(fields))


def given_names() -> tuple[str, ...]:
    """The facts that can be given, for those who complain about others."""
    return (*_SINGLE, *_SEVERAL)


def _read(name: str, texts: Texts) -> tuple[str, object]:
    if name in _SEVERAL:
        attribute, parse_all = _SEVERAL[name]
        return attribute, UNKNOWN if texts is None else _parsed(name, texts, parse_all)
    if name not in _SINGLE:
        raise Malformed(
            f"unknown fact `{name}`{way_out(name, given_names()) or f'; the facts are {listed(given_names())}'}"
        )
    attribute, parse = _SINGLE[name]
    if texts is None:
        return attribute, UNKNOWN
    if len(texts) != 1:
        raise Malformed(f"{name}: it has one value, not {len(texts)}")
    return attribute, _parsed(name, texts[0], parse)


def _parsed[T, R](name: str, text: T, parse: Callable[[T], R]) -> R:
    try:
        return parse(text)
    except Malformed as error:
        raise Malformed(f"{name}: {error}") from None


def _headers(fields: Given) -> dict[str, Any]:
    if not fields:
        return {}
    if None in fields.values():
        return {"headers": UNKNOWN}
    lines = [(name.removeprefix(_FIELD), text) for name, texts in fields.items() for text in texts or ()]
    return {"headers": Fields.of(lines)}


def _number(least: int, most: int) -> Parser:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text[:11]) <= most:
            raise Malformed(f"{quoted(text)} is no whole number from {least} to {most}")
        return int(text)

    return parse


def _one_of(*words: str) -> Parser:
    def parse(text: str) -> str:
        if text not in words:
            raise Malformed(f"{quoted(text)} is unknown{way_out(text, words) or f', write one of {listed(words)}'}")
        return text

    return parse


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise Malformed(f"{quoted(text)} is neither `true` nor `false`")
    return text == "true"


_FIELD: Final = "header."

_SINGLE: Final[Mapping[str, tuple[str, Parser]]] = {
    FactName.CLIENT_IP: ("client_ip", Address.parse),
    FactName.HOST: ("host", Host.parse),
    FactName.PORT: ("port", _number(1, MAX_PORT)),
    FactName.SCHEME: ("scheme", _one_of("http", "https")),
    FactName.METHOD: ("method", str),
    FactName.REQUEST_SIZE: ("request_size", parse_size),
    FactName.RESPONSE_SIZE: ("response_size", parse_size),
    FactName.RESPONSE_STATUS: ("response_status", _number(100, 599)),
    FactName.RESPONSE_TYPE: ("response_type", str.lower),
    FactName.USER: ("user", str),
    FactName.IDENTITY_METHOD: ("identity_method", str),
    FactName.DESTINATION_COUNTRY: ("destination_country", str),
    FactName.DESTINATION_ASN: ("destination_asn", _number(1, (1 << 32) - 1)),
    FactName.TLS_SNI: ("tls_sni", Host.parse),
    FactName.TLS_VERSION: ("tls_version", _one_of(*VERSIONS)),
    FactName.TLS_INSPECTED: ("tls_inspected", _truth),
    FactName.PROTOCOL: ("protocol", _one_of(*PROTOCOLS)),
    FactName.CONNECT: ("connect", _truth),
}

_SEVERAL: Final[Mapping[str, tuple[str, Callable[[tuple[str, ...]], object]]]] = {
    FactName.DESTINATION_IP: ("destination_ips", lambda texts: tuple(map(Address.parse, texts))),
    FactName.GROUP: ("groups", frozenset),
}
