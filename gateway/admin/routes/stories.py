"""The route that tells a decision's whole story: every record of it, why, and what would have to change."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Path

from gateway.admin.answers import as_json
from gateway.admin.asking import Refused, Unanswered
from gateway.admin.models.log import Story
from gateway.audit.reading.advice import advice
from gateway.audit.reading.refusals import Refusal, records_of
from gateway.audit.reading.telling import part, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi.responses import Response

    from gateway.admin.desk import Desk

_MOST: int = 20
"""Records of a decision that are told; there are two or three."""


def router(desk: Desk) -> APIRouter:
    """The only one."""
    routes = APIRouter(prefix="/api/v1")

    @routes.get(
        "/decisions/{decision_id}/story",
        response_model=Story,
        summary="One decision: why, and what would have to change.",
    )
    async def story(
        decision_id: Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z]+$")],
    ) -> Response:
        records = (await asyncio.to_thread(records_of, desk.brief.log, decision_id))[:_MOST]
        if not records:
            raise HTTPException(404, "no decision of this id is in the log")
        decisions = [each for each in records if each.get("event") == "decision"]
        found: dict[str, Any] = {"id": decision_id, "decision": None, "records": records}
        if not decisions:
            return as_json(found | {"refused": None, "why": [], "way_out": None})
        later = next((each for each in records if each.get("event") == "end" and "decision" in each), None)
        return as_json(found | await _explained(desk, Refusal(decisions[0], later)))

    return routes


async def _explained(desk: Desk, refusal: Refusal) -> dict[str, Any]:
    way_out = advice(refusal, await _waives(desk, refusal), time.time()) if refusal.denied else None
    sentences = told(refusal.record)
    if refusal.end is not None:
        sentences += [f"refused later: {refusal.reason}"]
    return {
        "decision": refusal.record,
        "refused": refusal.denied,
        "why": sentences,
        "way_out": None if way_out is None else {"words": way_out.words, "yaml": list(way_out.yaml)},
    }


async def _waives(desk: Desk, refusal: Refusal) -> Sequence[str]:
    """The deny rules that matched, as far as they are in force still: an exception has to lift all of them."""
    decision = part(refusal.end or refusal.record, "decision")
    decided = str(decision.get("rule"))
    try:
        policies = (await desk.engine.ask("policies"))["policies"]
    except (Unanswered, Refused):
        return [decided]
    denies = {
        clause["id"]
        for policy in policies
        if policy["listener"] == refusal.record.get("listener")
        for clause in policy["rules"]
        if clause["kind"] == "deny" and clause["stage"] == "enforce"
    }
    return [each for each in decision.get("matched") or () if each in denies] or [decided]
