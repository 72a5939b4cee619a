"""Records as the gateway writes them, of requests that a policy judged in the order in which an engine asks it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.record import Circumstances, decision_object, decision_record, end_record
from gateway.policy.addresses import Address
from gateway.policy.compile import compile_policy
from gateway.policy.gate import Gate
from gateway.policy.headers import Fields
from gateway.policy.language.document import read_policy
from gateway.policy.limits import LimitTable
from gateway.policy.model import ABSENT, UNKNOWN, Decision, Fact, Facts, Missing, Mode, Reason
from gateway.policy.names import Host
from gateway.policy.paths import FORWARD_RULES, Target
from gateway.replay.asking import asked_by
from gateway.replay.replaying import Replay, Replayed, nowhere

if TYPE_CHECKING:
    from gateway.policy.compiled import CompiledPolicy
    from gateway.replay.asking import Asked

type Record = dict[str, Any]

NOW: Final = 1795428000.25
PUBLIC: Final = Address.parse("93.184.216.34")
CLIENT: Final = Address.parse("10.1.2.3")
_IDS: Final = count(1)


def compiled(text: str, mode: Mode = Mode.FORWARD) -> tuple[CompiledPolicy, Asked]:
    """A policy without lists, and what it asks; `text` follows `version` and `name`."""
    document = read_policy(f"version: 1\nname: tried\n{text}".encode(), "tried.yaml")
    policy = compile_policy(document, {}, mode=mode)
    return policy, asked_by(document, policy)


def plain(**changed: Any) -> Facts:
    """A plain request to `site.example`, as a forward listener knows it at the last word."""
    facts = Facts(
        now=NOW,
        client_ip=CLIENT,
        destination_ips=(PUBLIC,),
        host=Host.parse("site.example"),
        port=80,
        scheme="http",
        method="GET",
        target=Target.parse("/", FORWARD_RULES),
        headers=Fields.of([("host", "site.example")]),
        request_size=0,
        user=ABSENT,
        groups=ABSENT,
        identity_method=ABSENT,
        tls_sni=ABSENT,
        tls_version=ABSENT,
        tls_inspected=ABSENT,
        protocol="http/1.1",
        connect=False,
    )
    return facts.learning(**changed)


def inspected(**changed: Any) -> Facts:
    """The same in a tunnel whose TLS is inspected."""
    host = changed.get("host", Host.parse("site.example"))
    told = {"tls_sni": host, "tls_version": "1.3", "tls_inspected": True, "connect": True}
    return plain(**{"port": 443, "scheme": "https", **told, **changed})


def spliced(**changed: Any) -> Facts:
    """A tunnel that was passed on unread."""
    unread = {"method": UNKNOWN, "target": UNKNOWN, "headers": UNKNOWN, "request_size": UNKNOWN, "protocol": "tcp"}
    return inspected(**{**unread, "tls_inspected": False, **changed})


def target(text: str) -> Target:
    """A canonical target."""
    return Target.parse(text, FORWARD_RULES)


def judged(policy: CompiledPolicy, facts: Facts, gate: Gate | None = None) -> tuple[Facts, Decision]:
    """What an engine asks, in its order: the decision, and the facts as they were known by then."""
    gate = gate or Gate(policy, LimitTable(policy.limit_specs))
    for known in _before(facts):
        if isinstance(early := gate.request(known), Decision):
            return known, early
    if facts.protocol == "tcp":
        return facts, gate.tunnel(facts)
    head = facts.learning(destination_ips=UNKNOWN, destination_country=UNKNOWN, destination_asn=UNKNOWN)
    early = gate.request(head)
    return (head, early) if isinstance(early, Decision) else (facts, gate.upstream(facts))


def comes_so(policy: CompiledPolicy, facts: Facts) -> bool:
    """Whether TLS would have been inspected, or passed on, as these facts say it was."""
    if isinstance(facts.tls_inspected, Missing):
        return True
    return Gate(policy, LimitTable()).treatment(_before(facts)[-1]).inspect is facts.tls_inspected


def _before(facts: Facts) -> list[Facts]:
    """What is known at accept, at the CONNECT and when TLS begins."""
    who: dict[str, Any] = {"user": facts.user, "groups": ABSENT, "identity_method": facts.identity_method}
    known = [Facts(now=facts.now, client_ip=facts.client_ip, **who)]
    if facts.connect is True:
        known.append(known[-1].learning(host=facts.host, port=facts.port, connect=True))
        if facts.tls_sni is not ABSENT:
            known.append(known[-1].learning(tls_sni=facts.tls_sni, tls_version=facts.tls_version))
    return known


def exchange(
    facts: Facts,
    decision: Decision,
    *,
    mode: Mode = Mode.FORWARD,
    listener: str = "egress",
    disclosure: Disclosure | None = None,
    status: int = 200,
    up: int = 0,
    down: int = 0,
    reason: Reason | None = None,
    later: Decision | None = None,
    kind: Fact[str] = UNKNOWN,
) -> list[Record]:
    """The two records of an exchange."""
    name = f"{next(_IDS):026d}"
    about = Circumstances(id=name, listener=listener, mode=mode, disclosure=disclosure or Disclosure())
    begun = decision_record(facts, decision, about, facts.now)
    ended = end_record(
        decision_id=name, status=status, up=up, down=down, seconds=0.1, now=facts.now, reason=reason, kind=kind
    )
    if later is not None:
        ended |= {"reason": later.reason.value, "decision": decision_object(later)}
    return [begun, ended]


def traffic(policy: CompiledPolicy, *requests: Facts, **more: Any) -> list[Record]:
    """The records of requests that one gate judged."""
    gate = Gate(policy, LimitTable(policy.limit_specs))
    return [record for facts in requests for record in exchange(*judged(policy, facts, gate), mode=policy.mode, **more)]


def replayed(text: str, records: list[Record], mode: Mode = Mode.FORWARD, *, trusting: bool = False) -> Replayed:
    """What a policy makes of records."""
    walk = Replay(*compiled(text, mode), nowhere, trusting=trusting)
    walk.take(records)
    return walk.result()


def changes(result: Replayed) -> dict[tuple[str, str, str], int]:
    """What changed: kind, before and after, with counts."""
    return {
        (str(group.change), group.before.phrase, group.after.phrase): group.count for group in result.groups.sorted()
    }
