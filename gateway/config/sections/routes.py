"""The routes of a reverse listener: which requests go to which upstream, or get an answer of the gateway's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.config.sections.answering import REDIRECT, RESPOND, REWRITE
from gateway.config.sections.cache import CACHE
from gateway.config.sections.matching import FIELDS, HOSTS, METHODS, PATHS, Paths
from gateway.config.sections.upstreams import UPSTREAM
from gateway.config.settings import HostMatch, RouteSettings
from gateway.policy.errors import Malformed
from gateway.policy.language.operands import PREFIX
from gateway.policy.language.records import Key, Values, one_of, optional, record
from gateway.policy.language.scalars import choice, text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, sequence
from gateway.policy.language.suggestions import way_out
from gateway.policy.problems import Problem
from gateway.upstreams.answers import Redirect
from gateway.upstreams.clauses import EncodedSlash, PathTreatment, claims_of, conflicts, rewriting_of
from gateway.upstreams.safety import PRESETS, SecurityPreset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.policy.language.nodes import Node

_ACTIONS: Final = ("upstream", "redirect", "respond")


def _read_upstream(node: Node, spot: Spot) -> Read[str]:
    name = _UPSTREAM_NAME.read(node, spot)
    known = spot.declared.get(UPSTREAM, {})
    if name is WRONG or name in known:
        return name
    way = way_out(name, known, otherwise="declared are") or ", declare it under `upstreams`"
    return spot.complain(f"there is no upstream `{name}`{way}")


_UPSTREAM_NAME: Final = text("the name of an upstream")
_TREATMENTS: Final[tuple[PathTreatment, ...]] = ("strict", "redirect", "rewrite")
_SLASHES: Final[tuple[EncodedSlash, ...]] = ("refuse", "allow")

_HOST: Final = optional("host", HOSTS, "The hosts that the route is for; all if left out.", HostMatch())
_PATH: Final[Key[Paths]] = optional("path", PATHS, "The paths that the route is for; all if left out.", Paths())
_METHOD: Final[Key[tuple[str, ...]]] = optional("method", METHODS, "The methods; all if left out.", ())
_HEADER: Final = optional("header", FIELDS, "Conditions on fields.", ())
_TO_UPSTREAM: Final = optional(
    "upstream", Shape(_UPSTREAM_NAME.wanted, _UPSTREAM_NAME.schema, _read_upstream), "Who answers.", ""
)
_REDIRECT: Final = optional("redirect", REDIRECT, "Where the client is led.", None)
_RESPOND: Final = optional("respond", RESPOND, "The answer.", None)
_STRIP: Final = optional("strip_prefix", PREFIX, "What is left out of the path that is sent.", None)
_REWRITE: Final = optional("rewrite", REWRITE, "What is put there instead.", None)
_STRICT: Final = optional("strict_paths", choice(_TREATMENTS), "What becomes of odd paths.", _TREATMENTS[0])
_SLASH: Final = optional("encoded_slash", choice(_SLASHES), "What becomes of `%2F` and `%5C`.", _SLASHES[0])
_CACHE: Final = optional("cache", CACHE, "Whether answers are kept; they are not if left out.", None)
_SECURITY: Final[Key[SecurityPreset | None]] = optional(
    "security_fields", choice(PRESETS), "What is filled into answers; as on the listener if left out.", None
)


def _route(values: Values) -> Read[RouteSettings]:
    respond, paths = values[_RESPOND], values[_PATH]
    route = RouteSettings(
        upstream=values[_TO_UPSTREAM],
        answer=values[_REDIRECT] if respond is None else respond[0],
        body=None if respond is None else respond[1],
        hosts=values[_HOST],
        prefixes=paths.prefixes,
        exact=paths.exact,
        methods=values[_METHOD],
        fields=values[_HEADER],
        strip_prefix=values[_STRIP],
        put_prefix=values[_REWRITE],
        strict_paths=values[_STRICT],
        encoded_slash=values[_SLASH],
        cache=values[_CACHE],
        security_fields=values[_SECURITY],
        place=values.place,
    )
    if route.cache is not None and not route.upstream:
        raise Malformed("nothing is kept of what the gateway answers by itself, leave out `cache`")
    _check_rewriting(route)
    return route


def _check_rewriting(route: RouteSettings) -> None:
    """Raises Malformed for paths that cannot be what they are said to be, and for a rewriting without an effect."""
    rewritings = [rewriting_of(route, claim) for claim in claims_of(route)]
    if route.strip_prefix is None and route.put_prefix is None:
        return
    keeps = not route.answer or (isinstance(route.answer, Redirect) and route.answer.keeps_path)
    if not keeps:
        raise Malformed("nothing of the path is sent, leave out `strip_prefix` and `rewrite`")
    if not any(rewritings):
        raise Malformed("the path that is sent would be the same, leave out `strip_prefix` and `rewrite`")


ROUTE: Final = record(
    (
        *(_HOST, _PATH, _METHOD, _HEADER, _TO_UPSTREAM, _REDIRECT, _RESPOND),
        *(_STRIP, _REWRITE, _STRICT, _SLASH, _CACHE, _SECURITY),
    ),
    _route,
    wanted="a route, like `{upstream: app}`",
    rules=(one_of(*_ACTIONS, why="a route does one thing"),),
)


def _read_routes(node: Node, spot: Spot) -> Read[tuple[RouteSettings, ...]]:
    """All routes; those that are fine are compared also if others are not."""
    good: list[RouteSettings] = []

    def read(part: Node, at: Spot) -> Read[RouteSettings]:
        route = ROUTE.read(part, at)
        good.extend([] if route is WRONG else [route])
        return route

    routes = sequence(Shape(ROUTE.wanted, ROUTE.schema, read), _EXAMPLE).read(node, spot)
    before = len(spot.problems)
    _complain_of_conflicts(good, spot)
    return routes if len(spot.problems) == before else WRONG


_EXAMPLE: Final = "[{upstream: app}]"
ROUTES: Final[Shape[tuple[RouteSettings, ...]]] = Shape(
    f"a list, like `{_EXAMPLE}`", sequence(ROUTE, _EXAMPLE).schema, _read_routes
)


def _complain_of_conflicts(routes: Sequence[RouteSettings], spot: Spot) -> None:
    for twice in conflicts(routes):
        where = "the same route" if twice.first_place is None else f"the route in line {twice.first_place.line}"
        same = "" if twice.first == twice.second else f" for `{twice.first}`, and a request can be both"
        sentence = f"`{twice.second}` is claimed by {where} already{same}: only the order of the file could decide"
        spot.problems.append(Problem(twice.second_place or spot.place, spot.path, sentence))
