"""What a record says, over real sockets: all about a decision, and no more of a client than the operator wants."""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.config.digest import digest_of
from gateway.config.load import load_settings
from tests.e2e.commands import PATIENCE, free_port, running, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origin import stranger
from tests.e2e.origins import RecordingOrigin
from tests.e2e.trail import read_log
from tests.e2e.wire import Wire, connect, get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.trail import Record

pytestmark = pytest.mark.e2e

CLIENT: Final = "127.0.0.77"
POLICY: Final = """
version: 1
name: records
default: {action: allow}
unsafe_destinations: [127.0.0.0/8]
lists:
  known: {type: network, items: [127.0.0.77/32]}
  bad: {type: domain, match: is, items: [bad.open.example]}
rules:
  - {id: closed, action: deny, reason: Closed, when: {path: {prefix: [/closed]}}}
  - {id: bad, action: deny, reason: Bad, when: {host: {in: ["@bad"]}}}
  - {id: known-client, action: deny, reason: Known, when: {client.ip: {in: ["@known"]}, path: {prefix: [/known]}}}
  - {id: lifted, action: deny, reason: Lifted, when: {path: {prefix: [/lifted]}}}
  - {id: trial, stage: shadow, action: deny, reason: Trial, when: {path: {prefix: [/lifted]}}}
exceptions:
  - {id: ex-1, waives: [lifted], owner: ops, reason: tests, expires: 2026-12-31, when: {host: {under: [open.example]}}}
limits:
  - {id: per-client, key: [client.ip, user, header.x-key], rate: 100/min}
  - {id: at-once, key: [client.ip], concurrent: 50}
  - {id: slow, key: [client.ip, path], rate: 1/hour, burst: 1, when: {path: {prefix: [/slow]}}}
"""
NAMES: Final = {".open.example": ["127.0.0.1"]}


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("records"), forward=POLICY, names=NAMES) as running:
        yield running


def asked(proxy: Gateway, origin: RecordingOrigin, path: str, *fields: str, host: str = "a.open.example") -> Record:
    """The record of a decision about a request of the client with an address of its own."""
    authority = f"{host}:{origin.port}"
    connection = socket.create_connection(("127.0.0.1", proxy.forward), PATIENCE, source_address=(CLIENT, 0))
    port = connection.getsockname()[1]
    before = len(proxy.records())
    with Wire(connection) as wire:
        wire.ask(get(f"http://{authority}{path}", authority, *fields))
    record = _newest(proxy, before)
    assert record["client"]["port"] in {port, None}
    return record


def _newest(proxy: Gateway, before: int) -> Record:
    found: list[Record] = []

    def there() -> bool:
        found[:] = [each for each in proxy.records()[before:] if each["event"] == "decision"]
        return bool(found)

    until(there, "the decision was not recorded")
    return found[0]


def test_an_allow_says_who_asked_for_what_and_what_was_looked_at(proxy: Gateway, origin: RecordingOrigin) -> None:
    record = asked(proxy, origin, "/lifted?a=1", "X-Key: s3cret")
    limits = {each["id"]: each for each in record["limits"]}

    assert (record["listener"], record["mode"], record["engine"]) == ("egress", "forward", "mitmproxy")
    assert (record["client"]["ip"], record["client"]["user"], record["client"]["groups"]) == (CLIENT, None, [])
    assert record["request"] == {
        "method": "GET",
        "scheme": "http",
        "host": "a.open.example",
        "port": origin.port,
        "path": "/lifted",
        "query": {"a": "REDACTED"},
        "protocol": "http/1.1",
        "size": 0,
    }
    assert record["destination"] == {"ip": "127.0.0.1", "answers": ["127.0.0.1"], "parent": None, "original": None}
    decision = record["decision"]
    assert (decision["verdict"], decision["reason"], decision["matched"]) == ("allow", "allowed-by-default", ["lifted"])
    assert decision["waived"] == [{"rule": "lifted", "exception": "ex-1"}]
    assert decision["shadow"] == [{"rule": "trial", "action": "deny"}]
    assert limits["per-client"]["key"] == {"client.ip": CLIENT, "user": None, "header.x-key": "REDACTED"}
    assert (limits["per-client"]["quota"], limits["per-client"]["window"]) == (100, 60.0)
    assert (limits["at-once"]["quota"], limits["at-once"]["remaining"], limits["at-once"]["window"]) == (50, 49, None)
    assert (record["policy"]["name"], record["tls"]) == ("records", None)
    assert record["policy"]["digest"].startswith("sha256:")
    assert record["masked"] == ["/request/query/a", "/limits/0/key/header.x-key"]


@pytest.mark.parametrize(
    ("rule", "hit", "path", "host"),
    [
        ("closed", None, "/closed", "a.open.example"),
        ("bad", {"name": "bad", "entry": "bad.open.example", "age": None}, "/", "bad.open.example"),
        ("known-client", {"name": "known", "entry": f"{CLIENT}/32", "age": None}, "/known", "a.open.example"),
    ],
)
def test_a_denial_names_its_rule_with_file_and_line(
    proxy: Gateway, origin: RecordingOrigin, *, rule: str, hit: Record | None, path: str, host: str
) -> None:
    record = asked(proxy, origin, path, host=host)
    line = next(number for number, text in enumerate(POLICY.splitlines(), 1) if f"id: {rule}," in text)

    decision = record["decision"]
    assert (decision["verdict"], decision["reason"], decision["rule"]) == ("deny", "rule-deny", rule)
    assert decision["place"] == f"forward.yaml:{line}"
    assert record["list"] == hit


