"""The store as this gateway knows it: asked for every request that it counts, and done without while it is away.

A request waits for one answer and not for long. After a few that did not come the store is away: nobody waits for it
any more, and once a second it is tried whether it can be read and written again. Going and coming back are told once.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from gateway.limits.cluster import script
from gateway.limits.cluster.agreement import OtherSecret, agree
from gateway.limits.cluster.connecting import trouble
from gateway.limits.cluster.leases import LIFE, RENEWAL, Leases
from gateway.limits.naming import name_of, rate_name, running_name
from gateway.policy.dues import Away
from gateway.policy.limits import Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.asyncio import Redis

    from gateway.limits.cluster.leases import Held
    from gateway.limits.cluster.rules import StoreRules
    from gateway.policy.limits import Key, LimitOutcome, LimitSpec

PROBE: Final = 1.0
"""Seconds between two tries to reach a store that is away."""
PATIENCE: Final = 1.0
"""Seconds for what no request waits for."""
FAILURES: Final = 3
"""Answers in a row that did not come, or not as they should, after which the store is away."""

_SCRIPTS: Final = {script.digest(each): each for each in (script.CHARGE, script.RENEW)}
_log: Final = logging.getLogger(__name__)


class Store:
    """Asks by `client`. `told` hears when it goes away (and why) and when it is back."""

    def __init__(self, client: Redis, rules: StoreRules, told: Callable[[bool, str], object]) -> None:
        self.rules: Final = rules
        self._client: Final[Any] = client
        self._told: Final = told
        self._leases: Final = Leases()
        self._wake: Final = asyncio.Event()
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._failures = 0
        self._ended = self._asked = self._refused = self._failed = 0
        self.away = self._disagrees = False
        self._why = ""

    @property
    def counts_alone(self) -> bool:
        """Whether this machine counts by itself while the store is away; never one that others do not agree with."""
        return self.rules.on_failure == "local" and not self._disagrees

    def ledger(self, listener: str) -> StoreLedger:
        """The store as the limits of a listener count in it."""
        return StoreLedger(self, listener)

    async def open(self) -> None:
        """Try the store once, and look after it from now on."""
        await self._try()
        self._tasks.add(asyncio.create_task(self._look_after()))

    async def close(self) -> None:
        """Give back what can be, and let go of the store."""
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(Away):
            await self._give_back()
        with suppress(Exception):
            await self._client.aclose(close_connection_pool=True)

    def summary(self) -> dict[str, Any]:
        """How the store stands, as plain values: what was asked of it, and how many leases are out."""
        return {
            "store": self.rules.name,
            "state": "away" if self.away else "up",
            "why": self._why,
            "on_failure": self.rules.on_failure,
            "asked": self._asked,
            "refused": self._refused,
            "failed": self._failed,
            "held": len(self._leases),
        }

    async def charge(
        self, limits: Sequence[script.Asked], trials: Sequence[script.Asked]
    ) -> tuple[LimitOutcome, frozenset[str], Lease | None]:
        """Charge a request; raises Away. A lease that it may hold without our knowing is given back."""
        if self.away:
            raise Away
        self._asked += 1
        lease = os.urandom(12).hex()
        maybe = [(each.name, lease) for each in (*limits, *trials) if each.spec.rate is None]
        try:
            said = await self._run(script.CHARGE, script.arguments(limits, trials, lease, LIFE), self.rules.patience)
            outcome, refusing, held = script.read(limits, trials, said)
        except BaseException as error:
            for one in maybe:
                self.release(one)
            if not isinstance(error, Exception):
                raise
            self._failed += 1
            self._fail(error)
            raise Away from None
        self._failures = 0
        self._refused += outcome.refused is not None
        for each in held:
            self._leases.take((each.name, lease))
        return outcome, refusing, Lease([(self.release, (each.name, lease)) for each in held]) if held else None

    def release(self, held: Key) -> None:
        """What ran has ended."""
        name, lease = held
        self._leases.end((str(name), str(lease)))
        self._wake.set()

    async def _run(self, text: str, arguments: Sequence[str | int], patience: float) -> Any:
        """Run a script, which the store may have to be told first."""
        from redis.exceptions import NoScriptError  # noqa: PLC0415 - an extra, which is there if there is a store

        async with asyncio.timeout(patience):
            try:
                return await self._client.execute_command("EVALSHA", script.digest(text), *arguments)
            except NoScriptError:
                return await self._client.execute_command("EVAL", text, *arguments)

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        if not self.away and self._failures >= FAILURES:
            self._go(trouble(error, self.rules.patience))

    def _go(self, why: str) -> None:
        self.away, self._why = True, why
        self._wake.set()
        self._told(False, why)  # noqa: FBT003 - it is away, or back

    async def _try(self) -> None:
        """Whether the store can be read and written; what it has to know, it is told."""
        probe = f"{self.rules.prefix}probe"
        try:
            async with asyncio.timeout(PATIENCE):
                for each in _SCRIPTS.values():
                    await self._client.execute_command("SCRIPT LOAD", each)
                await self._client.execute_command("SET", probe, "1", "PX", "1000")
                await agree(self._client, self.rules)
        except OtherSecret as error:
            self._disagrees = True
            if self._why != str(error):
                self._go(str(error))
            return
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is away
            if not self.away:
                self._go(trouble(error, PATIENCE))
            return
        self._failures, self._disagrees = 0, False
        if self.away:
            self.away, self._why = False, ""
            self._told(True, "")  # noqa: FBT003 - it is away, or back

    async def _look_after(self) -> None:
        """Renew and give back leases, and try a store that is away, for as long as this runs."""
        loop = asyncio.get_running_loop()
        renewal = loop.time() + RENEWAL
        while True:
            if self.away:
                await asyncio.sleep(PROBE)
                await self._try()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(max(renewal - loop.time(), 0)):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._give_back()
                if loop.time() >= renewal:
                    renewal = loop.time() + RENEWAL
                    await self._renew()
                    await self._agree()
            except Away:
                self._wake.set()
                await asyncio.sleep(PROBE)
            except Exception:  # noqa: BLE001 - whatever it was, the leases have to be looked after all the same
                _log.exception("the store of limits could not be looked after")

    async def _give_back(self) -> None:
        while those := self._leases.to_give_back():
            for name, leases in _by_key(those).items():
                await self._command("ZREM", name, *leases)
            self._leases.given_back(those)

    async def _renew(self) -> None:
        for those in self._leases.to_renew():
            names, leases = [name for name, _ in those], [lease for _, lease in those]
            try:
                await self._run(script.RENEW, [len(names), *names, round(LIFE * 1000), *leases], PATIENCE)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it did not do it
                self._fail(error)
                raise Away from None

    async def _agree(self) -> None:
        """Say again which secret is in use. Raises Away."""
        try:
            async with asyncio.timeout(PATIENCE):
                await agree(self._client, self.rules)
        except OtherSecret as error:
            self._disagrees = True
            self._go(str(error))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it did not do it
            self._fail(error)
            raise Away from None

    async def _command(self, *words: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._client.execute_command(*words)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it did not do it
            self._fail(error)
            raise Away from None


class StoreLedger:
    """Limits of one listener, by the names that the store knows them by."""

    def __init__(self, store: Store, listener: str) -> None:
        self._store: Final = store
        self._listener: Final = listener
        self._known: Final[dict[LimitSpec, bytes]] = {}

    @property
    def counts_alone(self) -> bool:
        """Whether this machine counts by itself while the store is away."""
        return self._store.counts_alone

    async def charge(
        self, limits: Sequence[tuple[LimitSpec, Key]], trials: Sequence[tuple[LimitSpec, Key]]
    ) -> tuple[LimitOutcome, frozenset[str]]:
        """Charge all of the limits or none, then each of the trials by itself; which trials would refuse."""
        asked = [self._asked(*each) for each in limits], [self._asked(*each) for each in trials]
        outcome, refusing, lease = await self._store.charge(*asked)
        return (outcome if lease is None else replace(outcome, lease=lease)), refusing

    def _asked(self, spec: LimitSpec, key: Key) -> script.Asked:
        rules, limit = self._store.rules, self._known.get(spec)
        if limit is None:
            named = running_name if spec.rate is None else rate_name
            limit = self._known.setdefault(spec, named(rules.secret, self._listener, spec))
        return script.Asked(spec, key, f"{rules.prefix}{name_of(rules.secret, limit, key).hex()}")


def _by_key(those: Sequence[Held]) -> dict[str, list[str]]:
    leases: dict[str, list[str]] = {}
    for name, lease in those:
        leases.setdefault(name, []).append(lease)
    return leases
