from __future__ import annotations

import pytest

from gateway.policy import readings
from gateway.policy.errors import Malformed


@pytest.mark.parametrize(
    ("forms", "raw", "canonical"),
    [
        (("/a",), "/a", "/a"),
        (("/a", "/%61"), "/%61", "/a"),
        (("/a%2Fb", "/a%2fb", "/a/b"), "/a%2fb", "/a%2Fb"),
        (("/%61", "/%2561", "/a"), "/%2561", "/%2561"),
        (("/a;x/b", "/a/b"), "/a;x/b", "/a;x/b"),
        (("/a?b", "/a%3Fb", "/a"), "/a%3Fb", "/a%3Fb"),
        (("/\uff41", "/%EF%BD%81", "/a"), "/%EF%BD%81", "/%EF%BD%81"),
    ],
)
def test_the_first_reading_is_the_decoded_canonical_path(forms: tuple[str, ...], raw: str, canonical: str) -> None:
    assert forms == readings.of(raw, canonical)


@pytest.mark.parametrize(
    ("path", "dotted"),
    [
        ("/a/b", "/a/b"),
        ("/", "/."),
        ("/", "/a/.."),
        ("/a/", "/a/b/.."),
        ("/a/g", "/a/b/c/./../../g"),
        ("/b", "/a/..;x=1/b"),
        ("/...", "/..."),
        ("/..a/.b", "/..a/.b"),
        ("//a", "/.//a"),
        ("/a/b", "/a//../b"),
    ],
)
def test_dot_segments_are_resolved_with_their_parameters(path: str, dotted: str) -> None:
    assert path == readings.resolved(dotted)


@pytest.mark.parametrize("path", ["/..", "/a/../..", "/..;x", "/a/../../a"])
def test_a_path_above_the_root_is_refused(path: str) -> None:
    with pytest.raises(Malformed, match="it climbs above the root"):
        readings.resolved(path)


@pytest.mark.parametrize("path", ["/a%2F..", "/..%3Bx", "/%252e%252e", "/a%5C.", "/%EF%BC%8E%EF%BC%8E", "/..%2500"])
def test_a_dot_segment_behind_an_encoding_is_refused(path: str) -> None:
    with pytest.raises(Malformed, match="a dot segment is hidden behind an encoding"):
        readings.refuse_hidden_dots(path)


def test_decoding_has_an_end() -> None:
    readings.refuse_hidden_dots("/%25252541")
    with pytest.raises(Malformed, match="it is encoded more than 4 times"):
        readings.refuse_hidden_dots("/%2525252541")


@pytest.mark.parametrize(
    ("accepted_if_strict", "accepted", "path"),
    [
        (True, True, "/a"),
        (True, True, "/%c3%a9"),
        (True, True, "/%f0%9f%94%90"),
        (False, True, "/%e9"),
        (False, True, "/%ed%a0%80"),
        (False, False, "/%c0%af"),
        (False, False, "/%c1%81"),
        (False, False, "/%e0%80%af"),
        (False, False, "/%f0%80%80%af"),
    ],
)
def test_overlong_utf_8_is_never_accepted_and_other_bytes_only_if_not_strict(
    *, accepted_if_strict: bool, accepted: bool, path: str
) -> None:
    assert (accepted_if_strict, accepted) == (is_accepted(path, strict=True), is_accepted(path, strict=False))


def is_accepted(path: str, *, strict: bool) -> bool:
    try:
        readings.refuse_odd_encodings(path, strict=strict)
    except Malformed:
        return False
    return True
