"""Requests that go through another proxy: who it is at the start, where it is at every request, and what it is told.

Plain requests are sent to a parent in absolute-form (RFC 9112 section 3.2.2), with the gateway's own credentials and
never a client's; everything else goes through a CONNECT of the gateway's own (`addons.entries.through`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from addons.judging.exchange import judged, known
from addons.judging.refusals import Refusal, refusal
from gateway.policy.errors import Malformed
from gateway.policy.model import Reason
from gateway.upstreams.credentials import basic_authorization
from gateway.upstreams.parents import Parent, is_own, loops
from gateway.upstreams.resolver import Unresolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitmproxy.http import HTTPFlow

    from gateway.config.settings import ParentSettings, Settings
    from gateway.policy.addresses import Address
    from gateway.upstreams.parents import Spot
    from gateway.upstreams.resolver import Resolver

_HTTP_PORT: Final = 80
_PROXY_AUTHORIZATION: Final = b"Proxy-Authorization"


def parents_of(settings: Settings, own: frozenset[Spot], environ: Mapping[str, str]) -> dict[str, Parent]:
    """The parents of a configuration with their secrets. Raises Malformed with every problem, one a line."""
    found, problems = dict[str, Parent](), list[str]()
    for name, each in settings.parents.items():
        try:
            found[name] = _parent(each, environ)
        except Malformed as error:
            problems.append(f"parent `{name}`: {error}")
    problems += loops(found.values(), own, settings.resolver.hosts)
    if problems:
        raise Malformed("\n".join(problems))
    return found


def _parent(settings: ParentSettings, environ: Mapping[str, str]) -> Parent:
    source = settings.credentials
    if settings.trust is not None and not settings.trust.is_file():
        raise Malformed(f"the file `{settings.trust}` of `trust` is not there")
    return Parent(
        name=settings.name,
        scheme=settings.scheme,
        host=settings.host,
        port=settings.port,
        resolves=settings.resolves,
        authorization=None if source is None else basic_authorization(source, environ),
        trust=settings.trust,
    )


class Parents:
    """Finds parents, and completes what is sent to them. Goes behind whatever else completes requests.

    `own` are the gateway's listeners, which a parent's name must not turn out to mean.
    """

    def __init__(self, resolver: Resolver, own: frozenset[Spot]) -> None:
        self._resolver: Final = resolver
        self._own: Final = own

    async def addresses(self, parent: Parent) -> tuple[Address, ...] | Refusal:
        """Where a parent is now. It stands in the configuration, so that no policy is asked about it."""
        try:
            found = await self._resolver.resolve(parent.host)
        except Unresolved:
            return refusal(Reason.PARENT_REFUSED, f"The name of the parent proxy {parent.name} cannot be resolved.")
        if any(is_own(self._own, address, parent.port) for address in found):
            return refusal(Reason.PARENT_REFUSED, f"The parent proxy {parent.name} is this gateway itself.")
        return found

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Name the whole place in a plain request to a parent, and say who the gateway is."""
        exchange = judged(flow)
        if exchange.refused or exchange.parent is None or exchange.facts.scheme != "http":
            return
        data = flow.request.data
        data.authority = known(exchange.facts.host).authority(known(exchange.facts.port), _HTTP_PORT).encode("ascii")
        if data.path == b"*":  # `OPTIONS http://host`, without a path (RFC 9112 section 3.2.4)
            data.path = b""
        if exchange.parent.authorization is not None:
            credentials = (_PROXY_AUTHORIZATION, exchange.parent.authorization)
            flow.request.headers.fields = (*flow.request.headers.fields, credentials)
