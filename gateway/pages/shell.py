"""What the gateway's pages have in common: one look, light and dark, for phones too, and nothing fetched.

A page stands alone: no script, no picture, no font. A strict Content-Security-Policy holds it to that and allows the
one style by its digest.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import Final
from urllib.parse import quote

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b2330;--soft:#566274;--paper:#eef1f5;--card:#fff;--edge:#d9dfe7;--well:#f4f6f9;
--link:#0b57d0;--stop:#b3261e;--fault:#8a5300;--good:#146c43}
@media (prefers-color-scheme:dark){
:root{--ink:#e6eaf0;--soft:#a3aebb;--paper:#11151a;--card:#1a2027;--edge:#323b46;--well:#12171d;
--link:#8ab4f8;--stop:#ff8a80;--fault:#ffc46b;--good:#7ddba3}
}
*{box-sizing:border-box}
body{margin:0;padding:clamp(1rem,6vh,4rem) 1rem;background:var(--paper);color:var(--ink);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{--mark:var(--good);max-width:42rem;margin:auto;padding:clamp(1.25rem,4vw,2.25rem);background:var(--card);
border:1px solid var(--edge);border-top:5px solid var(--mark);border-radius:10px}
main.stop{--mark:var(--stop)}
main.fault{--mark:var(--fault)}
h1{margin:0 0 .75rem;font-size:clamp(1.35rem,5vw,1.75rem);line-height:1.25;text-wrap:balance}
h2{margin:2rem 0 .5rem;font-size:1.1rem}
p{margin:0 0 1rem}
a{color:var(--link)}
.kicker{margin:0 0 .35rem;color:var(--mark);font-size:.85rem;font-weight:600}
.lead{font-size:1.08rem;overflow-wrap:anywhere}
.note{color:var(--soft);font-size:.92rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.25rem;margin:1.25rem 0;padding:1rem 0;
border:solid var(--edge);border-width:1px 0;font-size:.92rem}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
code,pre,.id{font:.88rem/1.5 ui-monospace,"Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
code{overflow-wrap:anywhere}
pre,.id{margin:.25rem 0 1rem;padding:.6rem .75rem;background:var(--well);border:1px solid var(--edge);border-radius:6px;
white-space:pre-wrap;overflow-wrap:anywhere}
pre,.id,.copy{user-select:all;-webkit-user-select:all}
.id{display:block;font-size:1.02rem;letter-spacing:.03em}
.files{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.5rem;margin:0 0 1rem;padding:0;
list-style:none}
.files a{display:block;height:100%;padding:.45rem .8rem;background:var(--well);border:1px solid var(--edge);
border-radius:6px;font-weight:600;text-decoration:none}
.files a:hover{border-color:var(--link)}
small{display:block;color:var(--soft);font-size:.8rem;font-weight:400}
main>:last-child{margin-bottom:0}
details{border-bottom:1px solid var(--edge)}
summary{padding:.6rem 0;font-weight:600;cursor:pointer}
ol{margin:0 0 1rem;padding-left:1.3rem}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
@media (max-width:34rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.6rem}dd:last-child{margin:0}}
@media print{details>*{display:block}}
"""

_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_MAIL: Final = re.compile(r"[A-Za-z0-9.+_-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")

HTML: Final = "text/html; charset=utf-8"
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
"""Fields that go with every page in HTML."""


def document(title: str, content: str, mood: str = "good") -> str:
    """A whole page. `title` is text, `content` is markup that escaped what it shows; `mood` is `good stop fault`."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<title>{html.escape(title)}</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><style>{_STYLE}</style></head>\n'
        f'<body><main class="{mood}">\n{content}\n</main></body></html>\n'
    )


def contact_link(contact: str, subject: str) -> str:
    """Whom to ask, as markup: a link if it is an address of mail, else the text as it is."""
    shown = html.escape(contact)
    if _MAIL.fullmatch(contact) is None:
        return f"<strong>{shown}</strong>"
    return f'<a href="mailto:{shown}?subject={quote(subject, safe="")}">{shown}</a>'
