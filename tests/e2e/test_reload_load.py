"""Policies change two hundred times under load: nobody is failed, and everybody is judged by one that was in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.origin import read_head, status_of
from tests.e2e.reloads import Asker, Met, laws, mixed

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from tests.e2e.gateway import Gateway

pytestmark = pytest.mark.e2e

RELOADS: Final = 200
CLIENTS: Final = 3


def _tunnel(proxy: Gateway, port: int) -> socket.socket:
    connection = proxy.through().socket
    connection.sendall(f"CONNECT raw.example:{port} HTTP/1.1\r\nHost: raw.example:{port}\r\n\r\n".encode())
    assert status_of(read_head(connection)) == 200
    return connection


def _says(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(65536)


def test_two_hundred_reloads_fail_nobody_and_mix_no_policies(tmp_path: Path) -> None:
    held = Asker("127.0.7.99")
    with laws(tmp_path) as found:
        tunnel = _tunnel(found.proxy, found.behind.port)
        assert _says(tunnel, b"\x00before") == b"\x00before"
        with found.asking(CLIENTS):
            for number in range(1, RELOADS + 1):
                if number % 20:
                    found.replace(number)
                else:
                    found.replace_under(number, held)
                    assert _says(tunnel, b"still here") == b"still here"
        tunnel.close()

    everybody = [*found.askers, held]
    statuses = [met.status for each in everybody for met in each.met]
    assert [each.failures for each in everybody] == [[]] * (CLIENTS + 1)
    assert len(statuses) > RELOADS // 4
    assert set(statuses) == {200}
    records = found.proxy.records()
    assert len([each for each in records if each["event"] == "policy"]) == RELOADS + 1
    assert mixed(records, everybody) == []
    old = [met.asked_under for met in held.met[::2]]
    assert old == [number - 1 for number in range(20, RELOADS + 1, 20)], "an answer is finished under the old policy"
    assert [met.asked_under for met in held.met[1::2]] == list(range(20, RELOADS + 1, 20)), "the next one is not"


def _policy(number: int) -> dict[str, object]:
    return {"event": "policy", "outcome": "loaded", "policy": {"name": f"law-{number}"}}


def _decision(rule: int, policy: int) -> dict[str, object]:
    decided = {"policy": {"name": f"law-{policy}"}, "decision": {"rule": f"law-{rule}"}}
    return {"event": "decision", "id": "D", "client": {"ip": "127.0.7.1"}, **decided}


@pytest.mark.parametrize(
    ("records", "met", "said"),
    [
        ([_policy(0), _decision(0, 0)], (0, 0), ""),
        ([_policy(0), _policy(1), _decision(0, 1)], (1, 1), "decided by law-0, under law-1"),
        ([_policy(0), _decision(1, 1), _policy(1)], (1, 1), "law-1 was not in force"),
        ([_policy(0), _policy(1), _decision(1, 1)], (0, 1), "(0, 1) is on record as (1, 1)"),
        ([_policy(0), _policy(1), _decision(0, 0)], (0, 1), "(0, 1) is on record as (0, 0)"),
        ([_policy(0)], (0, 0), "1 answers, 0 decisions"),
    ],
)
def test_what_is_looked_for_would_be_found(records: list[dict[str, object]], met: tuple[int, int], said: str) -> None:
    asker = Asker("127.0.7.1", met=[Met(200, *met, in_force=0, seconds=0.0)])

    assert "; ".join(mixed(records, [asker])).removeprefix("D: ").removeprefix("127.0.7.1: ") == said
