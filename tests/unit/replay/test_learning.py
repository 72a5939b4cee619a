from __future__ import annotations

import pytest

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.model import ABSENT, Mode
from gateway.policy.names import Host
from gateway.replay.evidence import Evidence
from gateway.replay.learning import Bounds, Learnt, learn
from tests.unit.replay.made import compiled, inspected, plain, spliced, target, traffic

OPEN = """default: {action: allow}
tls: {splice: [{id: bank, reason: Private, when: {host: {under: [bank.example]}}}]}
rules: [{id: raw, action: allow, reason: Raw, when: {protocol: [tcp]}}]
"""


def _learnt(*facts: object, mode: Mode = Mode.FORWARD, bounds: Bounds | None = None) -> Learnt:
    policy, _ = compiled(OPEN, mode)
    evidence = Evidence(mode)
    for record in traffic(policy, *facts):  # type: ignore[arg-type]  # tests say what they are
        evidence.take(record)
    return learn(evidence, bounds or Bounds())


def _rows(learnt: Learnt) -> dict[tuple[object, ...], dict[str, int]]:
    return {
        (way.kind, way.port, way.methods, way.operator): {text: seen.count for text, seen in items.items()}
        for way, items in learnt.rules.items()
    }


def _hosts(*names: str) -> list[object]:
    return [plain(host=Host.parse(name)) for name in names]


def test_places_that_were_used_alike_share_a_rule_and_others_do_not() -> None:
    learnt = _learnt(*_hosts("a.example", "b.example", "b.example"), plain(method="POST"), inspected())

    assert _rows(learnt) == {
        ("http", 80, ("GET",), "is"): {"a.example": 1, "b.example": 2},
        ("http", 80, ("POST",), "is"): {"site.example": 1},
        ("http", 443, ("GET",), "is"): {"site.example": 1},
    }


def test_many_names_below_one_are_taken_together_with_all_that_they_were_used_for() -> None:
    hosts = _hosts("a.shop.example", "b.shop.example", "c.shop.example")
    learnt = _learnt(*hosts, plain(host=Host.parse("a.shop.example"), method="POST"), bounds=Bounds(enough=3))

    assert _rows(learnt) == {("http", 80, ("GET", "POST"), "below"): {"shop.example": 4}}


def test_tunnels_that_are_neither_tls_nor_http_are_named_one_by_one() -> None:
    raw = {"tls_inspected": ABSENT, "tls_sni": ABSENT, "tls_version": ABSENT}
    tunnels = [spliced(host=Host.parse(f"{each}.shop.example"), **raw) for each in "abc"]

    assert _rows(_learnt(*tunnels, bounds=Bounds(enough=2))) == {
        ("tcp", 443, (), "is"): {"a.shop.example": 1, "b.shop.example": 1, "c.shop.example": 1}
    }
    assert list(_rows(_learnt(spliced(host=Host.parse("bank.example"))))) == [("tls", 443, (), "is")]


def test_paths_are_said_under_their_host() -> None:
    requests = [plain(target=target(path), destination_ips=ABSENT) for path in ("/u/1", "/u/2", "/", "/%C3%A9")]
    learnt = _learnt(*requests, mode=Mode.REVERSE)

    assert {way.host for way in learnt.rules} == {"site.example"}
    assert _rows(learnt) == {
        ("http", 80, ("GET",), "matches"): {"/u/[0-9]+": 2},
        ("http", 80, ("GET",), "is"): {"/": 1},
    }
    assert learnt.notes == ["1 requests taught nothing: nothing of their path can be written into a policy"]


def test_too_little_evidence_is_none_and_is_counted() -> None:
    learnt = _learnt(*_hosts("a.example", "b.example", "b.example"), bounds=Bounds(at_least=2))

    assert _rows(learnt) == {("http", 80, ("GET",), "is"): {"b.example": 2}}
    assert learnt.notes == ["1 requests were too few for evidence: fewer than 2 of a kind"]


@pytest.mark.parametrize(
    ("clients", "enough", "networks"),
    [
        (["10.0.0.1"], 8, ("10.0.0.1/32",)),
        (["10.0.0.2", "10.0.0.3"], 8, ("10.0.0.2/31",)),
        (["10.0.0.1", "10.0.0.7", "10.0.0.9", "10.0.1.1"], 3, ("10.0.0.0/24", "10.0.1.1/32")),
        (["2001:db8::1", "10.0.0.1"], 8, ("10.0.0.1/32", "2001:db8::1/128")),
    ],
)
def test_clients_are_networks(clients: list[str], enough: int, networks: tuple[str, ...]) -> None:
    requests = [plain(client_ip=Address.parse(client)) for client in clients]
    learnt = _learnt(*requests, bounds=Bounds(enough=enough, by_client=True))

    assert [way.clients for way in learnt.rules] == [networks]
    assert [way.clients for way in _learnt(*requests).rules] == [()]


def test_clients_whose_addresses_are_not_on_record_cannot_be_learnt() -> None:
    policy, _ = compiled(OPEN)
    evidence = Evidence(Mode.FORWARD)
    record, _ = traffic(policy, plain())
    record["client"]["ip"] = "client-2026-11-00000000000000000000"
    evidence.take(record)

    with pytest.raises(Malformed, match="does not hold the addresses of all clients"):
        learn(evidence, Bounds(by_client=True))
