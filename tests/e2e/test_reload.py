"""A policy is replaced while it is in force: by a good one, without anybody noticing; by a bad one, not at all."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.commands import COMMAND, PATIENCE, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

OLD: Final = """\
version: 1
name: old
default: {action: allow}
unsafe_destinations: [127.0.0.0/8]
rules:
  - {id: no-old, action: deny, reason: Old law, when: {path: {prefix: [/closed]}}}
limits:
  - {id: kept, key: [client.ip], rate: 1000/min, burst: 1000}
"""

NEW: Final = OLD.replace("name: old", "name: new").replace("no-old", "no-new").replace("/closed", "/shut")

BAD: Final = """\
version: 1
name: bad
default: {action: alow}
unsafe_destinations: [10.0.0.1/8]
lists:
  ads: {type: domain, format: hosts, file: missing.hosts}
guardrails:
  - {id: twice, reason: A, when: {client.ip: {in: [999.1.1.1]}}}
rules:
  - {id: twice, action: deny, reason: B, when: {method: [get]}}
  - {id: c, action: deny, reason: C, when: {methd: [GET]}}
  - {id: d, action: deny, reason: D, when: {host: {in: ["@nowhere"]}}}
  - {id: e, action: deny, reason: E, when: {path: {matches: ["(("]}}}
  - {id: f, action: refuse, reason: F, when: {port: [70000]}}
exceptions:
  - {id: g, waives: [nothing], when: {port: [80]}, expires: 2099-01-01, owner: a@b.example, reason: G}
limits:
  - {id: h, key: [client.ip], rate: 10/fortnight}
