from __future__ import annotations

import pytest

from gateway.policy.errors import Malformed
from gateway.policy.headers import (
    HOP_BY_HOP,
    SINGLETONS,
    FieldPattern,
    Fields,
    HeaderEdit,
    connection_named,
    field_name,
    field_value_problem,
)


@pytest.mark.parametrize(
    ("name", "text"), [("x-token", "X-Token"), ("te", "TE"), ("!#$%&'*+-.^_`|~0a", "!#$%&'*+-.^_`|~0A")]
)
def test_a_field_name_is_a_token_in_lower_case(name: str, text: str) -> None:
    assert name == field_name(text)


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "a:", ":authority", "a\r", "a\n", "a\0", "\u00e9", "\u212aey", "a/b", "a(b", 'a"b', "\t"]
)
def test_what_is_no_token_is_no_field_name(text: str) -> None:
    with pytest.raises(Malformed, match=r"field name `.*`: only letters, digits"):
        field_name(text)


def test_a_field_name_has_a_longest_length() -> None:
    assert field_name("X" * 256) == "x" * 256
    with pytest.raises(Malformed, match="it is longer than 256 characters"):
        field_name("x" * 257)


@pytest.mark.parametrize(
    ("problem", "value"),
    [
        (None, ""),
        (None, "a b\tc"),
        (None, "caf\u00e9"),
        (None, b"\x80\xff"),
        ("it holds a carriage return", "a\rb"),
        ("it holds a carriage return", b"a\r\n b"),
        ("it holds a line feed", "a\nSet-Cookie: x"),
        ("it holds a NUL", b"\0"),
        ("it holds a control character", "\x0b"),
        ("it holds a control character", "\x1b[31m"),
        ("it holds a control character", b"\x7f"),
        ("it holds a control character", "\ud800"),
    ],
)
def test_a_value_that_must_not_be_sent_says_why(problem: str | None, value: bytes | str) -> None:
    assert problem == field_value_problem(value)


def test_fields_keep_their_order_and_all_their_values() -> None:
    fields = Fields.of([(b"Accept", b" text/html\t"), ("X-A", "1"), (b"accept", b"*/*"), (b"x-a", "2")])

    assert list(fields) == [("accept", "text/html"), ("x-a", "1"), ("accept", "*/*"), ("x-a", "2")]
    assert fields.get_all("accept") == ("text/html", "*/*")
    assert fields.get_all("x-b") == ()
    assert "x-a" in fields
    assert "X-A" not in fields
    assert len(fields) == 4


@pytest.mark.parametrize(
    ("text", "value"), [("caf\u00e9", "caf\u00e9".encode()), ("caf\u00e9", b"caf\xe9"), ("\x80", b"\x80")]
)
def test_a_value_in_bytes_is_utf_8_if_it_can_be(text: str, value: bytes) -> None:
    assert (text,) == Fields.of([(b"x", value)]).get_all("x")


@pytest.mark.parametrize(
    ("sentence", "name", "value"),
    [
        ("field `X-Token`: it holds a carriage return", b"X-Token", b"secret\r"),
        ("field `X-Token`: it holds a line feed", "X-Token", "secret\n folded"),
        ("field `X-Token`: it holds a NUL", b"X-Token", b"secret\0"),
        ("field `X-Token`: it holds a control character", b"X-Token", b"secret\x01"),
        ("field name ``: only letters", b"", b"secret"),
        ("field name `X Y`: only letters", b"X Y", b"secret"),
        ("field name `X\\xa0`: only letters", b"X\xa0", b"secret"),
        ("field name `X `: only letters", b"X ", b"secret"),
    ],
)
def test_a_bad_field_is_refused_without_showing_its_value(sentence: str, name: bytes | str, value: bytes | str) -> None:
    with pytest.raises(Malformed) as refusal:
        Fields.of([(b"Host", b"example.com"), (name, value)])

    assert sentence in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_field_that_may_stand_once_is_found_when_it_stands_twice() -> None:
    fields = Fields.of(
        [("Host", "a"), ("Accept", "a"), ("Content-Length", "1"), ("accept", "b"), ("host", "a"), ("HOST", "b")]
    )

    assert fields.repeated() == ("host",)
    assert Fields.of([("Host", "a"), ("Accept", "a"), ("Accept", "b")]).repeated() == ()


def test_the_lists_of_fields_hold_what_the_standards_name() -> None:
    assert {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    } == HOP_BY_HOP
    assert {"host", "content-length", "content-type", "authorization", "location"} <= SINGLETONS
    assert not {"accept", "cookie", "set-cookie", "via", "x-forwarded-for", "transfer-encoding"} & SINGLETONS


