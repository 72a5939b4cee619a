"""A compiled policy: every clause as closures, in the order in which clauses decide. Immutable, shared by all requests.

The order is: guardrails (built in, then by id), denies by id, allows by id. It says which of several matching rules
is named, never what the verdict is, and it does not depend on the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.policy.headers import HeaderEdit
    from gateway.policy.hostindex import HostIndex, HostNames
    from gateway.policy.kleene import Matcher
    from gateway.policy.limits import LimitSpec
    from gateway.policy.model import FactName, Facts, ListHit, Mode, Obligation

type Finder = Callable[[Facts], ListHit | None]
"""Finds the entry of a list that made a condition match."""
type Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clause:
    """Which requests something is about, ready to be asked.

    `match` leaves unknown what is not known. `standing`, `answered` and `growing` are the readings for the last word,
    for the head of the answer and for a passing body (see `matchers.selections`); they are None where they would say
    the same as `match` with unknown counted against the request.
    `facts` are the facts that are looked at, `hosts` the hosts outside of which it never matches.
    """

    match: Matcher
    standing: Matcher | None = None
    answered: Matcher | None = None
    growing: Matcher | None = None
    facts: frozenset[FactName] = frozenset()
    hosts: HostNames | None = None
    finders: tuple[Finder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledException:
    """Lifts the denies that it waives for the requests of its clause, before the moment `until`."""

    id: str
    waives: frozenset[str]
    until: float
    owner: str
    reason: str
    place: str | None
    clause: Clause


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledRule:
    """A guardrail, a deny or an allow.

    `rank` orders the rules by how they are named; `exceptions` are those that may lift it; `names_tcp` tells whether
    it names `protocol: [tcp]`, which alone opens a tunnel that is neither TLS nor HTTP.
    """

    id: str
    allows: bool
    guardrail: bool
    shadow: bool
    reason: str
    place: str | None
    rank: tuple[int, str]
    clause: Clause
    exceptions: tuple[CompiledException, ...] = ()
    names_tcp: bool = False

    @property
    def hosts(self) -> HostNames | None:
        """The hosts outside of which the rule never matches."""
        return self.clause.hosts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledLimit:
    """A limit, the requests that count, and the key under which each counts. `cluster`: gateways count it together."""

    id: str
    spec: LimitSpec
    key: Callable[[Facts], Key]
    shadow: bool
    place: str | None
    clause: Clause
    cluster: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledHeaders:
    """Edits of fields, and the requests whose fields are edited."""

    request: HeaderEdit | None
    response: HeaderEdit | None
    conditional: bool
    clause: Clause


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledTls:
    """Which TLS connections are opened: those for which `inspect` may hold and none of `splices` certainly does.

    `always` says that it is all of them.
    """

    inspect: Matcher
    always: bool
    splices: tuple[tuple[str, Matcher], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledPolicy:
    """One policy, for one listener.

    `size_bounds` are the sizes of a request body, in bytes, at which a decision may change: `Gate.size` is asked when
    a body that states no length passes one; `response_size_bounds` are the same for answers. `needs_destination`
    tells whether the name must be resolved before the last word, `needs_response` whether the answer is judged.
    `is_timeless` tells whether the rules say the same at any time of the same facts; limits, which count, aside.
    `databases` are the files, with their digests, that tell where destinations are.
    `headers` are the edits that have a condition, `unconditional` the others, and `always` are those joined.
    """

    name: str
    digest: str
    mode: Mode
    allows_by_default: bool
    default_reason: str | None
    default_place: str | None
    show_rules: bool
    restraints: HostIndex[CompiledRule]
    grants: HostIndex[CompiledRule]
    exceptions: tuple[CompiledException, ...]
    limits: tuple[CompiledLimit, ...]
    headers: tuple[CompiledHeaders, ...]
    unconditional: tuple[CompiledHeaders, ...]
    always: tuple[Obligation, ...]
    tls: CompiledTls
    rules: Mapping[str, CompiledRule]
    size_bounds: tuple[int, ...]
    response_size_bounds: tuple[int, ...]
    needs_destination: bool
    needs_response: bool
    databases: tuple[tuple[str, str], ...] = ()
    is_timeless: bool = False

    @property
    def rule_ids(self) -> frozenset[str]:
        """The ids that a decision may name as its rule: rules, guardrails and limits."""
        return frozenset(self.rules) | {limit.id for limit in self.limits}

    @property
    def limit_specs(self) -> tuple[LimitSpec, ...]:
        """What a `LimitTable` for this policy is made of."""
        return tuple(limit.spec for limit in self.limits)
