"""`wicketgate run`: all listeners of a configuration; without one, a quick start to play with.

The quick start is a forward proxy, a small web application, and a reverse gateway in front of it, each on a port of
this machine alone, with a line on the terminal for every decision.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.options import add_log, add_state, parser, with_log
from gateway.cli.outcome import OK, Unusable, tell, told_in
from gateway.cli.output import add_format, answer
from gateway.cli.shipped import shipped_policy

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from gateway.cli.options import Parser
    from gateway.config.settings import Settings
    from gateway.control.returning import Returned

ADMIN_LISTEN: Final = "127.0.0.1:8090"
_USUAL_NAME: Final = Path("wicketgate.yaml")
_WAYS_OUT: Final = {"forward": "--forward", "reverse": "--reverse", "app": "--app", "admin": "--admin"}


def main(argv: Sequence[str]) -> int:
    """Run until told to stop, or only check with `--check`."""
    given = command_line().parse_args(argv)
    with told_in(given.log_format):
        return _quick_start(given) if given.config is None else _configured(given)


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("run", "Run all listeners of a configuration; without one, a quick start to play with.")
    options.add_argument("--config", type=Path, metavar="FILE", help="the configuration, usually wicketgate.yaml")
    options.add_argument("--check", action="store_true", help="say what would run, and what is wrong with it")
    add_format(options)
    options.add_argument(
        "--last-good", action="store_true", help="start with what was in force last if the present files are unusable"
    )
    options.add_argument("--watch", action="store_true", help="print a line per decision, as the quick start does")
    add_log(options)
    quick = options.add_argument_group("the quick start, without --config")
    add_state(quick)
    quick.add_argument("--forward", default="127.0.0.1:8080", metavar="ADDRESS:PORT", help="proxy (%(default)s)")
    quick.add_argument("--reverse", default="127.0.0.1:8081", metavar="ADDRESS:PORT", help="gateway (%(default)s)")
    quick.add_argument("--app", default="127.0.0.1:8000", metavar="ADDRESS:PORT", help="application (%(default)s)")
    quick.add_argument(
        "--admin", default=ADMIN_LISTEN, metavar="ADDRESS:PORT", help="where to look after it, or `off` (%(default)s)"
    )
    return options


def _configured(given: Namespace) -> int:
    from gateway.cli.launch import usable
    from gateway.config.load import load_settings

    settings: Settings | None = None
    begun: list[bool] = []
    try:
        with usable():
            settings = load_settings(given.config)
        if given.check:
            return _check(settings, given.format)
        return _launched(given, settings, None, begun)
    except Unusable as error:
        if given.check or begun:
            raise
        from gateway.cli.last_good import last_good

        failed, found = error, last_good(given, settings, error)
    try:
        return _launched(given, found.settings, found, begun)
    except Unusable as error:
        if begun:
            raise
        others = [each for each in error.problems if each not in failed.problems]
        raise Unusable(*failed.problems, *others) from None


def _launched(given: Namespace, settings: Settings, returned: Returned | None, begun: list[bool]) -> int:
    """Serve until told to end; `begun` has something in it once that has come to pass."""
    from gateway.cli.launch import launch
    from gateway.config.load import load_settings

    def again() -> Settings:
        return with_log(load_settings(given.config), given)

    return launch(
        with_log(settings, given),
        watch=given.watch,
        again=again,
        configuration=None if settings.written is None else settings.written.digest,
        returned=returned,
        ready=lambda: begun.append(True),
    )


def _quick_start(given: Namespace) -> int:
    from gateway.cli.launch import launch, taken_ports, usable
    from gateway.config.endpoints import parse_bind
    from gateway.config.quick import Forward, Reverse, quick_settings
    from gateway.quickstart.process import NotStarted, application

    with usable():
        address, port = parse_bind(given.app)
        settings = quick_settings(
            forward=Forward(policy=shipped_policy("corporate"), listen=given.forward),
            reverse=Reverse(policy=shipped_policy("api"), urls=(f"http://{given.app}",), listen=given.reverse),
            state=given.state,
            admin=None if given.admin == "off" else given.admin,
        )
    if given.check:
        return _check(settings, given.format)
    form = with_log(settings, given).log.format
    if _USUAL_NAME.is_file():
        tell(f"this is the quick start; `--config {_USUAL_NAME}` runs what that file says", form)
    if problems := taken_ports(settings, _WAYS_OUT, {"app": (address, port)}):
        raise Unusable(*problems)
    try:
        with application(str(address), port):
            tell(f"the application to protect listens on {given.app}", form)
            return launch(with_log(settings, given), ways_out=_WAYS_OUT, watch=True)
    except NotStarted as error:
        raise Unusable(str(error)) from None


def _check(settings: Settings, form: str) -> int:
    from gateway.cli.admin_side import certificate_problems
    from gateway.cli.overview import overview, overview_data
    from gateway.policy.problems import Invalid

    problems = certificate_problems(settings)
    try:
        data, text = (overview_data(settings), "") if form == "json" else ({}, overview(settings))
    except Invalid as error:
        problems = [*map(str, error.problems), *problems]
    if problems:
        raise Unusable(*problems)
    if form == "json":
        answer(form, (), data)
    else:
        sys.stdout.write(text)
    return OK
