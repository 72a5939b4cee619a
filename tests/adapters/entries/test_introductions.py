from __future__ import annotations

import asyncio

import pytest

from addons.entries.introductions import NotIntroduced, introduced
from gateway.policy.addresses import Address
from gateway.policy.model import Reason

HEADER = b"PROXY TCP4 198.51.100.7 192.0.2.1 40001 443\r\n"
LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"


async def read(said: bytes, *, end: bool) -> tuple[object, bytes]:
    """Whom the bytes introduce, and what is left of them."""
    reader = asyncio.StreamReader()
    reader.feed_data(said)
    if end:
        reader.feed_eof()
    found = await introduced(reader, 0.05)
    reader.feed_eof()
    return found, await reader.read()


@pytest.mark.parametrize(
    ("client", "header"), [((Address.parse("198.51.100.7"), 40001), HEADER), (None, LOCAL)], ids=["client", "itself"]
)
def test_not_a_byte_behind_the_header_is_read(client: object, header: bytes) -> None:
    assert asyncio.run(read(header + b"\x16\x03\x01", end=False)) == (client, b"\x16\x03\x01")


@pytest.mark.parametrize(
    ("reason", "said", "end"),
    [
        (Reason.MALFORMED_REQUEST, b"GET / HTTP/1.1\r\n", False),
        (Reason.MALFORMED_REQUEST, b"PROXY UNKNOWN\r\n", False),
        (Reason.MALFORMED_REQUEST, HEADER[:9], True),
        (Reason.HEAD_TIMEOUT, HEADER[:9], False),
        (Reason.HEAD_TIMEOUT, b"", False),
    ],
)
def test_who_is_not_introduced_is_refused_with_the_reason(reason: Reason, said: bytes, end: bool) -> None:  # noqa: FBT001 - whether the balancer leaves
    with pytest.raises(NotIntroduced) as caught:
        asyncio.run(read(said, end=end))

    decision = caught.value.decision
    assert decision is not None
    assert (decision.denied, decision.reason) == (True, reason)


def test_a_look_at_the_port_asks_for_nothing() -> None:
    with pytest.raises(NotIntroduced) as caught:
        asyncio.run(read(b"", end=True))

    assert caught.value.decision is None
