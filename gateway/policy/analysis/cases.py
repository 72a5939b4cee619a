"""Cases beside a policy: questions and the answers that its author wants, asked with the code that enforces.

    policy: corporate.yaml
    mode: forward                                    # what the listener would face; forward if left out
    at: "2026-11-23T10:00:00Z"
    given: {client.ip: 10.1.2.3, destination.ip: 93.184.216.34}
    cases:
      - {name: plain page, url: "http://example.com/", expect: allow}
      - {name: an upload, method: POST, url: "http://x.example/", with: {request.size: 9MB}, expect: deny, rule: no-put}
      - {name: the 101st in a minute, url: "http://example.com/", repeat: 101, expect: deny, rule: per-client}
    require: {rule_coverage: 100%}

`given` and `with` hold facts by their names in a policy; `null` says that nobody knows one. `with` and `at` of a case
come before those of the file. Every case begins with fresh limits; of a repeated one the last answer counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.loader import load
from gateway.policy.language.nodes import Mapping as Keys
from gateway.policy.language.nodes import Node, Scalar, Sequence
from gateway.policy.language.records import Key, Values, optional, record, required
from gateway.policy.language.scalars import PERCENT, choice, integer, sentence, text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, described, sequence
from gateway.policy.model import Mode, Reason
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from gateway.policy.analysis.given import Given, Texts
    from gateway.policy.problems import Place

MOST_REPEATS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question and its wanted answer. `at` is in seconds since the epoch, None for the moment of the file."""

    name: str
    url: str
    expect: Literal["allow", "deny"]
    method: str = "GET"
    given: Given = field(default_factory=dict)
    at: float | None = None
    rule: str | None = None
    reason: Reason | None = None
    repeat: int = 1
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CasesDocument:
    """A file of cases. `policy` is the path of the policy, relative to the file; `rule_coverage` a fraction."""

    policy: str
    cases: tuple[Case, ...]
    mode: Mode = Mode.FORWARD
    at: float | None = None
    given: Given = field(default_factory=dict)
    rule_coverage: float | None = None
    place: Place = field(compare=False)


def read_cases(source: str | bytes, file: str) -> CasesDocument:
    """The cases that `source` states; raises Invalid with all that is wrong with it."""
    node = load(source, file)
    spot = Spot(node.place, "", [], {})
    document = CASES.read(node, spot)
    if spot.problems or document is WRONG:
        raise Invalid(spot.problems)
    return document


def moment(written: str) -> float:
    """Seconds since the epoch of `2026-11-23T10:00:00Z`; raises Malformed where the zone is missing."""
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise Malformed(f"{quoted(written)} is no moment, write it like `2026-11-23T10:00:00Z`")
    return read.timestamp()


def _read_given(node: Node, spot: Spot) -> Read[Given]:
    if not isinstance(node, Keys):
        return spot.complain(f"{described(node)} cannot stand here, here belong facts, like `{{client.ip: 10.1.2.3}}`")
    read = {entry.key: _read_texts(entry.value, spot.key(entry.key, entry.value)) for entry in node}
    good: dict[str, Texts] = {name: texts for name, texts in read.items() if texts is not WRONG}
    return good if len(good) == len(read) else WRONG


def _read_texts(node: Node, spot: Spot) -> Read[Texts]:
    if isinstance(node, Scalar):
        return None if node.value is None else (node.text,)
    if isinstance(node, Sequence) and all(isinstance(item, Scalar) for item in node.items):
        return tuple(item.text for item in node.items if isinstance(item, Scalar))
    return spot.complain(f"{described(node)} is no value of a fact, write one value or a list of them")


_AT: Final = text("a moment, like `2026-11-23T10:00:00Z`").then(moment)
_GIVEN: Final[Shape[Given]] = Shape("facts, like `{client.ip: 10.1.2.3}`", {"type": "object"}, _read_given)

_NAME: Final = required("name", sentence("what the case is about"), "What the case is about.")
_URL: Final = required("url", text("a URL, like `https://example.com/`", longest=10_000), "What is asked for.")
_METHOD: Final = optional("method", text("a method, like `POST`"), "GET if left out.", "GET")
_WITH: Final[Key[Given]] = optional("with", _GIVEN, "Facts of this case.", {})
_CASE_AT: Final = optional("at", _AT, "When the request comes.", None)
_EXPECT: Final = required("expect", choice(("allow", "deny")), "The wanted verdict.")
_RULE: Final = optional("rule", text("the id of a rule"), "The rule that is to decide.", None)
_REASON: Final = optional("reason", choice(tuple(Reason)), "The wanted reason.", None)
_REPEAT: Final = optional("repeat", integer(1, MOST_REPEATS), "How often it is asked; the last answer counts.", 1)


def _case(values: Values) -> Read[Case]:
    expect: Literal["allow", "deny"] = "allow" if values[_EXPECT] == "allow" else "deny"
    return Case(
        name=values[_NAME],
        url=values[_URL],
        expect=expect,
        method=values[_METHOD],
        given=values[_WITH],
        at=values[_CASE_AT],
        rule=values[_RULE],
        reason=values[_REASON],
        repeat=values[_REPEAT],
        place=values.place,
    )


_CASE: Final = record(
    (_NAME, _URL, _METHOD, _WITH, _CASE_AT, _EXPECT, _RULE, _REASON, _REPEAT),
    _case,
    wanted="a case, like `{name: a page, url: ..., expect: allow}`",
)

_COVERED: Final = optional("rule_coverage", PERCENT, "The share of rules that cases must cover.", None)
_REQUIRE: Final = record((_COVERED,), lambda values: values[_COVERED], wanted="`{rule_coverage: 100%}`")

_POLICY: Final = required("policy", text("the policy, like `corporate.yaml`"), "The policy, beside this file.")
_MODE: Final = optional("mode", choice(tuple(Mode)), "Which way the listener faces.", Mode.FORWARD)
_FILE_AT: Final = optional("at", _AT, "When the requests come.", None)
_FILE_GIVEN: Final[Key[Given]] = optional("given", _GIVEN, "Facts of every case.", {})
_LISTED: Final = required("cases", sequence(_CASE, "[{name: ..., url: ..., expect: allow}]"), "The cases.")
_REQUIRED: Final = optional("require", _REQUIRE, "What the cases must reach together.", None)


def _document(values: Values) -> Read[CasesDocument]:
    return CasesDocument(
        policy=values[_POLICY],
        cases=values[_LISTED],
        mode=values[_MODE],
        at=values[_FILE_AT],
        given=values[_FILE_GIVEN],
        rule_coverage=values[_REQUIRED],
        place=values.place,
    )


CASES: Final[Shape[CasesDocument]] = record(
    (_POLICY, _MODE, _FILE_AT, _FILE_GIVEN, _LISTED, _REQUIRED),
    _document,
    wanted="cases, like `{policy: corporate.yaml, cases: [...]}`",
)
"""What a file of cases holds."""
