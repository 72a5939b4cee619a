"""Routes that ask the engine, and that have it do something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.admin.answers import as_json
from gateway.admin.asking import SLOW
from gateway.admin.models.orders import Draining, Explained, Purged, Refreshed, Reloaded
from gateway.admin.models.questions import Caches, Limits, Lists, Policies, Upstream, Upstreams
from gateway.admin.models.standing import Status

if TYPE_CHECKING:
    from fastapi.responses import Response

    from gateway.admin.desk import Desk
    from gateway.admin.models.base import Answer

_URL: Final = Field(min_length=1, max_length=4096, examples=["https://example.com/"])
_WORD: Final = r"^[^\x00-\x1f\x7f]*$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Question(_Body):
    """A request that somebody asks about."""

    url: str = _URL
    method: str = Field(default="GET", min_length=1, max_length=64, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
    client: str | None = Field(default=None, max_length=64, description="The address of who asks.")
    user: str | None = Field(default=None, max_length=256, pattern=_WORD)
    groups: list[str] = Field(default_factory=list, max_length=32)
    destinations: list[str] = Field(default_factory=list, max_length=32, description="Where the host leads to.")
    listener: str | None = Field(default=None, max_length=64, description="Needed if there are several.")


class Drain(_Body):
    """How long exchanges get to end."""

    seconds: float = Field(default=10.0, ge=0, le=3600)


class Purge(_Body):
    """What to drop of kept answers; `all` needs no value."""

    scope: Literal["url", "prefix", "host", "all"]
    value: str = Field(default="", max_length=4096)


class Server(_Body):
    """A server of an upstream."""

    url: str = Field(min_length=1, max_length=2048, examples=["http://10.0.0.7:8000"])
    weight: int = Field(default=1, ge=1, le=100)


def router(desk: Desk) -> APIRouter:
    """All of them."""
    routes = APIRouter(prefix="/api/v1")
    _add_questions(routes, desk)
    _add_orders(routes, desk)
    _add_servers(routes, desk)
    return routes


def _add_questions(routes: APIRouter, desk: Desk) -> None:
    orders: dict[str, tuple[str, type[Answer], str]] = {
        "status": ("status", Status, "What runs, since when, under which policies, and whether it is well."),
        "policies": ("policies", Policies, "The rules in force, and how often each had a say since it was loaded."),
        "lists": ("lists", Lists, "The lists in force: entries, source, age."),
        "upstreams": ("upstreams", Upstreams, "Servers, their health, and the requests they have."),
        "limits": ("limits", Limits, "What each limit counts, and who is nearest to being refused."),
        "cache": ("cache.stats", Caches, "What the caches keep."),
    }
    for path, (verb, model, summary) in orders.items():
        routes.get(f"/{path}", summary=summary, name=path, response_model=model)(_question(desk, verb))


def _question(desk: Desk, verb: str) -> Any:
    async def answer() -> Response:
        return as_json(await desk.engine.ask(verb))

    return answer


def _add_orders(routes: APIRouter, desk: Desk) -> None:
    @routes.post(
        "/reload", response_model=Reloaded, summary="Read policies, lists, routes, upstreams and certificates again."
    )
    async def reload(request: Request) -> Response:
        return as_json(await desk.engine.ask("reload", by=_who(request), patience=SLOW))

    @routes.post(
        "/lists/refresh",
        response_model=Refreshed,
        summary="Fetch every list that is fetched, and put in force what came.",
    )
    async def refresh(request: Request) -> Response:
        return as_json(await desk.engine.ask("lists.refresh", by=_who(request), patience=SLOW))

    @routes.post("/drain", response_model=Draining, summary="Be ready no more, let exchanges end, and stop.")
    async def drain(request: Request, body: Drain) -> Response:
        return as_json(await desk.engine.ask("drain", {"seconds": f"{body.seconds:g}"}, by=_who(request)))

    @routes.post(
        "/explain", response_model=Explained, summary="What would become of a request under what is in force, and why."
    )
    async def explain(body: Question) -> Response:
        given = {"url": body.url, "method": body.method}
        given |= {name: value for name in ("client", "user", "listener") if (value := getattr(body, name)) is not None}
        given |= {"group": ",".join(body.groups)} if body.groups else {}
        given |= {"destination": ",".join(body.destinations)} if body.destinations else {}
        return as_json(await desk.engine.ask("explain", given))

    @routes.post("/cache/purge", response_model=Purged, summary="Drop kept answers.")
    async def purge(request: Request, body: Purge) -> Response:
        return as_json(await desk.engine.ask("cache.purge", {body.scope: body.value}, by=_who(request), patience=SLOW))


def _add_servers(routes: APIRouter, desk: Desk) -> None:
    @routes.put(
        "/upstreams/{name}/servers",
        response_model=Upstream,
        summary="Have a server join an upstream, or change its weight.",
    )
    async def join(request: Request, name: str, body: Server) -> Response:
        given = {"upstream": name, "do": "add", "url": body.url, "weight": str(body.weight)}
        return as_json(await desk.engine.ask("upstreams.servers", given, by=_who(request)))

    @routes.delete(
        "/upstreams/{name}/servers",
        response_model=Upstream,
        summary="Have a server leave an upstream, or only finish what it has.",
    )
    async def leave(
        request: Request,
        name: str,
        url: Annotated[str, Query(min_length=1, max_length=2048)],
        *,
        drain: Annotated[bool, Query(description="Until the configuration is read again.")] = False,
    ) -> Response:
        given = {"upstream": name, "do": "drain" if drain else "remove", "url": url}
        return as_json(await desk.engine.ask("upstreams.servers", given, by=_who(request)))


def _who(request: Request) -> str:
    return str(request.state.who)
