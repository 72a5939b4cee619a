"""`wicketgate list` while a feed does what feeds do: it stays, grows, shrinks, breaks off, and is silent for too long.

Whatever comes, what was in force stays so until something better is believed; and it is said in all four places in
which an operator may look: the verbs, the log, the metrics, and the audit log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.cli import list as of_lists
from gateway.cli import metrics, status
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.list_server import HOST, ListServer, list_server
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Out = pytest.CaptureFixture[str]

pytestmark = pytest.mark.e2e

POLICY: Final = """\
version: 1
name: listed
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
lists: {{ads: {{type: domain, match: is, url: "https://lists.example:{port}/ads", ca: lists.pem{more}}}}}
rules: [{{id: no-ads, action: deny, reason: Advertising, when: {{host: {{in: ["@ads"]}}}}}}]
"""
NAMES: Final = [f"ad{number}.example" for number in range(10)]
REFUSED: Final = (403, "rule-deny", "no-ads")


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[ListServer]:
    with list_server(tmp_path, *NAMES) as served:
        (tmp_path / "lists.pem").write_bytes(served.root)
        yield served


@pytest.fixture
def shop() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as served:
        yield served


def _policy(lists: ListServer, more: str = ", guard: {max_shrink: 30%}") -> str:
    return POLICY.format(port=lists.port, more=more)


NAMED: Final = {".example": ["127.0.0.1"]}


def _said(proxy: Gateway, capsys: Out, *words: str) -> tuple[int, str]:
    """What a verb says of a running gateway, and its exit code."""
    verbs = {"list": of_lists.main, "status": status.main, "metrics": metrics.main}
    capsys.readouterr()
    code = verbs[words[0]]([*words[1:], "--state", str(proxy.state)])
    return code, capsys.readouterr().out


def _asked(name: str, shop: RecordingOrigin) -> bytes:
    return get(f"http://{name}:{shop.port}/", f"{name}:{shop.port}")


def _passes(proxy: Gateway, name: str, shop: RecordingOrigin) -> bool:
    """Whether a name that is on no list does, with its reason if it does not."""
    with proxy.through() as wire:
        answer = wire.ask(_asked(name, shop))
    if answer.status != 200:
        assert proxy.decision(answer)["rule"] == "no-ads"
    return answer.status == 200


def _of_the_list(proxy: Gateway) -> list[tuple[str, str]]:
    return [(each["outcome"], each["cause"]) for each in proxy.records() if each["event"] == "list"]


def _counted(proxy: Gateway, capsys: Out, outcome: str) -> float:
    """How often a list was read with this outcome, as metrics tell."""
    wanted = f'wicketgate_reloads_total{{listener="egress",outcome="{outcome}",what="list"}} '
    found = [line for line in _said(proxy, capsys, "metrics")[1].splitlines() if line.startswith(wanted)]
    return float(found[0].removeprefix(wanted)) if found else 0.0


def test_a_list_that_stays_and_one_that_grows(
    tmp_path: Path, lists: ListServer, shop: RecordingOrigin, capsys: Out
) -> None:
    with gateway(tmp_path, forward=_policy(lists), names=NAMED) as proxy:
        at_first = [_said(proxy, capsys, "list", "stats"), _said(proxy, capsys, "list", "lookup", "AD7.example.")]
        same = _said(proxy, capsys, "list", "refresh")
        assert proxy.refusal(_asked("ad7.example", shop)) == REFUSED
        assert _passes(proxy, "new.example", shop)

        lists.lines.append("new.example")
        grown = _said(proxy, capsys, "list", "refresh")
        found = _said(proxy, capsys, "list", "lookup", "new.example")
        nowhere = _said(proxy, capsys, "list", "lookup", "other.example")
        assert proxy.refusal(_asked("new.example", shop)) == REFUSED
        page = _said(proxy, capsys, "status")

    assert [code for code, _ in (*at_first, same, grown, found, nowhere, page)] == [0, 0, 0, 0, 0, 1, 0]
    assert f"@ads (domain) from https://{HOST}:{lists.port}/ads\n  10 entries" in at_first[0][1]
    assert "@ads holds ad7.example by its entry ad7.example" in at_first[1][1]
    assert "has not changed" in same[1]
    assert "was fetched" in grown[1]
    assert ".list:11\n" in found[1]
    assert "other.example is on no list; 1 was looked at" in nowhere[1]
    assert lists.answered == [200, 304, 200]
    assert _of_the_list(proxy) == [("loaded", "start"), ("loaded", "list"), ("loaded", "list")]


def test_a_feed_that_shrinks_too_much_is_not_believed_and_that_is_said_everywhere(
    tmp_path: Path, lists: ListServer, shop: RecordingOrigin, capsys: Out
) -> None:
    with gateway(tmp_path, forward=_policy(lists), names=NAMED) as proxy:
        del lists.lines[2:]
        shrunk = _said(proxy, capsys, "list", "refresh")
        assert proxy.refusal(_asked("ad7.example", shop)) == REFUSED, "what is in force stays"
        unwell = _said(proxy, capsys, "list", "stats"), _said(proxy, capsys, "status")
        counted = _counted(proxy, capsys, "kept")
        kept = proxy.wait_for(lambda each: each["event"] == "list" and each["outcome"] == "kept")
        proxy.process.wait_for("more than `max_shrink` 30% is gone", proxy.process.err)

        lists.lines[:] = NAMES
        again = _said(proxy, capsys, "list", "refresh"), _said(proxy, capsys, "status")

    why = "holds 2 entries, the last good copy 10: more than `max_shrink` 30% is gone"
    assert [code for code, _ in (shrunk, *unwell, *again)] == [1, 1, 1, 0, 0]
    assert f"list egress ads: REFUSED, what was in force stays\n  `https://{HOST}" in shrunk[1]
    assert "10 entries" in unwell[0][1]
    assert ", THE LAST GOOD COPY\n" in unwell[0][1]
    assert "  KEPT         list egress ads, from before " in unwell[1][1]
    assert all(why in text for text in (shrunk[1], unwell[0][1], unwell[1][1], kept["problems"][0]))
    assert (kept["cause"], kept["list"]["entries"], counted) == ("list", 10, 1.0)
    assert "KEPT" not in again[1][1]


@pytest.mark.parametrize(
    ("how", "why"), [("breaks", "sent no whole answer"), ("fails", "answered 503")], ids=["broken off", "an error"]
)
def test_a_feed_that_brings_nothing_leaves_what_is_in_force_and_that_is_said_everywhere(  # noqa: PLR0917 - fixtures
    how: str, why: str, tmp_path: Path, lists: ListServer, shop: RecordingOrigin, capsys: Out
) -> None:
    with gateway(tmp_path, forward=_policy(lists), names=NAMED) as proxy:
        lists.lines.append("new.example")
        setattr(lists, how, True)
        broken = _said(proxy, capsys, "list", "refresh")
        assert proxy.refusal(_asked("ad7.example", shop)) == REFUSED
        assert _passes(proxy, "new.example", shop), "half a list is none"
        unwell = _said(proxy, capsys, "list", "stats"), _said(proxy, capsys, "status")
        counted = _counted(proxy, capsys, "kept")
        kept = proxy.wait_for(lambda each: each["event"] == "list" and each["outcome"] == "kept")
        proxy.process.wait_for("; the last copy stays", proxy.process.err)

        setattr(lists, how, False)
        again = _said(proxy, capsys, "list", "refresh"), _said(proxy, capsys, "status")
        assert proxy.refusal(_asked("new.example", shop)) == REFUSED

    assert [code for code, _ in (broken, *unwell, *again)] == [1, 1, 1, 0, 0]
    assert f"egress: @ads FAILED, it {why}" in broken[1]
    assert ", NOTHING NEWER CAME\n" in unwell[0][1]
    assert f"  LIST         egress @ads: `https://{HOST}:{lists.port}/ads` {why}" in unwell[1][1]
    assert why in kept["problems"][0]
    assert (kept["cause"], kept["list"]["entries"], counted) == ("list", 10, 1.0)


def test_a_list_that_is_too_old_stays_and_that_is_said_everywhere(
    tmp_path: Path, lists: ListServer, shop: RecordingOrigin, capsys: Out
) -> None:
    with gateway(tmp_path, forward=_policy(lists, ", max_age: 1s"), names=NAMED) as proxy:
        lists.fails = True
        proxy.process.wait_for("stale: ", proxy.process.err)
        stale = proxy.wait_for(lambda each: (each["event"], each.get("outcome")) == ("list", "stale"))
        unwell = _said(proxy, capsys, "list", "stats"), _said(proxy, capsys, "status")
        counted = _counted(proxy, capsys, "stale")
        assert proxy.refusal(_asked("ad7.example", shop)) == REFUSED

    assert [code for code, _ in unwell] == [1, 1]
    assert " old (STALE)\n" in unwell[0][1]
    assert "  LIST         egress @ads: stale: " in unwell[1][1]
    assert "`max_age` is 1 s; it stays in force" in stale["problems"][0]
    assert (stale["cause"], counted) == ("age", 1.0)


def test_without_a_network_a_start_takes_the_copy_and_says_how_old_it_is(
    tmp_path: Path, lists: ListServer, shop: RecordingOrigin, capsys: Out
) -> None:
    with gateway(tmp_path, forward=_policy(lists), names=NAMED):
        lists.fails = True
    told: list[Any] = []
    with gateway(tmp_path, forward=_policy(lists), names=NAMED, whole=False) as proxy:
        assert proxy.refusal(_asked("ad7.example", shop)) == REFUSED
        told = [_said(proxy, capsys, "list", "stats"), _said(proxy, capsys, "list", "refresh")]
        told.append(_said(proxy, capsys, "list", "stats"))

    assert [code for code, _ in told] == [0, 1, 1]
    assert lists.answered == [200, 503]
