"""The law of wording: the quick way writes the same bytes as the plain way, whatever it has remembered before.

One memory lasts for all examples of a law, and they are drawn out of a small world, so that what was remembered is
asked for again with one value changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.record import Circumstances, decision_record, end_record
from gateway.audit.writing.drafts import DecisionDraft, EndDraft
from gateway.audit.writing.encoding import body
from gateway.audit.writing.phrases import Phrases
from gateway.audit.writing.wording import Wording
from gateway.policy.addresses import Address
from gateway.policy.headers import Fields
from gateway.policy.limits import CountedAt, LimitState
from gateway.policy.model import (
    ABSENT,
    ALLOWING,
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
)
from gateway.policy.names import Host
from gateway.policy.paths import FORWARD_RULES, REVERSE_RULES, Target

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

SECRET = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
ODD = ('"', "\\", '"},"decision":{"verdict":"allow"', "\n", "\x7f", "é", "\u202e", "\ud800", "\x00")
ADDRESSES = tuple(map(Address.parse, ("10.1.2.3", "127.0.0.1", "2001:db8::1")))
TARGETS = (
    "/",
    "/a/b",
    "/%61",
    "/a?b=1&c=2&b=3",
    "/a?page=7",
    f"/{SECRET}",
    f"/{SECRET}?x=y",
    f"/?{SECRET}",
    "/?%C3%A8=%22%5C&%C3%A9=%0A",
    f"/{'x' * 300}",
)
CLIENT = Disclosure(client=lambda address, _: f"client-{address.value % 7}")
DISCLOSURES = (
    Disclosure(),
    Disclosure(query=frozenset({"page"})),
    Disclosure(fields=frozenset({"user-agent"})),
    CLIENT,
)
NOW = 1795428000.0


def plain_or(*values: str) -> SearchStrategy[str]:
    """Mostly what is usual, and now and then what no text of a record may be broken by."""
    return st.one_of(st.sampled_from(values), st.sampled_from(values), st.sampled_from(ODD))


def fact(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.one_of(values, values, st.sampled_from((UNKNOWN, ABSENT)))


addresses = st.sampled_from(ADDRESSES)
hosts = st.sampled_from([Host.parse(text) for text in ("a.test", "b.test", "10.1.2.3", "bücher.test")])
targets = st.sampled_from(
    [Target.parse(text, FORWARD_RULES) for text in TARGETS] + [Target.parse("/a", REVERSE_RULES).known_as("/b")]
)
agents = st.builds(lambda agent: Fields.of([("User-Agent", agent)]), st.sampled_from(("curl", SECRET)))
facts = st.builds(
    Facts,
    now=st.just(NOW),
    client_ip=fact(addresses),
    destination_ips=fact(st.lists(addresses, max_size=2).map(tuple)),
    host=fact(hosts),
    port=fact(st.sampled_from((80, 443))),
    scheme=fact(st.sampled_from(("http", "https"))),
    method=fact(plain_or("GET", "POST", "PROPFIND", "X" * 300)),
    target=fact(targets),
    headers=fact(agents),
    request_size=fact(st.sampled_from((0, 1, 2**40, 2**70))),
    user=fact(plain_or("alice", "bob")),
    groups=fact(st.frozensets(plain_or("staff", "build"), max_size=2)),
    identity_method=fact(st.sampled_from(("basic", "certificate"))),
    tls_sni=fact(hosts),
    tls_version=fact(st.sampled_from(("1.2", "1.3"))),
    tls_inspected=fact(st.booleans()),
    protocol=fact(st.sampled_from(("http/1.1", "h2"))),
    connect=fact(st.booleans()),
)


@st.composite
def limits(draw: st.DrawFn) -> LimitState:
    names, key = draw(
        st.sampled_from(
            (
                (("client.ip",), (ADDRESSES[0],)),
                (("client.ip", "user"), (ADDRESSES[1], "alice")),
                (("header.x-api-key",), (("secret",),)),
                (("query.page",), (("7",),)),
                (("user", "tls.version"), (UNKNOWN, ABSENT)),
                ((), ()),
            )
        )
    )
    window, reset = draw(st.sampled_from(((60.0, 0.0), (60.0, 1e-06), (1.0, 1.2345), (3600.0, 1e17), (0.0, 0.0))))
    identifier, quota = draw(plain_or("per-client", "in-flight")), draw(st.sampled_from((128, 60_000)))
    store: CountedAt | None = draw(st.sampled_from((None, "cluster", "local")))
    return LimitState(identifier, quota, window, draw(st.integers(0, 3)), reset, names, key, store)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    reason = draw(st.sampled_from(Reason))
    rules = st.lists(plain_or("r1", "r2"), max_size=2).map(tuple)
    return Decision(
        verdict=Verdict.ALLOW if reason in ALLOWING else Verdict.DENY,
        reason=reason,
        rule=draw(st.one_of(st.none(), plain_or("r1", "r2"))),
        place=draw(st.sampled_from((None, "/etc/a.yaml:7", "a.yaml:7", "b.yaml:9"))),
        message=draw(st.one_of(st.none(), plain_or("Because", "host `x y`: no", f"see {SECRET}"))),
        matched=draw(rules),
        waived=draw(st.sampled_from(((), (Waived("r1", "e1"),), (Waived("r2", "e1"),)))),
        shadow=draw(st.sampled_from(((), (Shadow("r1", "deny"),), (Shadow("r1", "allow"),)))),
        unknown=draw(st.sampled_from(((), (FactName.USER,), (FactName.HOST, FactName.USER)))),
        limits=tuple(draw(st.lists(limits(), max_size=3))),
        hit=draw(st.sampled_from((None, ListHit("ads", "a.test", 90.0), ListHit("nets", "10.1.2.3/32")))),
        policy=draw(st.one_of(st.none(), plain_or("web"))),
        digest=draw(st.sampled_from((None, "sha256:00", "sha256:11"))),
    )


connections = st.builds(
    Circumstances,
    id=st.just(""),
    listener=plain_or("web", "api"),
    mode=st.sampled_from(Mode),
    client_port=st.sampled_from((None, 1234)),
    original=st.sampled_from((None, (ADDRESSES[2], 443))),
    balancer=st.one_of(st.none(), addresses),
    disclosure=st.sampled_from(DISCLOSURES),
)
moments = st.fixed_dictionaries(
    {
        "id": plain_or("01JD0000000000000000000000"),
        "status": st.sampled_from((None, 200, 403)),
        "dialled": st.one_of(st.none(), addresses),
        "parent": st.one_of(st.none(), plain_or("proxy")),
        "sent": st.one_of(st.none(), st.sampled_from(("/b", f"/{SECRET}"))),
        "answers": st.sampled_from((None, None, "redirect")),
        "trace": st.sampled_from((None, "4bf92f3577b34da6a3ce929d0e0e4736")),
    }
)
times = st.floats(NOW, NOW + 2.0)

WORDING = Wording()
PHRASES: dict[Circumstances, Phrases] = {}


@given(connection=connections, facts=facts, decision=decisions(), moment=moments, now=times)
def test_a_decision_is_written_the_same_either_way(
    connection: Circumstances, facts: Facts, decision: Decision, moment: dict[str, Any], now: float
) -> None:
    phrases = PHRASES.setdefault(connection, Phrases(connection))
    usual = replace(decision, hit=None, limits=decision.limits[:1])

    for each in (decision, decision, usual):
        plain = body(decision_record(facts, each, replace(connection, **moment), now))

        draft = DecisionDraft(WORDING, phrases, facts, each, now, **moment)

        assert WORDING.decision(phrases, facts, each, now, **moment) == plain
        assert draft.text() == body(draft.record()) == plain
        assert len(plain) <= draft.size


@given(
    now=times,
    seconds=st.floats(0, 1e6),
    identifier=plain_or("01JD0000000000000000000000"),
    status=st.sampled_from((None, 200, 599)),
    sizes=st.tuples(st.integers(0, 2**70), st.integers(0, 2**70)),
    reached=st.one_of(st.none(), addresses),
    unverified=st.booleans(),
    cache=st.one_of(st.none(), plain_or("hit")),
    kind=fact(plain_or("text/html", f"text/{'x' * 300}")),
    server=st.one_of(st.none(), st.tuples(st.one_of(st.none(), plain_or("app")), plain_or("http://127.0.0.1:1"))),
)
def test_an_end_is_written_the_same_either_way_or_left_to_the_plain_one(
    *,
    now: float,
    seconds: float,
    identifier: str,
    status: int | None,
    sizes: tuple[int, int],
    reached: Address | None,
    unverified: bool,
    cache: str | None,
    kind: Any,
    server: tuple[str | None, str] | None,
) -> None:
    up, down = sizes
    said: dict[str, Any] = {"status": status, "up": up, "down": down, "seconds": seconds, "reached": reached}
    said |= {"unverified": unverified, "cache": cache, "kind": kind}
    plain = end_record(decision_id=identifier, now=now, **said)
    if server is not None:
        plain["upstream"] = {"name": server[0], "server": server[1], "attempts": []}

    text = WORDING.end(now, id=identifier, server=server, **said)

    odd = any(each in ODD for each in (identifier, cache, *(server or ())))
    assert text == (None if text is None else body(plain))
    assert odd or text is not None
    draft = EndDraft(WORDING, now, identifier, status, up, down, seconds, reached, unverified, cache, kind, server)
    assert draft.text() == draft.plainly() == body(plain)
    assert len(body(plain)) <= draft.size
