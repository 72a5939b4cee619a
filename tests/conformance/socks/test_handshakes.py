"""Every row of `handshakes.json`, sent at once and byte by byte: what it is told, what is recorded, what arrives.

A row's bytes are written in hexadecimal; `'...'` is text, `<...>` text with its length in front, `:443` a port,
`:origin` and `:listener` those of the origin and of the gateway, `hello(...)` a TLS hello for a name. In what is told,
`*` stands for anything.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from addons.connections.bounds import Bounds, Patience
from tests.e2e.gateways import Scenery, serving
from tests.e2e.origin import PATIENCE, client, hello_bytes, origin, stranger

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

TABLE: list[dict[str, Any]] = json.loads((Path(__file__).parent / "handshakes.json").read_text("utf-8"))
ROWS = {row["why"]: row for row in TABLE}
POLICY = """
rules:
  - {id: no-denied, action: deny, reason: closed, when: {host: {is: [denied.example]}}}
  - {id: no-path, action: deny, reason: closed, when: {path: {prefix: [/refused]}}, not: {protocol: [tcp]}}
"""
TOKEN = re.compile(
    r"'(?P<text>[^']*)'|<(?P<name>[^>]*)>|:(?P<port>\w+)|hello\((?P<hello>[^)]*)\)|(?P<byte>[0-9a-f]{2})\b"
)
WAYS = ("at once", "byte by byte")


@dataclass(frozen=True)
class Played:
    """What came of a row: the bytes that came back, what was decided, and what the origin got for it."""

    told: bytes
    decided: list[str]
    arrived: int


def bytes_of(text: str, ports: dict[str, int]) -> bytes:
    said = bytearray()
    for found in TOKEN.finditer(text):
        match found.lastgroup:
            case "text":
                said += found["text"].replace("{port}", str(ports["origin"])).encode("latin-1")
            case "name":
                name = found["name"].encode("utf-8")
                said += bytes([len(name)]) + name
            case "port":
                said += ports.get(found["port"], int(found["port"]) if found["port"].isdigit() else 0).to_bytes(2)
            case "hello":
                said += hello_bytes(found["hello"])
            case _:
                said += bytes.fromhex(found["byte"])
    return bytes(said)


def send(connection: socket.socket, data: bytes, way: str) -> None:
    with suppress(OSError):
        for piece in [data] if way == "at once" else [data[at : at + 1] for at in range(len(data))]:
            connection.sendall(piece)


def told(connection: socket.socket) -> bytes:
    got = bytearray()
    connection.settimeout(PATIENCE)
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            got += piece
    return bytes(got)


def play(folder: Path) -> Iterator[tuple[tuple[str, str], Played]]:
    """All rows on one gateway, each from an address of its own; what was recorded is known when it has ended."""
    bounds = Bounds(patience=Patience(idle=0.3, head=0.3, handshake=0.3))
    heard = {}
    with origin() as served:
        scenery = Scenery(folder=folder, origin=served.port, policy=POLICY, bounds=bounds, entry="socks5")
        with serving(scenery) as gateway:
            ports = {"origin": served.port, "listener": gateway.forward}
            for why, row in ROWS.items():
                for way in WAYS:
                    visits = len(served.visits)
                    source = stranger()
                    with client(gateway.forward, source) as connection:
                        send(connection, bytes_of(row["send"], ports), way)
                        heard[why, way] = (source, told(connection), len(served.visits) - visits)
    assert scenery.failures == []
    decided: dict[str, list[str]] = {}
    for record in gateway.records():
        if record["event"] == "decision":
            decision = record["decision"]
            decided.setdefault(record["client"]["ip"], []).append(f"{decision['verdict']} {decision['reason']}")
    for key, (source, said, arrived) in heard.items():
        yield key, Played(said, decided.get(source, []), arrived)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Played]:
    return dict(play(tmp_path_factory.mktemp("socks")))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("why", ROWS)
def test_a_handshake_gets_its_answer_and_its_record(why: str, way: str, played: dict[tuple[str, str], Played]) -> None:
    row, came = ROWS[why], played[why, way]
    expected = bytes_of(row["told"], {"origin": 0})

    assert (came.told[: len(expected)] if row["told"].endswith("*") else came.told) == expected
    assert came.decided == ([] if row["decision"] is None else [row["decision"]])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("why", [why for why, row in ROWS.items() if not str(row["decision"]).startswith("allow")])
def test_nothing_is_dialled_for_what_is_refused(why: str, way: str, played: dict[tuple[str, str], Played]) -> None:
    assert played[why, way].arrived == 0


@pytest.mark.parametrize("why", [why for why, row in ROWS.items() if str(row["decision"]).startswith("allow")])
def test_what_is_allowed_reaches_the_origin(why: str, played: dict[tuple[str, str], Played]) -> None:
    assert [played[why, way].arrived for way in WAYS] == [1, 1]
    assert all(b"\r\n\r\nhello" in played[why, way].told for way in WAYS)


def test_the_table_is_large_enough_to_be_worth_its_name() -> None:
    assert len(ROWS) == len(TABLE) >= 100
