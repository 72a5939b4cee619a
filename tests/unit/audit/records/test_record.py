from __future__ import annotations

import json
from dataclasses import replace
from typing import Literal

import pytest

from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.events import (
    connection_record,
    gap_record,
    list_record,
    policy_record,
    start_record,
    stop_record,
)
from gateway.audit.records.record import Circumstances, decision_object, decision_record, end_record
from gateway.policy.addresses import Address
from gateway.policy.limits import LimitState
from gateway.policy.model import (
    ABSENT,
    UNKNOWN,
    Decision,
    Fact,
    FactName,
    Facts,
    ListHit,
    Mode,
    Reason,
    Shadow,
    Verdict,
    Waived,
    refuse,
)
from gateway.policy.names import Host
from gateway.policy.paths import FORWARD_RULES, Target

NOW = 1795428000.123456
ID = "01JD0000000000000000000000"
ABOUT = Circumstances(id=ID, listener="egress", mode=Mode.FORWARD, client_port=51000, status=403)
FACTS = Facts(
    now=NOW,
    client_ip=Address.parse("10.1.2.3"),
    destination_ips=(Address.parse("93.184.216.34"), Address.parse("2001:4860::1")),
    host=Host.parse("ads.example"),
    port=443,
    scheme="https",
    method="GET",
    target=Target.parse("/x?token=s3cret", FORWARD_RULES),
    request_size=0,
    user=ABSENT,
    groups=ABSENT,
    tls_sni=Host.parse("ads.example"),
    tls_version="1.3",
    tls_inspected=True,
    protocol="h2",
)
DECISION = Decision(
    verdict=Verdict.DENY,
    reason=Reason.RULE_DENY,
    rule="no-ads",
    place="corporate.yaml:21",
    message="Advertising and tracking",
    matched=("no-ads",),
    waived=(Waived("no-upload", "ex-041"),),
    shadow=(Shadow("new-geo", "deny"),),
    unknown=(FactName.DESTINATION_COUNTRY,),
    hit=ListHit("ads", "ads.example", 200_000.0),
    limits=(LimitState("per-client", 600, 60.0, 599, 0.1, ("client.ip",), (Address.parse("10.1.2.3"),)),),
    policy="corporate",
    digest="sha256:00",
)


def test_a_decision_record_says_everything_in_the_promised_order() -> None:
    wanted = {
        "time": "2026-11-23T10:00:00.123456Z",
        "event": "decision",
        "id": ID,
        "listener": "egress",
        "mode": "forward",
        "engine": "mitmproxy",
        "client": {"ip": "10.1.2.3", "port": 51000, "user": None, "groups": []},
        "request": {
            "method": "GET",
            "scheme": "https",
            "host": "ads.example",
            "port": 443,
            "path": "/x",
            "query": {"token": "REDACTED"},
            "protocol": "h2",
            "size": 0,
        },
        "tls": {"sni": "ads.example", "mode": "inspected", "version": "1.3"},
        "destination": {
            "ip": "93.184.216.34",
            "answers": ["93.184.216.34", "2001:4860::1"],
            "parent": None,
            "original": None,
        },
        "decision": {
            "verdict": "deny",
            "reason": "rule-deny",
            "rule": "no-ads",
            "place": "corporate.yaml:21",
            "matched": ["no-ads"],
            "waived": [{"rule": "no-upload", "exception": "ex-041"}],
            "shadow": [{"rule": "new-geo", "action": "deny"}],
            "unknown": ["destination.country"],
            "status": 403,
            "detail": None,
        },
        "list": {"name": "ads", "entry": "ads.example", "age": "2d"},
        "limits": [
            {
                "id": "per-client",
                "key": {"client.ip": "10.1.2.3"},
                "quota": 600,
                "window": 60.0,
                "remaining": 599,
                "reset": 0.1,
            }
        ],
        "policy": {"name": "corporate", "digest": "sha256:00"},
        "masked": ["/request/query/token"],
    }

    record = decision_record(FACTS, DECISION, ABOUT, NOW)

    assert json.dumps(wanted) == json.dumps(record)


def test_nothing_known_is_null_and_no_key_is_missing() -> None:
    record = decision_record(Facts(now=NOW), refuse(Reason.MALFORMED_REQUEST, "bad `s3cret` here"), ABOUT, NOW)

    assert record.keys() == decision_record(FACTS, DECISION, ABOUT, NOW).keys()
    assert record["request"] == dict.fromkeys(["method", "scheme", "host", "port", "path", "query", "protocol", "size"])
    assert (record["destination"], record["list"]) == (None, None)
    assert record["tls"] == {"sni": None, "mode": None, "version": None}
    assert isinstance(record["decision"], dict)
    assert record["decision"]["detail"] == "bad `REDACTED` here"


