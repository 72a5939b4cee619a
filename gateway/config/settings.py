"""What `wicketgate.yaml` may say, as values. Times are in seconds, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from gateway.upstreams.pools.rules import PoolRules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.export.rules import Export
    from gateway.audit.writing.backlog import OnFailure
    from gateway.audit.writing.intake import Durability
    from gateway.policy.addresses import Address, Network
    from gateway.policy.model import Mode
    from gateway.policy.names import Host
    from gateway.policy.problems import Place
    from gateway.upstreams.answers import OwnAnswer
    from gateway.upstreams.claims import FieldCondition
    from gateway.upstreams.clauses import EncodedSlash, PathTreatment
    from gateway.upstreams.nameservers.servers import NameServer
    from gateway.upstreams.safety import SecurityPreset

type LogLevel = Literal["warning", "info", "debug"]
type LogFormat = Literal["text", "json"]
type Scheme = Literal["http", "https"]
type Entry = Literal["proxy", "socks5", "transparent"]
type Resolves = Literal["gateway", "parent"]
type ClientAddress = Literal["full", "truncated", "keyed"]
type ClientAuth = Literal["off", "optional", "required"]

DIRECT: Final = "direct"
"""What stands in the place of a parent's name where there is none."""

DEFAULT_STATE: Final = Path(".wicketgate")
KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """One server of an upstream. Of requests, it gets a share by `weight`."""

    scheme: Scheme
    host: Host
    port: int
    weight: int = 1

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host.authority(self.port)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """Servers that answer for one another, and the `rules` by which they do."""

    name: str
    servers: tuple[ServerSettings, ...]
    rules: PoolRules = PoolRules()  # noqa: RUF009 - the value is frozen, so that it can be shared


@dataclass(frozen=True, slots=True)
class HostMatch:
    """Which hosts a route is for: `any`, exactly those named (`is`), or those named with all below (`under`)."""

    operator: Literal["any", "is", "under"] = "any"
    hosts: tuple[Host, ...] = ()

    def matches(self, host: Host) -> bool:
        """Whether the route is for this host."""
        if self.operator == "under":
            return any(host.is_under(other) for other in self.hosts)
        return self.operator == "any" or host in self.hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSettings:
    """Answers on disk: `size` bounds all files of the route together, in bytes, `entries` their number.

    `path` is the folder; without one it is in the state folder.
    """

    size: int
    entries: int = 10_000
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """The cache of a route: `size` bounds all kept answers in memory together, `largest` every one, in bytes.

    Without a `disk` nothing is kept over a restart. `place` tells the caches of routes apart: it is a digest of what
    the route is for and who answers it, so that a cache stays the same while this does.
    """

    size: int = 64 * KIB * KIB
    largest: int = KIB * KIB
    disk: DiskSettings | None = None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings:
    """Which requests of a reverse listener go to an upstream, or get an answer of the gateway's own.

    It is for `hosts`, for paths that begin with whole segments of `prefixes` or are `exact`, for `methods` (none: all),
    and on conditions on `fields`, in the order of their names. Either `upstream` names who answers, or there is an
    `answer`; `body` is the file from which it is read. `strip_prefix` is taken from the path that is sent, and
    `put_prefix` put there, alone in the place of the prefix. `strict_paths` says what becomes of a path that is not
    canonical: refused (`strict`), redirected, or rewritten; `encoded_slash` of one that holds `%2F` or `%5C`.
    Without a `cache` no answer is kept. `security_fields` are filled into answers; None means those of the listener.
    """

    upstream: str = ""
    answer: OwnAnswer | None = None
    body: Path | None = None
    hosts: HostMatch = field(default_factory=HostMatch)
    prefixes: tuple[str, ...] = ("/",)
    exact: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    fields: tuple[FieldCondition, ...] = ()
    strip_prefix: str | None = None
    put_prefix: str | None = None
    strict_paths: PathTreatment = "strict"
    encoded_slash: EncodedSlash = "refuse"
    cache: CacheSettings | None = None
    security_fields: SecurityPreset | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is read from when the gateway starts: a file, or a variable of the environment."""

    file: Path | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentSettings:
    """Another proxy, through which requests are sent on.

    `resolves` says who makes the name of a destination an address: the gateway, which judges it, or the parent alone.
    `credentials` hold `user:password`; `trust` is a PEM file of authorities for a parent that is spoken to over TLS.
    """

    name: str
    scheme: Scheme
    host: Host
    port: int
    resolves: Resolves = "gateway"
    credentials: SecretSource | None = None
    trust: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRule:
    """Which hosts are reached through a parent; `via` is its name, or `direct` for none."""

    via: str
    hosts: HostMatch = field(default_factory=HostMatch)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSettings:
    """A certificate that a reverse listener shows, its chain behind it in the same file, and its key; PEM files.

    A `default` one is shown to clients that name no host, or one that no other certificate is for.
    """

    certificate: Path
    key: Path
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTlsSettings:
    """TLS on a reverse listener. `client_ca` and `client_crl` are files by which clients are measured."""

    certificates: tuple[CertificateSettings, ...]
    client_auth: ClientAuth = "off"
    client_ca: Path | None = None
    client_crl: Path | None = None
    minimum: Literal["1.2", "1.3"] = "1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """One address that accepts connections, and the policy that rules them.

    `trusted_proxies` may name the client of a request in its forwarding fields; everybody else's are ignored.
    `unsafe_skip_verify` dials TLS servers without checking who they are. `entry` is how clients of a forward listener
    say where they want to go: to a proxy, by SOCKS 5, or not at all, because they were redirected. `parent` says which
    hosts are reached through other proxies. `tls` is spoken on a reverse listener. From the networks of
    `proxy_protocol` every connection begins with a header that names its client.
    `http2` offers HTTP/2 to clients with TLS, and to servers with TLS. `http3` offers HTTP/3 to clients of a reverse
    listener with TLS, at the same port of UDP, or at `http3_port` as far as they are told, if it is not 0.
    `security_fields` are filled into answers.
    """

    name: str
    mode: Mode
    bind: tuple[Address, int]
    policy: Path
    entry: Entry = "proxy"
    parent: tuple[ParentRule, ...] = ()
    routes: tuple[RouteSettings, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    proxy_protocol: tuple[Network, ...] = ()
    tls: ServerTlsSettings | None = None
    unsafe_skip_verify: bool = False
    http2: bool = True
    http3: bool = False
    http3_port: int = 0
    security_fields: SecurityPreset = "off"

    @property
    def endpoint(self) -> str:
        """The address and port as people write them, `[::1]:8080` for IPv6."""
        address, port = self.bind
        return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"


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
    are files that keep checkpoints, too.
    """

    enabled: bool = True
    heartbeat: float = 300.0
    anchors: tuple[Path, ...] = ()


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
    workers: int = 1
    engine: Literal["mitmproxy"] = "mitmproxy"
    contact: str | None = None
    log: LogSettings = field(default_factory=LogSettings)
