from __future__ import annotations

from gateway.policy.model import UNKNOWN, EditRequest, EditResponse, Mode, PinAddress
from gateway.policy.obligations import edits_of, obligations
from tests.gates import PUBLIC, facts, policy_of

HEADERS = """
default: {action: allow}
headers:
  - {request: {remove: [Via], set: {X-A: "1"}}}
  - {id: second, request: {remove: [X-Internal-*], add: {X-B: "2"}}, response: {remove: [Server]}}
  - {when: {scheme: [https]}, response: {set: {Strict-Transport-Security: max-age=1}}}
"""
FIELDS = [(b"Via", b"1.1 x"), (b"X-Internal-Id", b"7"), (b"X-A", b"0"), (b"X-B", b"1")]


def test_all_edits_are_joined_into_one_of_each_direction() -> None:
    request, response, pin = obligations(policy_of(HEADERS), facts(destination=PUBLIC))

    assert isinstance(request, EditRequest)
    assert request.edit.apply(FIELDS) == [(b"X-B", b"1"), (b"X-A", b"1"), (b"X-B", b"2")]
    assert isinstance(response, EditResponse)
    assert response.edit.apply([(b"Server", b"x")]) == [(b"Strict-Transport-Security", b"max-age=1")]
    assert isinstance(pin, PinAddress)
    assert [str(address) for address in pin.addresses] == [PUBLIC]


def test_an_edit_applies_where_its_condition_may_hold() -> None:
    policy = policy_of(HEADERS, mode=Mode.REVERSE)
    plain = obligations(policy, facts(scheme="http"))
    unknown = obligations(policy, facts(scheme=UNKNOWN))

    assert plain == policy.always
    assert unknown == obligations(policy, facts(scheme="https"))
    assert unknown != plain


def test_the_order_of_the_edits_in_the_file_means_nothing() -> None:
    first, second, third = HEADERS.strip().splitlines()[2:]
    turned = f"default: {{action: allow}}\nheaders:\n{third}\n{second}\n{first}"

    assert obligations(policy_of(HEADERS), facts()) == obligations(policy_of(turned), facts())


def test_a_policy_without_edits_obliges_to_nothing_but_the_judged_address() -> None:
    policy = policy_of("default: {action: allow}")

    assert edits_of(()) == ()
    assert obligations(policy, facts(destination=UNKNOWN)) == ()
    assert [type(duty) for duty in obligations(policy, facts(host="93.184.216.34"))] == [PinAddress]
