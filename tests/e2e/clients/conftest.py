from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients.site import HOST, NAMES, Site, serving
from tests.e2e.commands import until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import make_authority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

POLICY = """
version: 1
name: company
default: {{action: allow}}
unsafe_destinations: [127.0.0.2/32]
connect_ports: [443, {port}]
rules:
  - {{id: no-games, action: deny, reason: Not at work, when: {{host: {{under: [games.example]}}}}}}
  - id: no-secrets
    action: deny
    reason: Not for you
    when: {{path: {{prefix: [/secret]}}}}
    not: {{tls.inspected: [false]}}
  - id: no-push
    action: deny
    reason: Code leaves by review only
    when: {{path: {{prefix: [/padlocks.git/git-receive-pack]}}}}
    not: {{tls.inspected: [false]}}
tls:
  inspect: all
  splice: [{{id: privacy, reason: Agreed, when: {{host: {{is: [bank.example]}}}}}}]
"""


@dataclass(frozen=True, slots=True)
class Company:
    """A proxy that is the only way out, a site beyond it, and what a program needs to know of the proxy."""

    proxy: Gateway
    site: Site

    @property
    def url(self) -> str:
        """The address of the proxy."""
        return f"http://127.0.0.1:{self.proxy.forward}"

    @property
    def authority(self) -> Path:
        """The certificate that a program has to trust."""
        return self.proxy.state / "ca" / "ca.pem"

    def environment(self) -> Mapping[str, str]:
        """The variables of a program that is told of the proxy by its environment, and of nothing else."""
        bare = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return {**bare, "http_proxy": self.url, "https_proxy": self.url, "NO_PROXY": "", "no_proxy": ""}

    def was_denied(self, reason: str, rule: str) -> bool:
        """Whether something was denied for that reason by that rule; refusals reach the disk in their own time."""

        def on_record() -> bool:
            decided = [each["decision"] for each in self.proxy.records() if each["event"] == "decision"]
            return any((each["verdict"], each["reason"], each["rule"]) == ("deny", reason, rule) for each in decided)

        until(on_record, f"nothing was denied by `{rule}`")
        return True


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    authority = make_authority(tmp_path_factory.mktemp("authority") / "authority.pem")
    with (
        serving(tmp_path_factory.mktemp("site"), authority) as site,
        gateway(
            tmp_path_factory.mktemp("company"),
            forward=POLICY.format(port=site.port),
            names={name: [HOST] for name in NAMES},
            settings={"contact": "help@company.example"},
            environment={"SSL_CERT_FILE": str(authority.file)},
        ) as proxy,
    ):
        yield Company(proxy, site)
