from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.addresses import Network
from gateway.policy.language.clauses import Default
from gateway.policy.language.document import HTTPS_ONLY, PolicyDocument, expired, read_policy
from gateway.policy.language.loader import MAX_DEPTH
from gateway.policy.problems import Invalid, Place
from tests.reading import objections, policy

DATA = Path(__file__).parents[3] / "data" / "policies"
SHIPPED = Path(__file__).parents[4] / "policies"
EXAMPLE = (DATA / "example.yaml").read_bytes()


def test_ten_mistakes_are_ten_problems_with_their_places_and_the_way_out() -> None:
    with pytest.raises(Invalid) as caught:
        read_policy((DATA / "ten-mistakes.yaml").read_bytes(), "ten-mistakes.yaml")

    told = str(caught.value).splitlines()
    assert (DATA / "ten-mistakes.txt").read_text("utf-8").splitlines() == told
    assert len(told) == 10


def test_the_example_of_the_language_says_all_that_a_policy_can() -> None:
    document = read_policy(EXAMPLE, "policies/corporate.yaml")

    assert (document.version, document.name) == (1, "corporate")
    assert document.default == Default(action="allow")
    assert list(document.lists) == ["office", "ads", "drop"]
    assert list(document.groups) == ["engineering", "build"]
    assert [rule.id for rule in document.guardrails] == ["office-only", "bad-networks"]
    assert [(rule.id, rule.stage) for rule in document.rules] == [
        ("no-ads", "enforce"),
        ("no-social", "enforce"),
        ("no-upload", "enforce"),
        ("new-geo", "shadow"),
    ]
    assert [exception.waives for exception in document.exceptions] == [("no-upload",)]
    assert [limit.id for limit in document.limits] == ["per-client", "in-flight"]
    assert [splice.id for splice in document.tls.splice] == ["bank-privacy"]
    assert len(document.headers) == 1


POLICIES = sorted(path for path in SHIPPED.glob("*.yaml") if not path.name.endswith(".cases.yaml"))


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_every_shipped_policy_reads_without_a_word(path: Path) -> None:
    assert read_policy(path.read_bytes(), path.name).name == path.stem


def test_what_a_policy_leaves_out_has_the_careful_meaning() -> None:
    document = read_policy("version: 1\ndefault: {action: deny, reason: Closed}", "policies/way.in.yaml")

    assert document.default == Default(action="deny", reason="Closed")
    assert document.name == "way"
    assert document.connect_ports == HTTPS_ONLY
    assert document.unsafe_destinations == ()
    assert document.tls.inspect == "all"
    assert document.show_rules is True


