"""Law 8: spelling does not matter. Every spelling of one host or address is one value, or is refused."""

from __future__ import annotations

import ipaddress

from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.policy.addresses import Address, Network
from gateway.policy.errors import Malformed
from gateway.policy.names import Host, parse_authority
from tests import spellings

ODD = st.text(
    st.one_of(
        st.sampled_from(
            "aAzZ019.-_xXfn:[]%@/\\ \0\u3002\uff0e\u00ad\u200d\u00fc\u05d0\u0627\u0300\uff21\uff11\u2488\ufeff"
        ),
        st.characters(),
    ),
    max_size=24,
)
NUMBERS = st.text("0123456789abcfxX.[]:", max_size=20)


@given(st.data(), spellings.names)
def test_every_spelling_of_a_name_is_one_host(data: st.DataObject, name: str) -> None:
    spelling = data.draw(spellings.respelt_name(name))

    assert Host.parse(spelling) == Host.parse(name)
    assert Host.parse(name).text == name


@given(st.data(), spellings.unicode_names)
def test_a_name_in_its_letters_and_in_a_labels_is_one_host(data: st.DataObject, name: str) -> None:
    host = Host.parse(name)

    assert host.text.isascii()
    assert Host.parse(data.draw(spellings.respelt_name(host.text))) == host


@given(st.data(), spellings.v4_numbers)
def test_every_spelling_of_an_ipv4_address_is_one_host(data: st.DataObject, value: int) -> None:
    spelling = data.draw(spellings.respelt_v4(value))

    assert Host.parse(spelling) == Host.of(Address(4, value))


@given(st.data(), spellings.v4_numbers)
def test_an_address_in_wide_digits_is_that_address(data: st.DataObject, value: int) -> None:
    spelling = data.draw(spellings.respelt_name(str(ipaddress.IPv4Address(value))))

    assert Host.parse(spelling).address == Address(4, value)


@given(st.data(), spellings.v6_numbers)
def test_every_spelling_of_an_ipv6_address_is_one_host(data: st.DataObject, value: int) -> None:
    spelling = data.draw(spellings.respelt_v6(value))

    assert Address.parse(spelling) == Address(6, value)
    assert Host.parse(f"[{spelling}]") == Host.parse(spelling) == Host.of(Address(6, value))


@given(st.one_of(ODD, NUMBERS))
@example("a\u3002\u3002")
@example("\u00ad0x7f.1")
@example("xn--\u00ad")
def test_a_host_is_canonical_or_refused(text: str) -> None:
    host = parsed(text)
    if host is None:
        return

    assert Host.parse(host.text) == host
    assert Host.parse(host.text.upper() + ("." if host.address is None or host.address.version == 4 else "")) == host
    assert host.text.isascii()
    assert host.text == host.text.lower()
    assert parse_authority(host.authority(8080), None) == (host, 8080)


@given(st.one_of(ODD, NUMBERS))
def test_no_text_ends_in_anything_but_a_host_or_a_sentence(text: str) -> None:
    for read in (Host.parse, Address.parse, Network.parse, lambda each: parse_authority(each, 80)):
        try:
            read(text)
        except Malformed as refusal:
            assert str(refusal).isprintable()  # noqa: PT017 - most texts are refused, and any may be


@given(NUMBERS)
def test_what_a_resolver_would_take_for_an_address_is_never_a_name(text: str) -> None:
    host = parsed(text)
    if host is None:
        return
    last = host.text.rsplit(".", 1)[-1]

    assert host.address is not None or not (last.isdigit() or (last.startswith("0x") and is_hex(last[2:])))


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_a_network_and_its_mapped_spelling_are_one(value: int, length: int) -> None:
    network = Network(4, value >> (32 - length) << (32 - length), length)
    first = ipaddress.IPv4Address(network.value)

    assert Network.parse(str(network)) == Network.parse(f"::ffff:{first}/{length + 96}") == network
    assert (Address(4, value) in network) is True


@given(spellings.v6_numbers, st.integers(0, 128), spellings.v6_numbers)
def test_a_network_holds_what_the_standard_library_says(value: int, length: int, other: int) -> None:
    standard = ipaddress.IPv6Network((value, length), strict=False)
    assume(int(standard.network_address) >> 32 != 0xFFFF)
    network = Network.parse(str(standard))

    assert Address(6, value) in network
    assert (ipaddress.IPv6Address(other) in standard) is (Address(6, other) in network)


def parsed(text: str) -> Host | None:
    try:
        return Host.parse(text)
    except Malformed:
        return None


def is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
