from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from addons.http1.client_side import UnreadableHead
from addons.judging.openings import Openings
from addons.tunnels.opening import Opening
from gateway.policy.model import Reason, refuse
from tests.adapters.hellos import hello_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.adapters.scene import Scene

SPLICING = """
version: 1
name: open
default: {action: allow}
tls:
  inspect: all
  splice:
    - {id: bank, reason: tests, when: {host: {is: [site.example]}}}
"""


def openings_of(stage: Scene) -> Openings:
    return Openings(stage.admission, stage.connections)


@pytest.mark.parametrize(
    ("treatment", "endpoint", "policy"),
    [("inspect", None, None), ("splice", ("site.example", 443), SPLICING)],
)
def test_a_hello_is_treated_as_the_policy_says(
    treatment: str, endpoint: tuple[str, int] | None, policy: str | None, scene: Callable[..., Scene]
) -> None:
    stage = scene(**({} if policy is None else {"policy": policy}))
    client = stage.client()
    stage.connect(client, "site.example:443")
    opening = Opening(client, hello_of("site.example"))

    asyncio.run(openings_of(stage).tunnel_hello(opening))

    assert (treatment, endpoint) == (opening.treatment, opening.endpoint)


def test_an_opening_is_refused_unless_somebody_says_otherwise(scene: Callable[..., Scene]) -> None:
    assert Opening(scene().client()).treatment == "refuse"


def test_what_was_passed_on_unread_is_in_the_record(scene: Callable[..., Scene]) -> None:
    stage = scene(policy=SPLICING)
    client, openings = stage.client(), openings_of(stage)
    stage.connect(client, "site.example:443")
    opening = Opening(client, hello_of("site.example"))
    asyncio.run(openings.tunnel_hello(opening))
    opening.up, opening.down = 300, 5000

    openings.client_disconnected(client)
    stage.recording.client_disconnected(client)

    (end,) = [record for record in stage.records() if record["event"] == "end"]
    assert end["bytes"] == {"up": 300, "down": 5000}


def test_a_tunnel_that_cannot_be_read_is_refused_and_recorded(scene: Callable[..., Scene]) -> None:
    stage = scene()
    client = stage.client()
    stage.connect(client, "site.example:443")

    openings_of(stage).tunnel_broken(Opening(client, problem=Reason.MALFORMED_REQUEST))

    assert list(stage.shapes()) == [("decision", "deny", "malformed-request"), ("end", None)]


def test_a_head_that_cannot_be_read_is_answered_and_recorded(scene: Callable[..., Scene]) -> None:
    stage = scene()
    head = UnreadableHead(stage.client(), refuse(Reason.HEAD_TOO_LARGE))

    openings_of(stage).unreadable_head(head)

    assert head.response is not None
    assert head.response.status_code == 431
    assert list(stage.shapes()) == [("decision", "deny", "head-too-large"), ("end", 431)]


def test_a_head_that_cannot_be_read_in_a_tunnel_is_the_one_thing_on_record(scene: Callable[..., Scene]) -> None:
    stage = scene()
    client = stage.client()
    stage.connect(client, "site.example:443")

    openings_of(stage).unreadable_head(UnreadableHead(client, refuse(Reason.MALFORMED_REQUEST)))
    stage.recording.client_disconnected(client)

    assert list(stage.shapes()) == [("decision", "deny", "malformed-request"), ("end", 400)]


def test_a_body_that_cannot_be_read_is_the_reason_of_the_end(scene: Callable[..., Scene]) -> None:
    stage = scene()
    client = stage.client()
    stage.ask(client, "POST http://site.example/ HTTP/1.1\nHost: site.example\nTransfer-Encoding: chunked")

    openings_of(stage).unreadable_body(client)
    stage.recording.client_disconnected(client)

    (decision, end) = stage.records()
    assert (decision["decision"]["verdict"], end["reason"]) == ("allow", "malformed-request")


def test_words_that_are_missing_refuse(scene: Callable[..., Scene]) -> None:
    stage = scene()
    opening = Opening(stage.client())

    with pytest.raises(LookupError):
        asyncio.run(openings_of(stage).tunnel_hello(opening))
    with pytest.raises(LookupError):
        openings_of(stage).tunnel_broken(opening)
