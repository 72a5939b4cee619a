"""Law 8: spelling does not matter: every spelling of one host, address or path gets the same decision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.addresses import Address
from gateway.policy.names import Host
from gateway.policy.paths import FORWARD_RULES, Target
from tests.strategies import HOSTS, facts, gate, modes, policies, requests

if TYPE_CHECKING:
    from gateway.policy.model import Mode
    from tests.strategies import Words

FULL_WIDTH = 0xFEE0


@st.composite
def spelt_hosts(draw: st.DrawFn, name: str) -> str:
    """Another spelling of a host: capitals, full-width letters, dots at the end, other writings of an address."""
    if name[0].isdigit():
        return draw(st.sampled_from([name, *_numbers(name), f"[::ffff:{name}]", f"{name}."]))
    letters = [draw(st.sampled_from((letter, letter.upper(), chr(ord(letter) + FULL_WIDTH)))) for letter in name]
    return "".join(letters).replace(chr(ord(".") + FULL_WIDTH), draw(st.sampled_from((".", "。")))) + draw(
        st.sampled_from(("", "."))
    )


@st.composite
def spelt_paths(draw: st.DrawFn, path: str) -> str:
    """Another spelling of a path: letters percent-encoded, in either case of the digits."""
    return "".join(
        letter if letter == "/" else draw(st.sampled_from((letter, f"%{ord(letter):02X}", f"%{ord(letter):02x}")))
        for letter in path
    )


@given(data=st.data(), policy=policies(), request=requests(), mode=modes())
def test_every_spelling_of_a_host_gets_the_same_decision(
    data: st.DataObject, policy: Words, request: Words, mode: Mode
) -> None:
    known = facts(request)
    other = Host.parse(data.draw(spelt_hosts(request["host"])))

    assert gate(policy, mode).response(replace(known, host=other)) == gate(policy, mode).response(known)


@given(data=st.data(), policy=policies(), request=requests(), mode=modes())
def test_every_spelling_of_an_address_gets_the_same_decision(
    data: st.DataObject, policy: Words, request: Words, mode: Mode
) -> None:
    known = facts(request)
    client = data.draw(st.sampled_from(_spelt_addresses(request["client.ip"])))
    there = tuple(data.draw(st.sampled_from(_spelt_addresses(text))) for text in request["destination.ip"])
    other = replace(known, client_ip=Address.parse(client), destination_ips=tuple(map(Address.parse, there)))

    assert gate(policy, mode).response(other) == gate(policy, mode).response(known)


@given(data=st.data(), policy=policies(), request=requests(), mode=modes())
def test_every_encoding_of_a_path_gets_the_same_decision(
    data: st.DataObject, policy: Words, request: Words, mode: Mode
) -> None:
    known = facts(request)
    other = Target.parse(data.draw(spelt_paths(request["path"])), FORWARD_RULES)
    plain = replace(known, target=Target.parse(request["path"], FORWARD_RULES))

    assert gate(policy, mode).response(replace(known, target=other)) == gate(policy, mode).response(plain)


@given(policy=policies(), request=requests(), mode=modes(), detour=st.sampled_from(("/.", "/c/..", "/a/../.", "/%2e")))
def test_no_detour_to_a_path_is_allowed_what_the_path_itself_is_not(
    policy: Words, request: Words, mode: Mode, detour: str
) -> None:
    """A deny also looks at the path as it was spelt, so a detour may be denied more, and never less."""
    known = facts(request)
    other = Target.parse(detour + request["path"], FORWARD_RULES)
    plain = Target.parse(request["path"], FORWARD_RULES)

    assert other.path == plain.path
    if gate(policy, mode).response(replace(known, target=other)).allowed:
        assert gate(policy, mode).response(replace(known, target=plain)).allowed


@given(name=st.sampled_from(HOSTS).flatmap(lambda name: st.tuples(st.just(name), spelt_hosts(name))))
def test_the_spellings_that_are_tried_are_spellings_of_one_host(name: tuple[str, str]) -> None:
    plain, spelt = name

    assert Host.parse(spelt) == Host.parse(plain)


def _numbers(address: str) -> list[str]:
    value = Address.parse(address).value
    parts = address.split(".")
    return [str(value), hex(value), ".".join(oct(int(part)).replace("o", "") for part in parts)]


def _spelt_addresses(text: str) -> list[str]:
    address = Address.parse(text)
    if address.version == 4:
        return [text, f"::ffff:{text}", f"::FFFF:{address.value >> 16:x}:{address.value & 0xFFFF:x}"]
    groups = [f"{address.value >> shift & 0xFFFF:04X}" for shift in range(112, -1, -16)]
    return [text, ":".join(groups)]
