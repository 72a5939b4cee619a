from __future__ import annotations

from typing import Any

import pytest

from gateway.audit.records.clients import truncated
from gateway.audit.records.disclosure import Disclosure
from gateway.policy.headers import Fields
from gateway.policy.model import ABSENT, UNKNOWN, FactName, Missing
from gateway.policy.names import Host
from gateway.replay.recall import Recalled, kind_of, moment_of, recall
from tests.unit.replay.made import NOW, compiled, exchange, inspected, judged, plain, spliced, target

ALL = """default: {action: allow}
rules:
  - {id: agent, action: deny, reason: No, when: {header.user-agent: {is: [bot]}}}
  - {id: page, action: deny, reason: No, when: {query.page: {is: [x]}}}
  - {id: token, action: deny, reason: No, when: {query.token: {present: true}}}
  - {id: old, action: deny, reason: No, when: {tls.version: {below: 1.2}}}
  - {id: office, action: deny, reason: No, when: {client.ip: {not_in: [10.0.0.0/8]}}}
  - {id: admin, action: deny, reason: No, when: {path: {prefix: [/admin]}}}
"""
FAR = "{destination.ip: {in: [192.0.2.0/24]}}"
POLICY, ASKED = compiled(ALL)


def _recalled(facts: Any, **more: Any) -> Recalled:
    record, _ = exchange(*judged(compiled("default: {action: allow}")[0], facts), **more)
    return recall(record, ASKED, moment_of(record))


@pytest.mark.parametrize("facts", [plain(), inspected(), spliced()], ids=["plain", "inspected", "spliced"])
def test_what_a_record_holds_comes_back_as_it_was_judged(facts: Any) -> None:
    found = _recalled(facts)

    for name in ("now", "client_ip", "destination_ips", "host", "port", "user", "groups", "tls_inspected", "connect"):
        assert getattr(found.facts, name) == getattr(facts, name), name
    assert found.spliced is (facts.protocol == "tcp")


def test_of_an_allowed_request_only_what_no_record_holds_is_hidden() -> None:
    assert _recalled(plain()).hidden == {FactName.HEADER}
    assert _recalled(inspected()).hidden == {FactName.HEADER}


def test_the_version_of_tls_and_the_proof_of_identity_come_back() -> None:
    found = _recalled(inspected(tls_version="1.2", user="alice", identity_method="certificate")).facts

    assert (found.tls_version, found.user, found.identity_method) == ("1.2", "alice", "certificate")
    assert _recalled(plain()).facts.identity_method is ABSENT


def test_what_records_of_older_versions_do_not_say_is_hidden() -> None:
    record, end = exchange(*judged(compiled("default: {action: allow}")[0], inspected(user="alice")), kind="text/html")
    del record["tls"]["version"], end["response"]

    found = recall(record, ASKED, NOW)

    assert (found.facts.tls_version, found.facts.identity_method) == (UNKNOWN, UNKNOWN)
    assert FactName.TLS_VERSION in found.hidden
    assert kind_of(end) is UNKNOWN


@pytest.mark.parametrize(
    ("told", "kind"), [("text/html", "text/html"), (ABSENT, ABSENT), (UNKNOWN, UNKNOWN), (UNKNOWN, "no type")]
)
def test_the_type_of_an_answer_comes_back_unless_it_was_masked(told: object, kind: Any) -> None:
    _, end = exchange(*judged(compiled("default: {action: allow}")[0], plain()), kind=kind)

    assert kind_of(end) == told


def test_what_nobody_sees_of_a_tunnel_is_not_hidden_but_unknown() -> None:
    found = _recalled(spliced())

    assert found.facts.method is UNKNOWN
    assert not found.hidden & {FactName.METHOD, FactName.PATH, FactName.HEADER, FactName.REQUEST_SIZE}


def test_a_request_that_was_refused_early_hides_what_came_later() -> None:
    policy, _ = compiled("default: {action: allow}\nrules: [{id: no, action: deny, reason: No, when: {port: [80]}}]\n")
    record, _ = exchange(*judged(policy, plain()))

    found = recall(record, ASKED, NOW)

    assert found.facts.destination_ips is UNKNOWN
    assert FactName.DESTINATION_IP in found.hidden


