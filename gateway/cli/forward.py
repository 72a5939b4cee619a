"""`wicketgate forward`: one forward proxy, without a configuration file."""

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
    options = parser("forward", "Run one forward proxy: clients say where they want to go, the policy says whether.")
    add_listener(options, listen="127.0.0.1:8080", policy="corporate")
    return options


def main(argv: Sequence[str]) -> int:
    """Run the proxy until it is told to stop."""
    given = command_line().parse_args(argv)

    from gateway.cli.launch import launch, usable
    from gateway.config.quick import Forward, quick_settings

    with told_in(given.log_format), usable():
        forward = Forward(policy=given.policy or shipped_policy("corporate"), listen=given.listen)
        settings = quick_settings(forward=forward, state=given.state, workers=given.workers)
    return launch(with_log(settings, given), ways_out={"forward": "--listen"}, watch=given.watch)
