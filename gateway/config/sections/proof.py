"""The section `proof`: how it can be shown later that the audit log is what was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.export.rules import Anchorage
from gateway.audit.export.targets import parse_target
from gateway.config.sections.export import AUTHORIZATION, SCHEMES, SECRET, TRUST, check_target, found_from
from gateway.config.settings import ProofSettings
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Key, one_of, optional, record
from gateway.policy.language.scalars import BOOLEAN, DURATION, text
from gateway.policy.language.shapes import sequence

if TYPE_CHECKING:
    from gateway.policy.language.records import Values
    from gateway.policy.language.shapes import Read, Shape

_STOCK: Final = ProofSettings()
_LEAST: Final = 1.0


def _pause(seconds: float) -> float:
    if seconds < _LEAST:
        raise Malformed("a sign of life comes at most once a second, write at least `1s`")
    return seconds


_FILE: Final = optional("file", text("the path of a file"), "A file, best on another machine's disk.", None)
_SYSLOG: Final = optional("syslog", text("a URL, like `tls://logs.example:6514`"), "A syslog server.", None)
_WEBHOOK: Final = optional("webhook", text("a URL, like `https://hooks.example/anchor`"), "A web application.", None)
_FOR_WEBHOOKS: Final = ("secret", "authorization")


def _anchor(values: Values) -> Path | Anchorage:
    file, kind = values[_FILE], "syslog" if values[_SYSLOG] is not None else "webhook"
    for name in ("trust", *_FOR_WEBHOOKS):
        if values.node.get(name) is not None and (file is not None or (kind == "syslog" and name != "trust")):
            raise Malformed(f"`{name}` means nothing to `{'file' if file is not None else kind}`, leave it out")
    if file is not None:
        return Path(file)
    trust = values[TRUST]
    url = values[_SYSLOG] or values[_WEBHOOK] or ""
    target = parse_target(url, SCHEMES["syslog" if kind == "syslog" else "webhook"])
    check_target(target, trust, values[AUTHORIZATION])
    return Anchorage(
        kind="syslog" if kind == "syslog" else "webhook",
        target=target,
        trust=None if trust is None else Path(trust),
        secret=values[SECRET],
        authorization=values[AUTHORIZATION],
    )


_ANCHOR: Final[Shape[Path | Anchorage]] = record(
    (_FILE, _SYSLOG, _WEBHOOK, TRUST, SECRET, AUTHORIZATION),
    _anchor,
    wanted="an anchor, like `{file: /mnt/elsewhere/wicketgate.anchor}`",
    rules=(one_of("file", "syslog", "webhook", why="an anchor is at one place"),),
)
_ENABLED: Final = optional("enabled", BOOLEAN, "Whether the log is proved.", _STOCK.enabled)
_HEARTBEAT: Final = optional("heartbeat", DURATION.then(_pause), "Silence before a sign of life.", _STOCK.heartbeat)
_ANCHORS: Final[Key[tuple[Path | Anchorage, ...]]] = optional(
    "anchors", sequence(_ANCHOR, "[{file: /mnt/elsewhere/wicketgate.anchor}]"), "Who else keeps checkpoints.", ()
)


def _settings(values: Values) -> Read[ProofSettings]:
    return ProofSettings(enabled=values[_ENABLED], heartbeat=values[_HEARTBEAT], anchors=tuple(values[_ANCHORS]))


PROOF: Final = record(
    (_ENABLED, _HEARTBEAT, _ANCHORS),
    _settings,
    wanted="how the log is proved, like `{heartbeat: 5min, anchors: [{file: /mnt/elsewhere/wicketgate.anchor}]}`",
)


def anchored_from(base: Path, settings: ProofSettings) -> ProofSettings:
    """The same settings; relative paths in them start at `base`."""
    return replace(
        settings,
        anchors=tuple(base / each if isinstance(each, Path) else found_from(base, each) for each in settings.anchors),
    )
