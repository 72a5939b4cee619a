"""A front door that speaks HTTP/3, with short patience, and what tests of its attackers need."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from aioquic.quic.packet import QuicFrameType

from addons.connections.bounds import Bounds, Patience
from tests.e2e.commands import until
from tests.e2e.front_doors import Door, door
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.h3wire import Client

HOST: Final = "shop.example"
RULES: Final = """
rules:
  - {id: no-secrets, action: deny, reason: not for you, when: {path: {prefix: [/refused]}}}
"""


@contextmanager
def opened(folder: Path) -> Iterator[Door]:
    """Serve within this block; the authority is `root.pem` in the folder."""
    ring = Keyring.in_folder(folder)
    (folder / "gateway").mkdir()
    bounds = Bounds(head=8192, patience=Patience(head=0.4, handshake=0.6, exchange=3.0))
    shown = ring.shows(ring.issue("shop", HOST))
    with door(folder / "gateway", tls=shown, http3=True, policy=RULES, bounds=bounds, per_client=20) as front:
        yield front


@contextmanager
def fresh(front: Door) -> Iterator[Door]:
    """The same, as if nothing had happened yet; nothing in the gateway may fail within this block."""
    front.origin.forget()
    yield front
    assert [each for each in front.refusals if each[0] == "internal-error"] == []


def reasons(front: Door, wanted: int, start: int) -> list[str]:
    """Why was decided what was decided since `start`, as soon as there is as much as is wanted."""
    until(lambda: len(front.decisions) >= start + wanted, "the record never came")
    return [each["decision"]["reason"] for each in front.decisions[start:]]


def send_frames(client: Client, frames: bytes) -> None:
    """Put frames of our own into a packet, behind a PING of aioquic's."""
    quic = client.quic
    write = quic._write_ping_frame  # noqa: SLF001 - there is no other way to say what aioquic would not

    def more(builder: Any, *arguments: Any, **named: Any) -> None:
        write(builder, *arguments, **named)
        builder.start_frame(QuicFrameType.PADDING, capacity=len(frames)).push_bytes(frames)

    vars(quic)["_write_ping_frame"] = more
    quic.send_ping(0)
    client.flush()
    del vars(quic)["_write_ping_frame"]
