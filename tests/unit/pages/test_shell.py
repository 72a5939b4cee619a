from __future__ import annotations

import base64
import hashlib
import re

import pytest

from gateway.pages.shell import HTML_FIELDS, contact_link, document

PAGE = document("A <title>", "<p>content</p>", "stop")


def test_the_style_is_the_one_that_the_content_security_policy_allows() -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", PAGE, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}'" in dict(HTML_FIELDS)["Content-Security-Policy"]


def test_a_page_is_for_phones_and_for_the_dark_and_fetches_nothing() -> None:
    assert 'name="viewport"' in PAGE
    assert "@media (prefers-color-scheme:dark)" in PAGE
    assert re.findall(r"url\(|@import|src=|<script|<link|<iframe|https?://", PAGE) == []


def test_a_title_is_text() -> None:
    assert "<title>A &lt;title&gt;</title>" in PAGE


@pytest.mark.parametrize(
    ("markup", "contact"),
    [
        ('<a href="mailto:it@corp.example?subject=Decision%201%26x">it@corp.example</a>', "it@corp.example"),
        ("<strong>room 12</strong>", "room 12"),
        ("<strong>&lt;b&gt;me&lt;/b&gt;</strong>", "<b>me</b>"),
        ("<strong>it@corp.example?cc=all@x.example</strong>", "it@corp.example?cc=all@x.example"),
        ("<strong>javascript:alert(1)//@a.example</strong>", "javascript:alert(1)//@a.example"),
    ],
)
def test_only_an_address_of_mail_becomes_a_link(markup: str, contact: str) -> None:
    assert markup == contact_link(contact, "Decision 1&x")
