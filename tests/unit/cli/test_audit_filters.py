from __future__ import annotations

import argparse
from typing import Any

import pytest

from gateway.audit.reading.filters import Filter
from gateway.audit.records.times import timestamp
from gateway.cli.audit_filters import add_filters, client_of, filter_of, host_of
from gateway.cli.outcome import Unusable
from gateway.policy.addresses import Network

NOW = 1795428000.0


def asked(*arguments: str) -> Filter:
    parser = argparse.ArgumentParser()
    add_filters(parser)
    return filter_of(parser.parse_args(arguments), NOW)


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        ({}, []),
        ({"since": timestamp(NOW - 3600)}, ["--since", "1h"]),
        ({"since": timestamp(NOW - 7 * 86400), "until": timestamp(NOW - 1800)}, ["--since", "7d", "--until", "30min"]),
        ({"since": "2026-11-23T10:00:00.000000Z"}, ["--since", "2026-11-23T10:00:00Z"]),
        ({"until": "2026-11-23T08:00:00.000000Z"}, ["--until", "2026-11-23T10:00:00+02:00"]),
        ({"client": Network.parse("10.1.2.3/32")}, ["--client", "10.1.2.3"]),
        ({"client": Network.parse("10.0.0.0/8")}, ["--client", "10.0.0.0/8"]),
        ({"client": "client-2026-11-aa"}, ["--client", "client-2026-11-aa"]),
        ({"host": "ads.example"}, ["--host", "ADS.example."]),
        ({"trace": "4b" * 16}, ["--trace", "4B" * 16]),
        ({"trace": "4b" * 16}, ["--trace", f"00-{'4b' * 16}-{'0f' * 8}-01"]),
        ({"status": 403, "method": "GET"}, ["--status", "403", "--method", "get"]),
        (
            {"user": "a", "rule": "b", "reason": "c", "listener": "d", "path": "/e", "event": "f", "verdict": "deny"},
            ["--user", "a", "--rule=b", "--reason=c", "--listener=d", "--path=/e", "--event=f", "--verdict=deny"],
        ),
    ],
)
def test_every_option_is_a_condition(wanted: dict[str, Any], arguments: list[str]) -> None:
    assert asked(*arguments) == Filter(**wanted)


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        ("--since: `yesterday` is no moment, write how long ago, like `1h` or `7d`", ["--since", "yesterday"]),
        ("--until: `2026-11-23T10:00:00` is no moment", ["--until", "2026-11-23T10:00:00"]),
        ("--until: `` is no moment", ["--until", ""]),
        ("--client: ", ["--client", "alice"]),
        ("--client: `10.1.2.3/8` has host bits set, use `10.0.0.0/8`", ["--client", "10.1.2.3/8"]),
        ("--trace: `4b` is no id of a trace, write 32 hexadecimal digits, or a whole `traceparent`", ["--trace", "4b"]),
        ("--trace: `xx", ["--trace", "x" * 32]),
        ("--status: `4xx` is no status, write one like `403`", ["--status", "4xx"]),
    ],
)
def test_what_cannot_be_asked_is_told(wanted: str, arguments: list[str]) -> None:
    with pytest.raises(Unusable) as caught:
        asked(*arguments)

    assert str(caught.value).startswith(wanted)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("a.example", "*.A.example"),
        ("a.example", ".a.example"),
        ("127.0.0.1", "127.1"),
        ("no host", "No Host."),
        ("", ""),
    ],
)
def test_a_host_is_looked_for_as_the_log_writes_it(wanted: str, text: str) -> None:
    assert host_of(text) == wanted


def test_a_client_is_a_network_or_a_name() -> None:
    assert client_of("::1") == Network.parse("::1/128")
    assert client_of("client-x") == "client-x"
