"""The table of the cache, told to its core with a moved clock, and over real sockets where no clock is needed."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from gateway.cache.cache import Cache, Plan, Step
from gateway.cache.messages import Answered, Asked
from gateway.cache.ranges import part_of
from gateway.cache.store import MemoryStore
from gateway.policy.headers import Fields
from tests.conformance.cache_table import Row, rows
from tests.e2e.cached import HOST, Shop, shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.wire import Answer

ROWS: Final = rows()
ON_THE_WIRE: Final = [row for row in ROWS if row.wait <= 1 or "age" not in row.names]
BASE: Final = f"http://{HOST}"
NOW: Final = 1_000_000_000.0
LEAST: Final = 185
_STEPS: Final = {
    Step.GIVE_AND_ASK: "meanwhile",
    Step.UNCHANGED: "unchanged",
    Step.FORWARD: "miss",
    Step.PASS: "miss",
    Step.GIVE_UP: "nothing",
}


def _split(lines: list[str]) -> list[tuple[str, str]]:
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def _asked(row: Row, lines: tuple[str, ...], method: str = "GET", target: str = "/x") -> Asked:
    return Asked(method, "http", HOST, target, Fields.of(_split(row.fields(lines, NOW))))


def _answered(row: Row, lines: tuple[str, ...], status: int) -> Answered:
    fields = _split(row.fields(lines, NOW, "/x", BASE))
    raw = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in fields)
    return Answered(status, raw, NOW, NOW)


def _word(plan: Plan) -> str:
    if plan.step is Step.GIVE:
        return "hit" if (plan.status.left or 0) > 0 else "stale"
    if plan.step is Step.VALIDATE:
        return "validated" if plan.questions else "miss"
    return _STEPS[plan.step]


def test_the_table_is_as_long_as_it_is_said_to_be() -> None:
    assert len(ROWS) >= LEAST
    assert len({row.it + str(row) for row in ROWS}) == len(ROWS)
    assert len(ON_THE_WIRE) > LEAST - 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_the_core_does_what_the_row_says(row: Row) -> None:
    cache = Cache(MemoryStore(100_000, 100_000))
    first = _asked(row, row.first)
    if cache.look_up(first, NOW).step is Step.FORWARD:
        answer = _answered(row, row.answer, row.status)
        if cache.answered(first, answer) is None:
            assert cache.keep(first, answer, b"body")
    if row.between is not None:
        target = row.between.target.replace("{target}", "/x")
        change = _asked(row, (), row.between.method, target)
        cache.answered(change, _answered(row, row.between.answer, row.between.status))

    second = _asked(row, row.second, row.method)
    plan = cache.look_up(second, NOW + row.wait)

    assert _part(second, plan) or _word(plan) == row.want, row.it
    assert _part(second, plan) in {None, row.want}, row.it


def _part(request: Asked, plan: Plan) -> str | None:
    """Whether a part of what is kept is given."""
    part = part_of(request, plan.kept) if plan.step is Step.GIVE and plan.kept is not None else None
    return None if part is None else "no-part" if part.is_nothing else "part"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(tmp_path_factory.mktemp("rows")) as opened:
        yield opened


def _raw(status: int, lines: list[str], *, with_body: bool) -> bytes:
    body = b"body" if with_body and status not in {204, 304} else b""
    head = "\r\n".join((f"HTTP/1.1 {status} X", *lines, *(() if status == 204 else ("Content-Length: 4",))))
    return f"{head}\r\n\r\n".encode("latin-1") + body


@pytest.mark.e2e
@pytest.mark.xdist_group("cache")
@pytest.mark.parametrize("row", ON_THE_WIRE, ids=lambda row: row.id)
def test_the_gateway_does_what_the_row_says(row: Row, front: Shop) -> None:
    target, now = f"/{row.id}", time.time()
    aged = row if row.wait <= 1 else replace(row, answer=(*row.answer, f"Age: {int(row.wait)}"))
    said = {"GET": (row.status, aged.fields(aged.answer, now))}
    if row.between is not None:
        said[row.between.method] = (row.between.status, row.fields(row.between.answer, now, target, BASE))

    def answering(request: bytes) -> bytes:
        method = request.split(b" ")[0].decode()
        status, lines = said.get(method, said["GET"])
        return _raw(status, lines, with_body=method != "HEAD")

    front.answering = answering
    front.ask(target, *row.fields(row.first, now))
    if row.between is not None:
        between = row.between.target.replace("{target}", target)
        front.ask(between, "Content-Length: 0", method=row.between.method)
    before = len(front.requests)
    answer = front.ask(target, *row.fields(row.second, now), method=row.method)

    assert _seen(answer, front.requests[before:]) == _on_the_wire(row.want), row.it


def _on_the_wire(want: str) -> str:
    """Who asks is given the stale answer; what goes on behind it is told elsewhere."""
    return "stale" if want == "meanwhile" else want


def _seen(answer: Answer, requests: list[bytes]) -> str:
    said = answer.get("cache-status") or ""
    if "; hit; ttl=-" in said:
        return "stale"
    if requests:
        asks = any(
            b"\r\nif-none-match: " in each.lower() or b"\r\nif-modified-since: " in each.lower() for each in requests
        )
        return "validated" if asks else "miss"
    if answer.status in {304, 504}:
        return "unchanged" if answer.status == 304 else "nothing"
    assert "; hit; ttl=" in said
    return {206: "part", 416: "no-part"}.get(answer.status, "hit")
