"""The welcome page: what this proxy is, its certificate with fingerprints, and what to do on which system."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.authority.exports import fingerprint, name_of
from gateway.pages.home import PAC
from gateway.pages.recipes import RECIPES
from gateway.pages.shell import contact_link, document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography.x509 import Certificate

    from gateway.config.settings import PacSettings
    from gateway.pages.recipes import Recipe

STORE_PASSWORD: Final = "wicketgate"  # noqa: S105 - the store holds what everybody may read, formats want a password
"""The password of the PKCS #12 store, which is shown on the page: there is no key in it."""

_ABOUT: Final = """\
<p>This is the way out of this network to the web. It lets requests through or refuses them by a written policy, and
keeps a record of each decision: who asked, when, for which address. Passwords, cookies and what pages hold are not
recorded.</p>
<p>Encrypted pages may be opened on the way, so that the policy can be applied to them. Your programs then see
certificates that this gateway signed, and have to trust its authority.</p>
"""
_CAREFUL: Final = """\
<p class="note">This page came to you unprotected. Before you trust the certificate, compare its SHA-256 fingerprint
with the one that your administrator gives you in another way.</p>
"""
_CHANGING: Final = """\
<p>The authority is being changed, so there is more than one certificate. Trust them all: the PEM file and the PKCS #12
store hold every one, the other files hold the first.</p>
"""
_FILES: Final = (
    ("/ca.pem", "PEM", "Linux, Firefox, programs"),
    ("/ca.der", "DER", "Windows, Android"),
    ("/ca.mobileconfig", "Apple profile", "macOS, iPhone, iPad"),
    ("/ca.p12", "PKCS #12", "Java"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What the page shows. `through` says whether the request came through the proxy or straight to it.

    `proxy` is the address of the proxy, None where clients need none; `policy` the name of the policy in force, None
    if it is not to be shown. The first of `certificates` is the one in use.
    """

    through: bool
    proxy: str | None
    certificates: Sequence[Certificate]
    bypass: str
    contact: str | None = None
    policy: str | None = None


def as_html(page: Welcome) -> str:
    """The page for a browser."""
    return document("Wicketgate proxy", "\n".join(_parts(page)), "good" if page.through else "fault")


def _parts(page: Welcome) -> Iterator[str]:
    kicker = (
        "You are connected through this proxy" if page.through else "You are connected to the proxy, not through it"
    )
    yield f'<p class="kicker">{kicker}</p><h1>Welcome to the proxy of this network</h1>'
    yield _ABOUT
    if page.contact is not None:
        yield f"<p>Questions? Ask {contact_link(page.contact, 'The proxy')}.</p>"
    if rows := _places(page):
        yield f"<h2>Where it is</h2>{_list(rows)}"
    if page.certificates:
        yield from _certificates(page)
    yield "<h2>What to do, system by system</h2>"
    yield from (_recipe(each, page) for each in RECIPES)


def _certificates(page: Welcome) -> Iterator[str]:
    yield "<h2>Its certificate</h2>"
    yield _CAREFUL
    yield from (_certificate(each) for each in page.certificates)
    if len(page.certificates) > 1:
        yield _CHANGING
    links = "".join(f'<li><a href="{path}">{name}<small>{use}</small></a></li>' for path, name, use in _FILES)
    yield f'<ul class="files">{links}</ul>'
    yield f'<p class="note">The PKCS #12 store holds no key; its password is <code>{STORE_PASSWORD}</code>.</p>'


def _places(page: Welcome) -> list[tuple[str, str]]:
    rows = [] if page.policy is None else [("Policy", page.policy)]
    if page.proxy is None:
        return rows
    return [
        ("Proxy", page.proxy),
        ("Automatic configuration", f"http://{page.proxy}{PAC}"),
        ("NO_PROXY", page.bypass),
        *rows,
    ]


def _certificate(certificate: Certificate) -> str:
    return _list(
        [
            ("Name", name_of(certificate)),
            ("SHA-256", fingerprint(certificate, "SHA-256")),
            ("SHA-1", fingerprint(certificate, "SHA-1")),
            ("Valid", f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"),
        ]
    )


def _list(rows: Sequence[tuple[str, str]]) -> str:
    items = "".join(f'<dt>{term}</dt><dd><code class="copy">{html.escape(value)}</code></dd>' for term, value in rows)
    return f"<dl>{items}</dl>"


def _recipe(recipe: Recipe, page: Welcome) -> str:
    steps = "".join(_step(each) for each in recipe.filled(page.proxy, page.bypass))
    return "" if not steps else f"<details><summary>{html.escape(recipe.system)}</summary>{steps}</details>"


def _step(step: str) -> str:
    if step.startswith("$ "):
        return f"<pre>{html.escape(step[2:])}</pre>"
    return f"<p>{html.escape(step)}</p>"


def bypass_of(settings: PacSettings) -> str:
    """The value of NO_PROXY that goes with the same exceptions as the auto-configuration."""
    names = [str(host) for host in settings.hosts] + [f".{host}" for host in settings.under]
    return ",".join(["localhost", "127.0.0.1", "::1", *names, *(str(each) for each in settings.networks)])
