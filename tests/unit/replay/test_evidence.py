from __future__ import annotations

from gateway.policy.addresses import Address
from gateway.policy.model import ABSENT, Mode, Reason, refuse
from gateway.policy.names import Host
from gateway.replay.evidence import Evidence, Seen, Use, joined
from tests.unit.replay.made import Record, compiled, exchange, inspected, judged, plain, spliced, target, traffic

OPEN = """default: {action: allow}
unsafe_destinations: [10.0.0.0/8]
rules: [{id: no, action: deny, reason: No, when: {host: {is: [bad.example]}}}]
tls: {splice: [{id: bank, reason: Private, when: {host: {is: [bank.example]}}}]}
"""


def _evidence(*records: Record, mode: Mode = Mode.FORWARD) -> Evidence:
    evidence = Evidence(mode)
    for record in records:
        evidence.take(record)
    return evidence


def _seen(*facts: object, mode: Mode = Mode.FORWARD) -> Evidence:
    return _evidence(*traffic(compiled(OPEN, mode)[0], *facts), mode=mode)  # type: ignore[arg-type]  # tests say it


def test_every_way_of_using_a_place_is_counted_with_its_clients_and_its_times() -> None:
    evidence = _seen(plain(now=20.0), plain(now=10.0, client_ip=Address.parse("10.9.9.9")), inspected(method="POST"))

    assert set(evidence.uses) == {
        Use("site.example", "http", "http", 80, "GET"),
        Use("site.example", "http", "https", 443, "POST"),
    }
    seen = evidence.uses[Use("site.example", "http", "http", 80, "GET")]
    assert (seen.count, seen.clients) == (2, {"10.1.2.3", "10.9.9.9"})
    assert (seen.first, seen.last) == ("1970-01-01T00:00:10.000000Z", "1970-01-01T00:00:20.000000Z")
    assert (set(evidence.tunnel_ports), evidence.seen.count) == ({443}, 3)


def test_of_a_tunnel_that_was_passed_on_only_the_place_is_known() -> None:
    assert list(_seen(spliced(host=Host.parse("bank.example"))).uses) == [Use("bank.example", "tls", "https", 443)]


def test_paths_are_looked_at_behind_a_reverse_listener_alone() -> None:
    asked = plain(target=target("/a?b=c"), destination_ips=ABSENT)

    assert [use.path for use in _seen(asked).uses] == [""]
    assert [use.path for use in _seen(asked, mode=Mode.REVERSE).uses] == ["/a"]


def test_a_masked_path_is_known_up_to_the_mask() -> None:
    record, _ = traffic(compiled(OPEN, Mode.REVERSE)[0], plain(target=target("/reset/x")))
    record["request"]["path"], record["masked"] = "/reset/REDACTED/more", ["/request/path"]

    assert [use.path for use in _evidence(record, mode=Mode.REVERSE).uses] == ["/reset/REDACTED"]


def test_special_addresses_that_were_reached_are_remembered_with_what_they_carry() -> None:
    reached = (Address.parse("10.0.0.8"), Address.parse("93.184.216.34"))

    assert set(_seen(plain(destination_ips=reached)).special) == {"10.0.0.8"}
    assert set(_seen(plain(host=Host.parse("10.0.0.9"), destination_ips=(Address.parse("10.0.0.9"),))).special) == {
        "10.0.0.9"
    }


def test_what_was_denied_and_what_no_policy_decided_teaches_nothing() -> None:
    denied = exchange(*judged(compiled(OPEN)[0], plain(host=Host.parse("bad.example"))))
    evidence = _evidence(*denied, *exchange(plain(), refuse(Reason.MALFORMED_REQUEST)))

    assert (evidence.uses, evidence.denied, evidence.seen.count) == ({}, 1, 0)


def test_what_is_not_on_record_cannot_be_learnt_and_is_counted() -> None:
    record, _ = traffic(compiled(OPEN)[0], plain())
    hidden = {**record, "request": record["request"] | {"method": "REDACTED"}}
    nowhere = {**record, "request": record["request"] | {"host": "10.0.0.0/24"}}

    assert _evidence(hidden, nowhere).untold == {"the method is not on record": 1, "the host is not on record": 1}


def test_what_was_seen_can_be_joined() -> None:
    one = Seen(example="1", first="2026-02", last="2026-03", count=2, clients={"a"})
    other = Seen(example="2", first="2026-01", last="2026-02", count=1, clients={"a", "b"})

    assert joined([one, other]) == Seen(example="2", first="2026-01", last="2026-03", count=3, clients={"a", "b"})
