from __future__ import annotations

from gateway.audit.export.posting import Posting
from gateway.audit.export.targets import Target
from gateway.audit.export.to_http import Collector, Webhook
from gateway.audit.mappings.parts import Producer
from tests.unit.audit.export.listening import Listening, answers, status
from tests.unit.audit.export.logged import LOG, message

THROWN_AWAY = b'{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too\\u001b old"}}'


def posting(receiver: Listening) -> Posting:
    """Posts to a receiver."""
    return Posting(Target("http", "127.0.0.1", receiver.port, "/"), None)


def test_a_collector_gets_a_request_and_may_throw_records_away() -> None:
    with Listening([answers(status(200, body=b"{}"), status(200, body=THROWN_AWAY))]) as receiver:
        collector = Collector(
            posting=posting(receiver), producer=Producer("1", LOG), host="gw", fields={"Authorization": "Bearer x"}
        )
        assert collector.deliver([message(1, "{}")]) is None
        assert collector.deliver([message(2, "{}")]) == "the collector threw away 1 records: 'too\\x1b old'"
        collector.close()

    assert b"Content-Type: application/json\r\n" in receiver.got[0]
    assert b"Authorization: Bearer x\r\n" in receiver.got[0]
    assert receiver.got[0].endswith(b'"logRecords":[{}]}]}]}')


def test_a_webhook_gets_signed_lines() -> None:
    with Listening([answers(status(202))]) as receiver:
        hook = Webhook(posting=posting(receiver), log=LOG, secret=b"key", fields={}, clock=lambda: 7.0)
        hook.deliver([message(1, "{}"), message(2, "{}")])
        hook.close()

    (request,) = receiver.got
    assert f"webhook-id: {LOG}:1-2\r\n".encode() in request
    assert b"webhook-timestamp: 7\r\n" in request
    assert b"webhook-signature: v1," in request
    assert b"Content-Type: application/x-ndjson\r\n" in request
    assert request.endswith(b"{}\n{}\n")
