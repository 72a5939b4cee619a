from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from mitmproxy.net.http import http1

from gateway.policy.model import Reason, refuse
from tests.adapters.scene import ALLOW, DENY_ADS, PLAIN, answer_of, judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow, Response

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]


def upstream_answer(status: int, *fields: str) -> Response:
    """The head of an upstream's answer, as the layer reads it."""
    return http1.read_response_head([f"HTTP/1.1 {status} Said".encode(), *(field.encode() for field in fields)])


def stream_of(flow: HTTPFlow) -> Callable[[bytes], list[bytes]]:
    """The stream of a request's body, as the layer uses it."""
    stream = flow.request.stream
    assert callable(stream)
    return lambda piece: [bytes(each) for each in stream(piece) if isinstance(each, bytes)]


def test_an_answer_is_streamed_and_counted(scene: Setter) -> None:
    here = scene()
    flow = here.ask(here.client(), PLAIN)
    answer = here.answer(flow, upstream_answer(200, "Content-Length: 5"))
    assert callable(answer.stream)

    assert list(answer.stream(b"hello")) == [b"hello"]
    assert list(answer.stream(b"")) == []
    assert (judged(flow).status, judged(flow).down) == (200, 5)


NO_ZIP = "rules:\n  - {id: no-zip, action: deny, reason: Archives, when: {response.type: [application/zip]}}\n"


@pytest.mark.parametrize("length", ["Content-Length: 9", "Transfer-Encoding: chunked"])
def test_of_a_denied_answer_not_one_byte_passes(length: str, scene: Setter) -> None:
    here = scene(policy=f"{ALLOW}{NO_ZIP}")
    flow = here.ask(here.client(), PLAIN)
    answer = here.answer(flow, upstream_answer(200, "Content-Type: application/zip", length))
    assert callable(answer.stream)
    body = b"".join([*answer.stream(b"secret"), *answer.stream(b"zip"), *answer.stream(b"")])
    here.recording.request(flow)
    here.recording.response(flow)

    assert answer.status_code == 403
    assert json.loads(body)["rule"] == "no-zip"
    assert answer.headers["content-length"] == str(len(body))
    assert "transfer-encoding" not in answer.headers
    decision, end = here.records()
    assert (decision["decision"]["verdict"], end["decision"]["verdict"]) == ("allow", "deny")
    assert (end["status"], end["bytes"]) == (403, {"up": 0, "down": len(body)})
    assert end["response"] == {"type": "application/zip"}


@pytest.mark.parametrize(
    ("told", "fields"),
    [("text/html", ["Content-Type: Text/HTML; charset=utf-8"]), (None, []), ("REDACTED", ["Content-Type: my secret"])],
)
def test_the_record_of_the_end_says_of_what_type_the_answer_was(
    told: str | None, fields: list[str], scene: Setter
) -> None:
    here = scene()
    flow = here.ask(here.client(), PLAIN)
    here.answer(flow, upstream_answer(200, "Content-Length: 0", *fields))
    here.recording.request(flow)
    here.recording.response(flow)

    _, end = here.records()
    assert (end["status"], end["response"]) == (200, {"type": told})


@pytest.mark.parametrize(("wanted", "sent"), [(403, 30), (200, 20)])
def test_a_rule_about_both_bodies_sees_what_went_up_without_a_length(wanted: int, sent: int, scene: Setter) -> None:
    both = "{request.size: {above: 20B}, response.type: [application/zip]}"
    here = scene(policy=f"{ALLOW}rules:\n  - {{id: swap, action: deny, reason: No swaps, when: {both}}}\n")
    post = "POST http://site.example/ HTTP/1.1\nHost: site.example\n"
    flow = here.ask(here.client(), f"{post}Transfer-Encoding: chunked")
    assert stream_of(flow)(b"x" * sent) == [b"x" * sent]

    answer = here.answer(flow, upstream_answer(200, "Content-Type: application/zip", "Content-Length: 9"))

    outcome = judged(flow).outcome
    reason = None if outcome is None else outcome.reason
    assert (answer.status_code, reason) == (wanted, Reason.RULE_DENY if wanted == 403 else None)


def test_a_denied_answer_without_a_body_is_replaced_by_one_without_a_body(scene: Setter) -> None:
    here = scene(policy=f"{ALLOW}{NO_ZIP}")
    flow = here.ask(here.client(), PLAIN)
    answer = here.answer(flow, upstream_answer(200, "Content-Type: application/zip", "Content-Length: 0"))

    assert (answer.status_code, answer.stream, answer.headers["content-length"]) == (403, False, "0")


def test_a_change_of_protocol_that_nobody_asked_for_is_refused(scene: Setter) -> None:
    here = scene()
    flow = here.ask(here.client(), PLAIN)
    answer = here.answer(flow, upstream_answer(101, "Upgrade: foo", "Connection: Upgrade"))

    assert answer.status_code == 502
    assert "upgrade" not in answer.headers


@pytest.mark.parametrize("field", ["X: a\rSet-Cookie: b=1", "X: a\x00b", "X: a\r\n b"])
def test_an_answer_whose_fields_end_early_for_somebody_is_refused(field: str, scene: Setter) -> None:
    here = scene()
    flow = here.ask(here.client(), PLAIN)
    answer = here.answer(flow, upstream_answer(200, "Content-Length: 5", field))

    assert answer.status_code == 502
    assert "set-cookie" not in answer.headers
    assert judged(flow).outcome == refuse(Reason.UPSTREAM_BROKEN)


def test_an_answer_to_a_refused_request_is_left_alone(scene: Setter) -> None:
    here = scene(policy=DENY_ADS)
    flow = here.ask(here.client(), "GET http://ads.example/ HTTP/1.1\nHost: ads.example")
    before = bytes(answer_of(flow).headers)
    here.admission.responseheaders(flow)
    here.keeper.responseheaders(flow)

    assert before == bytes(answer_of(flow).headers)
