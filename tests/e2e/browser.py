"""A real browser in front of the dashboard: what it complains about and what it asks for elsewhere is kept."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.e2e.looked_after import LookedAfter

CHROMIUM: Final = "/usr/bin/chromium"
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""It asks for nothing by itself."""
PATIENCE: Final = 20_000.0
expect.set_options(timeout=PATIENCE)


@dataclass(slots=True)
class Visit:
    """A visit to the dashboard of a gateway. `said` are errors of the console, `elsewhere` requests to others."""

    side: LookedAfter
    page: Page
    said: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def go(self, path: str = "/") -> None:
        """Open an address."""
        self.page.goto(f"{self.side.url}{path}")

    def sign_in(self) -> None:
        """With the token, by the form."""
        self.page.get_by_label("Token").fill(self.side.token)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("navigation", name="Views")).to_be_visible()

    def row(self, text: str) -> Any:
        """The row of the decision that is about this."""
        return self.page.locator("#rows tbody tr").filter(has_text=text)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Browser, side: LookedAfter, *, signed_in: bool = True, **more: Any) -> Iterator[Visit]:
    """A visitor of their own, without cookies; `more` is what the browser takes itself to be."""
    context: BrowserContext = browser.new_context(reduced_motion="reduce", **more)
    context.set_default_timeout(PATIENCE)
    visit = Visit(side, context.new_page())
    visit.page.on("console", lambda message: visit.said.append(message.text) if message.type == "error" else None)
    visit.page.on("pageerror", lambda error: visit.said.append(str(error)))
    visit.page.on(
        "request", lambda asked: None if asked.url.startswith(side.url) else visit.elsewhere.append(asked.url)
    )
    try:
        if signed_in:
            visit.go()
            visit.sign_in()
        yield visit
        assert visit.elsewhere == []
    finally:
        context.close()


def violations(page: Page) -> list[str]:
    """What axe finds in the way of people with a screen reader, or with other eyes."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]
