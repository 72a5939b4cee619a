"""Bodies of requests: log records of OpenTelemetry, and JSON lines that are signed.

Source: OTLP 1.9, JSON encoding (`ExportLogsServiceRequest`); Standard Webhooks 1.0 (`webhook-id`, `webhook-timestamp`,
`webhook-signature`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.export.forms import Message
    from gateway.audit.mappings.parts import Producer

OTLP_TYPE: Final = "application/json"
LINES_TYPE: Final = "application/x-ndjson"
SERVICE: Final = "wicketgate"


def otlp_body(messages: Sequence[Message], producer: Producer, host: str) -> bytes:
    """One request of OTLP/HTTP; messages are log records in OTLP/JSON already."""
    resource = {
        "service.name": SERVICE,
        "service.version": producer.version,
        "service.instance.id": producer.log,
        "host.name": host,
    }
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in resource.items()]
    head = json.dumps({"attributes": attributes}, separators=(",", ":"))
    scope = json.dumps({"name": "wicketgate.audit", "version": producer.version}, separators=(",", ":"))
    records = ",".join(each.text for each in messages)
    return (
        f'{{"resourceLogs":[{{"resource":{head},"scopeLogs":[{{"scope":{scope},"logRecords":[{records}]}}]}}]}}'
    ).encode()


def rejected(answer: bytes) -> tuple[int, str]:
    """How many log records a collector took and threw away, and its words about that (`partialSuccess`)."""
    try:
        found = json.loads(answer)
        partial = found["partialSuccess"]
        return int(partial.get("rejectedLogRecords", 0)), str(partial.get("errorMessage", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        return 0, ""


def lines_body(messages: Sequence[Message]) -> bytes:
    """One message a line."""
    return "".join(f"{each.text}\n" for each in messages).encode()


def webhook_fields(
    messages: Sequence[Message], log: str, body: bytes, secret: bytes | None, now: float
) -> dict[str, str]:
    """What is said beside the body: where it comes from, and with a secret, that it does."""
    name = f"{log}:{messages[0].seq}-{messages[-1].seq}"
    fields = {"webhook-id": name, "webhook-timestamp": str(int(now))}
    if secret is not None:
        signed = f"{name}.{int(now)}.".encode() + body
        digest = hmac.new(secret, signed, hashlib.sha256).digest()
        fields["webhook-signature"] = f"v1,{base64.b64encode(digest).decode('ascii')}"
    return fields
