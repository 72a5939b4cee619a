"""Lists as their makers publish them, in a proxy that runs: what is on one is refused by its entry, the rest passes."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import batched, chain
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.commands import until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import BODY, RecordingOrigin
from tests.e2e.wire import Answer, get
from tests.list_files import REAL_LISTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tests.e2e.trail import Record

pytestmark = pytest.mark.e2e

PIPELINED: Final = 40
"""Requests that are sent before their answers are read."""
CONNECTIONS: Final = 4

POLICY: Final = """
version: 1
name: lists
default: {action: allow}
unsafe_destinations: [127.0.0.0/8]
lists:
  ads: {type: domain, format: hosts, file: ads.hosts, guard: {min_entries: 5}}
  bad: {type: network, format: netset, file: bad.netset}
  worse: {type: network, format: netset, file: worse.netset}
rules:
  - {id: no-ads, action: deny, reason: Advertising, when: {host: {in: ["@ads"]}}}
  - {id: no-bad, action: deny, reason: A bad network, when: {destination.ip: {in: ["@bad"]}}}
  - {id: no-worse, action: deny, reason: A worse network, when: {destination.ip: {in: ["@worse"]}}}
"""

OWN_HOSTS: Final = "# ads\n" + "".join(f"0.0.0.0 ad{number}.tracker.example\n" for number in range(100))
OWN_ADDRESSES: Final = "# bad\n" + "".join(f"198.41.0.{number}\n" for number in range(0, 200, 2))
OWN_NETWORKS: Final = "# worse\n193.0.0.0/21\n5.8.0.0/16\n2a00:1450:4000::/37\n"


def _text(name: str, own: str) -> str:
    path = REAL_LISTS / name
    return path.read_text("utf-8") if path.is_file() else own


def _entries(text: str) -> list[str]:
    return [line.split()[-1] for line in text.splitlines() if line.strip() and not line.startswith("#")]


HOSTS: Final = _text("hosts-basic.txt", OWN_HOSTS)
ADDRESSES: Final = _text("addresses-ipsum.txt", OWN_ADDRESSES)
NETWORKS: Final = _text("networks.netset", OWN_NETWORKS)


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("lists")
    for name, text in (("ads.hosts", HOSTS), ("bad.netset", ADDRESSES), ("worse.netset", NETWORKS)):
        (folder / name).write_text(text, encoding="utf-8")
    with gateway(folder, forward=POLICY, names={".open.example": ["127.0.0.1"]}) as running:
        yield running


def _ask_all(proxy: Gateway, requests: Sequence[bytes], connections: int = CONNECTIONS) -> list[Answer]:
    """The answers to many requests, in their order, over a few connections that stay open."""

    def ask(part: Sequence[bytes]) -> list[Answer]:
        with proxy.through() as wire:
            return list(chain.from_iterable(wire.ask_all(some) for some in batched(part, PIPELINED, strict=False)))

    size = -(-len(requests) // connections)
    parts = [requests[at : at + size] for at in range(0, len(requests), size)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(chain.from_iterable(pool.map(ask, parts)))


def _decisions(proxy: Gateway, answers: Sequence[Answer]) -> list[Record]:
    """The records of refusals, in their order."""
    proxy.answered.extend(answer.decision for answer in answers)
    proxy.record(answers[-1].decision, "end")
    by_id = {each["id"]: each for each in proxy.records() if each["event"] == "decision"}
    return [by_id[answer.decision] for answer in answers]


def test_every_tenth_name_of_a_list_is_refused_and_its_entry_is_on_record(proxy: Gateway) -> None:
    names = _entries(HOSTS)[::10]
    answers = _ask_all(proxy, [get(f"http://{name}/", name) for name in names])

    assert {answer.status for answer in answers} == {403}
    records = _decisions(proxy, answers)
    found = [(each["request"]["host"], each["decision"]["rule"], each["list"]["entry"]) for each in records]
    assert found == [(name, "no-ads", name) for name in names]
    assert {each["list"]["name"] for each in records} == {"ads"}


@pytest.mark.parametrize("change", [str.upper, "{}.".format, str.title])
def test_a_listed_name_is_refused_in_other_spellings(change: type[str], proxy: Gateway) -> None:
    names = _entries(HOSTS)[5::5000] or _entries(HOSTS)[:3]
    answers = _ask_all(proxy, [get(f"http://{change(name)}/", change(name)) for name in names])

    records = _decisions(proxy, answers)
    assert [each["list"]["entry"] for each in records] == names
    assert {answer.status for answer in answers} == {403}


def test_names_that_are_on_no_list_pass(proxy: Gateway, origin: RecordingOrigin) -> None:
    origin.forget()
    listed = set(_entries(HOSTS))
    chosen = random.Random(7).sample(sorted(listed), min(400, len(listed)))
    near = [f"{name}.open.example" for name in chosen if len(name) < 200]
    names = [*near, *(f"host-{number}.open.example" for number in range(500 - len(near)))]
    assert len(names) == 500
    assert not listed & set(names)

    asked = [get(f"http://{name}:{origin.port}/", f"{name}:{origin.port}") for name in names]
    answers = _ask_all(proxy, asked, connections=100)

    assert {(answer.status, answer.body) for answer in answers} == {(200, BODY)}
    assert len(origin.requests) == 500
    until(lambda: len(_decisions_about(proxy, names)) == 500, "not every decision was recorded")
    allowed = _decisions_about(proxy, names)
    assert [(each["decision"]["verdict"], each["list"]) for each in allowed] == [("allow", None)] * 500


def _decisions_about(proxy: Gateway, names: Collection[str]) -> list[Record]:
    return [each for each in proxy.records() if each["event"] == "decision" and each["request"]["host"] in names]


def test_addresses_of_a_list_are_refused_as_literals_of_every_spelling(proxy: Gateway) -> None:
    entries = _entries(ADDRESSES)[::50]
    spelt = [*entries, *(str(_number(entry)) for entry in entries), *(f"[::ffff:{entry}]" for entry in entries)]
    answers = _ask_all(proxy, [get(f"http://{host}/", host) for host in spelt])

    records = _decisions(proxy, answers)
    assert {each["decision"]["rule"] for each in records} <= {"no-bad", "builtin-special"}
    listed = [each["list"]["entry"] for each in records if each["decision"]["rule"] == "no-bad"]
    assert set(listed) <= {each for entry in entries for each in (entry, f"{entry}/32")}
    assert len(listed) > len(spelt) * 0.9


def _number(address: str) -> int:
    parts = [int(part) for part in address.split(".")]
    return (parts[0] << 24) + (parts[1] << 16) + (parts[2] << 8) + parts[3]


def test_the_first_address_of_every_network_of_a_list_is_refused(proxy: Gateway) -> None:
    firsts = [entry.partition("/")[0] for entry in _entries(NETWORKS)[::3]]
    hosts = [f"[{first}]" if ":" in first else first for first in firsts]
    answers = _ask_all(proxy, [get(f"http://{host}/", host) for host in hosts])

    records = _decisions(proxy, answers)
    assert {each["decision"]["rule"] for each in records} <= {"no-worse", "no-bad", "builtin-special"}
    assert {answer.status for answer in answers} == {403}


def test_what_is_in_force_is_on_record(proxy: Gateway) -> None:
    lists = {each["list"]["name"]: each["list"]["entries"] for each in proxy.records() if each["event"] == "list"}

    assert set(lists) == {"ads", "bad", "worse"}
    assert lists["ads"] >= len(_entries(HOSTS)) * 0.99