def test_a_plain_exchange_has_no_tls() -> None:
    record = decision_record(Facts(now=NOW, tls_inspected=ABSENT, tls_sni=ABSENT), DECISION, ABOUT, NOW)

    assert record["tls"] is None


@pytest.mark.parametrize(
    ("wanted", "facts"),
    [
        ("CONNECT", Facts(now=NOW, connect=True)),
        ("PUT", Facts(now=NOW, connect=True, method="PUT")),
        (None, Facts(now=NOW)),
    ],
)
def test_a_tunnel_that_is_judged_itself_is_a_connect(wanted: str | None, facts: Facts) -> None:
    request = decision_record(facts, DECISION, ABOUT, NOW)["request"]

    assert isinstance(request, dict)
    assert wanted == request["method"]


def test_a_masked_path_is_pointed_at() -> None:
    facts = Facts(now=NOW, target=Target.parse("/reset/9f86d081884c7d659a2feaa0c55ad015", FORWARD_RULES))

    record = decision_record(facts, DECISION, ABOUT, NOW)

    assert isinstance(record["request"], dict)
    assert (record["request"]["path"], record["masked"]) == ("/reset/REDACTED", ["/request/path"])


def test_a_shown_query_value_is_no_masked_one() -> None:
    about = Circumstances(id=ID, listener="egress", mode=Mode.FORWARD, disclosure=Disclosure(query=frozenset({"page"})))
    facts = Facts(now=NOW, target=Target.parse("/?page=2", FORWARD_RULES))

    record = decision_record(facts, DECISION, about, NOW)

    assert isinstance(record["request"], dict)
    assert (record["request"]["query"], record["masked"]) == ({"page": "2"}, [])


def test_the_path_that_is_sent_is_told_beside_the_one_that_was_judged_and_masked_like_it() -> None:
    token = "ghp_" + "a1B2" * 9
    record = decision_record(FACTS, DECISION, replace(ABOUT, sent=f"/v1/{token}"), NOW)
    request = record["request"]

    assert isinstance(request, dict)
    assert request["path"] == "/x"
    assert token not in request["sent"]
    assert list(request)[-1] == "sent"


@pytest.mark.parametrize("answers", ["redirect", "response"])
def test_an_answer_of_the_gateway_itself_is_told(answers: Literal["redirect", "response"]) -> None:
    assert decision_record(FACTS, DECISION, replace(ABOUT, answers=answers), NOW)["answers"] == answers
    assert "answers" not in decision_record(FACTS, DECISION, ABOUT, NOW)


def test_the_place_of_a_rule_is_told_without_the_folders_of_the_machine() -> None:
    record = decision_record(FACTS, replace(DECISION, place="/etc/wicketgate/policies/corporate.yaml:21"), ABOUT, NOW)

    assert '"place": "corporate.yaml:21"' in json.dumps(record)


def test_an_end_record_closes_an_exchange() -> None:
    record = end_record(decision_id=ID, status=403, up=0, down=512, seconds=0.0041234567, now=NOW)

    assert list(record.items()) == [
        ("time", "2026-11-23T10:00:00.123456Z"),
        ("event", "end"),
        ("id", ID),
        ("status", 403),
        ("bytes", {"up": 0, "down": 512}),
        ("seconds", 0.004123),
        ("reason", None),
        ("destination", None),
    ]


def test_a_broken_exchange_says_why() -> None:
    record = end_record(
        decision_id=ID,
        status=502,
        up=0,
        down=0,
        seconds=1,
        now=NOW,
        reason=Reason.UPSTREAM_BROKEN,
        reached=Address.parse("192.0.2.1"),
    )

    assert (record["reason"], record["destination"]) == ("upstream-broken", {"ip": "192.0.2.1"})


def test_a_decision_in_an_end_record_says_in_words_what_no_rule_decided() -> None:
    said = decision_object(refuse(Reason.UPSTREAM_REFUSED, "Nobody listens at the destination."))

    assert (said["reason"], said["detail"]) == ("upstream-refused", "Nobody listens at the destination.")
    assert decision_object(refuse(Reason.UPSTREAM_REFUSED))["detail"] is None


