from __future__ import annotations

from addons.judging.exchange import Connections
from addons.serving.tracing import problems_of, sender_of
from gateway.audit.export.rules import Secret
from gateway.audit.export.targets import Target
from gateway.audit.records.disclosure import Disclosure
from gateway.config.settings import TraceSettings

HERE = Target("http", "127.0.0.1", 9, "/v1/traces")


def connections() -> Connections:
    return Connections(lambda: "id", lambda: 0.0)


def test_without_the_section_no_exchange_is_traced() -> None:
    known = connections()

    assert (sender_of(None, known, Disclosure()), known.tracing, problems_of(None)) == (None, None, [])


def test_with_it_connections_trace_and_nothing_is_sent_before_the_start() -> None:
    known = connections()
    sender = sender_of(TraceSettings(target=HERE), known, Disclosure())

    assert known.tracing is not None
    assert sender is not None
    sender.close()
    assert (sender.tally.sent, sender.tally.dropped) == (0, 0)


def test_a_secret_that_is_not_there_is_told_before_the_start() -> None:
    settings = TraceSettings(target=HERE, authorization=Secret(environment="NO_SUCH_VARIABLE_OF_TRACES"))

    assert problems_of(settings) == ["traces: the variable `NO_SUCH_VARIABLE_OF_TRACES` is not set"]
