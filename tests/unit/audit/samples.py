"""A record of every kind, as the gateway writes them; those of other origins as their writers do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.events import (
    admin_record,
    authority_record,
    certificates_record,
    configuration_record,
    connection_record,
    gap_record,
    list_record,
    policy_record,
    retention_record,
    server_record,
    start_record,
    stop_record,
    store_record,
    trust_record,
    worker_record,
)
from gateway.audit.records.record import Circumstances, decision_object, decision_record, end_record
from gateway.policy.addresses import Address, Network
from gateway.policy.headers import Fields
from gateway.policy.limits import LimitState
from gateway.policy.model import (
    ABSENT,
    UNKNOWN,
    Decision,
    FactName,
    Facts,
    ListHit,
    Mode,
    Reason,
    Shadow,
    Verdict,
    Waived,
    refuse,
)
from gateway.policy.names import Host
from gateway.policy.paths import FORWARD_RULES, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW: Final = 1795428000.123456
ID: Final = "01JD0000000000000000000000"
CLIENT: Final = Address.parse("10.1.2.3")
ABOUT: Final = Circumstances(id=ID, listener="egress", mode=Mode.FORWARD, client_port=51000, status=403)
FACTS: Final = Facts(
    now=NOW,
    client_ip=CLIENT,
    destination_ips=(Address.parse("93.184.216.34"), Address.parse("2001:4860::1")),
    host=Host.parse("ads.example"),
    port=443,
    scheme="https",
    method="GET",
    target=Target.parse("/x?token=s3cret&page=2", FORWARD_RULES),
    headers=Fields.of([("User-Agent", "curl/8.11"), ("Cookie", "s=s3cret")]),
    request_size=0,
    user="alice",
    groups=frozenset({"eng"}),
    identity_method="certificate",
    tls_sni=Host.parse("ads.example"),
    tls_version="1.3",
    tls_inspected=True,
    protocol="h2",
)
DENIED: Final = Decision(
    verdict=Verdict.DENY,
    reason=Reason.RULE_DENY,
    rule="no-ads",
    place="policies/corporate.yaml:21",
    message="Advertising and tracking",
    matched=("no-ads", "no-upload"),
    waived=(Waived("no-upload", "ex-041"),),
    shadow=(Shadow("new-geo", "deny"),),
    unknown=(FactName.DESTINATION_COUNTRY,),
    hit=ListHit("ads", "ads.example", 200_000.0),
    limits=(
        LimitState("per-client", 600, 60.0, 599, 0.1, ("client.ip",), (CLIENT,)),
        LimitState("open", 5, 0.0, 4, 0.0, ("client.ip", "header.x-key", "user"), (Network(6, 0, 64), ("k",), ABSENT)),
    ),
    policy="corporate",
    digest="sha256:00",
)
ALLOWED: Final = Decision(
    verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT, policy="corporate", digest="sha256:00"
)
SHOWN: Final = Disclosure(
    query=frozenset({"page"}), fields=frozenset({"user-agent"}), client=lambda address, _: f"{address}/24"[-11:]
)
REACHED: Final = Address.parse("93.184.216.34")


def _decision(decision: Decision = DENIED, facts: Facts = FACTS, about: Circumstances = ABOUT) -> dict[str, Any]:
    return decision_record(facts, decision, about, NOW)


def _end(**more: Any) -> dict[str, Any]:
    return end_record(decision_id=ID, status=200, up=5, down=512, seconds=0.25, now=NOW, **more)


def _connection(**more: Any) -> dict[str, Any]:
    wanted = {"outcome": "refused", "reason": Reason.GUARDRAIL, "detail": "`evil` is refused", **more}
    return connection_record(
        decision_id=ID, listener="egress", client=(CLIENT, 51000), up=1, down=2, seconds=0.5, now=NOW, **wanted
    )


SAMPLES: Final[Mapping[str, dict[str, Any]]] = {
    "denied": _decision(),
    "allowed": _decision(ALLOWED),
    "connect": _decision(ALLOWED, Facts(now=NOW, connect=True, host=Host.parse("a.example"), port=443)),
    "malformed": _decision(refuse(Reason.MALFORMED_REQUEST, "bad `s3cret` here"), Facts(now=NOW)),
    "spliced": _decision(ALLOWED, Facts(now=NOW, tls_inspected=False, tls_sni=UNKNOWN, protocol="tcp")),
    "shown": _decision(
        about=Circumstances(
            id=ID,
            listener="shop",
            mode=Mode.REVERSE,
            balancer=Address.parse("10.0.0.7"),
            sent="/v1/x",
            answers="redirect",
            trace="4bf92f3577b34da6a3ce929d0e0e4736",
            parent="office",
            original=(REACHED, 443),
            disclosure=SHOWN,
        )
    ),
    "end": _end(kind="text/html"),
    "typeless": _end(kind=ABSENT),
    "broken": _end(reason=Reason.UPSTREAM_BROKEN, reached=REACHED, unverified=True, cache="stale")
    | {
        "upstream": {
            "name": "app",
            "server": "http://10.0.0.2:8000",
            "attempts": [{"server": "http://10.0.0.1:8000", "reason": "upstream-refused"}],
        },
        "decision": decision_object(refuse(Reason.UPSTREAM_BROKEN, "It broke.")),
    },
    "refused": _connection(),
    "closed": _connection(outcome="closed", reason=None, detail=None),
    "hidden": _connection(outcome="spliced", balancer=REACHED, named=lambda *_: "client-2026-11-" + "a" * 20),
    "start": start_record(
        version="0.1.0",
        engine="mitmproxy",
        listeners=["egress forward 127.0.0.1:8080"],
        configuration="sha256:00",
        settings="sha256:01",
        now=NOW,
    ),
    "stop": stop_record(cause="told to end", now=NOW),
    "policy": policy_record(
        outcome="refused",
        listener="egress",
        file="p.yaml",
        name="p",
        digest="sha256:1",
        problems=["p.yaml: no"],
        now=NOW,
    ),
    "list": list_record(
        outcome="stale", listener="egress", name="ads", entries=7, digest="sha256:1", problems=["old"], now=NOW
    ),
    "configuration": configuration_record(outcome="loaded", problems=["no"], settings="sha256:00", now=NOW),
    "trust": trust_record(outcome="refused", files=["root.pem"], problems=["root.pem: no"], now=NOW),
    "certificates": certificates_record(outcome="loaded", listener="shop", files=["a.pem"], problems=[], now=NOW),
    "authority": authority_record(outcome="loaded", signing="AB:CD", trusted=["AB:CD"], problems=[], now=NOW),
    "server": server_record(upstream="app", server="http://10.0.0.1:8000", standing="down", detail="it is", now=NOW),
    "worker": worker_record(number=2, outcome="died", detail="killed by SIGKILL", now=NOW),
    "store": store_record(
        store="redis://store.example:6379/0", standing="away", instead="local", detail="it is", now=NOW
    ),
    "gap": gap_record(
        reason="write-failed", detail="no space", since=NOW - 1, rewritten=3, refused=2, left_out={"deny": 2}, now=NOW
    ),
    "admin": admin_record(
        user=1000, process=4711, order="cache.purge", what={"host": "shop.example"}, count=3, now=NOW
    ),
    "retention": retention_record(
        segment="00000001.jsonl", removed={"allow": 10}, first=1, last=12, whole=False, now=NOW
    ),
    "key": {
        "time": "2026-11-23T10:00:00.123456Z",
        "event": "key",
        "day": "2026-11-23",
        "key": "gw+00000000+AA==",
        "note": "gw/key\n2026-11-23\ngw+00000000+AA==\n\n— gw AAAA\n",
    },
    "proof": {
        "time": "2026-11-23T10:00:00.123456Z",
        "event": "proof",
        "outcome": "sound",
        "size": 12,
        "root": "AAAA",
        "problems": [],
    },
    "anchor": {
        "time": "2026-11-23T10:00:00.123456Z",
        "event": "anchor",
        "outcome": "failed",
        "anchor": "syslog tls://logs.example:6514",
        "since": "2026-11-23T10:00:00.123456Z",
        "size": 12,
        "detail": "`tls://logs.example:6514`: it hung up",
    },
    "heartbeat": {"time": "2026-11-23T10:00:00.123456Z", "event": "heartbeat", "idle": 60},
}
