"""Law 8 for paths: every spelling of one path is sent and judged as one, and no reading of it leaves its folder."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.policy.errors import Malformed
from gateway.policy.paths import FORWARD_RULES, REVERSE_RULES, Target, TargetRules, parse_absolute
from tests import spellings

BOTH = pytest.mark.parametrize("rules", [REVERSE_RULES, FORWARD_RULES], ids=["reverse", "forward"])
PIECES = st.sampled_from(
    [
        "/",
        "/",
        "//",
        ".",
        "..",
        "/../",
        "/./",
        "%2e",
        "%2E%2e",
        "%252e",
        "%25",
        "%2f",
        "%5C",
        "%252f",
        "%255c",
        ";",
        ";x",
        "%3b",
        "%3F",
        "?",
        "a",
        "b",
        "%61",
        "%2561",
        "%c3%a9",
        "%e9",
        "%c0%ae",
        "%EF%BC%8F",
        "%EF%BC%8E",
        "%E2%80%A5",
        "%E2%80%A4",
        "%20",
        "|",
        "[",
        "\\",
        "#",
        "%",
        "%00",
        "=",
        "&",
        "+",
        "~",
        '"',
        "%7e",
        "*",
    ]
)
ODD = st.one_of(
    st.lists(PIECES, max_size=14).map(lambda pieces: "/" + "".join(pieces)),
    st.text(max_size=20),
    st.text(max_size=20).map("/".__add__),
)
SENT = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)+(?:\?[!-~]*)?|\*")
FOLDER = "/public"


@given(st.data(), spellings.paths)
def test_every_spelling_of_a_path_is_one_path(data: st.DataObject, path: str) -> None:
    for rules, merge in ((REVERSE_RULES, True), (FORWARD_RULES, False)):
        spelling = data.draw(spellings.respelt_path(path, merge=merge))
        target, plain = Target.parse(spelling, rules), Target.parse(path, rules)

        assert target.path == plain.path == path
        assert target.forms[0] == plain.forms[0] == path


@BOTH
@given(raw=ODD)
@example(raw="/a//../b")
@example(raw="/.//x")
def test_a_target_is_canonical_or_refused(rules: TargetRules, raw: str) -> None:
    target = parsed(raw, rules)
    if target is None:
        return
    again = Target.parse(target.sent, rules)

    assert SENT.fullmatch(target.sent)
    assert not {".", ".."} & {segment.partition(";")[0] for segment in target.path.split("/")}
    assert (again.path, again.query, again.forms[0]) == (target.path, target.query, target.forms[0])
    assert again.changed is False
    assert again.parameters() == target.parameters()
    assert (rules is not REVERSE_RULES) or ("//" not in target.path and "%2F" not in target.path)


@BOTH
@given(raw=ODD)
def test_the_readings_hold_the_raw_path_and_the_canonical_one(rules: TargetRules, raw: str) -> None:
    target = parsed(raw, rules)
    if target is None:
        return

    assert {raw.partition("?")[0], target.path} <= set(target.forms)
    assert len(target.forms) == len(set(target.forms))
    assert target.changed or target.path.upper() == raw.partition("?")[0].upper()


@BOTH
@given(tail=ODD, slash=st.sampled_from(["", "/"]), times=st.integers(0, 4))
@example(tail="/%252e%252e/%252e%252e/b", slash="", times=2)
@example(tail="/..%2f..%2fb", slash="", times=1)
@example(tail="/..;x/b", slash="", times=0)
def test_no_origin_reads_a_path_as_one_outside_of_the_folder_that_was_judged(
    rules: TargetRules, tail: str, slash: str, times: int
) -> None:
    target = parsed(FOLDER + slash + tail, rules)
    if target is None or not target.forms[0].startswith(f"{FOLDER}/"):
        return

    assert f"{as_some_origin_reads(target.path, times)}/".startswith(f"{FOLDER}/")


def as_some_origin_reads(path: str, times: int) -> str:
    """A careless origin: decodes too often, takes `\\` and wide characters for plain ones, drops parameters."""
    for _ in range(times):
        path = unquote(path)
    plain = unicodedata.normalize("NFKC", path).replace("\\", "/")
    return posixpath.normpath("/" + re.sub(r";[^/]*", "", plain).lstrip("/"))


@BOTH
@given(st.data(), spellings.paths, st.integers(1, 3))
def test_a_deny_finds_a_path_under_any_number_of_encodings(
    rules: TargetRules, data: st.DataObject, path: str, times: int
) -> None:
    spelling = "".join(
        data.draw(st.sampled_from([character, f"%{'25' * (times - 1)}{ord(character):02x}"]))
        if character.isalnum()
        else character
        for character in path
    )

    assert path in Target.parse(spelling, rules).forms


@given(st.text(max_size=30))
def test_an_absolute_target_is_split_or_refused(text: str) -> None:
    for uri in (text, f"http://{text}"):
        try:
            scheme, authority, target = parse_absolute(uri)
        except Malformed as refusal:
            assert str(refusal).isprintable()  # noqa: PT017 - most texts are refused, and any may be
        else:
            assert target.startswith("/")
            assert uri[len(scheme) :] in {f"://{authority}{target}", f"://{authority}{target[1:]}"}
            assert not set("@/?#") & set(authority)


def parsed(raw: str, rules: TargetRules) -> Target | None:
    try:
        return Target.parse(raw, rules)
    except Malformed:
        return None
