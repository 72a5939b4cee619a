from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.tls.hello import Broken, HelloReader, begins_http
from tests.e2e.origin import hello_bytes

MOST = 64 * 1024
HELLO = hello_bytes("site.example")


@pytest.mark.parametrize(
    ("wanted", "data"),
    [
        (None, b""),
        (None, b"G"),
        (None, b"GET"),
        (None, b"GET "),
        (None, b"GET /"),
        (None, b"GET / HTTP"),
        (True, b"GET / HTTP/"),
        (True, b"OPTIONS * HTTP/1.1"),
        (True, b"PRI * HTTP/2.0\r\n"),
        (True, b"M-SEARCH * HTTP/1.1\r\n"),
        (True, b"GET /a b HTTP/1.1\r\n"),
        (None, b"EHLO mail.example"),
        (False, b"EHLO mail.example\r\n"),
        (False, b"EHLO mail.example\r\nX HTTP/1.1\r\n"),
        (False, b"GET /\r\n"),
        (None, b"GET /" + b"a" * 16_000),
        (True, b"GET /" + b"a" * 17_000),
        (True, b"GET /" + b"a" * 17_000 + b"\r\n"),
        (None, b"A" * 32),
        (False, b"A" * 33),
        (False, b"get / HTTP/1.1"),
        (False, b"GET\r\n"),
        (False, b"GET  /"),
        (False, b"\x00"),
        (False, b"SSH-2.0-OpenSSH"),
        (False, b" GET /"),
        (False, b"-GET /"),
    ],
)
def test_http_is_recognised_only_when_it_is_certain(wanted: bool | None, data: bytes) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert wanted is begins_http(data)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_more_bytes_never_change_what_was_certain(data: bytes, cut: int) -> None:
    early = begins_http(data[:cut])

    assert early is None or early is begins_http(data)


@given(st.lists(st.integers(1, len(HELLO) - 1), unique=True).map(sorted))
def test_a_hello_is_the_same_however_it_arrives(cuts: list[int]) -> None:
    reader = HelloReader(MOST)
    early = [reader.read(HELLO[:cut]) for cut in cuts]
    hello = reader.read(HELLO)

    assert early == [None] * len(cuts)
    assert hello is not None
    assert hello.sni == "site.example"


@given(st.integers(1, 200))
def test_a_hello_is_the_same_however_many_records_it_is_in(size: int) -> None:
    message = HELLO[5:]
    pieces = [message[at : at + size] for at in range(0, len(message), size)]

    hello = HelloReader(MOST).read(b"".join(b"\x16\x03\x01" + len(each).to_bytes(2) + each for each in pieces))

    assert hello is not None
    assert hello.sni == "site.example"


@given(st.binary(max_size=300))
def test_anything_else_is_broken_or_not_yet_there(data: bytes) -> None:
    try:
        hello = HelloReader(MOST).read(b"\x16" + data)
    except Broken:
        return
    assert hello is None or data[4] == 1


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("no handshake record", b"\x16\x03\x01\x00\x04\x01\x00\x01\x00\x17\x03\x03\x00\x10"),
        ("no handshake record", b"\x16\x04"),
        ("a record of an impossible size", b"\x16\x03\x01\x00\x00"),
        ("a record of an impossible size", b"\x16\x03\x01\x40\x01"),
        ("no ClientHello", b"\x16\x03\x01\x00\x01\x02"),
        ("the hello is too large", b"\x16\x03\x01\x00\x04\x01\xff\xff\xff"),
        ("the hello ends too early", b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03"),
        (
            "the hello has no end",
            b"\x16\x03\x01\x00\x04\x01\x00\xff\xf0" + (b"\x16\x03\x01\x00\x64" + bytes(100)) * 640,
        ),
    ],
)
def test_what_is_no_hello_is_said_to_be_none(why: str, data: bytes) -> None:
    with pytest.raises(Broken, match=why):
        HelloReader(MOST).read(data)


def test_only_the_first_byte_says_whether_it_has_to_be_tls() -> None:
    assert HelloReader.claims(b"\x16") is True
    assert HelloReader.claims(b"G") is False
    assert HelloReader.claims(b"") is False
