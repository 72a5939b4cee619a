"""What a refused client reads: a page for people, problem details for programs.

The page stands alone: no script, no picture, no font, nothing fetched; a strict Content-Security-Policy holds it to
that. Everything that came from outside is escaped. Problem details follow RFC 9457.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from dataclasses import dataclass
from typing import Final

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5a6675;--paper:#f5f6f8;--card:#fff;--edge:#dce1e7;--mark:#b3261e}
@media (prefers-color-scheme:dark){
:root{--ink:#e8ebef;--soft:#9aa5b1;--paper:#14181d;--card:#1d232a;--edge:#303841;--mark:#ff8a80}
}
*{box-sizing:border-box}
body{margin:0;padding:8vh 1.25rem;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
main{max-width:38rem;margin:auto;padding:2rem;background:var(--card);border:1px solid var(--edge)}
main{border-top:4px solid var(--mark);border-radius:8px}
h1{margin:0 0 .5rem;font-size:1.4rem}
p{margin:0 0 1.5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.25rem;margin:0;font-size:.92rem}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere;font-family:ui-monospace,monospace}
"""

_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HTML_FIELDS: Final = (
    (
        "Content-Security-Policy",
        (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
"""Fields that go with the HTML page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a refusal says. `rule`, `contact`, `client` and `asked` are None where they are unknown or not to be shown.

    `title` is the phrase of the status, `detail` a sentence for people, `decision` the decision id by which an
    operator finds the record, `asked` what was asked for, as the gateway understood it.
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


def as_html(page: Page) -> str:
    """The page for a browser."""
    title = html.escape(f"{page.status} {page.title}")
    rows = "".join(f"<dt>{term}</dt><dd>{html.escape(value)}</dd>" for term, value in _rows(page))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head>\n"
        f"<body><main><h1>{title}</h1><p>{html.escape(page.detail)}</p><dl>{rows}</dl></main></body></html>\n"
    )


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
        ("Decision", page.decision),
        ("Whom to ask", page.contact),
    )
    return [(term, value) for term, value in rows if value is not None]
