"""What `wicketgate.yaml` may say, as values. Times are in seconds, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from gateway.config.listener_settings import (
    DIRECT,
    CacheSettings,
    CertificateSettings,
    ClientAuth,
    DiskSettings,
    Entry,
    HostMatch,
    ListenerSettings,
    ParentRule,
    ParentSettings,
    Resolves,
    RouteSettings,
    Scheme,
    SecretSource,
    ServerSettings,
    ServerTlsSettings,
    UpstreamSettings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.export.rules import Anchorage, Export, Secret
    from gateway.audit.export.targets import Target
    from gateway.audit.writing.backlog import OnFailure
    from gateway.audit.writing.intake import Durability
    from gateway.limits.cluster.connecting import StoreAddress
    from gateway.limits.cluster.rules import OnFailure as OnFailureOfStore
    from gateway.policy.addresses import Address, Network
    from gateway.policy.names import Host
    from gateway.upstreams.nameservers.servers import NameServer

__all__ = [
    "DEFAULT_STATE",
    "DIRECT",
    "KIB",
    "AdminSettings",
    "AuditSettings",
    "AuthoritySettings",
    "CacheSettings",
    "CertificateSettings",
    "ClientAddress",
    "ClientAuth",
    "DisclosureSettings",
    "DiskSettings",
    "Entry",
    "Follow",
    "HostMatch",
    "Inject",
    "LimitSettings",
    "LimitsStoreSettings",
    "ListenerSettings",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "PacSettings",
    "ParentRule",
    "ParentSettings",
    "ProofSettings",
    "ResolverSettings",
    "Resolves",
    "RouteSettings",
    "Scheme",
    "SecretSource",
    "ServerSettings",
    "ServerTlsSettings",
    "Settings",
    "StartWith",
    "TraceSettings",
    "UpstreamSettings",
    "UpstreamTlsSettings",
]

type Follow = Literal["trusted", "all", "none"]
type StartWith = Literal["strict", "last-good"]
type Inject = Literal["reverse", "both"]
type LogLevel = Literal["warning", "info", "debug"]
type LogFormat = Literal["text", "json"]
type ClientAddress = Literal["full", "truncated", "keyed"]

DEFAULT_STATE: Final = Path(".wicketgate")
KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """What one client may ask of the gateway itself, and how long it waits for whom: sizes in bytes, times in seconds.

    `body` bounds the requests of reverse listeners; a forward listener is bounded by its policy (`request.size`).
    `message` bounds every message of a WebSocket. `body_idle` is how long a body may be silent; in all it gets as long,
    and a second more for every `body_rate` bytes that came (0: however slow it is). `first_byte` is how long an answer
    may take to begin, `answer_idle` how long it may be silent then, or not be taken. `keep_alive` is how long a
    connection may ask nothing, `tunnel_idle` how long a tunnel or a WebSocket may be silent.
    """

    head: int = 32 * KIB
    fields: int = 100
    target: int = 8 * KIB
    head_timeout: float = 10.0
    body: int = 10 * KIB * KIB
    body_idle: float = 30.0
    body_rate: int = 500
    message: int = 16 * KIB * KIB
    connections: int = 10_000
    connections_per_client: int = 200
    keep_alive: float = 75.0
    connect_timeout: float = 5.0
    first_byte: float = 60.0
    answer_idle: float = 60.0
    tunnel_idle: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureSettings:
    """How much of a client and of its requests is written down.

    `client_address` says how that is: as it is, its network (`truncated`), or a token that is another one every month
    (`keyed`), whose keys are kept for `client_keys` months. Values of the parameters `query_values` and of the
    request's `field_values` (in lower case) are written down, all others are not.
    """

    client_address: ClientAddress = "full"
    client_keys: int = 3
    query_values: frozenset[str] = frozenset()
    field_values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """How decisions are written down, and what happens to what cannot be: by default it is not let through.

    `reserve` is the room for the last records, `segment_size` and `segment_age` say when a file is closed, in bytes and
    seconds; `retain` for how many seconds records of a kind are kept, and those of other kinds are kept for ever.
    `disclosure` says how much of a client and of its requests is written down; `exports` who else gets the records.
    """

    durability: Durability = "batched"
    on_failure: OnFailure = "closed"
    reserve: int = KIB * KIB
    segment_size: int = 256 * KIB * KIB
    segment_age: float = 86_400.0
    retain: Mapping[str, float] = field(default_factory=dict)
    compress: bool = True
    disclosure: DisclosureSettings = field(default_factory=DisclosureSettings)
    exports: tuple[Export, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofSettings:
    """How it can be shown later that the log is what was written.

    `heartbeat` is how many seconds of silence there may be before a record says that the gateway was there; `anchors`
    are files and receivers that keep checkpoints, too.
    """

    enabled: bool = True
    heartbeat: float = 300.0
    anchors: tuple[Path | Anchorage, ...] = ()

    @property
    def reached(self) -> tuple[Anchorage, ...]:
        """The anchors that are no files."""
        return tuple(each for each in self.anchors if not isinstance(each, Path))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverSettings:
    """How names become addresses: `hosts` answers for the names in it, `servers` or else the system for all others.

    `trust` is a file of authorities for servers that are asked over TLS or HTTPS. Answers are kept for as long as they
    say, but at least and at most so many seconds.
    """

    hosts: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    servers: tuple[NameServer, ...] = ()
    trust: Path | None = None
    timeout: float = 5.0
    keep_at_least: float = 0.0
    keep_at_most: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PacSettings:
    """What browsers are told by the proxy auto-configuration.

    `proxy` is the address of the proxy; None says the one at which they asked. Reached without it are `hosts`, names
    with all below them (`under`), and `networks`, of addresses that stand in URLs.
    """

    proxy: tuple[Host, int] | None = None
    hosts: tuple[Host, ...] = ()
    under: tuple[Host, ...] = ()
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTlsSettings:
    """Whom the gateway believes when it dials with TLS: `trust` and `revoked` are files, `minimum` a version of TLS.

    `handshake_timeout` is how long an upstream may take to prove who it is.
    """

    trust: tuple[Path, ...] = ()
    system_roots: bool = True
    revoked: tuple[Path, ...] = ()
    minimum: Literal["1.2", "1.3"] = "1.2"
    handshake_timeout: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySettings:
    """The authority of forward listeners when it is made: whose it is, what it may sign for, how long it holds.

    `permitted` and `excluded` hold for every authority that signs, also for one that was made before: names (each
    with all below it) and networks, as text. `lifetime` is in seconds.
    """

    name: str = "Wicketgate"
    permitted: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    lifetime: float = 3650 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What the operator is told on the standard error stream: messages from `level` on, and every sentence."""

    level: LogLevel = "warning"
    format: LogFormat = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSettings:
    """The collector of OpenTelemetry that is told of exchanges, and of which share of them (0 to 1).

    `parent` says whose traces are gone on with, `inject` which listeners tell servers of the trace. `trust` is a PEM
    file of authorities in place of the system's; `authorization` holds the value of the field of that name.
    """

    target: Target
    sample: float = 1.0
    parent: Follow = "trusted"
    inject: Inject = "reverse"
    service: str = "wicketgate"
    trust: Path | None = None
    authorization: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsStoreSettings:
    """The store in which gateways count the limits of the scope `cluster` together.

    `credentials` hold `password` or `user:password`, `secret` what clients are named by, the same for all gateways.
    `timeout` is how long a request waits for it, in seconds. While it is away nothing that it counts is let through
    (`closed`), or every machine counts alone (`local`). `prefix` begins every key.
    """

    address: StoreAddress
    credentials: SecretSource | None = None
    secret: SecretSource | None = None
    trust: Path | None = None
    timeout: float = 0.05
    on_failure: OnFailureOfStore = "closed"
    prefix: str = "wicketgate"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadSettings:
    """When files are read again by themselves: if at all (`watch`), and after how many seconds of rest (`settle`).

    `start` says what becomes of a start with files that cannot be used: there is none, or it is with what was in force
    last.
    """

    watch: bool = True
    settle: float = 1.0
    start: StartWith = "strict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The file that settings were read from, and the digest (`sha256:...`) of what stood there."""

    file: Path
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """Where the gateway is looked after: the admin API and its pages.

    `hosts` are names under which browsers may ask for them, besides addresses and `localhost`. `tls` is spoken there;
    `unsafe_without_tls` does without it on an address that others can reach. `open_metrics` are told without a token.
    """

    bind: tuple[Address, int]
    hosts: tuple[Host, ...] = ()
    tls: CertificateSettings | None = None
    unsafe_without_tls: bool = False
    open_metrics: bool = False

    @property
    def endpoint(self) -> str:
        """The address and port as people write them."""
        address, port = self.bind
        return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of it. `contact` is whom a refused person may ask."""

    listeners: tuple[ListenerSettings, ...]
    state: Path = DEFAULT_STATE
    upstreams: Mapping[str, UpstreamSettings] = field(default_factory=dict)
    parents: Mapping[str, ParentSettings] = field(default_factory=dict)
    limits: LimitSettings = field(default_factory=LimitSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    proof: ProofSettings = field(default_factory=ProofSettings)
    resolver: ResolverSettings = field(default_factory=ResolverSettings)
    ca: AuthoritySettings = field(default_factory=AuthoritySettings)
    pac: PacSettings = field(default_factory=PacSettings)
    upstream_tls: UpstreamTlsSettings = field(default_factory=UpstreamTlsSettings)
    limits_store: LimitsStoreSettings | None = None
    admin: AdminSettings | None = None
    workers: int = 1
    engine: Literal["mitmproxy"] = "mitmproxy"
    contact: str | None = None
    log: LogSettings = field(default_factory=LogSettings)
    reload: ReloadSettings = field(default_factory=ReloadSettings)
    traces: TraceSettings | None = None
    written: Written | None = field(default=None, compare=False)
