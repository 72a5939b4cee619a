from __future__ import annotations

import pytest

from gateway.audit.records.lines import line, printable, url_of
from tests.unit.audit.samples import SAMPLES

DECISION: dict[str, object] = {
    "v": 1,
    "seq": 17,
    "time": "2026-11-23T10:00:00.123456Z",
    "event": "decision",
    "client": {"ip": "10.1.2.3", "port": 51000, "user": None, "groups": []},
    "request": {
        "method": "GET",
        "scheme": "https",
        "host": "x.example",
        "port": 443,
        "path": "/",
        "query": {"t": "REDACTED"},
    },
    "decision": {"verdict": "deny", "reason": "rule-deny", "rule": "ads", "place": "p.yaml:2"},
}


def with_(**parts: object) -> dict[str, object]:
    return DECISION | parts


@pytest.mark.parametrize(
    ("wanted", "record"),
    [
        (
            "2026-11-23 10:00:00.123Z  deny   10.1.2.3  GET https://x.example/?t=REDACTED  rule-deny  ads (p.yaml:2)",
            DECISION,
        ),
        (
            "2026-11-23 10:00:00.123Z  allow  10.1.2.3  CONNECT ads.example:443  allowed-by-default",
            with_(
                request={"method": "CONNECT", "scheme": None, "host": "ads.example", "port": 443, "path": None},
                decision={"verdict": "allow", "reason": "allowed-by-default", "rule": None, "place": None},
            ),
        ),
        (
            "2026-11-23 10:00:00.123Z  deny   -  - -  malformed-request  host `REDACTED`: spaces are not allowed",
            with_(
                client={},
                request={},
                decision={
                    "verdict": "deny",
                    "reason": "malformed-request",
                    "rule": None,
                    "detail": "host `REDACTED`: spaces are not allowed",
                },
            ),
        ),
        (
            "2026-11-23 10:00:00.123Z  end    01JD  403  0 bytes up, 512 down, 0.004 s",
            {
                "time": "2026-11-23T10:00:00.123456Z",
                "event": "end",
                "id": "01JD",
                "status": 403,
                "bytes": {"up": 0, "down": 512},
                "seconds": 0.004,
                "reason": None,
            },
        ),
        (
            "2026-11-23 10:00:00.123Z  policy  outcome=refused policy=name:office problems=a; b",
            {
                "time": "2026-11-23T10:00:00.123456Z",
                "event": "policy",
                "outcome": "refused",
                "policy": {"name": "office", "digest": None},
                "problems": ["a", "b"],
                "notices": [],
            },
        ),
    ],
)
def test_a_record_is_one_line_for_people(wanted: str, record: dict[str, object]) -> None:
    assert wanted == line(record)


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ("http://x.example:8080/", {"scheme": "http", "host": "x.example", "port": 8080, "path": "/"}),
        ("http://x.example/", {"scheme": "http", "host": "x.example", "port": 80, "path": "/"}),
        ("https://[2001:db8::1]/", {"scheme": "https", "host": "2001:db8::1", "port": 443, "path": "/"}),
        ("[2001:db8::1]:443", {"host": "2001:db8::1", "port": 443}),
        ("x.example", {"host": "x.example"}),
        ("-", {"host": None}),
        (
            "http://x/?page=2&page=3",
            {"scheme": "http", "host": "x", "port": 80, "path": "/", "query": {"page": ["2", "3"]}},
        ),
        ("http://x/?a%20b=c%26d", {"scheme": "http", "host": "x", "port": 80, "path": "/", "query": {"a b": "c&d"}}),
    ],
)
def test_an_address_is_written_as_people_do(wanted: str, asked: dict[str, object]) -> None:
    assert wanted == url_of({"request": asked})


def test_nothing_in_a_record_can_steer_a_terminal() -> None:
    record = with_(client={"ip": "\x1b[2J\r\n\u202e"})

    assert "  \\x1b[2J\\r\\n\\u202e  " in line(record)
    assert line(record, colour=True).count("\x1b") == 2


@pytest.mark.parametrize("text", ["plain", "ünïcode", "日本語"])
def test_what_is_printable_stays(text: str) -> None:
    assert text == printable(text)


def test_colour_marks_the_verdict_alone() -> None:
    assert "  \x1b[31mdeny \x1b[0m  " in line(DECISION, colour=True)
    assert "\x1b" not in line({"event": "stop", "time": "", "cause": "deny"}, colour=True)


def test_the_signed_note_of_a_key_is_for_programs() -> None:
    assert line(SAMPLES["key"]) == "2026-11-23 10:00:00.123Z  key    day=2026-11-23 key=gw+00000000+AA=="
