"""What a policy may say, clause by clause, as values: the words of the file with nothing left to parse.

Reading and checking happen in the `*_clauses` readers; deciding happens in the compiled policy. Every clause keeps its
place, which is no part of what it says: two clauses are equal if they say the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gateway.policy.language.conditions import NOWHERE, Block, ListRef, Selection

if TYPE_CHECKING:
    from datetime import date

    from gateway.policy.addresses import AddressClass, Network
    from gateway.policy.headers import HeaderEdit
    from gateway.policy.limits import Rate
    from gateway.policy.names import Host
    from gateway.policy.problems import Place

type Action = Literal["allow", "deny"]
type Stage = Literal["enforce", "shadow", "off"]
type Scope = Literal["machine", "cluster"]
"""Who counts a limit together: the workers of one machine, or all gateways that share a store."""
type ListType = Literal["domain", "network", "database"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """What happens to a request that no rule matches."""

    action: Action
    reason: str | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class NameEntry:
    """A name that a guard watches over: exactly it (`is`), or it and all below (`under`)."""

    operator: Literal["is", "under"]
    host: Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """When a new copy of a list is not believed.

    `min_entries` is a count, `max_shrink` a fraction of the last good copy (0.3 for `30%`), `never_contains` holds
    what must not be on the list: networks, classes of addresses and `@lists` for networks, names for domains.
    """

    min_entries: int | None = None
    max_shrink: float | None = None
    never_contains: tuple[Network | AddressClass | ListRef | NameEntry, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Feed:
    """Where a list is fetched over HTTPS: its `url` as it is written, and what that means."""

    url: str
    host: Host
    port: int
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDocument:
    """A named list: `items` written in the policy, or a `file` or a `feed` in some `format`. `max_age` is in seconds.

    `match` says what an entry of a domain list means (`is` exactly, `under` with all below); None where the format
    says it itself. A feed is fetched every `refresh` seconds; `ca` is a file of who vouches for its server, and
    `digest` what it has to be.
    """

    name: str
    type: ListType
    format: str | None = None
    file: str | None = None
    feed: Feed | None = None
    refresh: float = 86_400.0
    ca: str | None = None
    digest: str | None = None
    items: tuple[Host | Network, ...] = ()
    match: Literal["is", "under"] | None = None
    max_age: float | None = None
    guard: Guard | None = None
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def origin(self) -> str:
        """Where its entries come from, as a sentence names it."""
        return f"`{self.feed.url}`" if self.feed is not None else f"file `{self.file}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDocument:
    """A named group: who is in it by name, and who by address."""

    name: str
    users: tuple[str, ...] = ()
    clients: tuple[Network | AddressClass | ListRef, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDocument:
    """A rule, or a guardrail (whose action is always `deny`)."""

    id: str
    action: Action
    reason: str
    when: Block | None = None
    not_: Block | None = None
    any: tuple[Block, ...] = ()
    stage: Stage = "enforce"
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def selection(self) -> Selection:
        """The requests that the rule is about."""
        return Selection(self.when, self.not_, self.any)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionDocument:
    """Lifts the deny rules that it names, until the end of the day `expires` (UTC)."""

    id: str
    waives: tuple[str, ...]
    expires: date
    owner: str
    reason: str
    when: Block | None = None
    not_: Block | None = None
    any: tuple[Block, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def selection(self) -> Selection:
        """The requests that the exception is about."""
        return Selection(self.when, self.not_, self.any)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitDocument:
    """A limit per `key` (facts): either a `rate` or a number of `concurrent` exchanges, never both."""

    id: str
    key: tuple[str, ...]
    rate: Rate | None = None
    concurrent: int | None = None
    when: Block | None = None
    not_: Block | None = None
    any: tuple[Block, ...] = ()
    stage: Stage = "enforce"
    scope: Scope = "machine"
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def selection(self) -> Selection:
        """The requests that count."""
        return Selection(self.when, self.not_, self.any)

    @property
    def burst(self) -> int | None:
        """How many requests may come at once, None for a limit of concurrent exchanges."""
        return None if self.rate is None else self.rate.burst


@dataclass(frozen=True, slots=True, kw_only=True)
class SpliceDocument:
    """Tunnels that are passed through unopened."""

    id: str
    reason: str
    when: Block | None = None
    not_: Block | None = None
    any: tuple[Block, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def selection(self) -> Selection:
        """The tunnels that are passed through."""
        return Selection(self.when, self.not_, self.any)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsDocument:
    """Which tunnels are opened for inspection (`all`, `none`, or those of a block), and which never are."""

    inspect: Literal["all", "none"] | Block = "all"
    splice: tuple[SpliceDocument, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderDocument:
    """What is removed from, set in and added to the fields of a request and of its answer."""

    request: HeaderEdit | None = None
    response: HeaderEdit | None = None
    id: str | None = None
    when: Block | None = None
    not_: Block | None = None
    any: tuple[Block, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def selection(self) -> Selection:
        """The requests whose fields are edited."""
        return Selection(self.when, self.not_, self.any)
