from __future__ import annotations

import pytest

from addons.http2.fields import BadField, check, outgoing, read_trailers, split


def test_pseudo_fields_are_told_from_the_others() -> None:
    assert split([(b":a", b"1"), (b"b", b"2")], frozenset({b":a"})) == ({b":a": b"1"}, [(b"b", b"2")])


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ([(b"b", b"2"), (b":a", b"1")], "behind other fields"),
        ([(b":a", b"1"), (b":a", b"1")], "more than once"),
        ([(b":c", b"1")], "not known"),
    ],
)
def test_a_pseudo_field_has_its_place(raw: list[tuple[bytes, bytes]], why: str) -> None:
    with pytest.raises(BadField, match=why):
        split(raw, frozenset({b":a"}))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        (b"Name", b"x", "lower case"),
        (b"na me", b"x", "only letters"),
        (b"", b"x", "only letters"),
        (b"connection", b"close", "no place"),
        (b"keep-alive", b"1", "no place"),
        (b"proxy-connection", b"x", "no place"),
        (b"transfer-encoding", b"chunked", "no place"),
        (b"upgrade", b"h2c", "no place"),
        (b"te", b"gzip", "no place"),
        (b"x", b" y", "blanks"),
        (b"x", b"y\t", "blanks"),
        (b"x", b"a\x00b", "NUL"),
        (b"x", b"a\r\nb", "carriage return"),
    ],
)
def test_a_field_that_http2_forbids_is_refused_without_its_value(name: bytes, value: bytes, why: str) -> None:
    with pytest.raises(BadField, match=why):
        check([(b"fine", b"yes"), (name, value)])


def test_fields_that_may_be_may_be() -> None:
    check([(b"te", b"trailers"), (b"x", b""), (b"y", "ü".encode())])


def test_trailers_have_no_pseudo_fields() -> None:
    assert read_trailers([(b"grpc-status", b"0")]) == [(b"grpc-status", b"0")]
    with pytest.raises(BadField, match="pseudo"):
        read_trailers([(b":status", b"200")])


def test_what_goes_out_says_nothing_of_a_connection() -> None:
    fields = [(b"Content-Type", b" text/plain "), (b"Connection", b"close"), (b"Transfer-Encoding", b"chunked")]

    assert outgoing([*fields, (b"TE", b"trailers"), (b"Upgrade", b"x")]) == [(b"content-type", b"text/plain")]
