"""The addon that enforces a policy inside a stock mitmproxy: same policy engine, adapters, layers and audit log.

mitmproxy keeps its sockets, its handlers and its options; everything above them is replaced: the first layer on a
connection is ours, and so are all layers in it. What needs our own process is not there, and is said at the start.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from mitmproxy import ctx, exceptions
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.layers.modes import HttpProxy

from addons.connections.bounds import Bounds
from addons.connections.fail_closed import HOOKS, hook_table
from addons.serving.composition import HOOK_SLACK, Engine, compose
from addons.serving.listeners import Crowd
from addons.stock import options as stock_options
from addons.stock.hooks import Answers, StockDispatch, stop
from addons.stock.layer import Ground, Grounded, Shut
from addons.streams.layer import GatewayHttpLayer
from gateway.audit.records.events import start_record, stop_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.config.settings import DEFAULT_STATE, ListenerSettings, Settings
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.model import Mode
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mitmproxy.addonmanager import Loader
    from mitmproxy.connection import Client, Connection
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layer import Layer, NextLayer

_log: Final = logging.getLogger("wicketgate")

CANNOT: Final = (
    "only a forward proxy is served here: no reverse, transparent, upstream or SOCKS mode, and no TLS to the proxy",
    "a changed policy takes effect at the next start; SIGHUP ends this process instead of reading it again",
    "when the script that brought this addon changes or goes, this process ends at once, and all exchanges with it",
    "at the end exchanges are not waited for: they are cut, and recorded as they are then",
    "clients that `block_global` or `block_private` turns away are in no record",
    "requests for mitmproxy's own revocation list, `/mitmproxy-*.crl`, are answered by mitmproxy if the policy allows",
)
"""What the gateway's own process guarantees and this one does not."""


def end_process(*reasons: str) -> NoReturn:
    """End now, without a turn of the event loop in which mitmproxy would serve on unjudged."""
    sys.stdout.flush()
    for reason in reasons:
        sys.stderr.write(f"wicketgate: {reason}\n")
    sys.stderr.flush()
    os._exit(1)


@dataclass(frozen=True, slots=True)
class Service:
    """What judges while mitmproxy runs."""

    engine: Engine
    dispatch: StockDispatch
    ground: Ground
    crowd: Crowd


