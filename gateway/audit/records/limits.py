"""The limits that counted a request, as they stand in its record: what is left, and under which key.

A key may hold what somebody proves with who he is; only what never does is told as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.records.redaction import mask_text, pointer
from gateway.audit.records.secrets import MASK
from gateway.policy.model import FactName, Missing

if TYPE_CHECKING:
    from gateway.audit.records.disclosure import Disclosure
    from gateway.audit.records.record import Record
    from gateway.policy.limits import LimitState

_PLAIN_KEYS: Final = frozenset({FactName.HOST, FactName.PORT, FactName.METHOD, FactName.TLS_SNI, FactName.USER})


def limits_object(states: tuple[LimitState, ...], disclosure: Disclosure, masked: list[str]) -> list[Record]:
    """The limits that counted; pointers to masked keys are put into `masked`."""
    shown: list[Record] = []
    for at, state in enumerate(states):
        key: Record = {
            name: _key_part(name, part, disclosure) for name, part in zip(state.names, state.key, strict=True)
        }
        masked.extend(f"/limits/{at}/key/{pointer(name)}" for name, part in key.items() if part == MASK)
        shown.append(
            {
                "id": state.id,
                "key": key,
                "quota": state.quota,
                "window": state.window if state.counts_time else None,
                "remaining": state.remaining,
                "reset": round(state.reset, 3) if state.counts_time else None,
                **({} if state.store is None else {"store": state.store}),
            }
        )
    return shown


def _key_part(name: str, part: object, disclosure: Disclosure) -> object:
    """What a request was counted under, as a record may say it; null if it had none. What is long is a digest."""
    if isinstance(part, Missing):
        return None
    if name == FactName.CLIENT_IP:
        return str(part)
    if isinstance(part, int) or (isinstance(part, str) and name in _PLAIN_KEYS):
        return part
    if isinstance(part, str) and name == FactName.PATH:
        return mask_text(part)
    kind, _, argument = name.partition(".")
    may_be_shown = argument in (disclosure.fields if kind == FactName.HEADER else disclosure.query)
    if may_be_shown and isinstance(part, tuple) and all(isinstance(each, str) for each in part):
        return mask_text(", ".join(part))
    return MASK
