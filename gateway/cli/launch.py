"""From settings to a running gateway: look whether it can start, say everything that is in the way, hand over.

The engine is imported by its name and only here, when everything else is known to be fine.
"""

from __future__ import annotations

import importlib
import sys
from asyncio import CancelledError
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from gateway.cli.admin_side import NAME as ADMIN
from gateway.cli.admin_side import problems_of, side
from gateway.cli.outcome import INTERRUPTED, OK, Unusable, told_in
from gateway.cli.ports import endpoint, trouble_with
from gateway.policy.errors import Malformed
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from gateway.config.settings import Settings
    from gateway.control.returning import Returned
    from gateway.policy.addresses import Address

SUPERVISOR: Final = "addons.workers.supervisor"
ENGINES: Final = {"mitmproxy": "addons.serving.engine"}
"""The module of each engine. `SUPERVISOR` is that of several workers, and offers the same.

It offers `run(settings, said=, version=, again=, configuration=, returned=, ready=)`, which raises its `NotStarted`.
"""
_STANDARD_ERROR: Final = 2


@contextmanager
def usable() -> Iterator[None]:
    """What is wrong with a file or an argument leaves this block as Unusable, with every problem."""
    try:
        yield
    except Invalid as error:
        raise Unusable(*map(str, error.problems)) from None
    except Malformed as error:
        raise Unusable(str(error)) from None


def launch(  # noqa: PLR0913 - what a gateway is started with, each by its name
    settings: Settings,
    *,
    ways_out: Mapping[str, str] | None = None,
    watch: bool = False,
    again: Callable[[], Settings] | None = None,
    configuration: str | None = None,
    returned: Returned | None = None,
    ready: Callable[[], None] = lambda: None,
) -> int:
    """Run until told to stop, and return the exit code. Raises Unusable with every reason not to start.

    `ways_out` names the option of each listener's address; without it, the configuration is where to choose another.
    `again` reads the configuration once more, for the servers that joined or left; `configuration` is its digest.
    `returned` is what was in force last, to start with; `ready` is called once the gateway serves.
    """
    told = {"again": again, "configuration": configuration, "returned": returned}
    with told_in(settings.log.format):
        return _launched(settings, ways_out or {}, ready, told, watch=watch)


def _launched(
    settings: Settings,
    ways_out: Mapping[str, str],
    begun: Callable[[], None],
    told: Mapping[str, Any],
    *,
    watch: bool,
) -> int:
    if problems := [*taken_ports(settings, ways_out), *problems_of(settings)]:
        raise Unusable(*problems, *_policy_problems(settings))
    _make_private(settings.state)
    engine = importlib.import_module(ENGINES[settings.engine] if settings.workers == 1 else SUPERVISOR)
    named, way_out = version("wicketgate"), ways_out.get(ADMIN, "admin.bind")
    try:
        invites = ADMIN in ways_out
        with (
            _said(settings) as said,
            _watching(settings) if watch else nullcontext(),
            side(settings, named, said, way_out, invites=invites) as ready,
        ):

            def serves() -> None:
                begun()
                ready()

            engine.run(settings, said=said, version=named, ready=serves, **told)
    except engine.NotStarted as error:
        raise Unusable(*error.problems) from None
    except CancelledError:
        return INTERRUPTED  # told a second time, while exchanges were given time to end
    return OK


def _make_private(state: Path) -> None:
    """Make the state folder, for its owner alone; one that is there keeps what its operator gave it."""
    if not state.is_dir():
        state.parent.mkdir(parents=True, exist_ok=True)
        state.mkdir(mode=0o700)


def _said(settings: Settings) -> AbstractContextManager[Callable[[str], None]]:
    from gateway.logs.operator import operator_log

    sys.stderr.flush()
    return operator_log(settings.log, _STANDARD_ERROR)


def taken_ports(
    settings: Settings, ways_out: Mapping[str, str], others: Mapping[str, tuple[Address, int]] | None = None
) -> list[str]:
    """A sentence for every address of a listener, and of `others`, that cannot be listened on."""
    admin = {} if settings.admin is None else {ADMIN: settings.admin.bind}
    listeners = {listener.name: listener.bind for listener in settings.listeners}
    wanted = {**listeners, **{name: bind for name, bind in admin.items() if name not in listeners}, **(others or {})}
    first: dict[tuple[Address, int], str] = {}
    problems = []
    for name, bind in wanted.items():
        is_side = name == ADMIN and name not in listeners
        way_out = ways_out.get(name, "admin.bind" if is_side else "bind")
        before = first.setdefault(bind, name) if bind[1] else name
        sentence = trouble_with(bind, way_out) if before == name else _wanted_twice(bind, before, way_out)
        problems += [f"{'admin' if is_side else f'listener `{name}`'}: {sentence}"] if sentence else []
    return problems


def _wanted_twice(bind: tuple[Address, int], other: str, way_out: str) -> str:
    return f"{endpoint(bind)} is wanted by `{other}` as well, choose another with `{way_out}`"


def _policy_problems(settings: Settings) -> tuple[str, ...]:
    from gateway.cli.overview import examine

    try:
        examine(settings)
    except Invalid as error:
        return tuple(map(str, error.problems))
    return ()


def _watching(settings: Settings) -> AbstractContextManager[None]:
    from gateway.cli.watch import watching

    return watching(settings.state / "audit")
