from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.hostindex import HostIndex, HostNames
from gateway.policy.model import ABSENT, UNKNOWN
from gateway.policy.names import Host
from tests.strategies import HOSTS


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    name: str
    hosts: HostNames | None


def _names(exactly: str = "", under: str = "") -> HostNames:
    return HostNames(frozenset(map(Host.parse, exactly.split())), frozenset(map(Host.parse, under.split())))


INDEX = HostIndex(
    [
        Item("everywhere", None),
        Item("a", _names(exactly="a.test")),
        Item("under-a", _names(under="a.test")),
        Item("twice", _names(exactly="x.a.test b.test", under="a.test x.a.test")),
        Item("address", _names(exactly="93.184.216.34")),
    ]
)


@pytest.mark.parametrize(
    ("wanted", "host"),
    [
        (["everywhere", "a", "under-a", "twice"], "a.test"),
        (["everywhere", "under-a", "twice"], "y.x.a.test"),
        (["everywhere", "twice"], "b.test"),
        (["everywhere"], "x.b.test"),
        (["everywhere"], "ba.test"),
        (["everywhere", "address"], "93.184.216.34"),
    ],
)
def test_a_host_finds_what_names_it_or_a_parent_each_once(wanted: list[str], host: str) -> None:
    assert [item.name for item in INDEX.candidates(Host.parse(host))] == wanted


def test_an_unknown_host_finds_everything_and_no_host_what_names_none() -> None:
    assert list(INDEX.candidates(UNKNOWN)) == list(INDEX)
    assert [item.name for item in INDEX.candidates(ABSENT)] == ["everywhere"]
    assert len(INDEX) == len(list(INDEX)) == 5


def test_an_index_without_names_gives_what_it_has() -> None:
    only = Item("everywhere", None)

    assert list(HostIndex([only]).candidates(Host.parse("a.test"))) == [only]


@pytest.mark.parametrize(
    ("wanted", "one", "other"),
    [
        (True, _names(exactly="a.test"), _names(exactly="a.test b.test")),
        (False, _names(exactly="a.test"), _names(exactly="b.test")),
        (True, _names(exactly="x.a.test"), _names(under="a.test")),
        (True, _names(under="x.a.test"), _names(under="a.test")),
        (False, _names(under="ba.test"), _names(under="a.test")),
        (False, _names(exactly="test"), _names(under="a.test")),
        (False, _names(), _names(under="a.test")),
    ],
)
def test_hosts_overlap_where_one_host_belongs_to_both(*, wanted: bool, one: HostNames, other: HostNames) -> None:
    assert one.overlaps(other) is wanted
    assert other.overlaps(one) is wanted


hosts = st.frozensets(st.sampled_from(HOSTS).map(Host.parse), max_size=3)
names = st.builds(HostNames, hosts, st.frozensets(st.sampled_from(HOSTS[:-1]).map(Host.parse), max_size=3))


@given(names=names, host=st.sampled_from(HOSTS).map(Host.parse))
def test_the_index_leaves_out_exactly_what_cannot_match(names: HostNames, host: Host) -> None:
    matches = host in names.exactly or any(host.is_under(top) for top in names.under)
    found = HostIndex([Item("it", names)]).candidates(host)

    assert [item.name for item in found] == (["it"] if matches else [])
