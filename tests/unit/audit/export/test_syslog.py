from __future__ import annotations

import pytest

from gateway.audit.export.syslog import frame, line
from tests.unit.audit.export.logged import LOG, message

TIME = "2026-11-23T10:00:00.123456Z"


def test_a_message_has_every_part_of_the_protocol() -> None:
    decided = {"verdict": "deny", "reason": "rule-deny", "rule": "no-ads"}
    data = f'[wicketgate@32473 log="{LOG}" seq="7" id="01X" verdict="deny" reason="rule-deny" rule="no-ads"]'

    found = line(message(7, "the text", event="decision", id="01X", decision=decided), LOG, "gw-1")

    assert found == f"<109>1 {TIME} gw-1 wicketgate - decision {data} the text"


@pytest.mark.parametrize(
    ("priority", "record"),
    [
        (13 * 8 + 6, {"event": "decision", "decision": {"verdict": "allow"}}),
        (13 * 8 + 5, {"event": "decision", "decision": {"verdict": "deny"}}),
        (13 * 8 + 4, {"event": "list", "outcome": "stale"}),
        (13 * 8 + 3, {"event": "gap"}),
        (13 * 8 + 2, {"event": "proof", "outcome": "tampered"}),
    ],
)
def test_the_priority_says_how_grave_a_record_is(priority: int, record: dict[str, object]) -> None:
    assert line(message(1, **record), LOG, "gw").startswith(f"<{priority}>1 ")  # type: ignore[arg-type]  # no `text` in it


def test_what_a_client_said_cannot_end_the_structured_data() -> None:
    found = line(message(1, id='a"b\\c]d'), LOG, "gw")

    assert ' id="a\\"b\\\\c\\]d"] text' in found


@pytest.mark.parametrize(("shown", "host"), [("gw-1.example", "gw-1.example"), ("ab", "a b\n"), ("-", "ü"), ("-", "")])
def test_a_host_name_is_printable_and_one_word(shown: str, host: str) -> None:
    assert shown == line(message(1), LOG, host).split()[2]


def test_the_length_in_front_counts_octets() -> None:
    length, _, rest = frame(message(1, "grün"), LOG, "gw").partition(b" ")

    assert int(length) == len(rest)
    assert rest.endswith("\ufeffgrün".encode())
    assert "\ufeff" not in line(message(1, "green"), LOG, "gw")


def test_a_record_without_a_time_has_none() -> None:
    assert line(message(1, time=None), LOG, "gw").split()[1] == "-"
