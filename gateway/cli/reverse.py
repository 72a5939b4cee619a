"""`wicketgate reverse URL...`: one reverse gateway in front of the servers named, without a configuration file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli.options import add_listener, parser, with_log
from gateway.cli.outcome import told_in
from gateway.cli.shipped import shipped_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.cli.options import Parser


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("reverse", "Run one reverse gateway: the policy says who may come in to the servers named.")
    options.add_argument("urls", nargs="+", metavar="URL", help="a server, like http://127.0.0.1:8000; several share")
    add_listener(options, listen="127.0.0.1:8081", policy="api")
    return options


def main(argv: Sequence[str]) -> int:
    """Run the gateway until it is told to stop."""
    given = command_line().parse_args(argv)

    from gateway.cli.launch import launch, usable
    from gateway.config.quick import Reverse, quick_settings

    with told_in(given.log_format), usable():
        policy = given.policy or shipped_policy("api")
        reverse = Reverse(policy=policy, urls=tuple(given.urls), listen=given.listen)
        settings = quick_settings(reverse=reverse, state=given.state, workers=given.workers)
    return launch(with_log(settings, given), ways_out={"reverse": "--listen"}, watch=given.watch)
