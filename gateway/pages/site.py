"""The gateway's own site: every page and file of it, made once and kept in memory until what it shows is another.

There is nothing secret in it and nothing can be changed by it. Fields keep other sites from reading or running it:
no page of another origin may load the script as a script, or show a page in a frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from gateway.authority.exports import der, mobileconfig, name_of, pem, pkcs12
from gateway.pages import pac, welcome
from gateway.pages.home import METHODS, NAME, PAC, WELCOME, WPAD
from gateway.pages.shell import HTML, HTML_FIELDS, document

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from gateway.config.settings import PacSettings

type Fields = tuple[tuple[str, str], ...]

MOST_KEPT: Final = 64
"""Answers that are kept; clients that ask under ever new names push out the oldest."""
_ALWAYS: Final = (("Cache-Control", "no-store"), ("Cross-Origin-Resource-Policy", "same-origin"))
_NO_SNIFFING: Final = (("X-Content-Type-Options", "nosniff"),)
_FILE_TYPES: Final = {
    "/ca.pem": "application/pem-certificate-chain",
    "/ca.der": "application/x-x509-ca-cert",
    "/ca.p12": "application/x-pkcs12",
    "/ca.mobileconfig": "application/x-apple-aspen-config",
}
_SCRIPTS: Final = frozenset({PAC, WPAD})
_SAVED: Final = frozenset({"/ca.pem", "/ca.p12"})
"""What browsers save; the others are opened by what installs them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer depends on: the path, the address of the proxy for this client, and how it came.

    `proxy` is None where clients come without naming one; `policy` is the name of the policy if it is to be shown,
    `digest` says which policy is in force.
    """

    path: str
    proxy: str | None
    through: bool
    certificates: tuple[Certificate, ...]
    policy: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the fields that go with it, and the body."""

    status: int
    fields: Fields
    body: bytes


@dataclass(frozen=True, slots=True)
class Site:
    """Answers for `http://wicketgate.internal/`. `contact` is whom people may ask."""

    pac: PacSettings
    contact: str | None = None
    _kept: dict[Asked, Answer] = field(default_factory=dict)

    def answer(self, method: str, asked: Asked) -> Answer:
        """The answer to a request; its body is left out by whoever answers a HEAD."""
        if not _is_there(asked):
            return _plain_page(HTTPStatus.NOT_FOUND, "There is no such page here", ())
        if method not in METHODS:
            allowed = (("Allow", ", ".join(METHODS)),)
            return _plain_page(HTTPStatus.METHOD_NOT_ALLOWED, "This can be read, and nothing else", allowed)
        found = self._kept.get(asked)
        if found is None:
            if len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            found = self._kept[asked] = self._made(asked)
        return found

    def _made(self, asked: Asked) -> Answer:
        if asked.path in WELCOME:
            return _answer(HTML, HTML_FIELDS, welcome.as_html(self._welcome(asked)).encode())
        if asked.proxy is not None and asked.path in _SCRIPTS:
            return _answer(pac.MEDIA_TYPE, _NO_SNIFFING, pac.script(self.pac, asked.proxy))
        way = "attachment" if asked.path in _SAVED else "inline"
        named = ("Content-Disposition", f'{way}; filename="gateway-ca{asked.path[3:]}"')
        fields = (*_NO_SNIFFING, named)
        return _answer(_FILE_TYPES[asked.path], fields, _file(asked.path, asked.certificates))

    def _welcome(self, asked: Asked) -> welcome.Welcome:
        return welcome.Welcome(
            through=asked.through,
            proxy=asked.proxy,
            certificates=asked.certificates,
            bypass=welcome.bypass_of(self.pac),
            contact=self.contact,
            policy=asked.policy,
        )


def _is_there(asked: Asked) -> bool:
    if asked.path in _SCRIPTS:
        return asked.proxy is not None
    return asked.path in WELCOME or (asked.path in _FILE_TYPES and bool(asked.certificates))


def _file(path: str, certificates: tuple[Certificate, ...]) -> bytes:
    """The certificates in the form that `path` names; formats that hold one hold the one in use."""
    used = certificates[0]
    match path:
        case "/ca.pem":
            return pem(certificates)
        case "/ca.p12":
            return pkcs12(certificates, welcome.STORE_PASSWORD)
        case "/ca.mobileconfig":
            return mobileconfig(used, name_of(used))
        case _:
            return der(used)


def _answer(kind: str, fields: Fields, body: bytes) -> Answer:
    return Answer(HTTPStatus.OK, (("Content-Type", kind), *_ALWAYS, *fields), body)


def _plain_page(status: HTTPStatus, heading: str, fields: Fields) -> Answer:
    kicker = f"{status.value} {status.phrase}"
    content = (
        f'<p class="kicker">{kicker}</p><h1>{heading}</h1>\n'
        f'<p>This address belongs to the gateway itself. Begin at its <a href="http://{NAME}/">first page</a>.</p>'
    )
    body = document(f"{heading} ({status.value})", content, "stop").encode()
    return Answer(status, (("Content-Type", HTML), *_ALWAYS, *HTML_FIELDS, *fields), body)
