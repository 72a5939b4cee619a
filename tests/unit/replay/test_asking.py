from __future__ import annotations

from gateway.policy.model import FactName
from gateway.replay.asking import fact_of_key
from tests.unit.replay.made import NOW, compiled, exchange, judged, plain, target

OPEN = "default: {action: allow}\n"


def _record(**changed: object) -> dict[str, object]:
    return exchange(*judged(compiled(OPEN)[0], plain(**changed)))[0]


def test_a_policy_asks_for_what_its_rules_limits_and_tls_look_at() -> None:
    _, asked = compiled(
        OPEN
        + """groups: {build: {users: [bob]}}
rules:
  - {id: a, action: deny, reason: A, when: {header.X-Key: {present: true}, protocol: [h2]}, not: {group: [build]}}
  - {id: b, action: deny, reason: B, when: {query.page: {is: [x]}, query.token: {present: true}, protocol: [h2]}}
limits: [{id: l, key: [header.x-api], rate: 1/s}]
tls: {splice: [{id: s, reason: S, when: {tls.sni: {is: [a.example]}}}]}
"""
    )

    assert asked.facts >= {FactName.HEADER, FactName.QUERY, FactName.USER, FactName.CLIENT_IP, FactName.TLS_SNI}
    assert asked.fields == {"x-key", "x-api"}
    assert asked.present == {"token"}
    assert asked.values == {"page"}
    assert not asked.is_timed


def test_requests_that_a_policy_cannot_tell_apart_are_one_question() -> None:
    _, asked = compiled(OPEN)
    one, other = _record(), _record(target=target("/elsewhere?a=b"), request_size=77)

    assert asked.question(one, NOW) == asked.question(other, NOW + 3600)


def test_requests_that_a_policy_can_tell_apart_are_not() -> None:
    _, asked = compiled(
        OPEN
        + """rules:
  - {id: p, action: deny, reason: P, when: {path: {is: [/x]}, protocol: [h2]}}
  - {id: s, action: deny, reason: S, when: {request.size: {above: 10B}, protocol: [h2]}}
  - {id: t, action: deny, reason: T, when: {time: {days: mon-fri, zone: UTC}}}
"""
    )
    same = asked.question(_record(), NOW)

    assert asked.question(_record(), NOW + 60) != same
    for changed in (_record(target=target("/x")), _record(request_size=11), _record(port=81)):
        assert asked.question(changed, NOW) != same
    assert asked.question(_record(request_size=9), NOW) == same


def test_the_parts_of_a_key_are_facts() -> None:
    assert [fact_of_key(key) for key in ("client.ip", "header.x-a", "query.b")] == [
        FactName.CLIENT_IP,
        FactName.HEADER,
        FactName.QUERY,
    ]
