"""`wicketgate.yaml` to settings: every problem at once, each with its place."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from gateway.config.sections import process
from gateway.config.sections.admin import ADMIN, admin_from, own_upstreams
from gateway.config.sections.answering import with_body_from
from gateway.config.sections.audit import AUDIT
from gateway.config.sections.ca import CA
from gateway.config.sections.cache import cache_from
from gateway.config.sections.common import not_yet
from gateway.config.sections.export import sent_from
from gateway.config.sections.limits import LIMITS
from gateway.config.sections.limits_store import LIMITS_STORE, store_from
from gateway.config.sections.listeners import LISTENERS
from gateway.config.sections.log import LOG
from gateway.config.sections.pac import PAC
from gateway.config.sections.parents import PARENT, PARENTS, found_from
from gateway.config.sections.proof import PROOF, anchored_from
from gateway.config.sections.reloading import RELOAD
from gateway.config.sections.resolver import RESOLVER
from gateway.config.sections.server_tls import shown_from
from gateway.config.sections.traces import TRACES, traces_from
from gateway.config.sections.upstream_tls import UPSTREAM_TLS, with_paths_from
from gateway.config.sections.upstreams import UPSTREAM, UPSTREAMS
from gateway.config.settings import (
    DEFAULT_STATE,
    AdminSettings,
    AuditSettings,
    AuthoritySettings,
    LimitSettings,
    ListenerSettings,
    LogSettings,
    PacSettings,
    ParentSettings,
    ProofSettings,
    ReloadSettings,
    ResolverSettings,
    Settings,
    TraceSettings,
    UpstreamSettings,
    UpstreamTlsSettings,
    Written,
)
from gateway.policy.language.loader import scan
from gateway.policy.language.nodes import Entry, Mapping, Node, Scalar, Sequence
from gateway.policy.language.records import Key, Values, optional, record, required
from gateway.policy.language.scalars import choice
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot
from gateway.policy.model import Mode
from gateway.policy.problems import Invalid, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION: Final = "1"

_VERSION: Final = required("version", choice((VERSION,), "`1`"), "The version of this file's language.")
_STATE: Final = optional(
    "state", process.STATE, "The folder of keys, records and last good copies.", str(DEFAULT_STATE)
)
_LISTENERS: Final = required("listeners", LISTENERS, "Where connections are accepted.")
_UPSTREAMS: Final[Key[dict[str, UpstreamSettings]]] = optional("upstreams", UPSTREAMS, "Servers to protect.", {})
_PARENTS: Final[Key[dict[str, ParentSettings]]] = optional("parents", PARENTS, "Other proxies to go through.", {})
_LIMITS: Final = optional("limits", LIMITS, "What one client may ask of the gateway itself.", LimitSettings())
_AUDIT: Final = optional("audit", AUDIT, "How decisions are written down.", AuditSettings())
_PROOF: Final = optional("proof", PROOF, "How it is shown that the log is what was written.", ProofSettings())
_RESOLVER: Final = optional("resolver", RESOLVER, "How names become addresses.", ResolverSettings())
_CA: Final = optional("ca", CA, "The authority of forward listeners.", AuthoritySettings())
_PAC: Final = optional("pac", PAC, "What the proxy auto-configuration says.", PacSettings())
_UPSTREAM_TLS: Final = optional(
    "upstream_tls", UPSTREAM_TLS, "Whom the gateway believes when it dials.", UpstreamTlsSettings()
)
_LIMITS_STORE: Final = optional("limits_store", LIMITS_STORE, "Where gateways count limits together.", None)
_RELOAD: Final = optional("reload", RELOAD, "When files are read again by themselves.", ReloadSettings())
_ADMIN: Final[Key[AdminSettings | None]] = optional("admin", ADMIN, "Where the gateway is looked after.", None)
_WORKERS: Final = optional("workers", process.WORKERS, "How many processes share the work.", 1)
_ENGINE: Final[Key[Literal["mitmproxy"]]] = optional("engine", process.ENGINE, "What moves the bytes.", "mitmproxy")
_LOG: Final = optional("log", LOG, "What the operator is told, and how.", LogSettings())
_TRACES: Final[Key[TraceSettings | None]] = optional("traces", TRACES, "Who is told of exchanges as spans.", None)
_CONTACT: Final = optional("contact", process.CONTACT, "Whom a refused person may ask.", None)


def _settings(values: Values) -> Read[Settings]:
    return Settings(
        listeners=values[_LISTENERS],
        state=Path(values[_STATE]),
        upstreams=values[_UPSTREAMS],
        parents=values[_PARENTS],
        limits=values[_LIMITS],
        audit=values[_AUDIT],
        proof=values[_PROOF],
        resolver=values[_RESOLVER],
        ca=values[_CA],
        pac=values[_PAC],
        upstream_tls=values[_UPSTREAM_TLS],
        limits_store=values[_LIMITS_STORE],
        admin=values[_ADMIN],
        workers=values[_WORKERS],
        engine=values[_ENGINE],
        contact=values[_CONTACT],
        log=values[_LOG],
        reload=values[_RELOAD],
        traces=values[_TRACES],
    )


def _check_pac(node: Mapping, spot: Spot) -> None:
    pac, listeners = node.get("pac"), node.get("listeners")
    each = listeners.items if isinstance(listeners, Sequence) else ()
    modes = [mode.text for one in each if isinstance(one, Mapping) and isinstance(mode := one.get("mode"), Scalar)]
    if pac is not None and modes and Mode.FORWARD not in modes:
        spot.key("pac", pac).complain("only a forward listener serves a proxy auto-configuration, leave it out")


SETTINGS: Final[Shape[Settings]] = record(
    (
        _VERSION,
        _STATE,
        _LISTENERS,
        _UPSTREAMS,
        _PARENTS,
        _LIMITS,
        _AUDIT,
        _PROOF,
        _RESOLVER,
        _CA,
        _PAC,
        _UPSTREAM_TLS,
        _LIMITS_STORE,
        _RELOAD,
        _ADMIN,
        _WORKERS,
        _ENGINE,
        _CONTACT,
        _LOG,
        _TRACES,
    ),
    _settings,
    wanted="settings, like `{version: 1, listeners: [...]}`",
    rules=(_check_pac,),
    also=not_yet("cache", "identity"),
)
"""What `wicketgate.yaml` holds."""


def load_settings(path: Path) -> Settings:
    """Read a file; raises Invalid. Paths in it are found from where it lies."""
    try:
        source = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise Invalid([Problem(Place(str(path), 1, 1), "", f"the file cannot be read: {reason}")]) from None
    digest = f"sha256:{sha256(source).hexdigest()}"
    return replace(read_settings(source, str(path), path.parent), written=Written(file=path, digest=digest))


def read_settings(text: str | bytes, file: str, base: Path) -> Settings:
    """Read the text of a file named `file`, whose relative paths start at `base`; raises Invalid."""
    return parse_settings(text, file, base, lambda path: path)


def parse_settings(text: str | bytes, file: str, base: Path, found: Callable[[Path], Path]) -> Settings:
    """The same, where `found` says where the files lie that are read for it; raises Invalid."""
    node, problems = scan(text, file)
    if node is None:
        raise Invalid(problems)
    declared = {
        UPSTREAM: {entry.key: "" for entry in _entries(node, "upstreams")},
        PARENT: {entry.key: "" for entry in _entries(node, "parents")},
    }
    problems += _twice(node, "name", "the name") + _twice(node, "bind", "the address")
    settings = SETTINGS.read(node, Spot(node.place, "", problems, declared))
    if problems or settings is WRONG:
        raise Invalid(problems)
    problems += own_upstreams(node, settings)
    listeners = tuple(_found_from(base, listener, problems, found) for listener in settings.listeners)
    if problems:
        raise Invalid(problems)
    trust = settings.resolver.trust
    return replace(
        settings,
        state=base / settings.state,
        listeners=listeners,
        audit=replace(settings.audit, exports=sent_from(base, settings.audit.exports)),
        parents={name: found_from(base, parent) for name, parent in settings.parents.items()},
        resolver=settings.resolver if trust is None else replace(settings.resolver, trust=base / trust),
        upstream_tls=with_paths_from(base, settings.upstream_tls),
        limits_store=store_from(base, settings.limits_store),
        proof=anchored_from(base, settings.proof),
        admin=admin_from(base, settings.admin),
        traces=traces_from(base, settings.traces),
    )


def _found_from(
    base: Path, listener: ListenerSettings, problems: list[Problem], found: Callable[[Path], Path]
) -> ListenerSettings:
    """The listener with its files found from a folder, and the bodies of fixed responses read from theirs."""
    bodies = (with_body_from(base, route, problems, found) for route in listener.routes)
    routes = tuple(cache_from(base, listener.name, route) for route in bodies)
    return replace(listener, policy=base / listener.policy, routes=routes, tls=shown_from(base, listener.tls))


def _entries(node: Node, key: str) -> tuple[Entry, ...]:
    section = node.get(key) if isinstance(node, Mapping) else None
    return section.entries if isinstance(section, Mapping) else ()


def _twice(node: Node, key: str, what: str) -> list[Problem]:
    """Listeners that claim what another one has."""
    lines: dict[str, int] = {}
    problems = []
    for path, value in _of_listeners(node, key):
        if value.text in lines:
            sentence = f"{what} `{value.text}` is taken, it stands in line {lines[value.text]} already: choose another"
            problems.append(Problem(value.place, path, sentence))
        lines.setdefault(value.text, value.place.line)
    return problems


def _of_listeners(node: Node, key: str) -> Iterator[tuple[str, Scalar]]:
    listeners = node.get("listeners") if isinstance(node, Mapping) else None
    if not isinstance(listeners, Sequence):
        return
    for index, listener in enumerate(listeners.items):
        value = listener.get(key) if isinstance(listener, Mapping) else None
        if isinstance(value, Scalar) and not value.text.endswith(":0"):
            yield f"listeners[{index}].{key}", value
