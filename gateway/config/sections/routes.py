"""The routes of a reverse listener: which requests go to which upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.config.sections.cache import CACHE
from gateway.config.sections.common import not_yet
from gateway.config.sections.upstreams import UPSTREAM
from gateway.config.settings import HostMatch, PathTreatment, RouteSettings
from gateway.policy.language.operands import HOST, PARENT, PREFIX
from gateway.policy.language.records import Key, Values, one_of, optional, record, required
from gateway.policy.language.scalars import choice, text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, sequence
from gateway.policy.language.suggestions import way_out

if TYPE_CHECKING:
    from gateway.policy.language.nodes import Node
    from gateway.policy.names import Host

ROOT: Final = ("/",)


def _read_upstream(node: Node, spot: Spot) -> Read[str]:
    name = _UPSTREAM_NAME.read(node, spot)
    known = spot.declared.get(UPSTREAM, {})
    if name is WRONG or name in known:
        return name
    way = way_out(name, known, otherwise="declared are") or ", declare it under `upstreams`"
    return spot.complain(f"there is no upstream `{name}`{way}")


_UPSTREAM_NAME: Final = text("the name of an upstream")
_HOST_IS: Final[Key[tuple[Host, ...]]] = optional("is", sequence(HOST, "[shop.example]"), "Exactly these hosts.", ())
_HOST_UNDER: Final[Key[tuple[Host, ...]]] = optional(
    "under", sequence(PARENT, "[shop.example]"), "These and all below.", ()
)
HOSTS: Final = record(
    (_HOST_IS, _HOST_UNDER),
    lambda values: HostMatch("is", values[_HOST_IS]) if values[_HOST_IS] else HostMatch("under", values[_HOST_UNDER]),
    wanted="hosts, like `{is: [shop.example]}`",
    rules=(one_of("is", "under", why="write a second route for the other"),),
)
"""Which hosts something is for."""
_PREFIX: Final[Key[tuple[str, ...]]] = required(
    "prefix", sequence(PREFIX, "[/api]"), "The beginnings of paths, in whole segments."
)
_PATHS: Final[Shape[tuple[str, ...]]] = record(
    (_PREFIX,), lambda values: values[_PREFIX], wanted="paths, like `{prefix: [/api]}`"
)
_TREATMENTS: Final[tuple[PathTreatment, ...]] = ("strict", "redirect", "rewrite")

_ROUTE_HOST: Final = optional("host", HOSTS, "The hosts that the route is for; all if left out.", None)
_ROUTE_PATH: Final[Key[tuple[str, ...] | None]] = optional(
    "path", _PATHS, "The paths that the route is for; all if left out.", None
)
_ROUTE_UPSTREAM: Final = required(
    "upstream", Shape(_UPSTREAM_NAME.wanted, _UPSTREAM_NAME.schema, _read_upstream), "Who answers."
)
_ROUTE_STRICT: Final = optional("strict_paths", choice(_TREATMENTS), "What becomes of odd paths.", _TREATMENTS[0])

_ROUTE_CACHE: Final = optional("cache", CACHE, "Whether answers are kept; they are not if left out.", None)


def _route(values: Values) -> Read[RouteSettings]:
    prefixes = values[_ROUTE_PATH]
    return RouteSettings(
        upstream=values[_ROUTE_UPSTREAM],
        hosts=values[_ROUTE_HOST] or HostMatch(),
        prefixes=prefixes or ROOT,
        strict_paths=values[_ROUTE_STRICT],
        cache=values[_ROUTE_CACHE],
    )


ROUTE: Final = record(
    (_ROUTE_HOST, _ROUTE_PATH, _ROUTE_UPSTREAM, _ROUTE_STRICT, _ROUTE_CACHE),
    _route,
    wanted="a route, like `{upstream: app}`",
    also=not_yet("redirect", "respond", "encoded_slash"),
)
