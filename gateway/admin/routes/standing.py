"""Routes that are asked without a token: whether it lives, whether it is ready; and signing in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.admin.answers import as_json
from gateway.admin.asking import Refused, Unanswered
from gateway.admin.models.standing import Health, Readiness, SignedIn, Who
from gateway.admin.sessions import COOKIE, LONGEST

if TYPE_CHECKING:
    from gateway.admin.desk import Desk
    from gateway.admin.pages.site import Page

_UNAVAILABLE: Final = 503


class SignIn(BaseModel):
    """What opens the admin side."""

    model_config = ConfigDict(extra="forbid", strict=True)
    token: str | None = Field(default=None, min_length=1, max_length=512)
    code: str | None = Field(default=None, min_length=1, max_length=512, description="Of a link that works once.")


def router(desk: Desk, pages: dict[str, Page]) -> APIRouter:
    """All of them."""
    routes = APIRouter()
    _add_health(routes, desk)
    _add_session(routes, desk)
    for path, page in pages.items():
        routes.get(path, include_in_schema=False)(_page(page))
    return routes


def _page(page: Page) -> Any:
    async def answer() -> Response:
        return Response(page.body, media_type=page.kind, headers={"Cache-Control": "no-cache"})

    return answer


def _add_health(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/healthz", response_model=Health, summary="Whether the admin side lives.")
    async def healthz() -> Response:
        return as_json({"status": "ok"})

    @routes.get(
        "/readyz",
        response_model=Readiness,
        responses={_UNAVAILABLE: {"model": Readiness}},
        summary="Whether requests are welcome: not while draining, nor without an engine.",
    )
    async def readyz() -> Response:
        try:
            standing = await desk.engine.standing()
        except (Unanswered, Refused):
            return as_json({"status": "the gateway does not answer"}, _UNAVAILABLE)
        if standing["ready"]:
            return as_json({"status": "ready"})
        return as_json({"status": "draining" if standing["draining"] else "not ready"}, _UNAVAILABLE)


def _add_session(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/api/v1/session", response_model=SignedIn, summary="Sign in: a cookie in the place of the token.")
    async def sign_in(request: Request, body: SignIn) -> Response:
        if desk.guard is None or request.client is None:
            raise RuntimeError("nobody guards")
        if body.code is not None:
            desk.guard.check_code(request.client.host, body.code)
        else:
            desk.guard.check_token(request.client.host, body.token or "")
        identifier, key = desk.sessions.begin(desk.token.changes)
        answer = as_json({"signed_in": True, "key": key})
        answer.set_cookie(
            COOKIE,
            identifier,
            max_age=int(LONGEST),
            path="/",
            secure=desk.brief.is_encrypted,
            httponly=True,
            samesite="strict",
        )
        return answer

    @routes.get(
        "/api/v1/session", response_model=Who, summary="Whether one is signed in, and as whom records name one."
    )
    async def session(request: Request) -> Response:
        return as_json({"signed_in": True, "who": str(request.state.who)})

    @routes.delete("/api/v1/session", response_model=SignedIn, summary="Sign out.")
    async def sign_out(request: Request) -> Response:
        desk.sessions.end(request.cookies.get(COOKIE, ""))
        answer = as_json({"signed_in": False})
        answer.delete_cookie(COOKIE, path="/")
        return answer
