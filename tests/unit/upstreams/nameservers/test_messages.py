from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstreams.lookup import LookupFailed
from gateway.upstreams.nameservers.messages import (
    LARGEST,
    MOST_ADDRESSES,
    Kind,
    NoAnswer,
    absolute,
    is_cut,
    question,
    read,
)
from tests.e2e.nameserver import SOA, answer

ASKED = question(absolute("site.example"), Kind.A)
A = "site.example 60 IN A 192.0.2.1"


def test_a_question_is_for_one_kind_of_address_of_one_name() -> None:
    asked = question(absolute("site.example"), Kind.AAAA)

    assert asked.question[0].to_text() == "site.example. IN AAAA"
    assert (asked.edns, asked.payload, bool(asked.flags & dns.flags.RD)) == (0, 1232, True)
    assert len({question(absolute("site.example"), Kind.A).id for _ in range(64)}) > 32
    assert len(question(absolute("site.example"), Kind.A, padded=True).to_wire()) == 128


def test_a_name_that_cannot_be_asked_does_not_exist() -> None:
    with pytest.raises(LookupFailed, match="no such name"):
        absolute(f"{'a' * 64}.example")


@pytest.mark.parametrize(
    ("addresses", "keep", "records"),
    [
        (["192.0.2.1"], 60, [A]),
        (["192.0.2.1", "192.0.2.2"], 60, [A, "site.example 60 IN A 192.0.2.2"]),
        (["192.0.2.1"], 0, ["site.example 0 IN A 192.0.2.1"]),
        (["192.0.2.1"], 5, ["site.example 5 IN CNAME b.example.", "b.example 60 IN A 192.0.2.1"]),
        (["192.0.2.1"], 60, [A, "other.example 60 IN A 10.0.0.1"]),
    ],
)
def test_addresses_are_those_of_the_name_and_hold_as_long_as_the_shortest_record(
    addresses: list[str], keep: float, records: list[str]
) -> None:
    reply = read(ASKED, answer(ASKED, *records).to_wire())

    assert (sorted(str(each) for each in reply.addresses), reply.keep) == (addresses, keep)


def test_that_there_is_no_such_name_or_no_address_holds_as_long_as_the_zone_says() -> None:
    gone = read(ASKED, answer(ASKED, rcode=dns.rcode.NXDOMAIN, soa=SOA).to_wire())
    empty = read(ASKED, answer(ASKED, soa=SOA).to_wire())
    unsaid = read(ASKED, answer(ASKED).to_wire())

    assert (gone.exists, gone.keep, empty.exists, empty.keep) == (False, 60, True, 60)
    assert (unsaid.addresses, unsaid.exists, unsaid.keep) == ((), True, None)


def test_an_answer_that_stops_at_an_alias_says_what_to_ask_next() -> None:
    reply = read(ASKED, answer(ASKED, "site.example 60 IN CNAME Other.Example.").to_wire())

    assert reply.alias == dns.name.from_text("other.example.")


def test_aliases_that_go_in_a_circle_and_those_that_go_on_and_on_are_no_answer() -> None:
    circle = ["site.example 60 IN CNAME b.example.", "b.example 60 IN CNAME site.example."]
    chain = [f"{name}.example 60 IN CNAME n{number}.example." for number, name in enumerate(["site", *_names(20)])]

    for records in (circle, chain):
        with pytest.raises(LookupFailed, match="its aliases do not end"):
            read(ASKED, answer(ASKED, *records).to_wire())


def _names(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


def test_a_name_with_more_addresses_than_anybody_needs_is_not_judged_in_part() -> None:
    many = [f"site.example 60 IN A 192.0.{number // 250}.{number % 250}" for number in range(MOST_ADDRESSES + 1)]

    with pytest.raises(LookupFailed, match="too many addresses"):
        read(ASKED, answer(ASKED, *many).to_wire(max_size=65535))


def test_what_is_no_answer_to_the_question_is_told_apart() -> None:
    other_id, other_name = answer(ASKED, A), answer(question(absolute("evil.example"), Kind.A), A)
    other_id.id = ASKED.id ^ 1
    other_name.id = ASKED.id
    other_kind = answer(question(absolute("site.example"), Kind.AAAA), A)
    other_kind.id = ASKED.id
    cut = answer(ASKED, A)
    cut.flags |= dns.flags.TC

    for wrong, why in (
        (other_id.to_wire(), "another question"),
        (other_name.to_wire(), "another question"),
        (other_kind.to_wire(), "another question"),
        (ASKED.to_wire(), "another question"),
        (answer(ASKED, A).to_wire() + b"x", "cannot be read"),
        (answer(ASKED, A).to_wire()[:-1], "cannot be read"),
        (b"", "cannot be read"),
        (bytes(LARGEST + 1), "too large"),
        (cut.to_wire(), "is cut"),
        (answer(ASKED, A, rcode=dns.rcode.NXDOMAIN).to_wire(), "contradicts itself"),
        (answer(ASKED, rcode=dns.rcode.SERVFAIL).to_wire(), "temporary failure"),
        (answer(ASKED, rcode=dns.rcode.REFUSED).to_wire(), "refuse to answer"),
    ):
        with pytest.raises(NoAnswer, match=why):
            read(ASKED, wrong)
    assert is_cut(ASKED, cut.to_wire())
    assert not is_cut(ASKED, other_id.to_wire())


@given(st.binary(max_size=600))
def test_no_bytes_at_all_do_more_than_fail(noise: bytes) -> None:
    with pytest.raises(NoAnswer):
        read(ASKED, noise if noise[:2] != ASKED.id.to_bytes(2) else b"")


@given(st.integers(12, 200), st.binary(min_size=1, max_size=8))
def test_an_answer_with_bytes_changed_in_it_never_does_more_than_answer_or_fail(place: int, noise: bytes) -> None:
    wire = bytearray(answer(ASKED, A, "site.example 60 IN A 192.0.2.2").to_wire())
    wire[place : place + len(noise)] = noise
    try:
        reply = read(ASKED, bytes(wire))
    except (NoAnswer, LookupFailed):
        return
    assert all(each.version == 4 for each in reply.addresses)