"""

MISTAKES: Final = (
    (3, "`alow`"),
    (4, "10.0.0.1/8"),
    (8, "999.1.1.1"),
    (10, "twice"),
    (10, "`get`"),
    (11, "`methd`"),
    (12, "nowhere"),
    (13, "(("),
    (14, "`refuse`"),
    (14, "70000"),
    (16, "nothing"),
    (18, "fortnight"),
)
"""Lines of the bad policy, and what its author has to hear about each."""

PLACE: Final = re.compile(r"(?:^|\s)(\S*forward\.yaml):(\d+):(\d+)  (.+)")


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, forward=OLD, names={".open.example": ["127.0.0.1"]}) as running:
        yield running


def _ask(path: str, origin: RecordingOrigin) -> bytes:
    authority = f"a.open.example:{origin.port}"
    return get(f"http://{authority}{path}", authority)


def _fates(proxy: Gateway, origin: RecordingOrigin) -> list[int]:
    with proxy.through() as wire:
        return [wire.ask(_ask(path, origin)).status for path in ("/", "/closed", "/shut")]


def _rewrite(proxy: Gateway, policy: str) -> None:
    (proxy.folder / "forward.yaml").write_text(policy, encoding="utf-8")


def _loaded(proxy: Gateway) -> list[str]:
    """The policies that were put in force, as the log tells."""
    return [each["policy"]["name"] for each in proxy.records() if each["event"] == "policy"]


def _reload(proxy: Gateway, policy: str, said: str) -> None:
    _rewrite(proxy, policy)
    told = len(proxy.process.err)
    proxy.process.tell(signal.SIGHUP)
    until(lambda: any(said in line for line in proxy.process.err[told:]), f"`{said}` was never said")


def _places(text: str) -> list[tuple[int, str]]:
    return [(int(found[2]), found[4]) for line in text.splitlines() if (found := PLACE.search(line))]


def test_every_mistake_is_told_with_its_place_and_the_old_law_stays(proxy: Gateway, origin: RecordingOrigin) -> None:
    assert _fates(proxy, origin) == [200, 403, 200]

    _reload(proxy, BAD, "10/fortnight")
    until(lambda: len(_places("".join(proxy.process.err))) >= len(MISTAKES), "not every mistake was told")
    told = _places("".join(proxy.process.err))

    assert [mistake for mistake in MISTAKES if not any(_is(mistake, place) for place in told)] == []
    assert _fates(proxy, origin) == [200, 403, 200]
    assert any("old one stays in force" in line for line in proxy.process.err)


def _is(mistake: tuple[int, str], told: tuple[int, str]) -> bool:
    return mistake[0] == told[0] and mistake[1] in told[1]


def test_the_log_says_that_a_policy_was_refused_and_which_one_stays(proxy: Gateway) -> None:
    _reload(proxy, BAD, "10/fortnight")
    refused = proxy.wait_for(lambda each: each["event"] == "policy" and each["outcome"] == "refused")
    (loaded,) = [each for each in proxy.records() if each["event"] == "policy" and each["outcome"] == "loaded"]

    assert refused["policy"] == loaded["policy"]
    assert refused["policy"]["name"] == "old"
    assert len(refused["problems"]) >= len(MISTAKES)


def test_checking_the_same_file_says_the_same(proxy: Gateway) -> None:
    _reload(proxy, BAD, "10/fortnight")
    until(lambda: len(_places("".join(proxy.process.err))) >= len(MISTAKES), "not every mistake was told")
    command = [COMMAND, "policy", "check", str(proxy.folder / "forward.yaml")]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)

    assert run.returncode == 2
    assert sorted(_places(run.stderr)) == sorted(_places("".join(proxy.process.err)))
    assert "Traceback" not in run.stderr


def test_a_good_policy_takes_over_and_a_connection_that_stands_goes_on(proxy: Gateway, origin: RecordingOrigin) -> None:
    with proxy.through() as standing:
        assert standing.ask(_ask("/", origin)).status == 200

        _reload(proxy, NEW, "was read again")

        assert [standing.ask(_ask(path, origin)).status for path in ("/", "/closed", "/shut")] == [200, 200, 403]
    assert _fates(proxy, origin) == [200, 200, 403]
    until(lambda: _loaded(proxy) == ["old", "new"], f"what was loaded is {_loaded(proxy)}")


def test_no_request_fails_while_policies_change_under_it(proxy: Gateway, origin: RecordingOrigin) -> None:
    statuses: list[int] = []
    wanted: list[int] = []
    over = threading.Event()

    def ask_on() -> None:
        with proxy.through() as wire:
            while not over.is_set():
                statuses.append(wire.ask(_ask("/", origin)).status)

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        for policy in (NEW, OLD, NEW, OLD):
            wanted.append(len(statuses) + 3)
            _reload(proxy, policy, "was read again")
            until(lambda: len(statuses) >= wanted[-1], "nothing was asked meanwhile")
    finally:
        over.set()
        asking.join(PATIENCE)

    assert set(statuses) == {200}


def test_what_a_limit_has_counted_is_not_forgotten(proxy: Gateway, origin: RecordingOrigin) -> None:
    def remaining() -> int:
        with proxy.through() as wire:
            told = wire.ask(_ask("/", origin)).get("ratelimit") or ""
        found = re.search(r'"kept";r=(\d+)', told)
        assert found is not None
        return int(found[1])

    slow = OLD.replace("rate: 1000/min, burst: 1000", "rate: 10/h, burst: 10")
    _reload(proxy, slow, "was read again")
    before = [remaining() for _ in range(3)]
    _reload(proxy, slow.replace("no-old", "no-older"), "was read again")

    assert before == [9, 8, 7]
    assert remaining() == 6


QUICKLY: Final = {"reload": {"settle": "100ms"}}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, forward=OLD, names={".open.example": ["127.0.0.1"]}, settings=QUICKLY) as running:
        yield running


def _hears(proxy: Gateway, said: str, told: int = 0) -> None:
    until(lambda: any(said in line for line in proxy.process.err[told:]), f"`{said}` was never said")


def test_a_file_that_changes_takes_over_by_itself(watched: Gateway, origin: RecordingOrigin) -> None:
    fresh = watched.folder / ".forward.yaml.swp"
    fresh.write_text(NEW, encoding="utf-8")
    fresh.replace(watched.folder / "forward.yaml")

    _hears(watched, "was read again")

    assert _fates(watched, origin) == [200, 200, 403]
    record = watched.wait_for(lambda each: each["event"] == "policy" and each["policy"]["name"] == "new")
    assert (record["outcome"], record["cause"]) == ("loaded", "file")


def test_half_a_file_is_refused_and_its_other_half_is_waited_for(watched: Gateway, origin: RecordingOrigin) -> None:
    _rewrite(watched, NEW[: len(NEW) // 2])
    _hears(watched, "the new policy is refused")
    assert _fates(watched, origin) == [200, 403, 200]

    told = len(watched.process.err)
    _rewrite(watched, NEW)
    _hears(watched, "was read again", told)
    assert _fates(watched, origin) == [200, 200, 403]


def test_a_folder_that_is_swapped_by_its_link_is_a_change(tmp_path: Path, origin: RecordingOrigin) -> None:
    for name, policy in (("..1", OLD), ("..2", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "law.yaml").write_text(policy, encoding="utf-8")
    (tmp_path / "..data").symlink_to("..1")
    with gateway(tmp_path, forward=OLD, names={".open.example": ["127.0.0.1"]}, settings=QUICKLY) as proxy:
        _point(proxy, "..data/law.yaml")
        _hears(proxy, "was read again")
        assert _fates(proxy, origin) == [200, 403, 200]

        told = len(proxy.process.err)
        (tmp_path / "..data_tmp").symlink_to("..2")
        (tmp_path / "..data_tmp").replace(tmp_path / "..data")
        _hears(proxy, "was read again", told)
        assert _fates(proxy, origin) == [200, 200, 403]


def _point(proxy: Gateway, policy: str) -> None:
    """Have the configuration name another policy."""
    file = proxy.folder / "wicketgate.yaml"
    file.write_text(file.read_text("utf-8").replace('"forward.yaml"', f'"{policy}"'), encoding="utf-8")


def test_a_policy_whose_own_cases_fail_is_refused_and_the_case_is_named(
    watched: Gateway, origin: RecordingOrigin
) -> None:
    (watched.folder / "forward.cases.yaml").write_text(
        "policy: forward.yaml\ngiven: {client.ip: 127.0.0.1, destination.ip: 127.0.0.1}\n"
        "cases: [{name: the old door, url: 'http://a.open.example/closed', expect: deny, rule: no-old}]\n",
        encoding="utf-8",
    )
    _hears(watched, "was read again")
    _rewrite(watched, NEW)
    _hears(watched, "case `the old door` wants deny")

    assert _fates(watched, origin) == [200, 403, 200]
    refused = watched.wait_for(lambda each: each["event"] == "policy" and each["outcome"] == "refused")
    assert (refused["cause"], refused["policy"]["name"]) == ("file", "old")


def test_where_nobody_watches_a_signal_is_obeyed(tmp_path: Path, origin: RecordingOrigin) -> None:
    nobody = {"reload": {"watch": False, "settle": "100ms"}}
    with gateway(tmp_path, forward=OLD, names={".open.example": ["127.0.0.1"]}, settings=nobody) as proxy:
        _reload(proxy, NEW, "was read again")
        record = proxy.wait_for(lambda each: each["event"] == "policy" and each["policy"]["name"] == "new")

        assert _fates(proxy, origin) == [200, 200, 403]
        assert record["cause"] == "signal"


def test_what_is_kept_since_when_and_why_can_be_asked(proxy: Gateway) -> None:
    _reload(proxy, BAD, "10/fortnight")
    command = [COMMAND, "status", "--state", str(proxy.state)]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)

    assert run.returncode == 1
    kept = [line for line in run.stdout.splitlines() if "KEPT" in line]
    assert len(kept) >= len(MISTAKES)
    assert re.match(r" +KEPT +policy egress old, from before 20\S+Z: \S+forward.yaml:3:\d+  ", kept[0]) is not None
