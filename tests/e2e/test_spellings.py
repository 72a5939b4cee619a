"""One page that is closed, and every way to spell it that anybody thought of: byte for byte, over a real socket.

An origin that remembers everything stands behind the gateway, so that what was refused can be seen not to have come.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from gateway.cli.shipped import shipped_policy
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import Wire, get

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

TABLE: Final = json.loads((Path(__file__).parents[1] / "conformance" / "paths.json").read_text("utf-8"))
CLOSED: Final = [*TABLE["names_admin"], *TABLE["names_admin_or_is_refused"]]
MORE: Final = [
    "/admin/",
    "/admin/users",
    "/admin/./users",
    "/items/../admin/users",
    "/items/1/%2e%2e/%2e%2e/admin",
    "/admin%2fusers",
    "/admin%2Fusers",
    "/admin%5cusers",
    "/admin//users",
    "//admin//users",
    "/.%2fadmin",
    "/items;/../admin",
    "/items/..;a=b/admin/users",
    "/%61%64%6d%69%6e/%75%73%65%72%73",
    "/%2561dmin/users",
    "/admin/users?x=1",
    "/admin?/items",
    "/admin%3f",
    "/admin\tusers",
    "/admin\x00",
    "/admin\x7f",
    "/admin\x80",
    "/%",
    "/%zz/admin",
    "/admin%",
    "/admin%e0",
]
"""Below the page too, and some that only a backend's reading makes the page."""

OTHERS: Final = [
    target for target in TABLE["does_not_name_admin"] if not target.startswith(("/admin/", "/admin/users"))
]

POLICY: Final = shipped_policy("api").read_text("utf-8").replace("rate: 1200/min, burst: 200", "rate: 1000000/min")
"""The shipped policy, with room for all these questions of one client."""


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


@pytest.fixture(scope="module", params=["strict", "rewrite", "redirect"])
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, origin: RecordingOrigin
) -> Iterator[Gateway]:
    routes = [{"upstream": "app", "strict_paths": request.param}]
    upstreams = [f"http://127.0.0.1:{origin.port}"]
    folder = tmp_path_factory.mktemp("spellings")
    with gateway(folder, reverse=POLICY, upstreams=upstreams, routes=routes) as running:
        yield running


def test_a_closed_page_is_closed_however_it_is_spelt_and_nothing_of_it_arrives(
    shop: Gateway, origin: RecordingOrigin
) -> None:
    origin.forget()
    fates = {target: _fate(shop, target) for target in dict.fromkeys([*CLOSED, *MORE])}

    assert {target: fate for target, fate in fates.items() if fate not in {(403, "no-admin"), (400, None)}} == {}
    assert set(Counter(fates.values())) == {(403, "no-admin"), (400, None)}
    assert origin.received == b""


def test_a_closed_page_is_closed_for_every_method_and_in_every_frame(shop: Gateway, origin: RecordingOrigin) -> None:
    origin.forget()
    chunked = b"PUT /admin HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    asked = [get("/admin", "shop.example", method=method) for method in ("HEAD", "POST", "DELETE", "OPTIONS", "PATCH")]
    asked += [
        chunked,
        get("/admin", "shop.example", method="POST", body=b"x=1"),
        get("/admin", "shop.example", "X-Original-URL: /", "X-Rewrite-URL: /", "X-HTTP-Method-Override: GET"),
        get("http://shop.example/admin", "shop.example"),
        b"GET /admin HTTP/1.0\r\nHost: shop.example\r\n\r\n",
    ]
    statuses = []
    for each in asked:
        with shop.front() as wire:
            answer = wire.ask(each)
        shop.answered.append(answer.decision)
        statuses.append(answer.status)

    assert statuses == [403] * len(asked)
    assert origin.received == b""


def test_other_pages_are_not_taken_for_it_and_arrive_as_they_were_judged(
    shop: Gateway, origin: RecordingOrigin
) -> None:
    origin.forget()
    with shop.front() as wire:
        fates = [_follow(shop, wire, target) for target in OTHERS]

    assert set(fates) <= {"passed", "not-canonical"}
    assert fates.count("passed") >= len(OTHERS) - 1
    arrived = [request.split(b" ")[1].decode("ascii") for request in origin.requests]
    assert len(arrived) == fates.count("passed")
    assert [target for target in arrived if "/../" in target or "//" in target or "%69" in target] == []


def _fate(shop: Gateway, target: str) -> tuple[int, str | None]:
    """Status and rule of a request on a connection of its own; a redirect is followed."""
    with shop.front() as wire:
        wire.send(get(target, "shop.example"))
        answer = wire.answer()
        if answer.status == 308:
            location = answer.get("location")
            assert location is not None
            return _fate(shop, location)
    assert answer.status != 200, target
    shop.answered.append(answer.decision)
    return answer.status, answer.problem.get("rule")


def _follow(shop: Gateway, wire: Wire, target: str) -> str:
    answer = wire.ask(get(target, "shop.example"))
    if answer.status == 308:
        answer = wire.ask(get(answer.get("location") or "", "shop.example"))
    if answer.status == 200:
        return "passed"
    shop.answered.append(answer.decision)
    return str(answer.problem["reason"])
