"""A question to a gate in the words of people: a URL, a method, some facts; and the walk that an engine takes with it.

What is not given is what a listener would know: nobody asked who the client is, the request has no body and no fields,
`https` goes through a tunnel in forward mode and is opened or not as the policy says. Nobody resolves names here: an
address that is not given stays unknown, and counts against the request as it does everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from gateway.policy.analysis.given import with_given
from gateway.policy.headers import Fields
from gateway.policy.model import ABSENT, UNKNOWN, Decision, Facts, Mode, Shadow
from gateway.policy.names import parse_authority
from gateway.policy.paths import FORWARD_RULES, REVERSE_RULES, Target, parse_absolute

if TYPE_CHECKING:
    from gateway.policy.analysis.given import Given
    from gateway.policy.gate import Gate
    from gateway.policy.names import Host

PORTS: Final = {"http": 80, "https": 443}
NEWEST_TLS: Final = "1.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request that somebody asks about. `given` are facts by their names in a policy, see `analysis.given`."""

    url: str
    method: str = "GET"
    given: Given = field(default_factory=dict)


def facts_of(question: Question, mode: Mode, now: float) -> Facts:
    """The facts of a question, as a listener that faces `mode` would have them. Raises Malformed."""
    scheme, authority, origin_form = parse_absolute(question.url)
    host, port = parse_authority(authority, PORTS[scheme])
    target = Target.parse(origin_form, REVERSE_RULES if mode is Mode.REVERSE else FORWARD_RULES)
    plain = Facts(
        now=now,
        host=host,
        port=port,
        scheme=scheme,
        method=question.method,
        target=target,
        headers=Fields.of(()),
        request_size=0,
        user=ABSENT,
        groups=frozenset(),
        identity_method=ABSENT,
        tls_sni=ABSENT,
        tls_version=ABSENT,
        tls_inspected=ABSENT,
        protocol="http/1.1",
        connect=False,
    )
    return with_given(_encrypted(plain, host, mode) if scheme == "https" else plain, question.given)


def _encrypted(plain: Facts, host: Host, mode: Mode) -> Facts:
    """The same over TLS. Whether a forward proxy opens it is for the policy to say."""
    tunnelled = mode is Mode.FORWARD
    return replace(
        plain,
        tls_sni=host if host.address is None else ABSENT,
        tls_version=NEWEST_TLS,
        tls_inspected=UNKNOWN if tunnelled else True,
        connect=tunnelled,
    )


def judge(gate: Gate, facts: Facts) -> Decision:
    """What an engine would be told in the end, asking at every moment at which it asks.

    A TLS connection of which nobody said whether it is inspected is treated as the policy says. The lease of an
    allow is the caller's to release.
    """
    if (refused := before_the_request(gate, facts)) is not None:
        return refused
    if facts.tls_inspected is UNKNOWN:
        facts = replace(facts, tls_inspected=gate.treatment(facts).inspect)
    if facts.connect is True and (facts.tls_inspected is False or facts.protocol == "tcp"):
        return gate.tunnel(unread(facts))
    head = unanswered(facts)
    early = gate.request(replace(head, destination_ips=UNKNOWN))
    if isinstance(early, Decision):
        return early
    decision = gate.upstream(head)
    return decision if decision.denied or head == facts else _answered(gate, facts, decision)


def before_the_request(gate: Gate, facts: Facts) -> Decision | None:
    """The first denial while the request is not there yet, if there is one: at accept, CONNECT and TLS hello."""
    client = Facts(
        now=facts.now,
        client_ip=facts.client_ip,
        user=facts.user,
        groups=facts.groups,
        identity_method=facts.identity_method,
    )
    answers = [gate.connection(client)]
    if facts.connect is True:
        client = replace(client, host=facts.host, port=facts.port, connect=True)
        answers.append(gate.connect(client))
    if facts.tls_sni is not ABSENT or facts.tls_version is not ABSENT:
        answers.append(gate.hello(replace(client, tls_sni=facts.tls_sni, tls_version=facts.tls_version)))
    return next((answer for answer in answers if isinstance(answer, Decision)), None)


def unread(facts: Facts) -> Facts:
    """The facts without what is inside of a tunnel that nobody opens."""
    return unanswered(facts).learning(
        method=UNKNOWN, target=UNKNOWN, headers=UNKNOWN, request_size=UNKNOWN, scheme=UNKNOWN, protocol="tcp"
    )


def unanswered(facts: Facts) -> Facts:
    """The facts before the answer."""
    return facts.learning(response_size=UNKNOWN, response_status=UNKNOWN, response_type=UNKNOWN)


def _answered(gate: Gate, facts: Facts, allowed: Decision) -> Decision:
    answer = gate.response(facts)
    if answer.denied:
        if allowed.lease is not None:
            allowed.lease.release()
        return answer
    return replace(answer, limits=allowed.limits, lease=allowed.lease, shadow=_both(allowed, answer))


def _both(allowed: Decision, answer: Decision) -> tuple[Shadow, ...]:
    return tuple(sorted({*allowed.shadow, *answer.shadow}, key=lambda shadow: shadow.rule))
