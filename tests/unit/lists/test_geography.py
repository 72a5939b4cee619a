from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from gateway.lists.geography import Geography, Whereabouts
from gateway.policy.addresses import Address
from gateway.policy.model import ABSENT, UNKNOWN

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.policy.model import Fact

type Entries = dict[str, dict[str, object]]

BERLIN, PARIS, NOWHERE = "198.51.100.1", "203.0.113.1", "192.0.2.1"


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[str, str], ...]:
    folder = tmp_path_factory.mktemp("databases")
    countries: Entries = {
        "198.51.100.0/24": {"country": {"iso_code": "DE"}},
        "203.0.113.0/24": {"country": {"iso_code": "FR"}},
    }
    owners: Entries = {"198.51.100.0/24": {"autonomous_system_number": 64500}}
    return tuple(_written(folder / name, entries) for name, entries in (("country", countries), ("asn", owners)))


def _written(path: Path, entries: Entries) -> tuple[str, str]:
    writer = MMDBWriter(6, "Test", ipv4_compatible=True)
    for network, entry in entries.items():
        writer.insert_network(IPSet([network]), entry)
    writer.to_db_file(str(path))
    return str(path), f"sha256:{path.name}"


@pytest.mark.parametrize(
    ("country", "asn", "addresses"),
    [
        ("DE", 64500, [BERLIN]),
        ("FR", ABSENT, [PARIS]),
        (ABSENT, ABSENT, [NOWHERE]),
        ("DE", 64500, [BERLIN, "198.51.100.77"]),
        (UNKNOWN, UNKNOWN, [BERLIN, PARIS]),
        (UNKNOWN, UNKNOWN, [BERLIN, NOWHERE]),
        (UNKNOWN, ABSENT, [PARIS, NOWHERE]),
        (UNKNOWN, UNKNOWN, []),
    ],
)
def test_a_destination_is_where_all_of_its_addresses_are(
    country: Fact[str], asn: Fact[int], addresses: list[str], databases: tuple[tuple[str, str], ...]
) -> None:
    found = Geography().find(databases, [Address.parse(each) for each in addresses])

    assert Whereabouts(country, asn) == found


def test_a_database_that_is_gone_or_broken_tells_nothing_and_stops_nobody(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"no database")
    unknown = Whereabouts(UNKNOWN, UNKNOWN)

    assert unknown == Geography().find([(str(tmp_path / "gone"), "sha256:1")], [Address.parse(BERLIN)])
    assert unknown == Geography().find([(str(broken), "sha256:2")], [Address.parse(BERLIN)])


def test_a_new_database_at_the_same_place_is_read_and_the_old_one_only_while_its_policy_is_in_force(
    tmp_path: Path,
) -> None:
    geography, path = Geography(), tmp_path / "country"
    old, _ = _written(path, {"198.51.100.0/24": {"country": {"iso_code": "DE"}}})
    assert geography.find([(old, "sha256:old")], [Address.parse(BERLIN)]).country == "DE"
    path.unlink()
    _written(path, {"198.51.100.0/24": {"country": {"iso_code": "AT"}}})

    assert geography.find([(old, "sha256:new")], [Address.parse(BERLIN)]).country == "AT"
    assert geography.find([(old, "sha256:old")], [Address.parse(BERLIN)]).country == "DE"


def test_only_a_few_databases_stay_open(databases: tuple[tuple[str, str], ...]) -> None:
    geography, (path, _) = Geography(), databases[0]

    found = {geography.find([(path, f"sha256:{number}")], [Address.parse(BERLIN)]).country for number in range(20)}

    assert found == {"DE"}
