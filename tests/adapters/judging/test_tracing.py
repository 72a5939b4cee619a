from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy.http import Headers

from addons.judging.tracing import Tracer, retold, told
from gateway.audit.export.targets import Target
from gateway.audit.records.clients import truncated
from gateway.audit.records.disclosure import Disclosure
from gateway.config.settings import TraceSettings
from gateway.policy.model import Reason, refuse
from gateway.policy.paths import FORWARD_RULES
from gateway.policy.paths import Target as Path
from gateway.traces.spans import Drawing
from tests.adapters.judging.test_recording import admit, begin

if TYPE_CHECKING:
    from addons.judging.exchange import Exchange
    from gateway.traces.spans import Span
    from tests.adapters.judging.test_recording import Setter
    from tests.adapters.scene import Scene

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def tracing(here: Scene, disclosure: Disclosure | None = None, **settings: Any) -> list[Span]:
    """Let the scene trace; where its spans come out."""
    found: list[Span] = []
    numbers = count(1)
    wanted = TraceSettings(target=Target("http", "127.0.0.1", 4318, "/v1/traces"), **settings)
    here.connections.tracing = Tracer(
        wanted,
        Drawing(wanted.sample, lambda size: next(numbers).to_bytes(size), lambda: 1_000_000_000),
        found.extend,
        disclosure=disclosure or Disclosure(),
        timer=here.connections.timer,
        clock=here.now,
    )
    return found


def asking(exchange: Exchange, path: str) -> None:
    exchange.facts = exchange.facts.learning(target=Path.parse(path, FORWARD_RULES), method="GET")


def test_a_span_says_what_the_log_says_and_no_secret(scene: Setter) -> None:
    here = scene()
    found = tracing(here)
    exchange, _ = admit(here)
    asking(exchange, f"/a/{JWT}?token=s3cret")
    exchange.status = 200
    here.elapsed = 0.25
    here.recorder.ended(exchange)

    (span,) = found
    assert (span.name, span.kind, span.parent, span.failed) == ("GET", "server", None, False)
    assert (span.began, span.ended) == (1_000_000_000, 1_250_000_000)
    assert span.attributes["url.path"] == "/a/REDACTED"
    assert span.attributes["wicketgate.decision.id"] == exchange.id
    assert (span.attributes["wicketgate.decision.verdict"], span.attributes["wicketgate.decision.reason"]) == (
        "allow",
        "allowed-by-default",
    )
    assert "s3cret" not in repr(span)
    assert here.records()[0]["trace"] == span.context.trace


def test_a_client_that_is_hidden_in_the_log_is_hidden_in_spans(scene: Setter) -> None:
    here = scene()
    found = tracing(here, Disclosure(client=truncated))
    exchange, _ = begin(here)
    address = str(exchange.facts.client_ip)
    asking(exchange, f"/of/{address}")
    here.recorder.refused(exchange, refuse(Reason.DEFAULT), status=403, down=1)

    assert address not in repr(found[0].attributes)
    assert found[0].attributes["client.address"] == truncated(exchange.facts.client_ip, 0.0)  # type: ignore[arg-type]  # it is known


def test_a_refusal_is_no_error_of_the_gateway_and_asks_no_server(scene: Setter) -> None:
    here = scene()
    found = tracing(here)
    exchange, _ = begin(here)
    here.recorder.refused(exchange, refuse(Reason.RULE_DENY), status=403, down=1)

    (span,) = found
    assert (span.failed, span.attributes["http.response.status_code"]) == (False, 403)
    assert (span.attributes["wicketgate.decision.verdict"], span.attributes["wicketgate.decision.reason"]) == (
        "deny",
        "rule-deny",
    )


def test_a_server_that_was_asked_has_a_span_below_ours(scene: Setter) -> None:
    here = scene()
    found = tracing(here)
    exchange, _ = admit(here)
    exchange.endpoint = ("site.example", 80)
    assert exchange.trace is not None
    here.elapsed = 1.0
    exchange.trace.went_on("http://a:1", "upstream-refused", here.connections.timer() - 1.0, here.connections.timer())
    here.elapsed = 2.0
    exchange.outcome = refuse(Reason.UPSTREAM_BROKEN)
    here.recorder.ended(exchange)

    server, first, second = found
    assert {first.parent, second.parent} == {server.context.span}
    assert {first.context.trace, second.context.trace} == {server.context.trace}
    assert (first.attributes["error.type"], second.attributes["error.type"]) == ("upstream-refused", "upstream-broken")
    assert (first.ended, second.began, second.ended) == (2_000_000_000, 2_000_000_000, 3_000_000_000)
    assert second.attributes["http.request.resend_count"] == 1
    assert (server.failed, first.failed, second.failed) == (True, True, True)
    assert "client.address" not in first.attributes


