"""What a refused client reads: a page for people, problem details for programs.

The page says in plain words that and why it is refused, by which rule (if the policy shows it), and whom to ask under
which decision id. Everything that came from outside is escaped. Problem details follow RFC 9457.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from gateway.pages.shell import contact_link, document
from gateway.policy.model import Reason

_BLOCKED: Final = "This is blocked here"
_BUSY: Final = "Please slow down"
_UNREADABLE: Final = "This request cannot be understood"
_TOO_LARGE: Final = "This request is too large"
_UNREACHED: Final = "This site cannot be reached"

_HEADINGS: Final = {
    Reason.RATE_EXCEEDED: _BUSY,
    Reason.CONCURRENCY_EXCEEDED: _BUSY,
    Reason.LIMIT_TABLE_FULL: "The gateway is busy",
    Reason.LIMITS_UNAVAILABLE: "The gateway is busy",
    Reason.CAPACITY: "The gateway is busy",
    Reason.MALFORMED_REQUEST: _UNREADABLE,
    Reason.NOT_CANONICAL: _UNREADABLE,
    Reason.NAME_MISMATCH: _UNREADABLE,
    Reason.NO_ROUTE: "There is nothing here",
    Reason.IDENTITY_REQUIRED: "Please say who you are",
    Reason.BODY_TOO_LARGE: _TOO_LARGE,
    Reason.TARGET_TOO_LONG: _TOO_LARGE,
    Reason.HEAD_TOO_LARGE: _TOO_LARGE,
    Reason.HEAD_TIMEOUT: "This request took too long",
    Reason.BODY_TIMEOUT: "This request took too long",
    Reason.CLIENT_TIMEOUT: "This request took too long",
    Reason.IDLE_TIMEOUT: "This request took too long",
    Reason.UPSTREAM_UNRESOLVED: _UNREACHED,
    Reason.UPSTREAM_REFUSED: _UNREACHED,
    Reason.UPSTREAM_UNTRUSTED: "This site is not safe to visit",
    Reason.UPSTREAM_BROKEN: _UNREACHED,
    Reason.UPSTREAM_TIMEOUT: _UNREACHED,
    Reason.AUDIT_UNAVAILABLE: "The gateway lets nothing through now",
    Reason.UNKNOWN_OBLIGATION: "The gateway has a fault",
    Reason.INTERNAL_ERROR: "The gateway has a fault",
}
"""What happened, in words for people; what is not here was blocked by the policy."""

_RULED: Final = frozenset({Reason.GUARDRAIL, Reason.RULE_DENY, Reason.DEFAULT})
_MINUTE: Final = 60
_FAULTS: Final = HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a refusal says. `rule`, `contact`, `client` and `asked` are None where they are unknown or not to be shown.

    `title` is the phrase of the status, `detail` a sentence for people, `decision` the decision id by which an
    operator finds the record, `asked` what was asked for, as the gateway understood it, `wait` the seconds after which
    it may be asked again.
    """

    status: int
    title: str
    detail: str
    reason: str
    decision: str
    rule: str | None = None
    contact: str | None = None
    client: str | None = None
    asked: str | None = None
    wait: int | None = None


def as_html(page: Page) -> str:
    """The page for a browser."""
    reason = Reason(page.reason)
    heading = _HEADINGS.get(reason, _BLOCKED)
    ruled = "<p>The rules of this network do not allow it.</p>\n" if reason in _RULED else ""
    rows = "".join(f"<dt>{term}</dt><dd>{html.escape(value)}</dd>" for term, value in _rows(page))
    content = (
        f'<p class="kicker">{html.escape(f"{page.status} {page.title}")}</p><h1>{html.escape(heading)}</h1>\n'
        f'<p class="lead">{html.escape(page.detail)}</p>\n'
        f"{ruled}<dl>{rows}</dl>\n{_way_out(page)}"
    )
    return document(f"{heading} ({page.status})", content, "fault" if page.status >= _FAULTS else "stop")


def as_problem(page: Page) -> str:
    """Problem details for a program (RFC 9457), with the members `decision`, `reason`, `rule` and `contact`."""
    members = {
        "type": "about:blank",
        "title": page.title,
        "status": page.status,
        "detail": page.detail,
        "decision": page.decision,
        "reason": page.reason,
        "rule": page.rule,
        "contact": page.contact,
    }
    return json.dumps({name: value for name, value in members.items() if value is not None}) + "\n"


def _rows(page: Page) -> list[tuple[str, str]]:
    rows = (
        ("Asked for", page.asked),
        ("Your address", page.client),
        ("Reason", page.reason),
        ("Rule", page.rule),
        ("Try again in", None if page.wait is None else _span(page.wait)),
    )
    return [(term, value) for term, value in rows if value is not None]


def _span(seconds: int) -> str:
    """A time to wait, rounded up: `40 seconds`, `2 minutes`."""
    if seconds <= _MINUTE:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // _MINUTE)} minutes"


def _way_out(page: Page) -> str:
    """Whom to ask, and the id to name; one click or tap selects all of the id."""
    asking = "Whoever runs this gateway finds the reason under this decision:"
    if page.contact is not None:
        asking = f"Is this wrong? Ask {contact_link(page.contact, f'Decision {page.decision}')} and name this decision:"
    return f'<p>{asking}</p><code class="id" title="Click or tap to select">{html.escape(page.decision)}</code>'