@pytest.mark.parametrize(
    ("named", "values"),
    [
        (set(), []),
        (set(), [""]),
        (set(), [" , ,"]),
        ({"close"}, ["close"]),
        ({"keep-alive", "x-a"}, ["Keep-Alive, X-A"]),
        ({"x-a", "x-b"}, ["X-A", "x-b,x-a"]),
    ],
)
def test_connection_names_fields_in_any_number_of_lines(named: set[str], values: list[str]) -> None:
    assert named == connection_named(Fields.of([("Connection", value) for value in values]))


@pytest.mark.parametrize("value", ["x y", "x;y", '"x"', "\u00e9"])
def test_connection_naming_what_is_no_field_is_refused(value: str) -> None:
    with pytest.raises(Malformed, match="only letters, digits"):
        connection_named(Fields.of([("Connection", value)]))


@pytest.mark.parametrize(
    ("matches", "pattern", "name"),
    [
        (True, "X-Token", "x-token"),
        (True, "x-token", "X-TOKEN"),
        (True, "X-Token", "x_token"),
        (True, "X_Token", "X-Token"),
        (True, "X-Token", "X.Token"),
        (False, "X-Token", "X-Token-2"),
        (False, "X-Token", "X-Toke"),
        (True, "X-Internal-*", "x-internal-user"),
        (True, "X-Internal-*", "X_Internal_User"),
        (True, "X-Internal-*", "x-internal-"),
        (False, "X-Internal-*", "x-internal"),
        (False, "X-Internal-*", "xx-internal-user"),
        (True, "X*", "x"),
    ],
)
def test_a_pattern_matches_every_alias_that_a_server_may_fold(*, matches: bool, pattern: str, name: str) -> None:
    assert matches is FieldPattern.parse(pattern).matches(name)


def test_a_pattern_is_written_as_it_is_meant() -> None:
    assert [str(FieldPattern.parse(text)) for text in ("Via", "X_Internal-*")] == ["via", "x-internal-*"]


@pytest.mark.parametrize("text", ["*", "", "X-*-Y", "**", "X-**", "*-X", "X Y*", "X:*"])
def test_an_odd_pattern_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match=r"field (pattern|name) `"):
        FieldPattern.parse(text)


def test_an_edit_removes_then_sets_then_adds() -> None:
    edit = HeaderEdit(
        remove=(FieldPattern.parse("X-Internal-*"), FieldPattern.parse("Via")),
        set=(("X-User", "alice"), ("X-Internal-Seen", "1")),
        add=(("Via", "1.1 wicketgate"),),
    )

    assert edit.apply(
        [
            (b"Host", b"example.com"),
            (b"VIA", b"1.0 a"),
            (b"x-internal-user", b"mallory"),
            (b"X_User", b"mallory"),
            (b"Cookie", b"\xff"),
            (b"x-user", b"mallory"),
            (b"via", b"1.0 b"),
        ]
    ) == [
        (b"Host", b"example.com"),
        (b"Cookie", b"\xff"),
        (b"X-User", b"alice"),
        (b"X-Internal-Seen", b"1"),
        (b"Via", b"1.1 wicketgate"),
    ]


def test_an_empty_edit_changes_nothing() -> None:
    fields = [(b"A", b"1"), (b"a", b"2"), (b"X-\xff", b"odd")]

    assert HeaderEdit().apply(fields) == fields


def test_two_edits_become_one() -> None:
    first = HeaderEdit(set=(("A", "1"), ("B", "1")), add=(("C", "1"), ("D", "1")))
    second = HeaderEdit(remove=(FieldPattern.parse("B"), FieldPattern.parse("C")), set=(("D", "2"),), add=(("A", "2"),))

    assert first.then(second) == HeaderEdit(remove=second.remove, set=(("A", "1"), ("D", "2")), add=(("A", "2"),))


def test_edits_are_values() -> None:
    assert len({HeaderEdit(set=(("A", "1"),)), HeaderEdit(set=(("A", "1"),)), HeaderEdit(set=(("A", "2"),))}) == 2


@pytest.mark.parametrize(
    ("sentence", "edit"),
    [
        ("field name `X Y`", {"set": (("X Y", "1"),)}),
        ("field name ``", {"add": (("", "1"),)}),
        ("field `X`: it holds a line feed", {"set": (("X", "secret\nY: 2"),)}),
        ("field `X`: it holds a carriage return", {"add": (("X", "secret\r"),)}),
        ("field `x-a`: it is set twice, use `add` for a second value", {"set": (("X-A", "1"), ("x_a", "2"))}),
    ],
)
def test_an_edit_that_would_send_a_bad_field_cannot_be_made(
    sentence: str, edit: dict[str, tuple[tuple[str, str], ...]]
) -> None:
    with pytest.raises(Malformed) as refusal:
        HeaderEdit(set=edit.get("set", ()), add=edit.get("add", ()))

    assert sentence in str(refusal.value)
    assert "secret" not in str(refusal.value)
