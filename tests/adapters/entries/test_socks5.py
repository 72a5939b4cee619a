from __future__ import annotations

import pytest

from addons.entries.socks5 import (
    NO_METHOD,
    Asked,
    Unacceptable,
    code_of,
    read_greeting,
    read_request,
    reply,
)
from gateway.policy.model import Reason, refuse
from gateway.policy.names import Host

BY_NAME = b"\x05\x01\x00\x03\x0csite.example\x01\xbb"
BY_IPV4 = b"\x05\x01\x00\x01\x5d\xb8\xd8\x22\x00\x50"
BY_IPV6 = b"\x05\x01\x00\x04" + bytes.fromhex("20010db8000000000000000000000001") + b"\x00\x50"


@pytest.mark.parametrize("data", [b"", b"\x05", b"\x05\x02", b"\x05\x02\x00"])
def test_half_a_greeting_says_nothing_yet(data: bytes) -> None:
    assert read_greeting(data) is None


@pytest.mark.parametrize(
    ("size", "data"), [(3, b"\x05\x01\x00"), (4, b"\x05\x02\x02\x00more"), (257, b"\x05\xff" + bytes(300))]
)
def test_a_greeting_ends_where_its_methods_end(size: int, data: bytes) -> None:
    assert size == read_greeting(data)


@pytest.mark.parametrize("data", [b"\x05\x00", b"\x05\x01\x02", b"\x05\x02\x01\x02\x00"])
def test_without_the_method_that_is_spoken_none_is_chosen(data: bytes) -> None:
    with pytest.raises(Unacceptable) as refusal:
        read_greeting(data)

    assert (refusal.value.decision.reason, refusal.value.reply) == (Reason.PROTOCOL_REFUSED, NO_METHOD)


@pytest.mark.parametrize(
    ("sentence", "speaks_http", "data"),
    [
        ("SOCKS 4 is not spoken here, use SOCKS 5", False, b"\x04\x01"),
        ("This port speaks SOCKS 5, and not HTTP", True, b"GET "),
        ("This port speaks SOCKS 5, and not TLS", False, b"\x16\x03"),
        ("This is not SOCKS 5", False, b"\x00"),
    ],
)
def test_what_else_came_is_told_by_the_first_byte(sentence: str, speaks_http: bool, data: bytes) -> None:  # noqa: FBT001 - the wanted value of a table's row
    with pytest.raises(Unacceptable) as refusal:
        read_greeting(data)

    assert (sentence, speaks_http) == (str(refusal.value), refusal.value.speaks_http)


@pytest.mark.parametrize("whole", [BY_NAME, BY_IPV4, BY_IPV6])
def test_a_request_is_read_when_its_last_byte_has_come_and_not_before(whole: bytes) -> None:
    assert [read_request(whole[:size]) for size in range(len(whole))] == [None] * len(whole)
    assert read_request(whole) is not None
    assert read_request(whole) == read_request(whole + b"more")


@pytest.mark.parametrize(
    ("host", "port", "data"),
    [
        ("site.example", 443, BY_NAME),
        ("93.184.216.34", 80, BY_IPV4),
        ("2001:db8::1", 80, BY_IPV6),
        ("10.0.0.1", 80, b"\x05\x01\x00\x04" + bytes(10) + b"\xff\xff\x0a\x00\x00\x01\x00\x50"),
        ("10.0.0.1", 80, b"\x05\x01\x00\x03\x0410.1\x00\x50"),
    ],
)
def test_every_kind_of_address_becomes_the_one_canonical_host(host: str, port: int, data: bytes) -> None:
    assert Asked(Host.parse(host), port, len(data)) == read_request(data)


@pytest.mark.parametrize(
    ("code", "reason", "data"),
    [
        (1, Reason.MALFORMED_REQUEST, b"\x04"),
        (7, Reason.PROTOCOL_REFUSED, b"\x05\x02"),
        (7, Reason.PROTOCOL_REFUSED, b"\x05\x03"),
        (1, Reason.MALFORMED_REQUEST, b"\x05\x01\x01"),
        (8, Reason.MALFORMED_REQUEST, b"\x05\x01\x00\x02"),
        (1, Reason.MALFORMED_REQUEST, b"\x05\x01\x00\x03\x01a\x00\x00"),
        (1, Reason.MALFORMED_REQUEST, b"\x05\x01\x00\x03\x02a\x00\x00\x50"),
        (1, Reason.MALFORMED_REQUEST, b"\x05\x01\x00\x03\x01\xff\x00\x50"),
    ],
)
def test_a_wrong_byte_is_refused_as_soon_as_it_has_come(code: int, reason: Reason, data: bytes) -> None:
    with pytest.raises(Unacceptable) as refusal:
        read_request(data)

    assert (reason, reply(code)) == (refusal.value.decision.reason, refusal.value.reply)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (2, Reason.GUARDRAIL),
        (2, Reason.RULE_DENY),
        (2, Reason.DEFAULT),
        (2, Reason.RATE_EXCEEDED),
        (1, Reason.AUDIT_UNAVAILABLE),
        (1, Reason.INTERNAL_ERROR),
    ],
)
def test_a_denial_is_told_from_a_fault(code: int, reason: Reason) -> None:
    assert code == code_of(refuse(reason))


def test_a_reply_names_no_address_of_the_gateway() -> None:
    assert reply(0) == b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
