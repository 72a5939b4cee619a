from __future__ import annotations

import json

from gateway.admin.answers import CONTENT_POLICY, described, problem, problem_fields


def test_a_problem_has_the_form_that_programs_know() -> None:
    body = problem(429, 'too many: "quoted"')

    assert json.loads(body) == {
        "type": "about:blank",
        "title": "Too many wrong tokens",
        "status": 429,
        "detail": 'too many: "quoted"',
    }


def test_every_problem_carries_what_browsers_have_to_know() -> None:
    fields = dict(problem_fields(b"{}", [(b"retry-after", b"6")]))

    assert fields[b"content-type"] == b"application/problem+json"
    assert fields[b"retry-after"] == b"6"
    assert (fields[b"cache-control"], fields[b"x-frame-options"]) == (b"no-store", b"DENY")
    assert "unsafe-inline" not in CONTENT_POLICY
    assert CONTENT_POLICY.startswith("default-src 'none'")


def test_problems_are_part_of_the_description() -> None:
    assert described(409)[409]["description"] == "Refused"
