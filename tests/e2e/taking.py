"""A receiver of webhooks and of OTLP/HTTP, to be run by uvicorn; it answers once what it got is written down.

Its file, `WICKETGATE_TAKEN`, holds a line of JSON for every record: `[log, seq, text]`. The file `ANSWER` beside it, if
there is one, holds the status that is answered instead.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from google.protobuf.json_format import MessageToDict, Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

app = FastAPI()
_FILE = Path(os.environ["WICKETGATE_TAKEN"])


@app.post("/hook")
async def hook(request: Request) -> Response:
    """JSON lines, each in the log's own words."""
    body = await request.body()
    records = [json.loads(line) for line in body.splitlines()]
    rows = [[each["log"], each["seq"], json.dumps(each)] for each in records]
    return await run_in_threadpool(_answer, rows, [dict(request.headers), body.decode()])


@app.post("/anchor")
async def anchor(request: Request) -> Response:
    """Checkpoints, written down as they come."""
    body = await request.body()

    def write() -> None:
        with _FILE.with_name("anchor").open("ab") as file:
            file.write(body)

    await run_in_threadpool(write)
    return Response(status_code=204)


@app.post("/v1/logs")
async def logs(request: Request) -> Response:
    """What a collector of OpenTelemetry takes, read by the protocol's own definition: an unknown key is an error."""
    found = Parse(await request.body(), ExportLogsServiceRequest())
    rows = []
    for resource in found.resource_logs:
        for scope in resource.scope_logs:
            for each in scope.log_records:
                values = {one.key: one.value.string_value for one in each.attributes}
                log, seq = values["log.record.uid"].split(":")
                rows.append([log, int(seq), each.body.string_value])
    return await run_in_threadpool(_answer, rows, [dict(request.headers), ""])


@app.post("/v1/traces")
async def traces(request: Request) -> Response:
    """Spans, each with its attributes as one object, written into the file `spans`."""
    found = ExportTraceServiceRequest.FromString(await request.body())
    rows = [
        {
            **MessageToDict(each),
            "attributes": {one.key: _plain(one.value) for one in each.attributes},
            "resource": {one.key: _plain(one.value) for one in resource.resource.attributes},
            "authorization": request.headers.get("authorization"),
        }
        for resource in found.resource_spans
        for scope in resource.scope_spans
        for each in scope.spans
    ]

    def write() -> Response:
        told = _FILE.with_name("ANSWER")
        if told.exists():
            return Response(status_code=int(told.read_text("ascii")))
        with _FILE.with_name("spans").open("a", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(row)}\n" for row in rows)
        return Response(b"", media_type="application/x-protobuf")

    return await run_in_threadpool(write)


def _plain(value: AnyValue) -> object:
    return value.int_value if value.HasField("int_value") else value.string_value


def _answer(rows: list[list[object]], asked: list[object]) -> Response:
    told = _FILE.with_name("ANSWER")
    if told.exists():
        return Response(status_code=int(told.read_text("ascii")))
    with _FILE.with_name("asked").open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(asked)}\n")
    with _FILE.open("a", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)
    return Response("{}", media_type="application/json")
