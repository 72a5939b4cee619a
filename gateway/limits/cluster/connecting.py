"""Connections to the store, and what went wrong with one in words that hold no secret.

The `redis` package is an extra, and imported by whoever has a store alone. It never tries a second time by itself: who
waits for an answer has little time, and a charge that was sent twice would count twice.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

CONNECTIONS: Final = 32
"""Connections to the store at a time."""
_PORT: Final = 6379
_TROUBLES: Final = {
    "AuthenticationError": "it does not take the credentials",
    "NoPermissionError": "it does not take the credentials",
    "BusyLoadingError": "it is still loading what it knows",
    "ReadOnlyError": "it is a replica, which cannot be written",
    "OutOfMemoryError": "it has no memory left",
    "AskError": "it is part of a cluster that shares its keys out",
    "ClusterDownError": "it is part of a cluster that is down",
}
"""By the names of exceptions of `redis`."""
_SCHEMES: Final = ("redis", "rediss", "unix")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a store listens: `redis://host:port/database`, `rediss://` over TLS, or `unix:///path?db=0`."""

    scheme: str
    host: str
    port: int
    database: int
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> StoreAddress:
        """Read a URL; raises Malformed, and never repeats what may be a password."""
        parts = urlsplit(text)
        if parts.username is not None or parts.password is not None or "@" in parts.netloc:
            raise Malformed("user and password do not belong here, name a file or a variable under `credentials`")
        if parts.scheme not in _SCHEMES:
            raise Malformed("a store is at `redis://host:6379/0`, `rediss://host:6379/0` or `unix:///run/valkey.sock`")
        try:
            port = parts.port or _PORT
        except ValueError:
            raise Malformed("the port of the store is a number up to 65535") from None
        if parts.scheme == "unix":
            if parts.netloc or not parts.path:
                raise Malformed("the socket of a store has an absolute path, like `unix:///run/valkey.sock`")
            return cls("unix", "", 0, _database(parts.query.removeprefix("db=")), unquote(parts.path))
        if not parts.hostname or parts.query:
            raise Malformed("a store is at `redis://host:6379/0`: a host, a port and the number of a database")
        return cls(parts.scheme, parts.hostname, port, _database(parts.path.removeprefix("/")))

    @property
    def encrypted(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.scheme == "rediss"

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix://{self.path}?db={self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/{self.database}"


def _database(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 6):  # noqa: PLR2004 - no store has as many
        raise Malformed("the database of a store is a number, like `0`")
    return int(text)


def connect(
    address: StoreAddress, credentials: tuple[str | None, str] | None, trust: Path | None, patience: float
) -> Redis:
    """A pool of connections, none of which is open yet. Raises Malformed if it cannot be made."""
    try:
        from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection, UnixDomainSocketConnection  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra
    except ImportError:
        raise Malformed("the package `redis` is missing, install `wicketgate[redis]`") from None
    if trust is not None and not trust.is_file():
        raise Malformed(f"the file `{trust}` of `trust` is not there")
    user, password = credentials or (None, None)
    about: dict[str, Any] = {
        "db": address.database,
        "username": user,
        "password": password,
        "socket_timeout": patience,
        "socket_connect_timeout": patience,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }
    kind: type[Connection | UnixDomainSocketConnection] = Connection
    if address.scheme == "unix":
        kind, about["path"] = UnixDomainSocketConnection, address.path
    else:
        about |= {"host": address.host, "port": address.port}
    if address.encrypted:
        kind = SSLConnection
        about |= {"ssl_min_version": ssl.TLSVersion.TLSv1_2, "ssl_ca_certs": None if trust is None else str(trust)}
    pool = BlockingConnectionPool(max_connections=CONNECTIONS, timeout=patience, connection_class=kind, **about)
    return Redis(connection_pool=pool)


def trouble(error: BaseException, patience: float) -> str:
    """What is wrong with the store, in words; of what it said itself, only the code."""
    from redis import exceptions  # noqa: PLC0415 - an extra, which is there if there is an error of it

    known = next((words for kind, words in _TROUBLES.items() if isinstance(error, getattr(exceptions, kind))), None)
    if known is not None:
        return known
    if isinstance(error, TimeoutError | exceptions.TimeoutError):
        return f"it gave no answer in {patience * 1000:g} ms"
    if isinstance(error, exceptions.ResponseError):
        code = str(error).partition(" ")[0]
        return f"it answered `{code}`" if code.isalpha() and code.isupper() else "it answered with an error"
    if isinstance(error, ValueError):
        return "it gave an answer that cannot be read"
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__ or error.__context__, ssl.SSLError):
        return "it could not prove who it is, or speaks no TLS"
    return "it cannot be reached"
