from __future__ import annotations

import socket

import pytest

from gateway.cli.ports import trouble_with
from gateway.policy.addresses import Address


@pytest.mark.parametrize("family", ["127.0.0.1", "::1"])
def test_a_free_port_is_no_trouble_and_stays_free(family: str) -> None:
    assert trouble_with((Address.parse(family), 0), "--listen") is None


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        trouble = trouble_with((Address.parse("127.0.0.1"), port), "--listen")

    assert trouble == f"127.0.0.1:{port} is taken by another process, choose another with `--listen`"


def test_an_address_of_another_machine_is_named_as_such() -> None:
    trouble = trouble_with((Address.parse("2001:db8::1"), 8080), "bind")

    assert trouble == "[2001:db8::1]:8080 is no address of this machine, choose another with `bind`"


def test_a_port_whose_last_connection_is_still_closing_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()

    assert trouble_with((Address.parse("127.0.0.1"), port), "--listen") is None