def test_a_redirected_request_that_was_refused_early_hides_its_destination_too() -> None:
    """The record says where it was on its way to, and that nobody looked there yet."""
    policy, _ = compiled("default: {action: allow}\nrules: [{id: no, action: deny, reason: No, when: {port: [80]}}]\n")
    record, _ = exchange(*judged(policy, plain()))
    record["destination"] = {"ip": None, "answers": [], "parent": None, "original": "93.184.216.34:80"}

    found = recall(record, ASKED, NOW)

    assert found.facts.destination_ips is UNKNOWN
    assert FactName.DESTINATION_IP in found.hidden


def test_what_a_parent_resolves_has_no_destination_here_and_had_none_then() -> None:
    record, _ = exchange(*judged(compiled("default: {action: allow}")[0], plain(destination_ips=ABSENT)))
    record["destination"] = {"ip": "10.0.0.9", "answers": [], "parent": "office", "original": None}

    found = recall(record, compiled(f"{ALL}  - {{id: far, action: deny, reason: No, when: {FAR}}}\n")[1], NOW)

    assert (found.facts.destination_ips, found.facts.destination_country) == (ABSENT, UNKNOWN)
    assert not found.hidden & {FactName.DESTINATION_IP, FactName.DESTINATION_COUNTRY}


def test_an_allowed_request_that_went_nowhere_has_no_destination() -> None:
    assert _recalled(plain(destination_ips=ABSENT)).facts.destination_ips is ABSENT


def test_a_client_whose_address_is_not_written_down_is_hidden() -> None:
    shown = Disclosure(client=lambda address, _: truncated(address))

    found = _recalled(plain(), disclosure=shown)

    assert found.facts.client_ip is UNKNOWN
    assert FactName.CLIENT_IP in found.hidden


@pytest.mark.parametrize(
    ("path", "shown", "told"),
    [
        ("/?page=1&other=2", {"page"}, (("page", "1"),)),
        ("/?page=1", set(), UNKNOWN),
        ("/?token=1", set(), (("token", "REDACTED"),)),
        ("/?other=1", set(), ()),
        ("/?eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJlc2lnbmF0dXJl", set(), UNKNOWN),
        ("/", set(), ()),
    ],
)
def test_a_query_is_known_if_all_that_is_asked_of_it_is_on_record(path: str, shown: set[str], told: object) -> None:
    found = _recalled(plain(target=target(path)), disclosure=Disclosure(query=frozenset(shown)))

    read = found.facts.target
    assert not isinstance(read, Missing)
    assert read.query_hidden is (told is UNKNOWN)
    assert (FactName.QUERY in found.hidden) is (told is UNKNOWN)
    if told is not UNKNOWN:
        assert read.parameters() == told


def test_fields_are_known_only_if_the_log_holds_every_one_that_is_asked_for() -> None:
    asked = plain(headers=Fields.of([("host", "site.example"), ("user-agent", "bot")]))
    shown = Disclosure(fields=frozenset({"user-agent"}))

    assert _recalled(asked).facts.headers is UNKNOWN
    found = _recalled(asked, disclosure=shown)
    assert not isinstance(found.facts.headers, Missing)
    assert found.facts.headers.get_all("user-agent") == ("bot",)
    assert found.facts.headers.get_all("host") == ("site.example",)
    assert _recalled(plain(), disclosure=shown).facts.headers is UNKNOWN


def test_a_path_that_came_in_another_spelling_is_hidden_from_a_policy_that_asks_for_paths() -> None:
    found = _recalled(plain(target=target("/x/../admin")))

    assert found.facts.target is UNKNOWN
    assert FactName.PATH in found.hidden


def test_a_plain_request_through_a_tunnel_is_told_from_one_without() -> None:
    assert _recalled(plain(connect=True, port=443)).facts.connect is True
    assert _recalled(plain()).facts.connect is False


def test_the_time_and_the_host_come_back_to_the_microsecond_and_the_letter() -> None:
    found = _recalled(inspected(host=Host.parse("xn--bcher-kva.example")))

    assert found.facts.now == NOW
    assert found.facts.tls_sni == Host.parse("bücher.example")
