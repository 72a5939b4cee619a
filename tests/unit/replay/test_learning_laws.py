"""A learnt policy lets through what it was learnt from, whatever that was, and is the same for the same log."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.addresses import Address
from gateway.policy.model import ABSENT, Facts, Mode
from gateway.policy.names import Host
from gateway.replay.evidence import Evidence
from gateway.replay.grouping import Change
from gateway.replay.learning import Bounds, learn
from gateway.replay.replaying import Replay, nowhere
from gateway.replay.writing import written
from tests.unit.replay.made import NOW, Record, compiled, inspected, plain, spliced, target, traffic

UUID = "6f1e7a30-9c1d-4a55-8a55-0f4a8d6f2b11"
OPEN = """default: {action: allow}
unsafe_destinations: [10.0.0.0/8]
connect_ports: [80, 443, 8443]
tls: {splice: [{id: bank, reason: Private, when: {host: {under: [bank.example]}}}]}
rules: [{id: raw, action: allow, reason: Raw, when: {protocol: [tcp]}}]
"""
HOSTS = ["site.example", "a.site.example", "b.site.example", "c.site.example", "bank.example", "x.bank.example"]


@st.composite
def _requests(draw: st.DrawFn) -> Facts:
    made = draw(st.sampled_from([plain, inspected, spliced]))
    client = Address.parse(f"192.0.2.{draw(st.integers(0, 20))}")
    host = Host.parse(draw(st.sampled_from([*HOSTS, "10.0.0.8", "com.example"])))
    destination = tuple(map(Address.parse, draw(st.sampled_from([["93.184.216.34"], ["10.0.0.8", "2001:4860::1"]]))))
    changed = {"now": NOW + draw(st.integers(0, 9999)), "client_ip": client, "host": host}
    facts: Facts = made(**changed, destination_ips=destination, port=draw(st.sampled_from([80, 443, 8443])))
    if made is spliced:
        raw = {"tls_inspected": ABSENT, "tls_sni": ABSENT, "tls_version": ABSENT}
        return facts.learning(**raw) if draw(st.booleans()) else facts
    return facts.learning(method=draw(st.sampled_from(["GET", "POST", "M-SEARCH"])))


_segment = st.sampled_from(["users", "orders", "7", "42", "a.b", UUID, "b", "c", "%C3%A9"])
_paths = st.lists(_segment, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


def _learnt(text: str, mode: Mode, records: list[Record], bounds: Bounds) -> tuple[str, Evidence]:
    evidence = Evidence(mode)
    for record in records:
        evidence.take(record)
    return written(learn(evidence, bounds), "tried"), evidence


def _replayed(policy: str, mode: Mode, records: list[Record]) -> dict[Change, int]:
    body = policy.partition("name: tried\n")[2]
    walk = Replay(*compiled(body, mode), nowhere, trusting=False)
    walk.take(records)
    groups = walk.result().groups
    return {change: count for change in Change if (count := groups.count(change)) and change is not Change.OTHERWISE}


bounds = st.builds(Bounds, enough=st.integers(2, 5), by_client=st.booleans())


@given(requests=st.lists(_requests(), min_size=1, max_size=20), bounds=bounds)
def test_a_learnt_forward_policy_denies_nothing_that_was_allowed(requests: list[Facts], bounds: Bounds) -> None:
    records = traffic(compiled(OPEN)[0], *requests)
    policy, evidence = _learnt(OPEN, Mode.FORWARD, records, bounds)

    if evidence.seen.count:
        changed = _replayed(policy, Mode.FORWARD, records)
        assert set(changed) <= {Change.NOW_ALLOWED, Change.CANNOT_TELL}
        assert sum(changed.values()) <= evidence.denied + sum(
            record["event"] == "decision" and record["decision"]["reason"] == "guardrail" for record in records
        )
    assert _learnt(OPEN, Mode.FORWARD, records, bounds)[0] == policy


@given(paths=st.lists(_paths, min_size=1, max_size=30), bounds=bounds, data=st.data())
def test_a_learnt_reverse_policy_denies_nothing_that_it_was_learnt_from(
    paths: list[str], bounds: Bounds, data: st.DataObject
) -> None:
    text = "default: {action: allow}\n"
    requests = [
        plain(target=target(path), method=data.draw(st.sampled_from(["GET", "PUT"])), destination_ips=ABSENT)
        for path in paths
    ]
    records = traffic(compiled(text, Mode.REVERSE)[0], *requests)
    policy, evidence = _learnt(text, Mode.REVERSE, records, bounds)

    denied = _replayed(policy, Mode.REVERSE, records).get(Change.NOW_DENIED, 0)
    assert denied == sum(1 for path in paths if path.startswith("/%C3"))
    assert evidence.seen.count == len(paths)
    assert (f"# {denied} requests taught nothing" in policy) is bool(denied)


def test_the_order_of_the_log_changes_nothing_but_the_examples() -> None:
    records = traffic(compiled(OPEN)[0], *(plain(host=Host.parse(host), now=NOW) for host in HOSTS))

    one, _ = _learnt(OPEN, Mode.FORWARD, records, Bounds())
    other, _ = _learnt(OPEN, Mode.FORWARD, list(reversed(records)), Bounds())
    assert one == other
