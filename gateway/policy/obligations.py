"""What must be done with an allow: edits of fields, joined into one per direction, and the addresses to dial.

All edits that apply are joined so that the order of the file means nothing: everything that one of them removes is
removed, then everything is set, then everything is added. An edit counts if it may apply: a field that must not
leave is removed also when a fact is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.policy.headers import HeaderEdit
from gateway.policy.matchers.address import destinations
from gateway.policy.model import EditRequest, EditResponse, Facts, Missing, Obligation, PinAddress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.policy.compiled import CompiledHeaders, CompiledPolicy


def obligations(policy: CompiledPolicy, facts: Facts) -> tuple[Obligation, ...]:
    """The obligations of an allow under these facts."""
    conditional = [headers for headers in policy.headers if headers.clause.match(facts) is not False]
    edits = edits_of((*policy.unconditional, *conditional)) if conditional else policy.always
    found = destinations(facts)
    return edits if isinstance(found, Missing) else (*edits, PinAddress(found))


def edits_of(headers: Iterable[CompiledHeaders]) -> tuple[Obligation, ...]:
    """The edits of both directions, joined."""
    every = tuple(headers)
    request = _joined(entry.request for entry in every)
    response = _joined(entry.response for entry in every)
    return (
        *((EditRequest(request),) if request is not None else ()),
        *((EditResponse(response),) if response is not None else ()),
    )


def _joined(edits: Iterable[HeaderEdit | None]) -> HeaderEdit | None:
    given = sorted({edit for edit in edits if edit is not None}, key=repr)
    if not given:
        return None
    return HeaderEdit(
        remove=tuple(dict.fromkeys(pattern for edit in given for pattern in edit.remove)),
        set=tuple(pair for edit in given for pair in edit.set),
        add=tuple(pair for edit in given for pair in edit.add),
    )