@pytest.mark.parametrize(
    ("cache", "reached", "asked"),
    [("hit", False, 0), ("nothing-kept", False, 0), ("stale", False, 0), ("stale", True, 1), ("stored", True, 1)],
)
def test_what_was_kept_asks_no_server(scene: Setter, cache: str, *, reached: bool, asked: int) -> None:
    here = scene()
    found = tracing(here)
    exchange, _ = admit(here)
    exchange.endpoint, exchange.cache = ("site.example", 80), cache
    exchange.reached = exchange.connection.peer if reached else None
    here.recorder.ended(exchange)

    assert [span.kind for span in found] == ["server"] + ["client"] * asked


def test_what_is_not_sampled_is_not_told_and_stands_in_the_log(scene: Setter) -> None:
    here = scene()
    found = tracing(here, sample=0.0)
    exchange, _ = admit(here)
    here.recorder.ended(exchange)

    assert found == []
    assert exchange.trace is not None
    assert here.records()[0]["trace"] == exchange.trace.id


@pytest.mark.parametrize(
    ("values", "joined"),
    [
        ([f"00-{TRACE}-{PARENT}-01"], True),
        ([f"00-{TRACE}-{PARENT}-01"] * 2, False),
        (["nonsense"], False),
        ([], False),
    ],
)
def test_the_trace_of_a_client_is_gone_on_with_if_it_names_one(
    scene: Setter, values: list[str], *, joined: bool
) -> None:
    here = scene()
    tracing(here, parent="all")
    exchange, _ = begin(here)
    headers = Headers([(b"traceparent", each.encode()) for each in values] + [(b"tracestate", b"a=b")])
    assert here.connections.tracing is not None
    here.connections.tracing.follow(exchange, headers)

    assert exchange.trace is not None
    assert (exchange.trace.id == TRACE, exchange.trace.parent, exchange.trace.state) == (
        (True, PARENT, "a=b") if joined else (False, None, None)
    )


@pytest.mark.parametrize("parent", ["trusted", "none"])
def test_a_stranger_does_not_choose_our_trace_unless_the_operator_says_so(scene: Setter, parent: str) -> None:
    here = scene()
    tracing(here, parent=parent)
    exchange, _ = begin(here)
    assert here.connections.tracing is not None
    here.connections.tracing.follow(exchange, Headers([(b"traceparent", f"00-{TRACE}-{PARENT}-01".encode())]))

    assert exchange.trace is not None
    assert exchange.trace.id != TRACE


def test_servers_are_told_of_the_span_that_is_theirs(scene: Setter) -> None:
    here = scene()
    tracing(here)
    exchange, _ = begin(here)
    trace = exchange.trace
    assert trace is not None
    trace.state = "a=b"
    fields = told(trace, [(b"Accept", b"*/*"), (b"TraceParent", b"theirs"), (b"tracestate", b"x=y")])
    before = trace.asking
    trace.went_on("a", "upstream-broken", 0.0, 1.0)

    assert fields == [(b"Accept", b"*/*"), (b"traceparent", str(before).encode()), (b"tracestate", b"a=b")]
    assert retold(trace, fields)[1] == (b"traceparent", str(trace.asking).encode())
    assert before != trace.asking
    assert retold(trace, [(b"traceparent", b"set by a policy")]) == ((b"traceparent", b"set by a policy"),)


def test_an_exchange_ends_as_it_would_if_it_cannot_be_traced(scene: Setter, caplog: pytest.LogCaptureFixture) -> None:
    def full(_address: object, _now: float) -> str:
        raise OSError("no key")

    here = scene()
    found = tracing(here, Disclosure(client=full))
    exchange, _ = admit(here)
    here.recorder.ended(exchange)

    assert found == []
    assert here.records()[-1]["event"] == "end"
    assert "an exchange could not be traced" in caplog.text
