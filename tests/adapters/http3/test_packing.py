from __future__ import annotations

import pylsqpack
from hypothesis import given
from hypothesis import strategies as st

from addons.http3.packing import Packer, literal

NAMES = st.binary(min_size=1, max_size=300)
VALUES = st.one_of(
    st.binary(max_size=300), st.sampled_from([500, 2000, 2039, 2040, 2047, 2048, 4096]).map(lambda size: b"v" * size)
)


@given(fields=st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=6))
def test_what_is_packed_unpacks_to_the_same(fields: list[tuple[bytes, bytes]]) -> None:
    assert pylsqpack.Decoder(0, 0).feed_header(0, Packer().pack(fields))[1] == fields


@given(name=NAMES, value=VALUES)
def test_a_literal_refers_to_nothing(name: bytes, value: bytes) -> None:
    assert pylsqpack.Decoder(0, 0).feed_header(0, b"\0\0" + literal(name, value))[1] == [(name, value)]


def test_many_fields_are_packed_too() -> None:
    fields = [(b":status", b"200"), *((b"x-%d" % number, b"v" * 500) for number in range(100))]

    assert pylsqpack.Decoder(0, 0).feed_header(0, Packer().pack(fields))[1] == fields


def test_a_very_large_field_is_packed_too() -> None:
    fields = [(b":status", b"200"), (b"x-large", b"v" * 60_000)]

    assert pylsqpack.Decoder(0, 0).feed_header(0, Packer().pack(fields))[1] == fields
