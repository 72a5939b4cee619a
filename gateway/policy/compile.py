"""A policy document becomes a compiled policy: everything that can be looked up, indexed or refused beforehand is.

What a policy asks for and can never get is an error here, with its place and the way out, so that nobody meets a wall
by surprise and nothing fails open.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway.policy.builtin import builtin_guardrails
from gateway.policy.checks import DESTINATION_FACTS, document_selections, problems_of
from gateway.policy.clausing import granting_clause, lifting_clause, restraining_clause
from gateway.policy.compiled import (
    CompiledException,
    CompiledHeaders,
    CompiledLimit,
    CompiledPolicy,
    CompiledRule,
    CompiledTls,
)
from gateway.policy.digest import policy_digest
from gateway.policy.hostindex import HostIndex
from gateway.policy.keys import key_of
from gateway.policy.kleene import constantly
from gateway.policy.limits import LimitSpec
from gateway.policy.matchers.context import Context
from gateway.policy.matchers.selections import block_matcher, selection_matcher
from gateway.policy.matchers.sides import Side
from gateway.policy.matchers.sizes import bound_of
from gateway.policy.model import RESPONSE_FACTS, FactName, Mode
from gateway.policy.obligations import edits_of
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from gateway.policy.builtin import Listener
    from gateway.policy.language.clauses import (
        ExceptionDocument,
        HeaderDocument,
        LimitDocument,
        RuleDocument,
        TlsDocument,
    )
    from gateway.policy.language.conditions import Block, Selection
    from gateway.policy.language.document import PolicyDocument
    from gateway.policy.lists import ListContent
    from gateway.policy.problems import Place


def compile_policy(
    document: PolicyDocument,
    lists: Mapping[str, ListContent],
    *,
    mode: Mode,
    own: frozenset[Listener] = frozenset(),
) -> CompiledPolicy:
    """Compile a policy for a listener that faces `mode`.

    `own` are the addresses and ports of the gateway's own listeners, which no forward policy lets anybody reach.
    Raises Invalid with every problem.
    """
    if problems := problems_of(document, lists, mode):
        raise Invalid(problems)
    context = Context(lists, document.groups)
    exceptions = tuple(sorted((_exception(entry, context) for entry in document.exceptions), key=lambda one: one.id))
    restraints = _restraints(document, context, exceptions, mode, own)
    grants = _ordered(
        _rule(rule, context, 3) for rule in document.rules if rule.action == "allow" and rule.stage != "off"
    )
    headers = tuple(_headers(entry, context) for entry in document.headers)
    unconditional = tuple(entry for entry in headers if not entry.conditional)
    selections = document_selections(document)
    return CompiledPolicy(
        name=document.name,
        digest=policy_digest(document, lists),
        mode=mode,
        allows_by_default=document.default.action == "allow",
        default_reason=document.default.reason,
        default_place=_at(document.default.place),
        show_rules=document.show_rules,
        restraints=HostIndex(restraints),
        grants=HostIndex(grants),
        exceptions=exceptions,
        limits=tuple(_limit(entry, context) for entry in document.limits if entry.stage != "off"),
        headers=tuple(entry for entry in headers if entry.conditional),
        unconditional=unconditional,
        always=edits_of(unconditional),
        tls=_tls(document.tls, context),
        rules=MappingProxyType({rule.id: rule for rule in (*restraints, *grants)}),
        size_bounds=_bounds(selections, FactName.REQUEST_SIZE),
        response_size_bounds=_bounds(selections, FactName.RESPONSE_SIZE),
        needs_destination=mode is Mode.FORWARD or _looks_at(selections, DESTINATION_FACTS),
        needs_response=_looks_at(selections, RESPONSE_FACTS),
        is_timeless=not exceptions and not _looks_at(selections, frozenset({FactName.TIME})),
        databases=tuple(
            (each.file, each.digest)
            for _, each in sorted(lists.items())
            if each.type == "database" and each.file is not None
        ),
    )


def _restraints(
    document: PolicyDocument,
    context: Context,
    exceptions: tuple[CompiledException, ...],
    mode: Mode,
    own: frozenset[Listener],
) -> tuple[CompiledRule, ...]:
    lifting = defaultdict(list)
    for entry, compiled in zip(sorted(document.exceptions, key=lambda one: one.id), exceptions, strict=True):
        for name in entry.waives:
            lifting[name].append(compiled)
    builtin = (
        builtin_guardrails(document.unsafe_destinations, own, document.connect_ports) if mode is Mode.FORWARD else ()
    )
    guardrails = (_rule(rule, context, 1) for rule in document.guardrails if rule.stage != "off")
    denies = (
        _rule(rule, context, 2, tuple(lifting[rule.id]))
        for rule in document.rules
        if rule.action == "deny" and rule.stage != "off"
    )
    return _ordered((*builtin, *guardrails, *denies))


def _ordered(rules: Iterable[CompiledRule]) -> tuple[CompiledRule, ...]:
    return tuple(sorted(rules, key=lambda rule: rule.rank))


def _rule(
    rule: RuleDocument, context: Context, rank: int, exceptions: tuple[CompiledException, ...] = ()
) -> CompiledRule:
    allows = rule.action == "allow"
    return CompiledRule(
        id=rule.id,
        allows=allows,
        guardrail=rank == 1,
        shadow=rule.stage == "shadow",
        reason=rule.reason,
        place=_at(rule.place),
        rank=(rank, rule.id),
        clause=(granting_clause if allows else restraining_clause)(rule.selection, context),
        exceptions=exceptions,
        names_tcp=allows and _names_tcp(rule.selection),
    )


def _exception(entry: ExceptionDocument, context: Context) -> CompiledException:
    return CompiledException(
        id=entry.id,
        waives=frozenset(entry.waives),
        until=end_of_day(entry.expires),
        owner=entry.owner,
        reason=entry.reason,
        place=_at(entry.place),
        clause=lifting_clause(entry.selection, context),
    )


def end_of_day(day: date) -> float:
    """The moment at which a day is over in UTC, in seconds since the epoch."""
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)).timestamp()


def _limit(entry: LimitDocument, context: Context) -> CompiledLimit:
    return CompiledLimit(
        id=entry.id,
        spec=LimitSpec(id=entry.id, key=entry.key, rate=entry.rate, concurrent=entry.concurrent),
        key=key_of(entry.key),
        shadow=entry.stage == "shadow",
        place=_at(entry.place),
        clause=restraining_clause(entry.selection, context),
        cluster=entry.scope == "cluster",
    )


def _headers(entry: HeaderDocument, context: Context) -> CompiledHeaders:
    return CompiledHeaders(
        request=entry.request,
        response=entry.response,
        conditional=bool(entry.selection.conditions),
        clause=restraining_clause(entry.selection, context),
    )


def _tls(entry: TlsDocument, context: Context) -> CompiledTls:
    splices = sorted(entry.splice, key=lambda splice: splice.id)
    if isinstance(entry.inspect, str):
        inspect = constantly(truth=entry.inspect == "all")
    else:
        inspect = block_matcher(entry.inspect, context, Side.RESTRAINS)
    return CompiledTls(
        inspect=inspect,
        always=entry.inspect == "all" and not splices,
        splices=tuple((splice.id, selection_matcher(splice.selection, context, Side.GRANTS)) for splice in splices),
    )


def _bounds(selections: Iterable[Selection], fact: FactName) -> tuple[int, ...]:
    conditions = (condition for selection in selections for condition in selection.conditions)
    return tuple(sorted({bound_of(condition) for condition in conditions if condition.fact == fact}))


def _looks_at(selections: Iterable[Selection], facts: frozenset[FactName]) -> bool:
    return any(condition.name in facts for selection in selections for condition in selection.conditions)


def _names_tcp(selection: Selection) -> bool:
    """Whether every request that is selected has been named as a plain tunnel."""

    def named(block: Block) -> bool:
        return any(condition.fact == FactName.PROTOCOL and "tcp" in condition.values for condition in block)

    return named(selection.when or ()) or (bool(selection.any) and all(map(named, selection.any)))


def _at(place: Place) -> str | None:
    return f"{place.file}:{place.line}" if place.line else None
