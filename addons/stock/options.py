"""Which options a stock mitmproxy may have while the gateway judges for it: hardened ones, and harmless ones.

The layers get the values that they get in the gateway itself. Every other option has to be at its default, because
most of them change what was judged (`map_remote`), or leave something unjudged (`ignore_hosts`).
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from mitmproxy.net import tls
from mitmproxy.proxy.mode_specs import ProxyMode, RegularMode

from addons.serving.options import LayerOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mitmproxy.options import Options

PREFIX: Final = "wicketgate_"

HARDENED: Final[Mapping[str, Any]] = {
    **{each.name: getattr(LayerOptions(), each.name) for each in fields(LayerOptions)},
    "flow_detail": 0,
    "onboarding": False,
    "tcp_timeout": 75,
}
"""What is set, by mitmproxy's names. Addresses with their queries are not printed: they may hold secrets."""

HARMLESS: Final = frozenset(
    {
        "block_global",
        "block_private",
        "command_history",
        "confdir",
        "listen_host",
        "listen_port",
        "mode",
        "scripts",
        "server",
        "termlog_verbosity",
    }
)
"""What a user may set; `mode` and `scripts` within bounds."""


def harden(options: Options) -> None:
    """Give every option its hardened value. Call it when `asked_for` found nothing."""
    options.update(**HARDENED)  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it


def asked_for(options: Options) -> tuple[str, ...]:
    """What a user asked mitmproxy for that cannot be had together with a policy; sentences with the way out."""
    return (*_settings(options, {}), *_surroundings(options))


def in_force(options: Options) -> tuple[str, ...]:
    """What is unsafe in the options as they are now; sentences with the way out."""
    return (*_settings(options, HARDENED), *_surroundings(options))


def _settings(options: Options, wanted: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(options.keys()):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
        if name in HARMLESS or name.startswith(PREFIX):
            continue
        value, hardened = getattr(options, name), HARDENED.get(name, options.default(name))
        if value not in (hardened, wanted.get(name, options.default(name))):
            yield f"option `{name}` is `{value}`, which may leave something unjudged: leave it at `{hardened}`"


def _surroundings(options: Options) -> Iterator[str]:
    modes = [_parsed(each) for each in options.mode]
    if len(modes) != 1 or not isinstance(modes[0], RegularMode):
        yield f"option `mode` is `{', '.join(options.mode)}`: one `regular` is all that is served here"
    if len(options.scripts) != 1:
        yield "another script may change what was judged: name both addons in the `addons` of one script"
    if tls.log_master_secret is not None:
        yield "mitmproxy writes down the keys of sessions: take `SSLKEYLOGFILE` out of the environment"


def _parsed(mode: str) -> ProxyMode | None:
    try:
        return ProxyMode.parse(mode)
    except ValueError:
        return None
