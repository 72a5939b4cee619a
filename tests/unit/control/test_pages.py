from __future__ import annotations

import base64
import hashlib
import html
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.pages import HTML_FIELDS, Page, as_html, as_problem

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


@pytest.mark.parametrize("absent", ["Rule", "Whom to ask", "Your address", "Asked for", "None"])
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


def test_the_style_is_the_one_that_the_content_security_policy_allows() -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", as_html(FULL), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}'" in dict(HTML_FIELDS)["Content-Security-Policy"]


@given(text=st.text(max_size=80))
def test_no_text_from_outside_becomes_markup(text: str) -> None:
    page = Page(status=400, title="Bad Request", detail=text, reason="r", decision="d", contact=text, asked=text)
    written = as_html(page)

    assert written.count(html.escape(text)) >= 3 or not text
    assert written.count("<") == as_html(
        Page(status=400, title="Bad Request", detail="", reason="r", decision="d", contact="", asked="")
    ).count("<")
    assert json.loads(as_problem(page))["detail"] == text
