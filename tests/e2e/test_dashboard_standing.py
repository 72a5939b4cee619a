"""The dashboard when things are not as usual: an engine that is silent, several workers, a look at some hours alone."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import chromium, visiting
from tests.e2e.commands import free_port
from tests.e2e.looked_after import LookedAfter, looked_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAfter]:
    """A gateway of two workers, whose exchanges belong to traces that nobody collects."""
    settings = {"workers": 2, "traces": {"endpoint": f"http://127.0.0.1:{free_port()}"}}
    with looked_after(tmp_path_factory.mktemp("standing"), settings) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def test_a_gateway_that_is_silent_is_told_in_words_and_what_was_written_can_be_read_still(
    browser: Browser, side: LookedAfter
) -> None:
    assert side.visit("/office/before") == 403
    with visiting(browser, side) as visit:
        page = visit.page
        expect(page.locator("#ready")).to_have_text("Ready")
        expect(visit.row("/office/before")).to_be_visible()
        os.kill(side.gateway.process.process.pid, signal.SIGSTOP)
        try:
            expect(page.locator("#ready")).to_have_text("No answer")
            notices = page.get_by_role("status", name="Notices")
            expect(notices).to_contain_text(re.compile(r"The gateway gives no answer since \d\d:\d\d:\d\d: "))
            expect(notices).to_contain_text("the gateway gave no answer within 5 s")
            expect(notices).to_contain_text("What was written down can still be read here")
            visit.row("/office/before").get_by_role("link").click()
            expect(page.get_by_role("dialog", name="Decision")).to_contain_text("Decided by rule no-office")
            page.keyboard.press("Escape")
        finally:
            os.kill(side.gateway.process.process.pid, signal.SIGCONT)
        expect(page.locator("#ready")).to_have_text("Ready")
        expect(notices).to_be_empty()


def test_workers_are_told_apart_where_it_matters_and_together_elsewhere(browser: Browser, side: LookedAfter) -> None:
    assert side.visit("/office/workers") == 403
    processes = [each["pid"] for each in side.get("status")["workers"]]
    with visiting(browser, side) as visit:
        page = visit.page
        page.get_by_role("link", name="System").click()
        for each in processes:
            expect(page.get_by_role("region", name="Gateway")).to_contain_text(f"{each}: ")
        expect(page.get_by_role("table", name="Servers of app").get_by_role("row")).to_have_count(2)
        page.get_by_role("button", name="Reload").click()
        expect(page.locator("#order-outcome")).to_contain_text("none refused")
        page.get_by_role("link", name="Policies").click()
        rules = page.get_by_role("region", name="Rules of front")
        expect(rules.get_by_role("row", name="no-office")).to_have_count(1)
        assert visit.said == []
    assert len(set(processes)) == 2


def test_decisions_of_some_time_and_of_one_trace_alone(browser: Browser, side: LookedAfter) -> None:
    assert side.visit("/office/traced") == 403
    assert side.visit("/office/other") == 403
    with visiting(browser, side) as visit:
        page = visit.page
        expect(visit.row("/office/traced")).to_be_visible()
        since = page.get_by_role("combobox", name="Since")
        since.fill("2036-01-01T00:00:00Z")
        page.get_by_role("button", name="Filter").click()
        expect(page.get_by_text("Nothing matches these filters.")).to_be_visible()
        expect(page).to_have_url(re.compile(r"\?since=2036-01-01T00%3A00%3A00Z$"))
        since.fill("1h")
        page.get_by_role("button", name="Filter").click()
        expect(visit.row("/office/traced")).to_be_visible()
        assert visit.said == []

        visit.row("/office/traced").get_by_role("link").click()
        page.get_by_role("dialog", name="Decision").get_by_role("link", name="All of this trace").click()
        expect(page).to_have_url(re.compile(r"\?trace=[0-9a-f]{32}$"))
        expect(visit.row("/office/traced")).to_be_visible()
        expect(visit.row("/office/other")).to_have_count(0)
        since.fill("soon")
        page.get_by_role("button", name="Filter").click()
        expect(page.get_by_text("This cannot be looked for")).to_contain_text("soon")
