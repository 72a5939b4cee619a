"""Secrets planted wherever a client can put one must reach no line of the log, whatever spells them."""

from __future__ import annotations

import json
import string
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.events import connection_record
from gateway.audit.lines import line
from gateway.audit.record import Circumstances, decision_record
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.headers import Fields
from gateway.policy.model import Decision, Facts, Mode, Reason, Verdict, refuse
from gateway.policy.names import Host, parse_authority
from gateway.policy.paths import FORWARD_RULES, REVERSE_RULES, Target, TargetRules, parse_absolute

ABOUT = Circumstances(id="01JD0000000000000000000000", listener="egress", mode=Mode.FORWARD)
CLIENT = Address.parse("10.1.2.3")

words = st.text(string.ascii_lowercase, min_size=3, max_size=8)
canaries = st.text(string.ascii_letters + string.digits, min_size=8, max_size=40).map(lambda text: f"Can4ry{text}")
rules = st.sampled_from([FORWARD_RULES, REVERSE_RULES])
values = st.builds(lambda before, canary, after: (canary, f"{before}{canary}{after}"), words, canaries, words)


def written(facts: Facts, decision: Decision) -> str:
    """Everything that is written or shown of a decision."""
    record = decision_record(facts, decision, ABOUT, 0.0)
    return json.dumps(record) + line(record)


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