def test_every_event_begins_with_its_time_and_kind_and_json_can_hold_it() -> None:
    events = [
        start_record(version="1", engine="mitmproxy", listeners=["egress forward 127.0.0.1:8080"], now=NOW),
        stop_record(cause="SIGTERM", now=NOW),
        policy_record(
            outcome="refused", listener="egress", file="p.yaml", name=None, digest=None, problems=["x"], now=NOW
        ),
        list_record(outcome="loaded", listener="egress", name="ads", entries=1, digest=None, problems=[], now=NOW),
        gap_record(reason="torn-line", detail="cut", cut=7, now=NOW),
        connection_record(
            decision_id=ID,
            listener="egress",
            client=(Address.parse("::1"), 1),
            outcome="refused",
            reason=Reason.CAPACITY,
            detail="too many: `s3cret`",
            up=0,
            down=0,
            seconds=0,
            now=NOW,
        ),
    ]

    assert [each["event"] for each in events] == ["start", "stop", "policy", "list", "gap", "connection"]
    assert all(list(each)[:2] == ["time", "event"] for each in events)
    assert all(json.loads(json.dumps(each)) == each for each in events)
    assert "s3cret" not in json.dumps(events)


def test_an_exchange_with_a_server_that_was_not_verified_says_so_and_no_other_does() -> None:
    told = [
        end_record(decision_id=ID, status=200, up=0, down=0, seconds=1, now=NOW, unverified=unverified)
        for unverified in (True, False)
    ]

    assert [each.get("unverified") for each in told] == [True, None]


def test_what_a_cache_did_stands_in_the_end_and_nothing_where_there_is_none() -> None:
    told = [
        end_record(decision_id=ID, status=200, up=0, down=0, seconds=1, now=NOW, cache=cache) for cache in ("hit", None)
    ]

    assert [each.get("cache", "no key") for each in told] == ["hit", "no key"]


def test_a_client_that_proved_who_it_is_is_recorded_with_how() -> None:
    facts = replace(FACTS, user="alice", identity_method="certificate")

    told = [decision_record(each, DECISION, ABOUT, NOW).get("identity", "no key") for each in (facts, FACTS)]

    assert told == [{"method": "certificate"}, "no key"]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"type": "text/html"}, "text/html"),
        ({"type": "application/vnd.oci.image.manifest.v1+json"}, "application/vnd.oci.image.manifest.v1+json"),
        ({"type": None}, ABSENT),
        ("no key", UNKNOWN),
        ({"type": "REDACTED"}, "s3cret"),
        ({"type": "REDACTED"}, "text/html\udce9"),
        ({"type": "REDACTED"}, f"text/{'x' * 128}"),
        ({"type": "application/REDACTED"}, "application/eyjhbgcioijiuzi1nij9e30c2lnbmf0dxjl0123"),
    ],
)
def test_an_end_says_of_what_type_the_answer_was_and_nothing_that_is_no_type(told: object, kind: Fact[str]) -> None:
    record = end_record(decision_id=ID, status=200, up=0, down=0, seconds=1, now=NOW, kind=kind)

    assert record.get("response", "no key") == told


def test_tls_that_ends_at_the_front_door_is_called_so_and_a_balancer_is_named() -> None:
    about = replace(ABOUT, mode=Mode.REVERSE, balancer=Address.parse("10.0.0.7"))

    record = decision_record(FACTS, DECISION, about, NOW)

    assert record["tls"] == {"sni": "ads.example", "mode": "terminated", "version": "1.3"}
    client = record["client"]
    assert isinstance(client, dict)
    assert client["balancer"] == "10.0.0.7"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (FACTS, (None, None)),
        (replace(FACTS, target=Target.parse("/a/../x", FORWARD_RULES)), (True, None)),
        (replace(FACTS, connect=True), (None, None)),
        (replace(FACTS, connect=True, tls_inspected=ABSENT), (None, True)),
        (Facts(now=NOW, connect=True, tls_inspected=ABSENT), (None, None)),
    ],
    ids=["as-usual", "respelt", "inspected", "plain-in-a-tunnel", "the-tunnel-itself"],
)
def test_another_spelling_and_a_plain_request_in_a_tunnel_are_told(
    facts: Facts, told: tuple[bool | None, bool | None]
) -> None:
    request = decision_record(facts, DECISION, ABOUT, NOW)["request"]

    assert isinstance(request, dict)
    assert (request.get("respelt"), request.get("tunnel")) == told
