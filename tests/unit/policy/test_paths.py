from __future__ import annotations

import pytest

from gateway.policy.errors import Malformed, TooLong
from gateway.policy.paths import FORWARD_RULES, REVERSE_RULES, Target, TargetRules, parse_absolute


def test_what_was_judged_is_what_is_sent() -> None:
    target = Target.parse("/a/../%61dmin?x=%7e", REVERSE_RULES)

    assert target == Target(
        raw="/a/../%61dmin?x=%7e",
        path="/admin",
        query="x=~",
        forms=("/admin", "/a/../%61dmin"),
        changed=True,
    )
    assert target.sent == "/admin?x=~"


@pytest.mark.parametrize(("sent", "query", "raw"), [("/a", None, "/a"), ("/a?", "", "/a?"), ("/a?b", "b", "/a?b")])
def test_an_empty_query_is_not_the_same_as_none(sent: str, query: str | None, raw: str) -> None:
    target = Target.parse(raw, REVERSE_RULES)

    assert (sent, query) == (target.sent, target.query)


def test_bytes_and_text_of_a_target_are_the_same() -> None:
    assert Target.parse(b"/a%20b?c", REVERSE_RULES) == Target.parse("/a%20b?c", REVERSE_RULES)


def test_bytes_above_ascii_are_refused() -> None:
    with pytest.raises(Malformed, match="have to be percent-encoded"):
        Target.parse("/caf\u00e9".encode(), REVERSE_RULES)


def test_a_target_has_a_longest_length() -> None:
    rules = TargetRules(max_length=10)

    assert Target.parse("/12345?789", rules).sent == "/12345?789"
    with pytest.raises(TooLong, match="it has 11 bytes, at most 10 are accepted"):
        Target.parse("/12345?7890", rules)


@pytest.mark.parametrize(
    ("path", "raw", "rules"),
    [
        ("/a/b", "/a//b", TargetRules(slashes="merge")),
        ("/a//b", "/a//b", TargetRules(slashes="keep")),
        ("/a%2Fb", "/a%2fb", TargetRules(encoded_slash="keep")),
        ("/%E9", "/%e9", TargetRules(strict=False)),
    ],
)
def test_a_route_may_keep_what_others_change_or_refuse(path: str, raw: str, rules: TargetRules) -> None:
    assert path == Target.parse(raw, rules).path


@pytest.mark.parametrize(
    ("changed", "raw"),
    [
        (False, "/a%c3%a9"),
        (False, "/a%C3%A9"),
        (False, "/a?b=%7e"),
        (False, "/a;b"),
        (True, "/%61"),
        (True, "/%7e"),
        (True, "/a//b"),
        (True, "/a/./b"),
        (True, "/a/"[:-1] + "/."),
        (True, '/a"b'),
    ],
)
def test_only_a_path_that_is_not_canonical_counts_as_changed(*, changed: bool, raw: str) -> None:
    assert changed is Target.parse(raw, REVERSE_RULES).changed


@pytest.mark.parametrize(
    ("parameters", "raw"),
    [
        ((), "/a"),
        ((), "/a?"),
        ((("b", "1"),), "/a?b=1"),
        ((("b", "1"), ("b", "2")), "/a?b=1&b=2"),
        ((("b", ""), ("c", "")), "/a?b&c="),
        ((("b c", "d e"),), "/a?b+c=d%20e"),
        ((("b", "+&="),), "/a?b=%2b%26%3d"),
        ((("b", "1=2"),), "/a?b=1=2"),
        ((("user", "x"),), "/a?%75ser=x"),
        ((("b", "\u00e9"),), "/a?b=%c3%a9"),
        ((("b", "\ufffd"),), "/a?b=%e9"),
        ((("", "1"),), "/a?=1"),
        ((("b", "1"), ("c", "2")), "/a?&b=1&&c=2&"),
        ((("b", "1;c=2"),), "/a?b=1;c=2"),
    ],
)
def test_parameters_are_read_decoded_and_in_order(parameters: tuple[tuple[str, str], ...], raw: str) -> None:
    assert parameters == Target.parse(raw, FORWARD_RULES).parameters()


@pytest.mark.parametrize(
    "raw",
    ["token=secret", "secret@example.com:443", "http://u:secret@h/", "/a?b=secret x", "/a?secret#x", "/a?secret=%"],
)
def test_a_refusal_never_repeats_a_query_or_user_information(raw: str) -> None:
    with pytest.raises(Malformed) as refusal:
        Target.parse(raw, REVERSE_RULES)

    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("parts", "uri"),
    [
        (("http", "example.com", "/"), "http://example.com"),
        (("http", "example.com", "/"), "http://example.com/"),
        (("https", "example.com:8443", "/a?b"), "HTTPS://example.com:8443/a?b"),
        (("http", "example.com", "/?b"), "http://example.com?b"),
        (("http", "[::1]:80", "//a/../b"), "http://[::1]:80//a/../b"),
        (("http", "EXAMPLE.com.", "/http://x@y/"), "http://EXAMPLE.com./http://x@y/"),
    ],
)
def test_an_absolute_target_falls_into_its_three_parts(parts: tuple[str, str, str], uri: str) -> None:
    assert parts == parse_absolute(uri)


@pytest.mark.parametrize(
    ("sentence", "uri"),
    [
        ("it is neither a path nor an absolute URL", "example.com/"),
        ("it is neither a path nor an absolute URL", "http:/example.com/"),
        ("it is neither a path nor an absolute URL", "//example.com/"),
        ("it is neither a path nor an absolute URL", ""),
        ("the scheme `ftp` is not accepted", "ftp://example.com/"),
        ("the scheme `file` is not accepted", "file:///etc/passwd"),
        ("user information before `@` is not allowed", "http://user:secret@example.com/"),
        ("the host is missing", "http:///a"),
        ("the host is missing", "http://?a"),
        ("a fragment", "http://example.com/#a"),
        ("a fragment", "http://example.com#@evil.example/"),
        ("have to be percent-encoded", "http://exam ple.com/"),
        ("have to be percent-encoded", "http://example.com/\u00e9"),
        ("have to be percent-encoded", "http://example.com/\r\nHost: x"),
        ("a `%` has to be followed by two hexadecimal digits", "http://example.com/%"),
    ],
)
def test_an_odd_absolute_target_is_refused_in_plain_words(sentence: str, uri: str) -> None:
    with pytest.raises(Malformed, match=sentence) as refusal:
        parse_absolute(uri)

    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("holds", "raw"),
    [(True, "/a%2fb"), (True, "/a%5Cb"), (False, "/a%252fb"), (False, "/a/b?c=%2f"), (False, "/a%20b"), (False, "*")],
)
def test_an_encoded_slash_in_the_path_is_known(*, holds: bool, raw: str) -> None:
    assert holds is Target.parse(raw, TargetRules(encoded_slash="keep")).holds_separator


@pytest.mark.parametrize(
    ("aliases", "path"),
    [(("/v1/a",), "/v1/a"), (("/v1/a b", "/v1/a%20b"), "/v1/a%20b"), (("/%61", "/%2561", "/a"), "/%2561")],
)
def test_a_target_is_known_by_every_reading_of_the_path_under_which_it_is_sent(
    aliases: tuple[str, ...], path: str
) -> None:
    target = Target.parse("/a?b", REVERSE_RULES)

    assert target.known_as(path).aliases == aliases
    assert (target.known_as(path).sent, target.sent_as(path)) == ("/a?b", f"{path}?b")
