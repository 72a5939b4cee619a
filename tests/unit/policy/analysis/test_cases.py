from __future__ import annotations

import pytest

from gateway.policy.analysis.cases import moment, read_cases
from gateway.policy.errors import Malformed
from gateway.policy.model import Mode, Reason
from gateway.policy.problems import Invalid
from tests.gates import NOW

CASES = """
policy: corporate.yaml
mode: reverse
at: "2026-11-23T10:00:00Z"
given: {client.ip: 10.1.2.3, group: [a, b]}
cases:
  - {name: a page, url: "http://example.com/", expect: allow}
  - name: an upload
    url: "https://x.test/"
    method: POST
    at: "2026-11-23T12:00:00+01:00"
    with: {request.size: 20MB, user: null, tls.inspected: false}
    expect: deny
    rule: no-upload
    reason: rule-deny
    repeat: 3
require: {rule_coverage: 80%}
"""


def test_a_file_of_cases_is_read_with_everything_that_it_says() -> None:
    document = read_cases(CASES, "c.yaml")
    page, upload = document.cases

    assert (document.policy, document.mode, document.at, document.rule_coverage) == (
        "corporate.yaml",
        Mode.REVERSE,
        NOW,
        0.8,
    )
    assert document.given == {"client.ip": ("10.1.2.3",), "group": ("a", "b")}
    assert (page.method, page.at, page.given, page.rule, page.reason, page.repeat) == ("GET", None, {}, None, None, 1)
    assert (upload.method, upload.expect, upload.rule, upload.repeat) == ("POST", "deny", "no-upload", 3)
    assert upload.reason is Reason.RULE_DENY
    assert upload.at == NOW + 3600
    assert upload.given == {"request.size": ("20MB",), "user": None, "tls.inspected": ("false",)}
    assert (upload.place.line, document.place.file) == (8, "c.yaml")


def test_what_is_left_out_has_its_usual_value() -> None:
    document = read_cases("policy: p.yaml\ncases: [{name: n, url: u, expect: allow}]", "c.yaml")

    assert (document.mode, document.at, document.given, document.rule_coverage) == (Mode.FORWARD, None, {}, None)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("`policy` is missing", "cases: [{name: n, url: u, expect: allow}]"),
        ("`cases` is missing", "policy: p.yaml"),
        ("the list is empty", "policy: p.yaml\ncases: []"),
        ("unknown key `expects`, did you mean `expect`?", "policy: p\ncases: [{name: n, url: u, expects: allow}]"),
        ("`maybe` is unknown here", "policy: p\ncases: [{name: n, url: u, expect: maybe}]"),
        ("`denied` is unknown here", "policy: p\ncases: [{name: n, url: u, expect: deny, reason: denied}]"),
        ("`noon` is no moment", "policy: p\nat: noon\ncases: [{name: n, url: u, expect: deny}]"),
        ("`80` is no share", "policy: p\nrequire: {rule_coverage: 80}\ncases: [{name: n, url: u, expect: deny}]"),
        ("here belong facts", "policy: p\ngiven: x\ncases: [{name: n, url: u, expect: deny}]"),
        ("is no value of a fact", "policy: p\ngiven: {user: {a: b}}\ncases: [{name: n, url: u, expect: deny}]"),
        (
            "cannot stand here, here belongs a whole number",
            "policy: p\ncases: [{name: n, url: u, expect: deny, repeat: 0}]",
        ),
    ],
)
def test_a_mistake_in_a_file_of_cases_is_told_with_its_place(wanted: str, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_cases(text, "c.yaml")

    assert wanted in str(caught.value)
    assert str(caught.value).startswith("c.yaml:")


@pytest.mark.parametrize("written", ["2026-11-23T10:00:00", "2026-11-23", "10:00", ""])
def test_a_moment_without_a_zone_is_none(written: str) -> None:
    with pytest.raises(Malformed, match="is no moment"):
        moment(written)
