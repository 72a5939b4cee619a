"""The order `limits`: how many each limit counts, and who is nearest to being refused.

A client is named as the log names it; what a field or a parameter held is not told at all, for it may be a secret.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from addons.serving.control import Refused
from addons.serving.orders.giving import only
from gateway.audit.writing.errors import AuditUnavailable
from gateway.policy.addresses import Address, Network
from gateway.policy.model import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from addons.serving.control import Caller
    from addons.serving.listeners import Listener
    from addons.serving.orders.desk import Desk
    from gateway.audit.records.clients import ClientName
    from gateway.policy.compiled import CompiledLimit
    from gateway.policy.limits import LimitState

SHOWN: Final = 20
"""Keys of a limit that are told if nobody says otherwise, and at most."""
_HIDDEN: Final = ("header.", "query.")


async def limits(desk: Desk, _caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """Every limit: what it admits, how many keys it holds, and the fullest ones, `most` of them; and the store."""
    only(given, "most")
    most, now = _most(given.get("most", str(SHOWN))), desk.clock()
    client, counting = desk.client_name(), desk.engine.counting
    try:
        return {
            "store": None if counting is None else counting.store.summary(),
            "limits": [
                _limit(listener, each, now, most, client)
                for listener in desk.engine.listeners
                for each in listener.store.current.policy.limits
            ],
        }
    except AuditUnavailable as problem:
        raise Refused(f"clients cannot be named: {problem}") from None


def _limit(
    listener: Listener, limit: CompiledLimit, now: float, most: int, client: ClientName | None
) -> dict[str, Any]:
    counted, spec = listener.store.current.limits, limit.spec
    return {
        "listener": listener.name,
        "id": limit.id,
        "place": limit.place,
        "stage": "shadow" if limit.shadow else "enforce",
        "key": list(spec.key),
        "rate": None
        if spec.rate is None
        else {"amount": spec.rate.amount, "period": spec.rate.period, "burst": spec.rate.burst},
        "concurrent": spec.concurrent,
        "keys": counted.held(limit.id),
        "capacity": spec.capacity,
        "fullest": [_state(each, now, client) for each in counted.fullest(limit.id, now, most)],
    }


def _state(state: LimitState, now: float, client: ClientName | None) -> dict[str, Any]:
    named = {name: _named(name, value, now, client) for name, value in zip(state.names, state.key, strict=True)}
    return {"key": named, "remaining": state.remaining, "reset": round(state.reset, 3)}


def _named(name: str, value: object, now: float, client: ClientName | None) -> str:
    """The value of a key fact as it may be told."""
    if isinstance(value, Missing):
        return value.value
    if name.startswith(_HIDDEN):
        return f"hidden-{blake2b(repr(value).encode(), digest_size=4).hexdigest()}"
    if name == "client.ip" and client is not None:
        found = _address(value)
        return "hidden" if found is None else client(found, now)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, frozenset | tuple):
        return ", ".join(sorted(map(str, value)))
    return str(value)


def _address(value: object) -> Address | None:
    """The address that a bucket stands for: /64 networks of IPv6 count as one client."""
    if isinstance(value, Network):
        return Address(value.version, value.value)
    return value if isinstance(value, Address) else None


def _most(written: str) -> int:
    if not (written.isascii() and written.isdigit() and 1 <= int(written) <= SHOWN):
        raise Refused(f"`{written[:20]}` is no number of keys from 1 to {SHOWN}")
    return int(written)
