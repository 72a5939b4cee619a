from __future__ import annotations

import dns.message
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.errors import Malformed
from gateway.upstreams.nameservers.service_records import LONGEST, without_service_records
from tests.e2e.nameserver import SOA, answer

HTTPS = 'site.example 60 IN HTTPS 1 . alpn="h3,h2" ipv4hint="192.0.2.1"'
SVCB = "_dns.example 60 IN SVCB 1 site.example. port=53"
A = "site.example 60 IN A 192.0.2.1"


def types(wire: bytes) -> list[int]:
    return [int(each.rdtype) for each in dns.message.from_wire(wire).answer]


@pytest.mark.parametrize(
    ("wanted", "records"),
    [
        ([1], [A]),
        ([65280], [HTTPS]),
        ([5, 65280, 1], ["alias.example 60 IN CNAME site.example.", HTTPS, A]),
        ([65280, 65280], [HTTPS, SVCB]),
        ([], []),
    ],
)
def test_only_the_records_that_lead_past_the_gateway_change(wanted: list[int], records: list[str]) -> None:
    asked = dns.message.make_query("site.example.", "HTTPS", use_edns=0)
    wire = answer(asked, *records, soa=SOA).to_wire()
    changed = without_service_records(wire)

    assert (types(changed), len(changed)) == (wanted, len(wire))
    assert dns.message.from_wire(changed).question == asked.question
    if 65280 not in wanted:
        assert changed == wire


WIRE = answer(dns.message.make_query("site.example.", "HTTPS"), HTTPS, A).to_wire()


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        WIRE[:11],
        WIRE[:-1],
        WIRE + b"\0",
        WIRE[:12] + b"\x80" + WIRE[13:],
        WIRE[:12] + b"\x3f" * 40,
        bytes(LONGEST + 1),
    ],
    ids=["nothing", "half a head", "cut off", "too long", "no label", "endless label", "larger than it may be"],
)
def test_what_cannot_be_read_to_its_end_is_refused(wire: bytes) -> None:
    with pytest.raises(Malformed):
        without_service_records(wire)


@given(st.integers(0, len(WIRE) - 1), st.binary(max_size=6))
def test_no_record_of_these_types_is_ever_left(place: int, noise: bytes) -> None:
    try:
        changed = without_service_records(WIRE[:place] + noise + WIRE[place + len(noise) :])
    except Malformed:
        return
    try:
        read = dns.message.from_wire(changed)
    except Exception:  # noqa: BLE001 - whatever another reader cannot read leads nowhere
        return
    found = {each.rdtype for section in (read.answer, read.authority, read.additional) for each in section}
    assert found.isdisjoint({dns.rdatatype.HTTPS, dns.rdatatype.SVCB})
