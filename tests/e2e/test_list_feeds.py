"""A gateway that fetches a list: at the start, again when it has changed, and without a network from its own copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.cli.ordering import ordered
from gateway.control.channel import Order
from tests.e2e.certificates import Wish, authority
from tests.e2e.gateway import gateway
from tests.e2e.origin import Origin, origin
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.gateway import Gateway

pytestmark = pytest.mark.e2e

POLICY: Final = """\
version: 1
name: listed
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
lists: {{ads: {{type: domain, match: is, url: "https://lists.example:{port}/ads"}}}}
rules: [{{id: no-ads, action: deny, reason: Advertising, when: {{host: {{in: ["@ads"]}}}}}}]
"""
FAILS: Final = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"


def _answer(content: bytes) -> bytes:
    return b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: %d\r\n\r\n' % len(content) + content


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[Origin]:
    root = authority()
    (tmp_path / "root.pem").write_bytes(root.pem)
    with origin(tls=root.signs(Wish(names=("lists.example",))).served(tmp_path)) as served:
        served.answer = _answer(b"ads.example\n")
        yield served


def _settings(folder: Path) -> dict[str, Any]:
    return {"upstream_tls": {"trust": [str(folder / "root.pem")]}}


def _fate(proxy: Gateway, host: str, port: int) -> int:
    with proxy.through() as wire:
        return wire.ask(get(f"http://{host}:{port}/", f"{host}:{port}")).status


def test_a_list_is_there_at_the_start_and_at_the_next_one_without_a_network(tmp_path: Path, lists: Origin) -> None:
    policy, names = POLICY.format(port=lists.port), {".example": ["127.0.0.1"]}
    with RecordingOrigin() as shop:
        for answer, is_first in ((lists.answer, True), (FAILS, False)):
            lists.answer, settings = answer, _settings(tmp_path)
            with gateway(tmp_path, forward=policy, names=names, settings=settings, whole=is_first) as proxy:
                assert _fate(proxy, "ads.example", shop.port) == 403
                assert _fate(proxy, "shop.example", shop.port) == 200
                loaded = [each for each in proxy.records() if each["event"] == "list"]
                assert {each["outcome"] for each in loaded} == {"loaded"}

    assert lists.received.count(b"GET /ads ") == 1


def test_one_of_several_workers_fetches_and_all_go_by_what_came(tmp_path: Path, lists: Origin) -> None:
    policy, names = POLICY.format(port=lists.port), {".example": ["127.0.0.1"]}
    settings = {"workers": 2, **_settings(tmp_path)}
    with RecordingOrigin() as shop, gateway(tmp_path, forward=policy, names=names, settings=settings) as proxy:
        assert {_fate(proxy, "shop.example", shop.port) for _ in range(12)} == {200}
        lists.answer = _answer(b"ads.example\nshop.example\n").replace(b"v1", b"v2")
        told = ordered(proxy.state, Order("lists.refresh"))
        assert [each["came"] for each in told["fetched"]] == ["fetched"]
        assert {part["state"] for part in told["parts"]} == {"loaded"}
        assert {_fate(proxy, "shop.example", shop.port) for _ in range(12)} == {403}
        assert ordered(proxy.state, Order("lists.lookup", {"subject": "shop.example"}))["looked_at"] == 1

    assert lists.received.count(b"GET /ads ") == 2
    loaded = [each["cause"] for each in proxy.records() if each["event"] == "policy"]
    assert loaded == ["start", "list"]
    assert [each["order"] for each in proxy.records() if each["event"] == "admin"] == ["lists.refresh"]
