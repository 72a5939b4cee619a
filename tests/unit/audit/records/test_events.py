from __future__ import annotations

import json

from gateway.audit.records.events import (
    authority_record,
    certificates_record,
    connection_record,
    gap_record,
    list_record,
    policy_record,
    server_record,
    start_record,
    stop_record,
    trust_record,
)
from gateway.policy.addresses import Address
from gateway.policy.model import Reason

NOW = 1795428000.0
TIME = "2026-11-23T10:00:00.000000Z"
CLIENT = (Address.parse("2001:db8::1"), 51000)


def test_start_and_stop_say_what_runs_and_why_it_ended() -> None:
    listeners = ["egress forward 127.0.0.1:8080"]

    assert start_record(version="0.1.0", engine="mitmproxy", listeners=listeners, now=NOW) == {
        "time": TIME,
        "event": "start",
        "version": "0.1.0",
        "engine": "mitmproxy",
        "listeners": listeners,
        "configuration": None,
    }
    assert stop_record(cause="SIGTERM", now=NOW) == {"time": TIME, "event": "stop", "cause": "SIGTERM"}


def test_a_policy_record_names_what_is_in_force_and_the_problems_of_what_is_not() -> None:
    problems = ["p.yaml:1:1  ruls: unknown key"]
    record = policy_record(
        outcome="refused", listener="egress", file="p.yaml", name="p", digest="sha256:1", problems=problems, now=NOW
    )

    assert list(record.items())[2:] == [
        ("outcome", "refused"),
        ("cause", "start"),
        ("listener", "egress"),
        ("file", "p.yaml"),
        ("policy", {"name": "p", "digest": "sha256:1"}),
        ("problems", problems),
    ]


def test_a_list_record_tells_how_much_the_list_holds() -> None:
    record = list_record(
        outcome="loaded", listener="egress", name="ads", entries=7, digest="sha256:1", problems=[], now=NOW
    )

    assert record["list"] == {"name": "ads", "entries": 7, "digest": "sha256:1"}


def test_a_gap_record_always_has_all_its_counts() -> None:
    record = gap_record(reason="write-failed", detail="no space", since=NOW - 1, rewritten=3, refused=2, now=NOW)
    torn = gap_record(reason="torn-line", detail="cut", cut=7, now=NOW)

    assert [record[key] for key in ("since", "rewritten", "refused", "cut")] == ["2026-11-23T09:59:59.000000Z", 3, 2, 0]
    assert [torn[key] for key in ("since", "rewritten", "refused", "cut")] == [None, 0, 0, 7]
    assert list(record) == list(torn)


def test_a_connection_record_quotes_nothing_that_the_client_sent() -> None:
    record = connection_record(
        decision_id="01JD0000000000000000000000",
        listener="egress",
        client=CLIENT,
        outcome="refused",
        reason=Reason.MALFORMED_REQUEST,
        detail="host `user:s3cret@x`: no",
        up=1,
        down=2,
        seconds=0.1234567,
        now=NOW,
    )

    assert "s3cret" not in json.dumps(record)
    assert (record["client"], record["reason"]) == ({"ip": "2001:db8::1", "port": 51000}, "malformed-request")
    assert (record["bytes"], record["seconds"]) == ({"up": 1, "down": 2}, 0.123457)


def test_a_record_of_certificates_names_the_listener_and_its_files() -> None:
    record = certificates_record(outcome="refused", listener="shop", files=["a.pem"], problems=["a.pem: no"], now=NOW)

    assert (record["event"], record["outcome"], record["listener"]) == ("certificates", "refused", "shop")
    assert (record["files"], record["problems"]) == (["a.pem"], ["a.pem: no"])


def test_a_trust_record_names_files_and_what_is_wrong_with_them() -> None:
    record = trust_record(outcome="refused", files=["root.pem"], problems=["root.pem:1:1  nothing in it"], now=NOW)

    assert (record["event"], record["outcome"], record["files"]) == ("trust", "refused", ["root.pem"])
    assert record["problems"] == ["root.pem:1:1  nothing in it"]


def test_a_record_of_the_authority_names_certificates_by_their_fingerprints() -> None:
    record = authority_record(outcome="loaded", signing="AB:CD", trusted=["AB:CD", "12:34"], problems=[], now=NOW)

    assert (record["event"], record["outcome"]) == ("authority", "loaded")
    assert (record["signing"], record["trusted"]) == ("AB:CD", ["AB:CD", "12:34"])


def test_a_record_of_a_server_says_how_it_stands_and_why() -> None:
    said = "its health check failed: it answered 500"
    record = server_record(upstream="app", server="http://10.0.0.1:8000", standing="down", detail=said, now=NOW)

    assert record == {
        "time": TIME,
        "event": "server",
        "upstream": "app",
        "server": "http://10.0.0.1:8000",
        "standing": "down",
        "detail": said,
    }