def test_a_request_over_a_limit_says_under_which_key_it_was_counted(proxy: Gateway, origin: RecordingOrigin) -> None:
    first, second = (asked(proxy, origin, "/slow/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc") for _ in range(2))

    assert (first["decision"]["reason"], second["decision"]["reason"]) == ("allowed-by-default", "rate-exceeded")
    state = next(each for each in second["limits"] if each["id"] == "slow")
    assert (state["key"], state["remaining"]) == ({"client.ip": CLIENT, "path": "/slow/REDACTED"}, 0)


def test_a_start_says_with_which_configuration_on_which_listeners(proxy: Gateway) -> None:
    (start,) = [each for each in proxy.records() if each["event"] == "start"]
    digest = hashlib.sha256((proxy.folder / "wicketgate.yaml").read_bytes()).hexdigest()

    assert start["configuration"] == f"sha256:{digest}"
    assert start["settings"] == digest_of(load_settings(proxy.folder / "wicketgate.yaml"))
    assert start["listeners"] == [f"egress forward 127.0.0.1:{proxy.forward}"]


def test_a_client_that_asks_for_nothing_leaves_a_record_of_its_connection(proxy: Gateway) -> None:
    address = stranger()
    with connect(proxy.forward, source=address):
        pass

    record = proxy.wait_for(lambda each: each["event"] == "connection" and each["client"]["ip"] == address)
    assert (record["outcome"], record["reason"], record["listener"]) == ("closed", None, "egress")
    assert record["bytes"] == {"up": 0, "down": 0}


def test_a_client_for_whom_there_is_no_room_leaves_one_too(tmp_path: Path) -> None:
    settings = {"limits": {"connections_per_client": 1}}
    with gateway(tmp_path, forward=POLICY, names=NAMES, settings=settings) as proxy, proxy.through() as first:
        first.send(b"GET ")
        with proxy.through() as second:
            assert second.answer().status == 503
        record = proxy.wait_for(lambda each: each["event"] == "connection" and each["outcome"] == "refused")

        assert record["reason"] == "capacity"
        assert proxy.record(record["id"])["decision"]["reason"] == "capacity"


HIDDEN: Final = {"truncated": r"127\.0\.0\.0/24", "keyed": r"client-\d{4}-\d\d-[0-9a-f]{20}"}


@pytest.mark.parametrize("how", HIDDEN)
def test_an_address_that_is_to_be_hidden_is_nowhere(how: str, tmp_path: Path, origin: RecordingOrigin) -> None:
    settings: dict[str, Any] = {"audit": {"client_address": how, "query_values": ["from"]}}
    with gateway(tmp_path, forward=POLICY, names=NAMES, settings=settings) as proxy:
        allowed = asked(proxy, origin, f"/seen-from-{CLIENT}?from={CLIENT}", "X-Key: s3cret")
        denied = asked(proxy, origin, "/known", f"X-Forwarded-For: {CLIENT}")
        asked(proxy, origin, "http://bad", f"Host: {CLIENT}")
        with socket.create_connection(("127.0.0.1", proxy.forward), PATIENCE, source_address=(CLIENT, 0)):
            pass
        connection = proxy.wait_for(lambda each: each["event"] == "connection")
        keys = [path.read_bytes() for path in (proxy.state / "audit-keys").glob("*.key")]

    names = {each["client"]["ip"] for each in (allowed, denied, connection)}
    (name,) = names
    assert re.fullmatch(HIDDEN[how], name)
    assert allowed["client"]["port"] is connection["client"]["port"] is None
    assert {"/client/ip", "/client/port"} <= set(allowed["masked"])
    assert {each["key"]["client.ip"] for each in allowed["limits"]} == names
    assert denied["list"]["entry"] == name
    assert allowed["request"]["path"] == f"/seen-from-{name}"
    for path in proxy.state.rglob("*.jsonl"):
        assert CLIENT.encode() not in path.read_bytes()
    assert CLIENT not in "".join([*proxy.process.err, *proxy.process.out])
    if how == "keyed":
        (key,) = keys
        assert name.endswith(hmac.digest(key, socket.inet_aton(CLIENT), "sha256").hex()[:20])


def test_without_a_file_the_start_says_what_the_gateway_was_told_and_the_same_for_the_same(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    for port in (ports[0], ports[0], ports[1]):
        with running("forward", "--listen", f"127.0.0.1:{port}", "--state", "state", cwd=tmp_path):
            pass

    starts = [each for each in read_log(tmp_path / "state" / "audit") if each["event"] == "start"]
    assert [each["configuration"] for each in starts] == [None, None, None]
    assert starts[0]["settings"] == starts[1]["settings"] != starts[2]["settings"]
