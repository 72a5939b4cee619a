"""Who can use the dashboard, and who cannot use it against others: hands, eyes, screens, and what clients sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import Visit, chromium, violations, visiting
from tests.e2e.looked_after import LookedAfter, looked_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e
MARKUP: Final = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
LONG: Final = "a-very-long-name." * 12 + "example"
HOSTILE: Final[dict[str, Any]] = {
    "v": 1,
    "seq": 9_000_000,
    "time": "2026-11-23T10:00:00.000000Z",
    "event": "decision",
    "id": "01HOSTILE",
    "listener": MARKUP,
    "mode": MARKUP,
    "engine": MARKUP,
    "client": {"ip": MARKUP, "port": 1, "user": MARKUP, "groups": [MARKUP]},
    "request": {
        "method": MARKUP,
        "scheme": "http",
        "host": MARKUP + LONG,
        "port": 80,
        "path": "/" + MARKUP,
        "query": {MARKUP: MARKUP},
        "protocol": MARKUP,
    },
    "tls": {"mode": MARKUP, "sni": MARKUP},
    "destination": {"ip": None, "answers": [MARKUP]},
    "decision": {"verdict": "deny", "reason": MARKUP, "rule": MARKUP, "place": MARKUP, "status": 403},
    "policy": {"name": MARKUP, "digest": MARKUP},
    "limits": [{"id": MARKUP, "key": {MARKUP: MARKUP}, "remaining": 1, "quota": 2}],
}  # fmt: skip - as compact as a record
VIEWS: Final = ("/", "/?view=policies", "/?view=system", "/?view=explain&url=http%3A%2F%2Fads.example%2F")


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAfter]:
    with looked_after(tmp_path_factory.mktemp("dashboard")) as found:
        for path in ("/items/1", "/office/1", "/office/<img/src=x/onerror=window.pwned=1>"):
            found.visit(path)
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def shown(visit: Visit, path: str) -> None:
    """Open a view, and wait for what the gateway tells of it."""
    visit.go(path)
    wanted = {"policies": "#policies .card", "system": "#system-body .card", "explain": "#answer .card"}
    name = next((each for each in wanted if each in path), None)
    expect(visit.page.locator(wanted[name] if name else "#tops ol").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_way_on_any_view(scheme: str, browser: Browser, side: LookedAfter) -> None:
    with visiting(browser, side, signed_in=False, color_scheme=scheme) as visit:
        visit.go()
        expect(visit.page.get_by_label("Token")).to_be_focused()
        assert violations(visit.page) == []
        visit.sign_in()
        for path in VIEWS:
            shown(visit, path)
            assert violations(visit.page) == [], path
        shown(visit, "/")
        visit.page.get_by_text("As a table").click()
        visit.row("/office/1").get_by_role("link").click()
        expect(visit.page.get_by_role("dialog")).to_contain_text("Decided by rule")
        assert violations(visit.page) == []
        shown(visit, "/?view=system")
        visit.page.get_by_role("button", name="Drain").click()
        assert violations(visit.page) == []
        assert visit.said == []


@pytest.mark.parametrize("width", [360, 768])
def test_on_narrow_windows_nothing_scrolls_sideways(width: int, browser: Browser, side: LookedAfter) -> None:
    size = {"width": width, "height": 780}
    with visiting(browser, side, viewport=size) as visit:
        for path in VIEWS:
            shown(visit, path)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, path
        shown(visit, "/")
        visit.row("/office/1").get_by_role("link").click()
        expect(visit.page.get_by_role("dialog")).to_contain_text("Decided by rule")
        assert visit.page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(story)") == 0


def test_a_keyboard_is_enough(browser: Browser, side: LookedAfter) -> None:
    with visiting(browser, side, signed_in=False) as visit:
        page, keys = visit.page, visit.page.keyboard
        visit.go()
        expect(page.get_by_label("Token")).to_be_focused()
        keys.type(side.token)
        keys.press("Enter")
        expect(visit.row("/office/1")).to_be_visible()
        visited = _walk(visit, "/office/1")
        assert {"skip", "Live", "Policies", "System", "Explain", "Sign out", "Pause", "Filter", "As a table"} <= visited
        keys.press("Enter")
        story = page.get_by_role("dialog")
        expect(story).to_contain_text("Decided by rule")
        for _ in range(30):
            keys.press("Tab")
            assert page.evaluate("story.contains(document.activeElement) || document.activeElement === document.body")
        keys.press("Escape")
        expect(visit.row("/office/1").get_by_role("link")).to_be_focused()


def _walk(visit: Visit, until_text: str) -> set[str]:
    """Press Tab from the top until the link with this text has the focus; the names of all that had it, seen."""
    visit.page.evaluate("document.activeElement.blur(); document.querySelector('.skip').focus()")
    names = {"skip"}
    for _ in range(60):
        visit.page.keyboard.press("Tab")
        name, ring = visit.page.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle(e.matches('.switch input') ?"
            " e.nextElementSibling : e); return [e.textContent.trim(), s.outlineStyle]; })()"
        )
        assert ring != "none", name
        names.add(name)
        if until_text in name:
            return names
    raise AssertionError(f"{until_text} never had the focus, only {names}")


def test_what_clients_sent_is_text_wherever_it_is_shown(browser: Browser, side: LookedAfter) -> None:
    story = {
        "id": "01HOSTILE",
        "decision": HOSTILE,
        "refused": True,
        "records": [HOSTILE],
        "why": [MARKUP, f"`{MARKUP}`"],
    }
    story |= {"way_out": {"words": MARKUP, "yaml": [MARKUP]}}
    value = [{"value": MARKUP, "count": 2}]
    tops = dict.fromkeys(("host", "client", "rule", "reason"), value)
    figures = {"span": "1h", "over_time": [], "decisions": {"allow": 1, "deny": 1}, "blocked": tops, "allowed": tops}
    with visiting(browser, side, signed_in=False) as visit:
        page = visit.page
        page.route("**/api/v1/decisions?*", lambda route: route.fulfill(json={"decisions": [HOSTILE], "next": None}))
        page.route("**/api/v1/decisions/01HOSTILE/story", lambda route: route.fulfill(json=story))
        page.route("**/api/v1/figures?*", lambda route: route.fulfill(json=figures))
        visit.go()
        visit.sign_in()
        expect(page.locator("#tops")).to_contain_text(MARKUP)
        expect(visit.row("onerror")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        visit.row("onerror").get_by_role("link").click()
        expect(page.get_by_role("dialog")).to_contain_text(MARKUP)

        assert page.locator("main img, dialog img, main script, dialog script").count() == 0
        assert page.evaluate("window.pwned") is None
        assert visit.said == []


def test_a_path_with_markup_in_it_comes_through_the_gateway_as_text(browser: Browser, side: LookedAfter) -> None:
    with visiting(browser, side) as visit:
        expect(visit.row("onerror")).to_have_count(1)
        assert visit.page.evaluate("window.pwned") is None


@pytest.mark.parametrize(
    ("directive", "attempt"),
    [
        ("script-src-elem", "Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'})"),
        ("style-src-elem", "Object.assign(document.createElement('style'), {textContent: 'body {color: red}'})"),
        ("img-src", "Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:9/x.png'})"),
        ("frame-src", "Object.assign(document.createElement('iframe'), {src: 'http://127.0.0.1:9/'})"),
    ],
)
def test_what_somebody_would_put_into_the_page_is_blocked(
    directive: str, attempt: str, browser: Browser, side: LookedAfter
) -> None:
    with visiting(browser, side) as visit:
        broken = visit.page.evaluate(
            f"new Promise((resolve) => {{ addEventListener('securitypolicyviolation', (event) =>"
            f" resolve(event.effectiveDirective)); document.body.append({attempt}); }})"
        )

        assert broken == directive
        visit.elsewhere.clear()  # the browser names what it was about to ask for, and did not
        assert visit.page.evaluate("window.pwned") is None
