"""`wicketgate metrics`: the numbers of a running gateway, in the text format of Prometheus.

They come over the socket in the state folder, so that this works without the admin port: for a look, or for a file
that the node exporter's textfile collector reads.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from gateway.cli.options import add_state, parser
from gateway.cli.ordering import ordered
from gateway.cli.outcome import OK, Unusable
from gateway.control.channel import Order
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.cli.options import Parser


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("metrics", "The metrics of a running gateway, as Prometheus reads them.")
    add_state(options)
    options.add_argument(
        "--format",
        choices=("text", "openmetrics", "json"),
        default="text",
        help="text format 0.0.4, OpenMetrics 1.0, or the bare numbers (%(default)s)",
    )
    return options


def main(argv: Sequence[str]) -> int:
    """Print them. Raises Unusable if no gateway is there, or it cannot be understood."""
    given = command_line().parse_args(argv)
    done = ordered(given.state, Order("metrics"))
    if given.format == "json":
        json.dump(done, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return OK
    from gateway.metrics.exposition import OPENMETRICS, render
    from gateway.metrics.snapshot import read

    try:
        snapshot = read(done)
    except Malformed as problem:
        raise Unusable(f"the gateway in `{given.state}` gave no answer: {problem}") from None
    text, _ = render(snapshot, OPENMETRICS if given.format == "openmetrics" else "")
    sys.stdout.write(text.decode())
    return OK
