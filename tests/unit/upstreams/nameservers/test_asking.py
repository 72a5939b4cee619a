"""Name servers on loopback, honest and hostile ones, and what is believed of them."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

import dns.flags
import dns.rcode
import pytest

from gateway.upstreams.lookup import Found, LookupFailed
from gateway.upstreams.nameservers.asking import HALF_KEPT, NameServers
from tests.e2e.nameserver import Raw, Served, answer, name_server, question_of, zone
from tests.e2e.origins import make_authority

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dns.message import Message

    from gateway.upstreams.nameservers.servers import NameServer
    from tests.e2e.nameserver import Says

BOTH = ("site.example 60 IN A 192.0.2.1", "site.example 30 IN AAAA 2001:db8::1")
PATIENCE = 5.0


def silent(_asked: Message, _by: str) -> Sequence[bytes]:
    return []


def failing(asked: Message, _by: str) -> Sequence[bytes]:
    return [answer(asked, rcode=dns.rcode.SERVFAIL).to_wire()]


def looked_up(
    servers: Sequence[NameServer], *names: str, seconds: float = PATIENCE, trust: Path | None = None
) -> list[Found | str]:
    """What is found for names, one after the other; the words of a failure."""

    async def scenario() -> list[Found | str]:
        source = NameServers(tuple(servers), trust)
        outcomes: list[Found | str] = []
        for name in names or ("site.example",):
            try:
                outcomes.append(await source.look_up(name, seconds))
            except LookupFailed as error:
                outcomes.append(f"{error} {error.keep}")
        source.close()
        return outcomes

    return asyncio.run(scenario())


def texts(outcome: Found | str) -> list[str] | str:
    return outcome if isinstance(outcome, str) else [str(each) for each in outcome.addresses]


def told(says: Says, *names: str, seconds: float = PATIENCE) -> list[list[str] | str]:
    """What one plain server that says this is believed."""
    with name_server(says) as served:
        return [texts(each) for each in looked_up([served.at("udp")], *names, seconds=seconds)]


def test_both_kinds_of_address_are_asked_for_and_no_other_kind_of_record() -> None:
    with name_server(zone(*BOTH)) as served:
        (found,) = looked_up([served.at("udp")])

    assert isinstance(found, Found)
    assert (texts(found), found.keep) == (["2001:db8::1", "192.0.2.1"], 30)
    assert sorted(served.asked) == [("udp", "site.example", "A"), ("udp", "site.example", "AAAA")]


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (["192.0.2.4"], "only-four.example"),
        (["2001:db8::6"], "only-six.example"),
        (["192.0.2.4"], "alias.example"),
        ("no such name 60.0", "gone.example"),
        ("the name has no address 60.0", "text.example"),
    ],
)
def test_a_name_has_the_addresses_that_its_zone_says(wanted: list[str] | str, name: str) -> None:
    says = zone(
        "only-four.example 60 IN A 192.0.2.4",
        "only-six.example 60 IN AAAA 2001:db8::6",
        "alias.example 60 IN CNAME only-four.example.",
        "text.example 60 IN TXT hello",
    )

    assert told(says, name) == [wanted]


def test_mixed_answers_are_told_whole_so_that_every_address_is_judged() -> None:
    says = zone("alias.example 60 IN CNAME site.example.", *BOTH, "site.example 60 IN A 10.0.0.1")

    (found,) = told(says, "alias.example")
    assert sorted(found) == ["10.0.0.1", "192.0.2.1", "2001:db8::1"]


def test_an_alias_that_is_not_followed_by_the_server_is_asked_for_and_circles_end() -> None:
    def says(asked: Message, _by: str) -> Sequence[bytes]:
        name, kind = question_of(asked)
        nexts = {"a.example": "b.example", "b.example": "c.example", "x.example": "y.example", "y.example": "x.example"}
        if name.startswith("n"):
            nexts[name] = f"n{int(name[1:].partition('.')[0]) + 1}.example"
        if name in nexts:
            return [answer(asked, f"{name} 5 IN CNAME {nexts[name]}.").to_wire()]
        return [answer(asked, *([f"{name} 60 IN A 192.0.2.1"] if kind == "A" else [])).to_wire()]

    assert told(says, "a.example", "x.example", "n1.example") == [
        ["192.0.2.1"],
        "its aliases do not end None",
        "its aliases do not end None",
    ]


def test_what_does_not_fit_into_a_datagram_is_asked_for_over_tcp() -> None:
    many = [f"site.example 60 IN A 192.0.2.{number}" for number in range(200)]

    def says(asked: Message, by: str) -> Sequence[bytes]:
        whole = answer(asked, *(many if question_of(asked)[1] == "A" else []))
        if by == "udp" and question_of(asked)[1] == "A":
            whole = answer(asked)
            whole.flags |= dns.flags.TC
        return [whole.to_wire(max_size=65535)]

    (found,) = told(says)
    assert len(found) == 200


@pytest.mark.parametrize(
    ("why", "by_tcp"),
    [
        ("the name server's answer is too large", lambda _asked: [Raw(b"\xff\xff")]),
        ("the name server's answer cannot be read", lambda asked: [asked.to_wire()[:2] + b"\xff" * 30]),
        ("the name server answered another question", lambda asked: [asked.to_wire()]),
        ("the name servers did not answer in time", lambda _asked: [Raw(b"\x00"), Raw(b"\x50")]),
    ],
)
def test_a_server_that_is_hostile_over_tcp_is_not_believed(why: str, by_tcp: object) -> None:
    assert callable(by_tcp)

    def says(asked: Message, by: str) -> Sequence[bytes]:
        if by == "tcp":
            found: Sequence[bytes] = by_tcp(asked)
            return found
        cut = answer(asked)
        cut.flags |= dns.flags.TC
        return [cut.to_wire()]

    (words,) = told(says, seconds=0.4)
    assert isinstance(words, str)
    assert words.startswith(why)


def test_servers_are_asked_in_their_order_until_one_can_say() -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(name_server(says)) for says in (failing, zone(*BOTH), zone())]
        (found,) = looked_up([each.at("udp") for each in servers])

    assert texts(found) == ["2001:db8::1", "192.0.2.1"]
    assert [len(each.asked) for each in servers] == [2, 2, 0]


def test_no_such_name_is_final_and_no_other_server_is_asked() -> None:
    with name_server(zone()) as first, name_server(zone(*BOTH)) as second:
        assert looked_up([first.at("udp"), second.at("udp")]) == ["no such name 60.0"]

    assert second.asked == []


def test_a_silent_server_is_set_aside_and_all_of_it_happens_within_one_deadline() -> None:
    with name_server(silent) as first, name_server(zone(*BOTH, "b.example 60 IN A 192.0.2.2")) as second:
        found = looked_up([first.at("udp"), second.at("udp")], "site.example", "b.example", seconds=1.0)

    assert [texts(each) for each in found] == [["2001:db8::1", "192.0.2.1"], ["192.0.2.2"]]
    assert {name for _, name, _ in first.asked} == {"site.example"}


def test_a_lost_question_is_asked_again() -> None:
    seen: set[str] = set()

    def says(asked: Message, by: str) -> Sequence[bytes]:
        kind = question_of(asked)[1]
        if kind in seen:
            return zone(*BOTH)(asked, by)
        seen.add(kind)
        return []

    assert told(says, seconds=1.0) == [["2001:db8::1", "192.0.2.1"]]


def test_failures_are_told_apart(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "ca.pem")
    with name_server(zone()) as gone:
        pass
    with (
        name_server(silent) as quiet,
        name_server(failing) as broken,
        name_server(zone(*BOTH), authority.context("x")) as tls,
    ):

        def why(served: Served, *, is_tls: bool = False) -> str:
            server = served.at("tls", "dns.example") if is_tls else served.at("udp")
            (words,) = looked_up([server], seconds=0.3, trust=authority.file)
            return str(words)

        assert why(quiet) == "the name servers did not answer in time None"
        assert why(broken) == "temporary failure of the name servers None"
        assert why(gone) == "the name servers cannot be reached None"
        assert why(tls, is_tls=True) == "the name server's certificate is not trusted None"


def test_half_an_answer_is_used_and_kept_for_a_moment_only() -> None:
    def says(asked: Message, by: str) -> Sequence[bytes]:
        return failing(asked, by) if question_of(asked)[1] == "AAAA" else zone(*BOTH)(asked, by)

    with name_server(says) as served:
        (found,) = looked_up([served.at("udp")])

    assert isinstance(found, Found)
    assert (texts(found), found.keep) == (["192.0.2.1"], HALF_KEPT)


def test_servers_over_tls_and_https_are_asked_in_secret_alone(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "ca.pem")
    context = authority.context("dns.example")
    context.set_alpn_protocols(["h2"])
    with name_server(zone(*BOTH), context) as https, name_server(zone(*BOTH), authority.context("dns.example")) as tls:
        for served, by in ((https, "https"), (tls, "tls")):
            server = served.at("https" if by == "https" else "tls", "dns.example")
            found = looked_up([server], "site.example", "gone.example", trust=authority.file)

            assert [texts(each) for each in found] == [["2001:db8::1", "192.0.2.1"], "no such name 60.0"]
            assert ({way for way, _, _ in served.asked}, served.opened) == ({by}, 1)