@dataclass
class StockAddon:
    """Judges everything that one mitmproxy serves. `first` are addons whose hooks come before the gateway's own.

    `end` ends the process. mitmproxy finds a method for every hook that the gateway answers.
    """

    first: tuple[object, ...] = ()
    end: Callable[..., NoReturn] = end_process
    name: str = "wicketgate"
    _service: Service | None = None
    _is_there: bool = False
    _clients: dict[str, tuple[Client, Address]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in HOOKS:
            if not hasattr(self, name):
                setattr(self, name, partial(self._hook, name))

    def load(self, loader: Loader) -> None:
        """Add the options, and set all others to what is safe; ends the process if the user asked for anything else."""
        loader.add_option("wicketgate_policy", str, "", "The policy to enforce, a YAML file.")
        loader.add_option("wicketgate_state", str, "", "The folder of the audit log and of the authority.")
        problems = stock_options.asked_for(ctx.options)
        if problems:
            self.end(*problems)
        stock_options.harden(ctx.options)
        ctx.master.event_loop.call_soon(self._check_that_it_is_there)

    def _check_that_it_is_there(self) -> None:
        """An option of ours that mitmproxy cannot read makes it drop this addon behind `load`, and go on without it."""
        if not self._is_there:
            self.end("mitmproxy did not take this addon: is one of the options `wicketgate_*` given twice?")

    def configure(self, _updated: set[str]) -> None:
        """Take no unsafe option at any time. Raises OptionsError, on which mitmproxy puts the old value back."""
        self._is_there = True
        problems = stock_options.in_force(ctx.options)
        if problems:
            raise exceptions.OptionsError("; ".join(problems))  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it

    def running(self) -> None:
        """Begin to judge; until then everything is refused. Ends the process if that cannot be done safely."""
        problems = list(stock_options.in_force(ctx.options))
        if ctx.master.addons.get("view") is not None:  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
            problems.append("mitmproxy and mitmweb let people change what was judged: run `mitmdump`")
        if problems:
            self.end(*problems)
        try:
            self._service = self._serve()
        except Invalid as error:
            self.end(*(str(problem) for problem in error.problems))
        except Exception as error:  # noqa: BLE001 - without a policy in force nothing may run on
            self.end(str(error) or type(error).__name__)
        _log.info("wicketgate: ready: %s", self._where(self._service.engine))
        for line in CANNOT:
            _log.warning("wicketgate: not guaranteed inside mitmproxy: %s", line)

    def _serve(self) -> Service:
        engine = compose(self._settings())
        engine.writer.start()
        for notice in engine.trust.start().notices:
            _log.warning("wicketgate: %s", notice)
        for listener in engine.listeners:
            for notice in listener.store.start().notices:
                _log.warning("wicketgate: %s", notice)
        answers = Answers()
        table = hook_table((*self.first, *engine.addons))
        dispatch = StockDispatch(table, engine.failures, answers, engine.settings.resolver.timeout + HOOK_SLACK)
        ground = Ground(
            answers=answers,
            heard=dispatch.heard,
            bounds=Bounds.of(engine.settings.limits),
            failed=engine.failures.failed,
            late=engine.failures.late,
            transport=_transport,
        )
        where = [self._where(engine)]
        engine.writer.append(
            start_record(version=version("wicketgate"), engine="mitmdump", listeners=where, now=time.time())
        )
        return Service(engine, dispatch, ground, Crowd(engine.settings.limits))

    def _settings(self) -> Settings:
        policy = ctx.options.wicketgate_policy or os.environ.get("WICKETGATE_POLICY")
        state = ctx.options.wicketgate_state or os.environ.get("WICKETGATE_STATE")
        if not policy:
            raise ValueError("no policy is named: add `--set wicketgate_policy=FILE`, or set WICKETGATE_POLICY")
        return Settings(
            listeners=(ListenerSettings(name="forward", mode=Mode.FORWARD, bind=_listening(), policy=Path(policy)),),
            state=Path(state) if state else DEFAULT_STATE,
        )

    @staticmethod
    def _where(engine: Engine) -> str:
        (listener,) = engine.listeners
        return f"{listener.mode} {listener.settings.endpoint}"

    async def _hook(self, name: str, data: Any) -> None:
        service = self._service
        if service is None:
            stop(name, data)
        else:
            await service.dispatch.call(name, data)

    async def client_connected(self, client: Client) -> None:
        """Take a connection that there is room for, and let its address be judged."""
        service = self._service
        if client.error is not None:
            return
        client.error = "refused"
        if service is None:
            return
        with suppress(Malformed):
            peer = Address.parse(client.peername[0].split("%", 1)[0])
            if service.crowd.enter(peer):
                self._clients[client.id] = (client, peer)
                service.engine.connections.opened(client, service.engine.listeners[0])
                client.error = None
                await service.dispatch.call("client_connected", client)

    async def client_disconnected(self, client: Client) -> None:
        """A connection is over: what was open on it is recorded, and its place is free."""
        service = self._service
        found = self._clients.pop(client.id, None)
        if service is None or found is None:
            return
        await service.dispatch.call("client_disconnected", client)
        service.crowd.leave(found[1])

    def next_layer(self, nextlayer: NextLayer) -> None:
        """Put our layers on a new connection, whatever mitmproxy would; a connection that is not new is ended."""
        nextlayer.layer = Shut(nextlayer.context)
        service = self._service
        is_new = all(isinstance(each, HttpProxy | Shut) for each in nextlayer.context.layers)
        if service is not None and is_new and nextlayer.context.client.id in self._clients:
            nextlayer.context.layers.remove(nextlayer.layer)
            nextlayer.layer = Grounded(nextlayer.context, partial(_http, bounds=service.ground.bounds), service.ground)

    def done(self) -> None:
        """Write down how everything ended. Ends the process if mitmproxy was to go on without this addon."""
        service, self._service = self._service, None
        if service is not None:
            self._close(service)
        if not ctx.master.should_exit.is_set():
            self.end("the addon was unloaded, and nothing would be judged any more: start mitmdump again")

    def _close(self, service: Service) -> None:
        for client, _ in self._clients.values():
            for addon in service.engine.addons:
                with suppress(Exception):  # the others are to be written down all the same
                    getattr(addon, "client_disconnected", _nothing)(client)
        with suppress(AuditUnavailable):
            service.engine.writer.append(stop_record(cause="told to end", now=time.time()))
        service.engine.resolver.close()
        service.engine.writer.close()


def _nothing(_client: Client) -> None:
    """For addons that do not ask how a connection ended."""


def _http(context: Context, *, bounds: Bounds) -> Layer:
    return GatewayHttpLayer(context, HTTPMode.regular, bounds)


def _listening() -> tuple[Address, int]:
    """Where mitmproxy really listens. Raises ValueError if that is nowhere, or at several addresses."""
    found = [(Address.parse(host.split("%", 1)[0]), port) for host, port, *_ in _proxyserver().listen_addrs()]
    everywhere = [each for each in found if not each[0].value]
    if not found or len({port for _, port in found}) > 1 or (len(found) > 1 and not everywhere):
        raise ValueError("mitmproxy has to listen at one address: name it with `--listen-host 127.0.0.1`")
    return (everywhere or found)[0]


def _transport(client: Client, connection: Connection) -> asyncio.Transport | None:
    """The socket of a connection of a client, as long as mitmproxy has it."""
    handler = _proxyserver().connections.get(client.id)
    io = None if handler is None else handler.transports.get(connection)
    return getattr(getattr(io, "writer", None), "transport", None)


def _proxyserver() -> Any:
    return ctx.master.addons.get("proxyserver")  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
