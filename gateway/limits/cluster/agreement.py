"""Whether the gateways that share a store name clients by the same secret: with another one each counts by itself.

That would let everybody through as many times as there are secrets, and nobody would see it. So a keyed hash of nothing
but a fixed word lies in the store for as long as a gateway renews it: who would write another one does not count there.
It tells nothing of the secret to whoever cannot guess it, which names in the store do not either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.limits.naming import name_of

if TYPE_CHECKING:
    from gateway.limits.cluster.rules import StoreRules

LIFE: Final = 60.0
"""Seconds after which another secret may be used, once nobody renews this one."""


class OtherSecret(Exception):  # noqa: N818 - it says what is wrong
    """Gateways that count in the store name clients by another secret."""

    def __init__(self) -> None:
        super().__init__("other gateways count in it with another `secret`, all of them need the same")


async def agree(client: Any, rules: StoreRules) -> None:
    """Say which secret is in use, or hear that another one is: raises OtherSecret, and whatever the client does."""
    name, mine = f"{rules.prefix}secret", name_of(rules.secret, b"secret", ()).hex()
    life = round(LIFE * 1000)
    if await client.execute_command("SET", name, mine, "NX", "PX", life):
        return
    theirs = await client.execute_command("GET", name)
    if theirs not in {mine, mine.encode("ascii")}:
        raise OtherSecret
    await client.execute_command("PEXPIRE", name, life)
