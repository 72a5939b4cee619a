"""Gates and facts for tests, from the words that people write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.policy.addresses import Address
from gateway.policy.compile import compile_policy
from gateway.policy.gate import Gate
from gateway.policy.headers import Fields
from gateway.policy.language.document import read_policy
from gateway.policy.limits import LimitTable
from gateway.policy.model import ABSENT, Decision, Facts, Missing, Mode, Pending
from gateway.policy.names import Host
from gateway.policy.paths import FORWARD_RULES, Target
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.policy.compiled import CompiledPolicy
    from gateway.policy.lists import ListContent

NOW = 1_795_428_000.0
"""Monday, 2026-11-23, 10:00 UTC."""

PUBLIC = "93.184.216.34"

OPEN = "default: {action: allow}\n"
CLOSED = "default: {action: deny}\n"

PENDING = ("pending", None, None)
ALLOWED = ("allow", "allowed-by-default", None)
DENIED = ("deny", "default", None)
"""What `said` says of the commonest answers."""

BROWSER = Facts(
    now=NOW,
    client_ip=Address.parse("10.1.2.3"),
    host=Host.parse("example.com"),
    port=443,
    scheme="https",
    method="GET",
    target=Target.parse("/", FORWARD_RULES),
    headers=Fields.of([]),
    request_size=0,
    user=ABSENT,
    groups=frozenset(),
    identity_method=ABSENT,
    tls_sni=Host.parse("example.com"),
    tls_version="1.3",
    tls_inspected=True,
    protocol="http/1.1",
    connect=True,
)
"""An inspected request of which everything is known but where it goes and what comes back."""


def policy_of(
    text: str,
    *,
    mode: Mode = Mode.FORWARD,
    lists: Mapping[str, ListContent] | None = None,
    own: Iterable[tuple[str, int]] = (),
) -> CompiledPolicy:
    """A compiled policy of its text, which need not say its version."""
    listeners = frozenset((Address.parse(address), port) for address, port in own)
    return compile_policy(read_policy(f"version: 1\n{text}", "p.yaml"), lists or {}, mode=mode, own=listeners)


def gate_of(text: str, **more: Any) -> Gate:
    """A gate with fresh limits for the text of a policy."""
    policy = policy_of(text, **more)
    return Gate(policy, LimitTable(policy.limit_specs))


def problems_of(text: str, **more: Any) -> list[str]:
    """The sentences with which a policy is refused."""
    try:
        policy_of(text, **more)
    except Invalid as invalid:
        return [str(problem) for problem in invalid.problems]
    return []


def facts(base: Facts = BROWSER, **given: Any) -> Facts:
    """`base` with other facts. Texts are read: `host`, `client`, `destination` (one or several), `path`, `headers`."""
    read: dict[str, Any] = {}
    for name, value in given.items():
        known, fact = _read(name, value)
        read[known] = fact
    return replace(base, **read)


def _read(name: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, Missing):
        return _FIELDS.get(name, name), value
    match name:
        case "client":
            return "client_ip", Address.parse(value)
        case "destination":
            texts = (value,) if isinstance(value, str) else value
            return "destination_ips", tuple(map(Address.parse, texts))
        case "host" | "tls_sni":
            return name, Host.parse(value)
        case "path":
            return "target", Target.parse(value, FORWARD_RULES)
        case "headers":
            return "headers", Fields.of(value)
        case "groups":
            return "groups", frozenset(value)
        case _:
            return name, value


_FIELDS = {"client": "client_ip", "destination": "destination_ips", "path": "target"}


def said(answer: Decision | Pending) -> tuple[str, str | None, str | None]:
    """Verdict, reason and rule of an answer; `pending` where there is none yet."""
    if isinstance(answer, Pending):
        return ("pending", None, None)
    return (answer.verdict.value, str(answer.reason), answer.rule)
