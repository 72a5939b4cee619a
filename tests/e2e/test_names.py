"""Names that lead somewhere else than they seem to, and to several places: real name servers, the installed command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.gateway import Gateway, gateway
from tests.e2e.nameserver import Served, answer, name_server, question_of, zone
from tests.e2e.origins import RecordingOrigin, make_authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from dns.message import Message

    from tests.e2e.nameserver import Says
    from tests.e2e.trail import Record

pytestmark = pytest.mark.e2e

POLICY: Final = """
version: 1
name: egress
default: {action: allow}
unsafe_destinations: [127.0.0.2/31, "::1/128"]
"""
OPEN, ALSO_OPEN, CLOSED = "127.0.0.2", "127.0.0.3", "127.0.0.1"


def changing(*answers: str) -> Says:
    """An address per question, the last one for ever; none of them may be kept."""
    left = list(answers)

    def says(asked: Message, _by: str) -> Sequence[bytes]:
        name, kind = question_of(asked)
        if kind != "A":
            return [answer(asked).to_wire()]
        address = left.pop(0) if len(left) > 1 else left[0]
        return [answer(asked, f"{name} 0 IN A {address}").to_wire()]

    return says


@pytest.fixture(scope="module")
def names() -> Iterator[Served]:
    with name_server(zone()) as served:
        yield served


@pytest.fixture(scope="module")
def proxy(names: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    resolver = {"servers": [f"127.0.0.1:{names.port}"], "timeout": "2s", "keep_at_most": "0s"}
    with gateway(tmp_path_factory.mktemp("names"), forward=POLICY, settings={"resolver": resolver}) as running:
        yield running


@pytest.fixture
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin(host=OPEN) as server:
        yield server


def ask(host: str, port: int) -> bytes:
    return f"GET http://{host}:{port}/ HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()


def of(host: str) -> Callable[[Record], bool]:
    """The one decision about a host that was asked for once."""
    return lambda each: each["event"] == "decision" and each.get("request", {}).get("host") == host


def destinations(proxy: Gateway, host: str) -> tuple[Any, Any]:
    """What the records of the one exchange with a host say of where it went."""
    decision = proxy.wait_for(of(host))
    return decision["destination"], proxy.record(decision["id"], "end")["destination"]


def test_a_name_that_changes_its_address_is_judged_anew_and_never_dialled_unjudged(
    proxy: Gateway, names: Served, origin: RecordingOrigin
) -> None:
    names.says = changing(OPEN, CLOSED)
    with proxy.through() as wire:
        assert wire.ask(ask("rebinding.example", origin.port)).status == 200
        assert wire.ask(ask("rebinding.example", origin.port)).status == 200  # on the connection that was judged

    assert proxy.refusal(ask("rebinding.example", origin.port)) == (403, "guardrail", "builtin-special")
    assert len(origin.visits) == 1


@pytest.mark.parametrize(
    "records",
    [
        [f"mixed.example 0 IN A {OPEN}", f"mixed.example 0 IN A {CLOSED}"],
        [f"mixed.example 0 IN A {OPEN}", "mixed.example 0 IN AAAA fd00::1"],
        ["mixed.example 0 IN CNAME inside.example.", f"inside.example 0 IN A {CLOSED}"],
        ["mixed.example 0 IN AAAA 64:ff9b::a00:1"],
    ],
)
def test_one_forbidden_address_among_the_answers_refuses(
    records: list[str], proxy: Gateway, names: Served, origin: RecordingOrigin
) -> None:
    names.says = zone(*records)

    assert proxy.refusal(ask("mixed.example", origin.port)) == (403, "guardrail", "builtin-special")
    assert origin.visits == []


def test_an_address_that_refuses_is_passed_over_and_the_record_says_which_one_answered(
    proxy: Gateway, names: Served, origin: RecordingOrigin
) -> None:
    hosts = ("one.example", "two.example", "three.example")
    names.says = zone(*(f"{host} 0 IN A {address}" for host in hosts for address in (ALSO_OPEN, OPEN)))
    for host in hosts:  # whichever comes first
        with proxy.through() as wire:
            assert wire.ask(ask(host, origin.port)).status == 200
        before, after = destinations(proxy, host)

        assert sorted(before["answers"]) == [OPEN, ALSO_OPEN]
        assert after == {"ip": OPEN}


def test_ipv6_goes_first_and_ipv4_where_it_is_refused(proxy: Gateway, names: Served) -> None:
    names.says = zone(f"both.example 0 IN A {OPEN}", "both.example 0 IN AAAA ::1", "six.example 0 IN AAAA ::1")
    with RecordingOrigin(host=OPEN) as four, proxy.through() as wire:
        assert wire.ask(ask("both.example", four.port)).status == 200
        before, after = destinations(proxy, "both.example")
        assert (before["ip"], after) == ("::1", {"ip": OPEN})

        assert wire.ask(ask("six.example", four.port)).status == 502
        before, after = destinations(proxy, "six.example")
        assert (before["answers"], after) == (["::1"], None)


def test_why_a_name_does_not_resolve_is_in_the_record(proxy: Gateway, names: Served) -> None:
    names.says = zone("text.example 0 IN TXT hello")
    for host, detail in (("gone.example", "No such name."), ("text.example", "The name has no address.")):
        assert proxy.refusal(ask(host, 80)) == (502, "upstream-unresolved", None)
        (record,) = [
            each for each in proxy.records() if each["event"] == "decision" and each["request"]["host"] == host
        ]
        assert record["decision"]["detail"] == detail

    names.says = lambda _asked, _by: []
    assert proxy.refusal(ask("silent.example", 80)) == (502, "upstream-unresolved", None)


def test_every_name_below_localhost_is_refused_as_this_machine_and_nobody_is_asked(
    proxy: Gateway, names: Served
) -> None:
    names.asked.clear()

    assert proxy.refusal(ask("foo.localhost", 80)) == (403, "guardrail", "builtin-special")
    assert names.asked == []


@pytest.mark.parametrize("by", ["tls", "https"])
def test_name_servers_are_asked_in_secret_when_they_prove_who_they_are(
    by: str, tmp_path: Path, origin: RecordingOrigin
) -> None:
    authority = make_authority(tmp_path / "names.pem")
    context = authority.context("dns.example")
    if by == "https":
        context.set_alpn_protocols(["h2"])
    with name_server(zone(f"site.example 60 IN A {OPEN}"), context) as served:
        for name in ("dns.example", "other.example"):
            url = f"https://{name}:{served.port}/dns-query"
            server = {"url": url, "address": CLOSED} if by == "https" else f"tls://{CLOSED}:{served.port}#{name}"
            resolver = {"servers": [server], "trust": str(authority.file)}
            folder = tmp_path / name
            folder.mkdir()
            with gateway(folder, forward=POLICY, settings={"resolver": resolver}) as proxy:
                if name == "dns.example":
                    with proxy.through() as wire:
                        assert wire.ask(ask("site.example", origin.port)).status == 200
                    assert {way for way, _, _ in served.asked} == {by}
                    served.asked.clear()
                else:
                    assert proxy.refusal(ask("site.example", origin.port)) == (502, "upstream-unresolved", None)
                    detail = proxy.wait_for(of("site.example"))["decision"]["detail"]
                    assert detail == "The name server's certificate is not trusted."
    assert served.asked == []
