"""Secrets planted wherever a client can put one must reach no line of the log, whatever spells them."""

from __future__ import annotations

import json
import string
from dataclasses import replace
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.mappings import cef, ecs, ocsf, otel
from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.events import connection_record
from gateway.audit.records.lines import line
from gateway.audit.records.record import Circumstances, decision_record
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.headers import Fields
from gateway.policy.limits import LimitState
from gateway.policy.model import Decision, Facts, ListHit, Mode, Reason, Verdict, refuse
from gateway.policy.names import Host, parse_authority
from gateway.policy.paths import FORWARD_RULES, REVERSE_RULES, Target, TargetRules, parse_absolute

ABOUT = Circumstances(id="01JD0000000000000000000000", listener="egress", mode=Mode.FORWARD)
CLIENT = Address.parse("10.1.2.3")
STANDING = {"quota": 1, "window": 1.0, "remaining": 0, "reset": 1.0}

words = st.text(string.ascii_lowercase, min_size=3, max_size=8)
canaries = st.text(string.ascii_letters + string.digits, min_size=8, max_size=40).map(lambda text: f"Can4ry{text}")
rules = st.sampled_from([FORWARD_RULES, REVERSE_RULES])
values = st.builds(lambda before, canary, after: (canary, f"{before}{canary}{after}"), words, canaries, words)


def written(facts: Facts, decision: Decision) -> str:
    """Everything that is written, shown or handed to others of a decision."""
    record = decision_record(facts, decision, ABOUT, 0.0)
    others = (mapping(record) for mapping in (ocsf.mapping, ecs.mapping, cef.mapping, otel.otlp_json))
    return json.dumps([record, line(record), *others])


def denied() -> Decision:
    return Decision(verdict=Verdict.DENY, reason=Reason.RULE_DENY, rule="r", message="Because")


@given(path=words, name=words, value=values, more=words, way=rules)
def test_no_value_of_a_query_is_written(
    path: str, name: str, value: tuple[str, str], more: str, way: TargetRules
) -> None:
    canary, text = value
    for query in (f"{name}={text}", f"{name}={quote(text, safe='')}&{name}={more}", f"{more}&{name}={text}=x"):
        facts = Facts(now=0.0, target=Target.parse(f"/{path}?{query}", way), method="GET")

        assert canary not in written(facts, denied())


@given(canary=canaries, way=rules)
def test_a_secret_in_the_place_of_a_querys_name_is_not_written(canary: str, way: TargetRules) -> None:
    secret = canary + "q" * 24

    for query in (secret, f"{secret}=", f"{secret}&a=b", f"a;{secret}=x", f'{{"k":"{canary}"}}'.replace('"', "%22")):
        facts = Facts(now=0.0, target=Target.parse(f"/?{query}", way))

        assert canary not in written(facts, denied())


@given(name=words, value=values)
def test_no_value_of_a_field_is_written(name: str, value: tuple[str, str]) -> None:
    canary, text = value
    fields = [(name, text), ("Authorization", f"Bearer {canary}"), ("Cookie", f"s={canary}"), ("X-Api-Key", canary)]

    assert canary not in written(Facts(now=0.0, headers=Fields.of(fields)), denied())


@given(user=words, canary=canaries, host=words)
def test_no_user_information_of_an_address_is_written(user: str, canary: str, host: str) -> None:
    """Refused where it stands in an authority, masked where it stands in a path."""
    for authority in (f"{user}:{canary}@{host}.example", f"{canary}@{host}.example:80"):
        assert canary not in refusal_of(authority)
    for path in (
        f"/go/http://{user}:{canary}@{host}.example/x",
        f"/go/http://{canary}@{host}.example",
        f"/go/https:%2F%2F{user}:{canary}%40{host}.example",
        f"//{canary}@{host}.example/",
    ):
        facts = Facts(now=0.0, target=Target.parse(path, FORWARD_RULES))

        assert canary not in written(facts, denied())


def refusal_of(authority: str) -> str:
    told = []
    for parse in (
        lambda: parse_authority(authority, 80),
        lambda: parse_absolute(f"http://{authority}/"),
        lambda: Host.parse(authority),
    ):
        try:
            parse()
        except Malformed as error:
            told.append(written(Facts(now=0.0), refuse(Reason.MALFORMED_REQUEST, str(error))))
    assert len(told) == 3
    return "".join(told)


