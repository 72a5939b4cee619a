"""A policy document: everything that one policy file says, read and checked, before it is compiled for a listener.

Reading is pure: text in, a document or all problems out. Files that the policy names are read by whoever loads it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from gateway.policy.language.clauses import (
    Default,
    ExceptionDocument,
    GroupDocument,
    Guard,
    HeaderDocument,
    LimitDocument,
    ListDocument,
    NameEntry,
    RuleDocument,
    SpliceDocument,
    TlsDocument,
)
from gateway.policy.language.conditions import NOWHERE, Block, Condition, ListRef, Selection, Span
from gateway.policy.language.declared import declared_names
from gateway.policy.language.header_clauses import HEADERS
from gateway.policy.language.limit_clauses import LIMITS
from gateway.policy.language.list_clauses import GROUPS, LISTS
from gateway.policy.language.loader import scan
from gateway.policy.language.operands import MAX_PORT, NETWORK
from gateway.policy.language.records import Key, Values, optional, record, required
from gateway.policy.language.rule_clauses import ACTION, EXCEPTIONS, GUARDRAILS, RULES
from gateway.policy.language.scalars import BOOLEAN, choice, integer, kebab, sentence
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, sequence
from gateway.policy.language.tls_clauses import TLS
from gateway.policy.problems import Invalid, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from gateway.policy.addresses import Network
    from gateway.policy.problems import Place

__all__ = [
    "Block",
    "Condition",
    "Default",
    "ExceptionDocument",
    "GroupDocument",
    "Guard",
    "HeaderDocument",
    "LimitDocument",
    "ListDocument",
    "ListRef",
    "NameEntry",
    "PolicyDocument",
    "RuleDocument",
    "Selection",
    "Span",
    "SpliceDocument",
    "TlsDocument",
    "expired",
    "read_policy",
]

HTTPS_ONLY: Final = (443,)
VERSION: Final = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocument:
    """One policy. `digest` is that of the file's bytes (`sha256:...`); its rules have no order that means anything."""

    default: Default
    name: str
    version: int = 1
    lists: Mapping[str, ListDocument] = field(default_factory=dict)
    groups: Mapping[str, GroupDocument] = field(default_factory=dict)
    guardrails: tuple[RuleDocument, ...] = ()
    rules: tuple[RuleDocument, ...] = ()
    exceptions: tuple[ExceptionDocument, ...] = ()
    limits: tuple[LimitDocument, ...] = ()
    tls: TlsDocument = field(default_factory=TlsDocument)
    headers: tuple[HeaderDocument, ...] = ()
    unsafe_destinations: tuple[Network, ...] = ()
    connect_ports: tuple[int, ...] = HTTPS_ONLY
    show_rules: bool = True
    digest: str = ""
    place: Place = field(default=NOWHERE, compare=False)


_DEFAULT_ACTION: Final = required("action", ACTION, "What happens to a request that no rule matches.")
_DEFAULT_REASON: Final = optional("reason", sentence("a sentence for people"), "Why; shown to people.", None)
_DEFAULT: Final = record(
    (_DEFAULT_ACTION, _DEFAULT_REASON),
    lambda values: Default(action=values[_DEFAULT_ACTION], reason=values[_DEFAULT_REASON], place=values.place),
    wanted="`{action: allow}` or `{action: deny}`",
)

_VERSION: Final = required("version", choice((VERSION,), "`1`"), "The version of the language.")
_NAME: Final = optional("name", kebab("a name, like `corporate`"), "The name of the policy in records.", None)
_DEFAULT_KEY: Final = required("default", _DEFAULT, "What happens to a request that no rule matches.")
_LISTS: Final[Key[dict[str, ListDocument]]] = optional("lists", LISTS, "Named lists of names and networks.", {})
_GROUPS: Final[Key[dict[str, GroupDocument]]] = optional("groups", GROUPS, "Named groups of people and clients.", {})
_GUARDRAILS: Final = optional("guardrails", GUARDRAILS, "Denials that nothing overrides.", ())
_RULES: Final = optional("rules", RULES, "What is denied and allowed; a denial wins, the order means nothing.", ())
_EXCEPTIONS: Final = optional("exceptions", EXCEPTIONS, "Denials that are lifted for somebody, for a time.", ())
_LIMITS: Final = optional("limits", LIMITS, "How many requests are too many.", ())
_TLS: Final = optional("tls", TLS, "Which tunnels are opened for inspection.", None)
_HEADERS: Final = optional("headers", HEADERS, "Fields that are removed, set and added.", ())
_UNSAFE: Final = optional(
    "unsafe_destinations",
    sequence(NETWORK, "[10.0.0.0/8]", may_be_empty=True),
    "Special-purpose networks that may be reached all the same.",
    (),
)
_PORTS: Final = optional(
    "connect_ports",
    sequence(integer(1, MAX_PORT, "a port, like `8443`"), "[443, 8443]"),
    "The ports to which tunnels may be opened; 443 alone if left out.",
    HTTPS_ONLY,
)
_SHOW: Final = optional("show_rules", BOOLEAN, "Whether a refused client is told the id of the rule.", default=True)


def _policy(values: Values) -> Read[PolicyDocument]:
    return PolicyDocument(
        default=values[_DEFAULT_KEY],
        name=values[_NAME] or _stem(values.place.file),
        lists=values[_LISTS],
        groups=values[_GROUPS],
        guardrails=values[_GUARDRAILS],
        rules=values[_RULES],
        exceptions=values[_EXCEPTIONS],
        limits=values[_LIMITS],
        tls=values[_TLS] or TlsDocument(),
        headers=values[_HEADERS],
        unsafe_destinations=values[_UNSAFE],
        connect_ports=values[_PORTS],
        show_rules=values[_SHOW],
        place=values.place,
    )


def _stem(file: str) -> str:
    return file.rpartition("/")[2].partition(".")[0] or "policy"


POLICY: Final[Shape[PolicyDocument]] = record(
    (
        _VERSION,
        _NAME,
        _DEFAULT_KEY,
        _SHOW,
        _UNSAFE,
        _PORTS,
        _LISTS,
        _GROUPS,
        _GUARDRAILS,
        _RULES,
        _EXCEPTIONS,
        _LIMITS,
        _TLS,
        _HEADERS,
    ),
    _policy,
    wanted="a policy, like `{version: 1, default: {action: deny}}`",
)
"""What a policy file holds."""


def read_policy(text: str | bytes, file: str) -> PolicyDocument:
    """The policy that `text` states; raises Invalid with all that is wrong with it.

    `file` is the name under which problems and places speak of it.
    """
    node, problems = scan(text, file)
    if node is None:
        raise Invalid(problems)
    declared, taken = declared_names(node)
    problems += taken
    document = POLICY.read(node, Spot(node.place, "", problems, declared))
    if problems or document is WRONG:
        raise Invalid(problems)
    source = text.encode() if isinstance(text, str) else text
    return replace(document, digest=f"sha256:{hashlib.sha256(source).hexdigest()}")


def expired(document: PolicyDocument, today: date) -> tuple[Problem, ...]:
    """Exceptions that have run out: no error, for they lift nothing any more, but worth a notice."""
    return tuple(
        Problem(
            exception.place,
            f"exceptions[{index}].expires",
            f"the exception `{exception.id}` has expired on {exception.expires}, renew it or take it out",
        )
        for index, exception in enumerate(document.exceptions)
        if exception.expires < today
    )
