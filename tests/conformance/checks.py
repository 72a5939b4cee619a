"""What is checked of every row, whichever way the gateway faces: what clients were answered, and what was recorded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.model import Reason
from tests.conformance.table import wire
from tests.e2e.trail import check_exchanges

if TYPE_CHECKING:
    from tests.conformance.acting import Client, Place
    from tests.conformance.table import Row, Want
    from tests.e2e.wire import Answer

ALERT: Final = re.compile(rb"(\x15\x03.\x00\x02..)?", re.DOTALL)
"""What a connection may still say at its end: nothing, or that its handshake failed (RFC 8446 section 6)."""


def check_answers(row: Row, clients: list[Client]) -> None:
    """Every answer is the wanted one, and nothing came behind the last."""
    for client in clients:
        answered = [want for want in row.wants if want.is_answered]
        said = [_said(answer, want) for answer, want in zip(client.answers, answered, strict=True)]
        assert said == [_wanted(want) for want in answered]
        assert _is_cut(client.rest) if any(want.is_cut for want in row.wants) else ALERT.fullmatch(client.rest)
        got = str([(each.status, each.fields, each.body) for each in client.answers])
        has, lacks = (
            [filled(piece, client.watched).decode("latin-1") for piece in pieces]
            for pieces in (row.gets.has, row.gets.lacks)
        )
        assert [piece for piece in has if piece not in got] == []
        assert [piece for piece in lacks if piece.lower() in got.lower()] == []


def _is_cut(rest: bytes) -> bool:
    """Whether an answer has begun and does not end as it says."""
    head, _, body = rest.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head.lower())
    return head.startswith(b"HTTP/1.1 ") and (
        not body.endswith(b"0\r\n\r\n") if length is None else len(body) < int(length[1])
    )


def _wanted(want: Want) -> tuple[int | None, str | None, str | None]:
    if want.allowed and want.end is None:
        return want.status, None, None
    return want.status, want.end or want.reason, want.rule


def _said(answer: Answer, want: Want) -> tuple[int, str | None, str | None]:
    """What an answer says of itself; an origin's, and a page of the gateway, say nothing of a refusal."""
    if answer.get("wicketgate-decision") is None or want.reason is Reason.OWN_PAGE:
        return answer.status, None, None
    if not answer.body:
        told = answer.get("proxy-status") or ""
        return answer.status, told.partition('details="')[2].rstrip('"'), None
    return answer.status, answer.problem["reason"], answer.problem.get("rule")


def check_records(row: Row, clients: list[Client], records: list[dict[str, Any]]) -> None:
    """Exactly the wanted decisions stand in the trail, in order, each with one end that says the same."""
    check_exchanges(records)
    assert {record["listener"] for record in records if "listener" in record} <= {row.listener}
    decided = [record for record in records if record["event"] == "decision"]
    ends = {record["id"]: record for record in records if record["event"] == "end"}
    connections = [record for record in records if record["event"] == "connection"]
    assert len(records) == len(decided) + len(ends) + len(connections), "something else was recorded"
    assert len(connections) <= len(clients)
    assert all(each["outcome"] == "closed" or each["id"] in ends for each in connections)
    found = [
        (
            ends[each["id"]]["status"],
            each["decision"]["verdict"],
            each["decision"]["reason"],
            each["decision"]["rule"],
            ends[each["id"]].get("reason"),
        )
        for each in decided
    ]
    wanted = [
        (want.status, "allow" if want.allowed else "deny", want.reason, None if want.end else want.rule, want.end)
        for want in row.wants
    ]
    assert found == wanted * len(clients)
    told = {answer.get("wicketgate-decision") for client in clients for answer in client.answers} - {None}
    assert told <= set(ends), "a decision id that is not in the trail"


def filled(text: str, place: Place) -> bytes:
    """The bytes of a text of a row, with the words in braces replaced."""
    for word, meaning in place.told.items():
        text = text.replace(word, meaning)
    return wire(text)