def test_the_top_of_a_policy_opens_what_it_names() -> None:
    document = policy("connect_ports: [443, 8443]\nunsafe_destinations: [10.0.0.0/8]\nshow_rules: false")

    assert document.connect_ports == (443, 8443)
    assert document.unsafe_destinations == (Network.parse("10.0.0.0/8"),)
    assert document.show_rules is False


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (["1:1  `default` is missing, here belongs `{action: allow}` or `{action: deny}`"], "version: 1"),
        (["1:1  `version` is missing, here belongs `1`"], "default: {action: deny}"),
        (["1:10  version: `2` is unknown here, known are `1`"], "version: 2\ndefault: {action: deny}"),
        (
            ["2:10  default: `deny` cannot stand here, here belongs `{action: allow}` or `{action: deny}`"],
            "version: 1\ndefault: deny",
        ),
        (["1:1  a list cannot stand here, here belongs a policy, like `{version: 1, default: {action: deny}}`"], "[]"),
        (
            ["3:1  unknown key `guardrail`, did you mean `guardrails`?"],
            "version: 1\ndefault: {action: deny}\nguardrail: []",
        ),
        (
            [
                "3:1  the key `version` occurs twice, it stands in line 1 already",
                "4:1  unknown key `rulez`, did you mean `rules`?",
            ],
            "version: 1\ndefault: {action: deny}\nversion: 1\nrulez: []",
        ),
        (["1:10  a quote is opened here and never closed"], "version: '1"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_at_its_place(said: list[str], yaml: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_policy(yaml, "p")

    assert [f"p:{line}" for line in said] == str(caught.value).splitlines()


def test_what_yaml_refuses_and_what_the_language_refuses_are_told_together() -> None:
    assert objections("rules: [{id: &x a, action: deny, reason: x, wen: {port: [1]}}]") == [
        "rules[0]: one of `when`, `not`, `any` is missing: without conditions it would be about every request",
        ": anchors and aliases (`&name`, `*name`) are not allowed, repeat the value or name it under `lists`",
        "rules[0]: unknown key `wen`, did you mean `when`?",
    ]


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        ("connect_ports[1]: `0` cannot stand here, here belongs a port, like `8443`", "connect_ports: [443, 0]"),
        ("connect_ports: the list is empty, here belongs a list, like `[443, 8443]`", "connect_ports: []"),
        (
            "unsafe_destinations[0]: `private` is not an IP address",
            "unsafe_destinations: [private]",
        ),
        ("show_rules: `no` is neither true nor false, did you mean `false`?", "show_rules: no"),
        ("name: `My Policy`: use small letters, digits and single hyphens, like `my-policy`", "name: My Policy"),
    ],
)
def test_the_top_of_a_policy_is_checked_too(said: str, yaml: str) -> None:
    assert [said] == objections(yaml)


def test_the_digest_is_that_of_the_bytes() -> None:
    assert read_policy(EXAMPLE, "x").digest == f"sha256:{hashlib.sha256(EXAMPLE).hexdigest()}"
    assert read_policy(EXAMPLE.decode(), "x").digest == read_policy(EXAMPLE, "y").digest


def test_an_exception_that_has_run_out_is_a_notice_and_no_error() -> None:
    document = read_policy(EXAMPLE, "x")

    assert expired(document, date(2026, 12, 31)) == ()  # the last day counts
    (notice,) = expired(document, date(2027, 1, 1))
    assert notice.place == Place("x", 24, 5)
    assert notice.path == "exceptions[0].expires"
    assert notice.message == "the exception `ex-041` has expired on 2026-12-31, renew it or take it out"


WORDS = [
    *("version: 1\n", "default: {action: deny}\n", "rules:\n", "  - ", "id: a", ", ", "{", "}", "[", "]", "\n", ": "),
    *("when", "not", "any", "host", "under", "path", "matches", "time", "10.0.0.1/8", '"@x"', "lists", "true", "null"),
    *(
        "client.ip",
        "in",
        "action: deny",
        "reason: x",
        "guard",
        "header.x",
        "set",
        "limits:\n",
        "rate: 1/s",
        "1",
        "(",
        "é",
    ),
]


@given(text=st.lists(st.sampled_from(WORDS), max_size=30).map("".join))
def test_any_words_of_the_language_are_a_policy_or_problems_and_never_another_error(text: str) -> None:
    assert _is_read_or_refused(text.encode())


@given(data=st.data())
def test_a_damaged_policy_is_a_policy_or_problems_and_never_another_error(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(EXAMPLE)))
    end = data.draw(st.integers(start, min(start + 40, len(EXAMPLE))))
    piece = data.draw(
        st.sampled_from([b"", b"*", b"{", b"[]", b'"', b"null", b"\t", b"\xff", b"- ", b"a: b", b"'@x'", b"0"])
    )

    assert _is_read_or_refused(EXAMPLE[:start] + piece + EXAMPLE[end:])


def test_depth_is_no_way_to_exhaust_the_reader() -> None:
    with pytest.raises(Invalid, match=f"more than {MAX_DEPTH} lists and groups"):
        read_policy("rules: " + "[" * 100_000, "x")


def _is_read_or_refused(source: bytes) -> bool:
    try:
        return isinstance(read_policy(source, "x"), PolicyDocument)
    except Invalid as invalid:
        return all(problem.place.line > 0 and problem.message for problem in invalid.problems)
