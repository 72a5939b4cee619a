from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.authority.exports import fingerprint
from gateway.config.settings import PacSettings
from gateway.pages.welcome import Welcome, as_html, bypass_of
from gateway.policy.addresses import Network
from gateway.policy.names import Host

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

PAGE = Welcome(
    through=True,
    proxy="10.0.0.5:8080",
    certificates=(),
    bypass="localhost",
    contact="it@corp.example",
    policy="corporate",
)


def test_it_shows_both_fingerprints_of_every_certificate(certificates: tuple[Certificate, Certificate]) -> None:
    text = as_html(replace(PAGE, certificates=certificates))

    for each in certificates:
        assert fingerprint(each, "SHA-256") in text
        assert fingerprint(each, "SHA-1") in text
    assert "2026-11-20 to 2036-11-18" in text
    assert "Trust them all" in text
    assert "Trust them all" not in as_html(replace(PAGE, certificates=certificates[:1]))


def test_it_says_where_the_proxy_is_and_whom_to_ask() -> None:
    text = as_html(PAGE)

    for word in ("10.0.0.5:8080", "http://10.0.0.5:8080/proxy.pac", "it@corp.example", "corporate", "NO_PROXY"):
        assert word in text


@pytest.mark.parametrize(
    ("said", "through"),
    [
        ("You are connected through this proxy", True),
        ("You are connected to the proxy, not through it", False),
    ],
)
def test_it_says_whether_this_connection_goes_through_it(said: str, through: bool) -> None:  # noqa: FBT001 - a column of a table
    assert said in as_html(replace(PAGE, through=through))


def test_what_is_not_to_be_shown_leaves_no_trace() -> None:
    text = as_html(replace(PAGE, contact=None, policy=None))

    assert "Questions?" not in text
    assert "<dt>Policy" not in text
    assert "None" not in text


def test_it_is_small_and_leads_to_nothing_but_its_own_files_and_whom_to_ask(
    certificates: tuple[Certificate, Certificate],
) -> None:
    text = as_html(replace(PAGE, certificates=certificates))

    assert len(text.encode()) < 20_000
    assert set(re.findall(r'href="([^"]*)"', text)) == {
        "/ca.pem",
        "/ca.der",
        "/ca.p12",
        "/ca.mobileconfig",
        "mailto:it@corp.example?subject=The%20proxy",
    }


@given(text=st.text(max_size=40))
def test_no_text_from_outside_becomes_markup(text: str) -> None:
    page = replace(PAGE, proxy=text, bypass=text, contact=f"ask {text}", policy=text)
    harmless = replace(PAGE, proxy="", bypass="", contact="ask ", policy="")

    assert as_html(page).count("<") == as_html(harmless).count("<")
    assert as_html(page).count(html.escape(text)) >= 4


def test_no_proxy_names_the_same_exceptions_as_the_auto_configuration() -> None:
    settings = PacSettings(
        hosts=(Host.parse("intranet.example"),),
        under=(Host.parse("corp.example"),),
        networks=(Network.parse("10.0.0.0/8"),),
    )

    assert bypass_of(settings) == "localhost,127.0.0.1,::1,intranet.example,.corp.example,10.0.0.0/8"
