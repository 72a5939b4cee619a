"""The dashboard in a real browser, in front of the installed command with real requests."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import Visit, chromium, visiting
from tests.e2e.commands import COMMAND, until
from tests.e2e.looked_after import LookedAfter, looked_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Route

pytestmark = pytest.mark.e2e
BLOCKED = b"GET http://%b/%b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAfter]:
    with looked_after(tmp_path_factory.mktemp("dashboard")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def visit(browser: Browser, side: LookedAfter) -> Iterator[Visit]:
    with visiting(browser, side) as found:
        yield found
        assert found.said == []


def blocked(side: LookedAfter, path: str = "x", host: bytes = b"ads.example") -> None:
    """Ask through the proxy for what the policy denies."""
    request = BLOCKED % (host, path.encode(), host)
    assert side.gateway.refusal(request) == (403, "rule-deny", "no-ads")


def test_a_block_appears_while_one_looks_and_its_story_leads_to_an_exception(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("#flow")).to_have_text("Live")
    blocked(visit.side, "banner-1")

    row = visit.row("http://ads.example/banner-1")
    expect(row).to_contain_text("Blocked")
    expect(row).to_contain_text("no-ads")
    row.get_by_role("link").click()

    story = page.get_by_role("dialog", name="Decision")
    expect(story).to_contain_text("Decided by rule no-ads at forward.yaml:8")
    expect(story).to_contain_text("An exception can lift no-ads for this host and this client")
    expect(story).to_contain_text("All 2 records of it")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    story.get_by_role("button", name="Copy for the policy").click()
    expect(story.get_by_text("Copied.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("exceptions:\n  - id: let-ads-example\n    waives: [no-ads]\n")
    assert "when: {host: {is: [ads.example]}, client.ip: {in: [127.0.0.1]}}" in copied


def test_the_address_of_a_story_shows_it_to_others_too(visit: Visit) -> None:
    blocked(visit.side, "shared")
    visit.row("ads.example/shared").get_by_role("link").click()
    expect(visit.page.get_by_role("dialog")).to_contain_text("/shared")
    address = visit.page.url
    assert re.search(r"[?&]decision=01", address)

    visit.page.goto("about:blank")
    visit.elsewhere.clear()
    visit.page.goto(address)
    expect(visit.page.get_by_role("dialog")).to_contain_text("GET http://ads.example/shared")
    visit.page.keyboard.press("Escape")
    expect(visit.page.get_by_role("dialog")).to_be_hidden()
    assert "decision=" not in visit.page.url


def test_filters_are_in_the_address_and_hold_for_what_comes(visit: Visit) -> None:
    page = visit.page
    visit.side.visit("/items/allowed-1")
    blocked(visit.side, "filtered-1")
    expect(visit.row("allowed-1")).to_be_visible()

    page.get_by_role("combobox", name="Verdict").select_option("deny")
    expect(visit.row("filtered-1")).to_be_visible()
    expect(visit.row("allowed-1")).to_have_count(0)
    page.get_by_role("textbox", name="Rule").fill("no-ads")
    page.get_by_role("textbox", name="Client").fill("127.0.0.0/8")
    page.get_by_role("textbox", name="Host").fill("ads.example")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(r"\?verdict=deny&rule=no-ads&client=127\.0\.0\.0%2F8&host=ads\.example$"))
    expect(page.locator("#flow")).to_have_text("Live")
    visit.side.visit("/office/filtered-2")
    blocked(visit.side, "filtered-3")
    expect(visit.row("filtered-3")).to_be_visible()
    expect(visit.row("filtered-2")).to_have_count(0)

    page.reload()
    expect(page.get_by_role("textbox", name="Rule")).to_have_value("no-ads")
    expect(visit.row("filtered-3")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(visit.row("filtered-2")).to_be_visible()


def test_a_filter_that_makes_no_sense_is_told_in_words(browser: Browser, side: LookedAfter) -> None:
    with visiting(browser, side) as visit:
        visit.page.get_by_role("textbox", name="Client").fill("nobody at all")
        visit.page.get_by_role("button", name="Filter").click()

        expect(visit.page.get_by_text("This cannot be looked for")).to_contain_text("nobody at all")
        expect(visit.page.locator("#flow")).to_have_text("Not following")


def test_in_a_pause_nothing_moves_and_what_came_is_counted(visit: Visit) -> None:
    expect(visit.page.locator("#flow")).to_have_text("Live")
    visit.page.get_by_role("button", name="Pause").click()
    blocked(visit.side, "paused-1")

    resume = visit.page.get_by_role("button", name=re.compile(r"Resume \(1 new\)"))
    expect(resume).to_be_visible()
    expect(visit.row("paused-1")).to_have_count(0)
    resume.click()
    expect(visit.row("paused-1")).to_be_visible()


def test_a_stream_that_breaks_goes_on_behind_the_last_event(browser: Browser, side: LookedAfter) -> None:
    asked: list[str | None] = []

    def broken_once(route: Route) -> None:
        asked.append(route.request.headers.get("last-event-id"))
        if len(asked) == 1:
            number = side.get("status")["audit"]["last"]
            route.fulfill(status=200, content_type="text/event-stream", body=f"id: {number}\n: here\n\n")
            blocked(side, "in-between")
        else:
            route.continue_()

    with visiting(browser, side, signed_in=False) as visit:
        visit.page.route("**/decisions/stream*", broken_once)
        visit.page.route("**/decisions?*", lambda route: route.fulfill(json={"decisions": [], "next": None}))
        visit.go()
        visit.sign_in()

        expect(visit.row("in-between")).to_be_visible()
        assert asked[0] is None
        assert str(asked[1]).isdigit()


def test_a_question_is_answered_by_what_is_in_force(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Explain").click()
    page.get_by_role("textbox", name="Address").fill("https://x.ads.example/pixel")
    page.get_by_role("textbox", name="Client").fill("10.1.2.3")
    page.get_by_role("combobox", name="Listener").select_option("egress")
    page.get_by_role("button", name="Explain").click()

    expect(page.locator("#answer")).to_contain_text("It would be ✕ Blocked")
    expect(page.locator("#answer")).to_contain_text("No advertisements")
    expect(page).to_have_url(re.compile(r"view=explain&url=https%3A%2F%2Fx\.ads\.example%2Fpixel"))
    page.get_by_role("textbox", name="Address").fill("not an address")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#answer")).to_contain_text("This cannot be asked")
    visit.said[:] = [each for each in visit.said if "409" not in each and "422" not in each]


def test_policies_tell_which_rules_never_had_a_say(visit: Visit) -> None:
    blocked(visit.side, "counted")
    visit.page.get_by_role("link", name="Policies").click()

    rules = visit.page.get_by_role("region", name="Rules of office")
    expect(rules.get_by_role("row", name="never-met")).to_contain_text("Never")
    expect(rules.get_by_role("row", name="no-ads")).to_contain_text("forward.yaml:8")
    rules.get_by_role("link", name="no-ads").click()
    expect(visit.page).to_have_url(re.compile(r"/\?rule=no-ads$"))
    expect(visit.row("counted")).to_be_visible()


def test_a_reload_says_what_was_refused_and_why(visit: Visit) -> None:
    page, file = visit.page, visit.side.gateway.folder / "reverse.yaml"
    page.get_by_role("link", name="System").click()
    expect(page.get_by_role("heading", name="Upstream app")).to_be_visible()
    good = file.read_text("utf-8")
    try:
        file.write_text(good + "nonsense: true\n", encoding="utf-8")
        page.get_by_role("button", name="Reload").click()
        expect(page.locator("#order-outcome")).to_contain_text("unknown key `nonsense`")
        expect(page.get_by_role("status", name="Notices")).to_contain_text("what was in force before goes on")
    finally:
        file.write_text(good, encoding="utf-8")
    page.get_by_role("button", name="Reload").click()
    expect(page.locator("#order-outcome")).to_contain_text("none refused")
    expect(page.get_by_role("status", name="Notices")).to_be_empty()


def test_a_drain_wants_to_be_confirmed(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="System").click()
    page.get_by_role("button", name="Drain").click()

    question = page.get_by_role("dialog", name="Drain and stop the gateway?")
    expect(question.get_by_role("button", name="Keep it running")).to_be_focused()
    question.get_by_role("button", name="Keep it running").click()
    expect(question).to_be_hidden()
    expect(page.get_by_role("button", name="Drain")).to_be_focused()
    assert visit.side.get("status")["draining"] is False


def test_a_link_signs_in_once(browser: Browser, side: LookedAfter) -> None:
    command = [COMMAND, "admin", "link", "--state", str(side.gateway.state), "--at", side.url]
    link = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    with visiting(browser, side, signed_in=False) as visit:
        visit.page.goto(link)
        expect(visit.page.get_by_role("navigation", name="Views")).to_be_visible()
        assert visit.page.url == f"{side.url}/"
        assert visit.said == []
    with visiting(browser, side, signed_in=False) as visit:
        visit.page.goto(link)
        expect(visit.page.get_by_text("This link was used already")).to_be_visible()


def test_who_signs_out_or_whose_session_ends_comes_back_to_the_same_place(browser: Browser, side: LookedAfter) -> None:
    with visiting(browser, side) as visit:
        page = visit.page
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("You have signed out.")).to_be_visible()
        assert visit.said == []
        page.get_by_label("Token").fill("wrong" * 10)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert").filter(has_text="this is not the token")).to_be_visible()
        visit.sign_in()
        visit.go("/?view=policies")
        expect(page.get_by_role("heading", name="office")).to_be_visible()
        subprocess.run([COMMAND, "admin", "rotate", "--state", str(side.gateway.state)], check=True)
        expect(page.get_by_text("Your session has ended.")).to_be_visible()
        expect(page.get_by_role("heading", name="office")).to_be_hidden()
        visit.sign_in()
        expect(page.get_by_role("heading", name="office")).to_be_visible()
        assert page.url.endswith("/?view=policies")


def test_a_gateway_that_stops_is_told_in_words_with_the_way_out(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with looked_after(tmp_path_factory.mktemp("stopped")) as side, visiting(browser, side) as visit:
        expect(visit.page.locator("#ready")).to_have_text("Ready")
        visit.page.get_by_role("link", name="System").click()
        visit.page.get_by_role("button", name="Drain").click()
        visit.page.get_by_label("Seconds for exchanges to end").fill("0")
        visit.page.get_by_role("button", name="Drain and stop").click()

        expect(visit.page.locator("#ready")).to_have_text("No answer")
        expect(visit.page.get_by_role("status", name="Notices")).to_contain_text("start it again where it runs")
        until(lambda: side.gateway.process.process.poll() == 0, "the gateway never stopped")
