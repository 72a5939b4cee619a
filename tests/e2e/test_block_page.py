"""The page of a refusal, as browsers get it and as programs do, and whatever a client may write into a request."""

from __future__ import annotations

import json
import subprocess
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final, override

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.commands import PATIENCE
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.wire import Answer, connect, get
from tests.programs import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

BROWSER: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
POLICY: Final = """
version: 1
name: egress
default: {action: allow}
rules:
  - {id: no-games, action: deny, reason: "Games are for the evening <really>", when: {host: {under: [games.example]}}}
  - {id: no-secrets, action: deny, reason: Not for you, when: {path: {prefix: [/secret]}}}
"""
MARK: Final = "zqz<script>zqz"
"""What nobody would write by accident."""
WORDS: Final = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=30)
SPICED: Final = st.builds(
    "{0}{1}{2}".format, WORDS, st.sampled_from([MARK, '"><img src=x>', "'&lt;", "</dd><b>"]), WORDS
)


@pytest.fixture(scope="module")
def egress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    more = {"contact": "help@company.example"}
    with gateway(tmp_path_factory.mktemp("egress"), forward=POLICY, names={".example": []}, settings=more) as running:
        yield running


class Seen(HTMLParser):
    """What a browser would make of a page: its elements, what it refers to, and the text that it shows."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.names: list[str] = []
        self.links: list[str | None] = []
        self.text = ""
        self.feed(page.decode("utf-8"))

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.names += [name for name, _ in attrs]
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    @override
    def handle_data(self, data: str) -> None:
        self.text += data


SKELETON: Final = {
    *("html", "head", "meta", "title", "style", "body", "main", "p", "h1", "dl", "dt", "dd", "a", "code"),
}
ATTRIBUTES: Final = {"lang", "charset", "name", "content", "class", "title", "href"}


def _refused(egress: Gateway, *fields: str) -> Answer:
    with egress.through() as wire:
        return wire.ask(get("http://games.example/chess?token=s3cret", "games.example", *fields))


def test_a_person_reads_why_and_by_which_rule_and_whom_to_ask(egress: Gateway) -> None:
    answer = _refused(egress, f"Accept: {BROWSER}")
    seen = Seen(answer.body)

    assert (answer.status, answer.get("content-type")) == (403, "text/html; charset=utf-8")
    for word in (
        "This is blocked here",
        "Games are for the evening <really>",
        "no-games",
        "http://games.example/chess",
        "127.0.0.1",
        "help@company.example",
        answer.decision,
    ):
        assert word in seen.text
    assert "s3cret" not in seen.text
    assert seen.links == [f"mailto:help@company.example?subject=Decision%20{answer.decision}"]
    assert egress.record(answer.decision)["decision"]["rule"] == "no-games"


def test_a_program_reads_the_same_as_problem_details(egress: Gateway) -> None:
    answer = _refused(egress, "Accept: */*")

    assert answer.get("content-type") == "application/problem+json"
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "Games are for the evening <really>",
        "decision": answer.decision,
        "reason": "rule-deny",
        "rule": "no-games",
        "contact": "help@company.example",
    }


def test_the_page_may_run_and_load_nothing(egress: Gateway) -> None:
    answer = _refused(egress, f"Accept: {BROWSER}")
    rules = (answer.get("content-security-policy") or "").split("; ")
    (style,) = (each for each in rules if each.startswith("style-src "))

    assert style.startswith("style-src 'sha256-")
    assert set(rules) - {style} == {
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    }


def test_a_browser_shows_the_page_with_its_style(egress: Gateway, tmp_path: Path) -> None:
    """The style takes effect only if its digest is the one that the policy of the page allows."""
    proxy = f"--proxy-server=http://127.0.0.1:{egress.forward}"
    log = ("--enable-logging=stderr", "--log-level=0")
    command = chromium(tmp_path, proxy, *log, "--virtual-time-budget=5000", "--dump-dom", "http://games.example/chess")
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=3 * PATIENCE)

    assert "Games are for the evening &lt;really&gt;" in run.stdout
    assert "Content Security Policy" not in run.stderr


@given(path=SPICED, host=SPICED, name=WORDS, value=SPICED, method=st.sampled_from(["GET", "POST", "B<b>"]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_a_client_writes_becomes_markup(
    egress: Gateway, *, path: str, host: str, name: str, value: str, method: str
) -> None:
    """Whatever is sent is refused, and each word of it is text on the page or not there at all."""
    lines = (
        f"{method} http://games.example/{path} HTTP/1.1",
        f"Host: {host}" if len(path) % 2 else "Host: games.example",
        f"Accept: {BROWSER}",
        f"X-{name}: {value}",
        f"Referer: {value}",
        f"User-Agent: {value}",
    )
    with connect(egress.forward) as wire:
        wire.send("\r\n".join((*lines, "", "")).encode("latin-1"))
        answer = wire.answer()
    assert answer.status >= 400
    if answer.get("content-type") == "text/html; charset=utf-8":
        seen = Seen(answer.body)
        assert set(seen.elements) <= SKELETON
        assert set(seen.names) <= ATTRIBUTES
        assert seen.elements.count("code") == 1
    else:
        assert answer.get("content-type") == "application/problem+json"
        json.loads(answer.body)


@given(path=st.text(st.sampled_from("abc/<>\"'&;%=()"), max_size=30))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_path_that_is_shown_is_shown_as_text(egress: Gateway, path: str) -> None:
    with connect(egress.forward) as wire:
        answer = wire.ask(get(f"http://games.example/secret/{path}", "games.example", f"Accept: {BROWSER}"))
    seen = Seen(answer.body)

    assert answer.status in {400, 403}
    assert set(seen.elements) <= SKELETON
    assert seen.elements.count("dd") == seen.elements.count("dt") <= 4


def test_characters_that_mean_something_in_html_are_shown_as_they_were_sent(egress: Gateway) -> None:
    with connect(egress.forward) as wire:
        answer = wire.ask(get("http://games.example/a&lt;b'c", "games.example", f"Accept: {BROWSER}"))

    assert answer.status == 403
    assert "http://games.example/a&lt;b'c" in Seen(answer.body).text
    assert b"a&amp;lt;b&#x27;c" in answer.body
