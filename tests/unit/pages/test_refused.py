from __future__ import annotations

import html
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.refused import Page, as_html, as_problem

FULL = Page(
    status=403,
    title="Forbidden",
    detail="Advertising and tracking",
    reason="rule-deny",
    decision="01JD0000000000000000000000",
    rule="no-ads",
    contact="proxy@corp.example",
    client="10.1.2.3",
    asked="https://ads.example:443/x",
)
BARE = Page(status=503, title="Service Unavailable", detail="Busy", reason="capacity", decision="01JD")


def test_the_page_says_who_what_why_and_whom_to_ask() -> None:
    text = as_html(FULL)

    for word in ("403 Forbidden", FULL.detail, "rule-deny", "no-ads", "proxy@corp.example", "10.1.2.3", FULL.decision):
        assert word in text


@pytest.mark.parametrize("absent", ["<dt>Rule", "Is this wrong", "Your address", "Asked for", "Try again", "None"])
def test_what_is_not_known_or_not_to_be_shown_leaves_no_trace(absent: str) -> None:
    assert absent not in as_html(BARE)
    assert "null" not in as_problem(BARE)


def test_problem_details_keep_their_names() -> None:
    assert list(json.loads(as_problem(FULL))) == [
        "type",
        "title",
        "status",
        "detail",
        "decision",
        "reason",
        "rule",
        "contact",
    ]


@pytest.mark.parametrize(
    ("heading", "reason"),
    [
        ("This is blocked here", "rule-deny"),
        ("This is blocked here", "guardrail"),
        ("Please slow down", "rate-exceeded"),
        ("This request cannot be understood", "malformed-request"),
        ("This site cannot be reached", "upstream-unresolved"),
        ("This site is not safe to visit", "upstream-untrusted"),
        ("The gateway has a fault", "internal-error"),
    ],
)
def test_the_heading_says_in_plain_words_what_happened(heading: str, reason: str) -> None:
    assert f"<h1>{heading}</h1>" in as_html(replace(FULL, reason=reason))


@pytest.mark.parametrize(
    ("said", "wait"),
    [("1 second<", 1), ("40 seconds<", 40), ("60 seconds<", 60), ("2 minutes<", 61), ("60 minutes<", 3600)],
)
def test_whoever_asked_too_often_is_told_how_long_to_wait(said: str, wait: int) -> None:
    assert f"<dt>Try again in</dt><dd>{said}" in as_html(replace(FULL, wait=wait))


def test_the_decision_can_be_selected_at_once_and_sent_to_whom_to_ask() -> None:
    text = as_html(FULL)

    assert f'<code class="id" title="Click or tap to select">{FULL.decision}</code>' in text
    assert f'href="mailto:proxy@corp.example?subject=Decision%20{FULL.decision}"' in text


@given(text=st.text(max_size=80))
def test_no_text_from_outside_becomes_markup(text: str) -> None:
    page = replace(FULL, detail=text, contact=f"ask {text}", asked=text, client=text, rule=text)
    harmless = replace(FULL, detail="", contact="ask ", asked="", client="", rule="")

    for character in '<>"':
        assert as_html(page).count(character) == as_html(harmless).count(character)
    assert as_html(page).count(html.escape(text)) >= 5
    assert json.loads(as_problem(page))["detail"] == text
