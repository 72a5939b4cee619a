"""Routes that read the audit log: decisions page by page, as they come, and one with its whole story; and figures."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.admin.answers import as_json
from gateway.admin.history import Tail, page
from gateway.admin.models.log import Decision, Decisions, Numbers
from gateway.admin.sessions import COOKIE
from gateway.audit.reading.decoding import parse
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.refusals import records_of
from gateway.audit.records.times import timestamp
from gateway.policy.addresses import Network
from gateway.policy.errors import Malformed
from gateway.policy.language.units import parse_duration
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.admin.desk import Desk

MOST_STREAMS: Final = 16
_LOOK_EVERY: Final = 0.25
_SIGN_OF_LIFE: Final = 15.0
_MOST_SEQ: Final = 2**53
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")
_TRACE: Final = r"^[0-9a-f]{32}$"
_WORD: Final = r"^[^\x00-\x1f\x7f]+$"


class Wanted(BaseModel):
    """What somebody looks for among the decisions."""

    model_config = ConfigDict(extra="forbid")
    verdict: Literal["allow", "deny"] | None = None
    rule: str | None = Field(default=None, max_length=64, pattern=_WORD)
    client: str | None = Field(default=None, max_length=64, pattern=_WORD, description="An address or a network.")
    host: str | None = Field(default=None, max_length=256, pattern=_WORD, description="Names below it are found too.")
    since: str | None = Field(default=None, max_length=32, pattern=_WORD, examples=["1h", "2026-11-23T10:00:00Z"])
    id: str | None = Field(default=None, max_length=64, pattern=r"^[0-9A-Za-z]+$")
    trace: str | None = Field(default=None, max_length=32, pattern=_TRACE, description="The id of a trace.")

    def filter(self, now: float) -> Filter:
        """The conditions. Raises HTTPException for one that makes no sense."""
        try:
            return Filter(
                event="decision",
                verdict=self.verdict,
                rule=self.rule,
                client=_client(self.client),
                host=None if self.host is None else Host.parse(self.host.removeprefix(".")).text,
                since=None if self.since is None else _moment(self.since, now),
                id=self.id,
                trace=self.trace,
            )
        except (Malformed, ValueError) as problem:
            raise HTTPException(422, str(problem)) from None


class Listed(Wanted):
    """The same, page by page."""

    limit: int = Field(default=50, ge=1, le=500)
    before: int | None = Field(default=None, ge=1, le=_MOST_SEQ, description="What the last page said as `next`.")


def _client(written: str | None) -> Network | str | None:
    return written if written is None or written.startswith("client-") else Network.parse(written)


def _moment(written: str, now: float) -> str:
    if _MOMENT.fullmatch(written):
        return timestamp(datetime.fromisoformat(written).timestamp())
    return timestamp(max(0.0, now - parse_duration(written)))


def router(desk: Desk) -> APIRouter:
    """All of them."""
    routes = APIRouter(prefix="/api/v1")
    _add_pages(routes, desk)
    _add_stream(routes, desk)
    _add_story(routes, desk)
    return routes


def _add_pages(routes: APIRouter, desk: Desk) -> None:
    turns = asyncio.Semaphore(2)

    @routes.get("/decisions", response_model=Decisions, summary="Decisions that were written down, the newest first.")
    async def decisions(wanted: Annotated[Listed, Query()]) -> Response:
        asked = wanted.filter(time.time())
        async with turns:
            found = await asyncio.to_thread(page, desk.brief.log, asked, wanted.before, wanted.limit)
        return as_json({"decisions": found.records, "next": found.next})

    @routes.get(
        "/figures",
        response_model=Numbers,
        summary="Decisions over time, and the hosts, clients and rules that most are about.",
    )
    async def figures(span: Literal["1h", "24h"] = "1h", top: Annotated[int, Query(ge=1, le=100)] = 10) -> Response:
        return as_json(desk.figures.told(span, timestamp(time.time()), top))


def _add_stream(routes: APIRouter, desk: Desk) -> None:
    open_streams: set[object] = set()

    @routes.get(
        "/decisions/stream",
        summary="Decisions as they come, as server-sent events; the id of an event is the number of its record.",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def stream(
        request: Request,
        wanted: Annotated[Wanted, Query()],
        last_event_id: Annotated[str | None, Header(max_length=20, pattern=r"^[0-9]{1,16}$")] = None,
    ) -> StreamingResponse:
        asked = wanted.filter(time.time())
        if len(open_streams) >= MOST_STREAMS:
            raise HTTPException(503, f"{MOST_STREAMS} streams are open already")
        if last_event_id is None:
            tail = await asyncio.to_thread(Tail.from_the_end, desk.brief.log)
        else:
            tail = Tail(desk.brief.log, int(last_event_id))
        token = object()
        open_streams.add(token)

        async def events() -> AsyncIterator[bytes]:
            try:
                async for each in _events(tail, asked, _permission(request, desk)):
                    yield each
            finally:
                open_streams.discard(token)
                tail.close()

        return StreamingResponse(events(), media_type="text/event-stream")


def _permission(request: Request, desk: Desk) -> Callable[[], bool]:
    """Whether what opened a stream still opens anything: the same token, and a session that goes on."""
    token, session = desk.token.changes, request.cookies.get(COOKIE)
    by_session = "authorization" not in request.headers

    def holds() -> bool:
        desk.token.look()
        return desk.token.changes == token and (not by_session or desk.sessions.is_open(session or "", token))

    return holds


async def _events(tail: Tail, wanted: Filter, permitted: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Events as long as it is permitted, and a sign of life from time to time, which says how far the log was read."""
    needles, matches = wanted.needles(), wanted.matcher()
    told = time.monotonic()
    yield b"retry: 1000\n\n"
    while permitted():
        lines = await asyncio.to_thread(tail.lines)
        for seq, line in lines:
            if not all(needle in line for needle in needles):
                continue
            record = parse(line)
            if record is not None and matches(record):
                told = time.monotonic()
                yield b"id: %d\nevent: decision\ndata: %b\n\n" % (seq, line)
        if time.monotonic() - told > _SIGN_OF_LIFE:
            told = time.monotonic()
            yield b"id: %d\n: still here\n\n" % tail.seq
        if not lines:
            await asyncio.sleep(_LOOK_EVERY)


def _add_story(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/decisions/{decision_id}", response_model=Decision, summary="One decision with all that became of it.")
    async def story(
        decision_id: Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z]+$")],
    ) -> Response:
        found = await asyncio.to_thread(records_of, desk.brief.log, decision_id)
        if not found:
            raise HTTPException(404, "no decision of this id is in the log")
        parts: dict[str, Any] = {"decision": None, "end": None, "connection": None}
        parts |= {kind: each for each in found if (kind := str(each["event"])) in parts}
        return as_json({"id": decision_id, **parts})
