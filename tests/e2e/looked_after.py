"""A gateway with an admin side, as its operator has it, and a client that knows the token."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from gateway.admin.sessions import KEY
from tests.e2e.commands import STARTING, accepts, free_port, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import shop

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FORWARD = """
version: 1
name: office
default: {action: allow}
unsafe_destinations: [127.0.0.0/8, "::1/128", 10.0.0.0/8]
connect_ports: [443, %d, %d]
rules:
  - {id: no-ads, action: deny, reason: No advertisements, when: {host: {under: [ads.example]}}}
  - {id: never-met, action: deny, reason: Nobody goes there, when: {host: {is: [nowhere.example]}}}
  - {id: no-listed, action: deny, reason: Listed, when: {host: {in: ["@listed"]}}}
lists:
  listed: {type: domain, match: is, items: [listed.example]}
"""
REVERSE = """
version: 1
name: front
default: {action: allow}
rules:
  - {id: no-office, action: deny, reason: Not from outside, when: {path: {prefix: [/office]}}}
limits:
  - {id: per-client, key: [client.ip], rate: 600/min}
"""


@dataclass(slots=True)
class LookedAfter:
    """A gateway, its admin port, and the server behind it."""

    gateway: Gateway
    admin: int
    server: int
    trusts: ssl.SSLContext | None = None
    """Whom a client believes, if the admin side speaks TLS."""

    @property
    def url(self) -> str:
        """Where the admin side is."""
        return f"{'http' if self.trusts is None else 'https'}://127.0.0.1:{self.admin}"

    @property
    def token(self) -> str:
        """What opens it."""
        return (self.gateway.state / "admin-token").read_text("ascii").strip()

    def client(self, token: str | None = None, **fields: str) -> httpx.Client:
        """A client with the token, or another one, or none if that is empty."""
        token = self.token if token is None else token
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(
            base_url=self.url, headers={**bearer, **fields}, trust_env=False, timeout=20, verify=self.trusts or True
        )

    def sign_in(self, browser: httpx.Client, token: str | None = None) -> httpx.Response:
        """As the page does it: with the token, and from then on with the key of the session."""
        answer = browser.post("/api/v1/session", json={"token": self.token if token is None else token})
        browser.headers[KEY] = answer.json()["key"]
        return answer

    def get(self, path: str) -> Any:
        """What the API says."""
        with self.client() as client:
            answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def visit(self, path: str) -> int:
        """Ask the reverse listener; the status."""
        url = f"http://127.0.0.1:{self.gateway.reverse}{path}"
        return httpx.get(url, headers={"Host": "shop.example"}, trust_env=False).status_code


@contextmanager
def looked_after(
    folder: Path,
    settings: Mapping[str, Any] | None = None,
    admin_more: Mapping[str, Any] | None = None,
    trusts: ssl.SSLContext | None = None,
    entry: str = "proxy",
) -> Iterator[LookedAfter]:
    """Run one within this block, from the moment at which its admin side answers; `admin_more` is of its section.

    `entry` is how clients of the forward listener say where they want to go.
    """
    admin = free_port()
    names = {"looped.example": ["127.0.0.1"], "mapped.example": ["::ffff:127.0.0.1"], "shop.example": ["127.0.0.1"]}
    with (
        shop() as server,
        gateway(
            folder,
            forward=FORWARD % (admin, server),
            reverse=REVERSE,
            upstreams=[f"http://127.0.0.1:{server}"],
            names=names,
            entry=entry,
            settings={"admin": {"bind": f"127.0.0.1:{admin}", **(admin_more or {})}, **(settings or {})},
        ) as running,
    ):
        found = LookedAfter(running, admin, server, trusts)
        until(lambda: accepts(admin) and answers(found), "the admin side never answered", STARTING)
        yield found


def answers(found: LookedAfter) -> bool:
    """Whether the admin side answers now."""
    try:
        with found.client(token="") as client:
            return client.get("/healthz", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
