"""What a policy asks for and can never get on its listener, said at load with the place and the way out.

The reader has refused what makes no sense by itself. Here are the clauses that make sense and could never do what they
say: an allow that waits for the answer, an exception that comes after the decision, a splice that waits for an address,
and denies that would be walls (see `gateway.policy.walls`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.model import RESPONSE_FACTS, FactName, Mode
from gateway.policy.problems import Problem
from gateway.policy.walls import wall_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.policy.language.conditions import Condition, Selection
    from gateway.policy.language.document import PolicyDocument
    from gateway.policy.lists import ListContent

DESTINATION_FACTS: Final = frozenset({FactName.DESTINATION_IP, FactName.DESTINATION_COUNTRY, FactName.DESTINATION_ASN})
"""What is known of the place that a name led to, once somebody has looked it up."""


def problems_of(document: PolicyDocument, lists: Mapping[str, ListContent], mode: Mode) -> tuple[Problem, ...]:
    """Every problem, in no order. Without the contents of its lists nothing else of a policy can be judged."""
    if missing := tuple(_missing_lists(document, lists)):
        return missing
    walls = wall_problems(document, lists) if mode is Mode.FORWARD else ()
    return (*_late_allows(document), *_late_exceptions(document), *_late_splices(document), *walls)


def document_selections(document: PolicyDocument) -> tuple[Selection, ...]:
    """Every selection that may decide about a request or its obligations, but for what is off."""
    return (
        *(rule.selection for rule in (*document.guardrails, *document.rules) if rule.stage != "off"),
        *(limit.selection for limit in document.limits if limit.stage != "off"),
        *(exception.selection for exception in document.exceptions),
        *(edit.selection for edit in document.headers),
    )


def _missing_lists(document: PolicyDocument, lists: Mapping[str, ListContent]) -> Iterator[Problem]:
    for name, entry in document.lists.items():
        if name not in lists:
            yield Problem(entry.place, f"lists.{name}", f"the contents of the list `{name}` were not loaded")


def _late_allows(document: PolicyDocument) -> Iterator[Problem]:
    for index, rule in enumerate(document.rules):
        if rule.action == "allow" and rule.stage != "off":
            for condition in _about(rule.selection.conditions, RESPONSE_FACTS):
                sentence = "an allow is given before there is an answer, write the opposite as a deny"
                yield Problem(condition.place, f"rules[{index}]", f"`{condition.fact}`: {sentence}")


def _late_exceptions(document: PolicyDocument) -> Iterator[Problem]:
    rules = {rule.id: rule for rule in document.rules}
    for index, exception in enumerate(document.exceptions):
        for condition in _about(exception.selection.conditions, RESPONSE_FACTS):
            for name in exception.waives:
                if name in rules and not any(_about(rules[name].selection.conditions, RESPONSE_FACTS)):
                    sentence = (
                        f"`{condition.fact}` is known only after `{name}` was decided, so nothing would be lifted"
                    )
                    way = "leave it out, or give the rule a condition on the answer too"
                    yield Problem(condition.place, f"exceptions[{index}]", f"{sentence}: {way}")


def _late_splices(document: PolicyDocument) -> Iterator[Problem]:
    asked = [(f"tls.splice[{index}]", splice.selection.conditions) for index, splice in enumerate(document.tls.splice)]
    if not isinstance(document.tls.inspect, str):
        asked.append(("tls.inspect", document.tls.inspect))
    for path, conditions in asked:
        for condition in _about(conditions, DESTINATION_FACTS):
            sentence = f"`{condition.fact}` is not known when TLS begins, ask for `host` or `tls.sni`"
            yield Problem(condition.place, path, sentence)


def _about(conditions: Iterable[Condition], facts: frozenset[FactName]) -> Iterator[Condition]:
    return (condition for condition in conditions if condition.name in facts)