@given(canary=canaries, word=words)
def test_no_credential_in_a_path_is_written(canary: str, word: str) -> None:
    token = f"eyJ{canary}.eyJ{canary}.{canary}"
    for path in (
        f"/reset/{token}/{word}",
        f"/{word};jsessionid={canary}/x",
        f"/sk-{canary}xxxxxxxxxxx",
        f"/AKIA{'A' * 16}",
    ):
        facts = Facts(now=0.0, target=Target.parse(path, FORWARD_RULES))

        text = written(facts, denied())
        assert canary not in text
        assert "A" * 16 not in text


@given(value=values, backticks=st.booleans())
def test_what_a_malformed_request_held_is_not_written(value: tuple[str, str], backticks: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    canary, text = value
    offending = f"a`{text}`b" if backticks else text
    told = f"host `{offending}`: spaces are not allowed"
    connection = connection_record(
        decision_id=ABOUT.id,
        listener="egress",
        client=(CLIENT, 1),
        outcome="refused",
        reason=Reason.MALFORMED_REQUEST,
        detail=told,
        up=0,
        down=0,
        seconds=0,
        now=0.0,
    )

    assert canary not in written(Facts(now=0.0), refuse(Reason.MALFORMED_REQUEST, told))
    assert canary not in json.dumps(connection)


@given(canary=canaries, word=words)
def test_of_what_may_be_shown_no_credential_is(canary: str, word: str) -> None:
    """Listed fields and parameters, too, run through the pass; what is not listed is not written at all."""
    shown = Disclosure(query=frozenset({"page"}), fields=frozenset({"user-agent"}))
    about = replace(ABOUT, disclosure=shown)
    token = f"eyJ{canary}.eyJ{canary}.{canary}"
    fields = Fields.of([("User-Agent", f"{word} {token}"), ("Referer", canary), ("X-User-Agent", canary)])
    facts = Facts(now=0.0, headers=fields, target=Target.parse(f"/?page={token}&pages={canary}", FORWARD_RULES))

    record = decision_record(facts, denied(), about, 0.0)

    assert canary not in json.dumps(record)
    request = record["request"]
    assert isinstance(request, dict)
    assert request["fields"] == {"user-agent": f"{word} REDACTED"}


@given(canary=canaries)
def test_no_part_of_a_key_is_written_that_was_a_secret(canary: str) -> None:
    names = ("header.x-api-key", "query.token", "path", "user")
    key = ((canary,), (canary, "b"), f"/eyJ{canary}.eyJ{canary}", b"digest")
    decision = replace(denied(), limits=(LimitState("per-key", 1, 1.0, 0, 1.0, names, key),))

    text = written(Facts(now=0.0), decision)

    assert canary not in text
    assert "per-key" in text


@given(canary=canaries)
def test_a_method_that_is_none_is_not_written(canary: str) -> None:
    assert canary not in written(Facts(now=0.0, method=canary), denied())
    assert "PROPFIND" in written(Facts(now=0.0, method="PROPFIND"), denied())


@given(address=st.integers(1, 2**32 - 2))
def test_an_address_that_is_to_be_hidden_is_written_nowhere(address: int) -> None:
    client = Address(4, address)
    about = replace(ABOUT, client_port=7, balancer=client, disclosure=Disclosure(client=lambda *_: "client-x"))
    facts = Facts(now=0.0, client_ip=client, target=Target.parse(f"/at/{client}/x", FORWARD_RULES))
    decision = replace(
        refuse(Reason.PROTOCOL_REFUSED, f"{client} is not welcome"),
        hit=ListHit("known", f"{client}/32"),
        limits=(LimitState("per-client", 1, 1.0, 0, 1.0, ("client.ip",), (client,)),),
    )

    record = decision_record(facts, decision, about, 0.0)

    assert str(client) not in json.dumps(record)
    assert record["client"] == {"ip": "client-x", "port": None, "user": None, "groups": [], "balancer": "client-x"}
    assert record["limits"] == [{"id": "per-client", "key": {"client.ip": "client-x"}} | STANDING]
