"""What `wicketgate.yaml` may say of listeners, of their routes and parents, and of the servers behind, as values.

Times are in seconds, sizes in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from gateway.upstreams.pools.rules import PoolRules

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.policy.addresses import Address, Network
    from gateway.policy.model import Mode
    from gateway.policy.names import Host
    from gateway.policy.problems import Place
    from gateway.upstreams.answers import OwnAnswer
    from gateway.upstreams.claims import FieldCondition
    from gateway.upstreams.clauses import EncodedSlash, PathTreatment
    from gateway.upstreams.safety import SecurityPreset

type Scheme = Literal["http", "https"]
type Entry = Literal["proxy", "socks5", "transparent"]
type Resolves = Literal["gateway", "parent"]
type ClientAuth = Literal["off", "optional", "required"]

_MIB: Final = 1024 * 1024
DIRECT: Final = "direct"
"""What stands in the place of a parent's name where there is none."""


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

    size: int = 64 * _MIB
    largest: int = _MIB
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
