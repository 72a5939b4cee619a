"""Exchanges as spans: what a real collector gets of them, what servers are told, and that nobody waits for either."""

from __future__ import annotations

import base64
import json
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.cli.outcome import WRONG_USAGE
from tests.e2e.certificates import authority
from tests.e2e.commands import PATIENCE, free_port, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.receivers import Receiver, web
from tests.e2e.wire import connect, get

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.e2e

POLICY: Final = """
version: 1
name: traced
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
connect_ports: [443, {port}]
rules:
  - {{id: closed, action: deny, reason: Closed, when: {{path: {{prefix: [/closed]}}}}, not: {{protocol: [tcp]}}}}
  - {{id: raw, action: allow, reason: Raw, when: {{protocol: [tcp]}}}}
headers:
  - {{request: {{remove: [traceparent]}}, when: {{path: {{prefix: [/silent]}}}}}}
"""
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT: Final = "00f067aa0ba902b7"
FIELD: Final = f"traceparent: 00-{TRACE}-{PARENT}-01"
HOST: Final = "a.open.example"
KEPT: Final = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nkept"
NOT_INSTALLED: Final = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
from gateway.cli.main import main
sys.exit(main())
"""

type Span = dict[str, Any]


def spans(receiver: Receiver) -> list[Span]:
    """What the collector took."""
    path = receiver.folder / "spans"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def identifier(encoded: str) -> str:
    """An id as people write it, of the base64 of its bytes."""
    return base64.b64decode(encoded).hex()


@contextmanager
def traced(
    folder: Path,
    origin: RecordingOrigin,
    port: int,
    *,
    before: int | None = None,
    trusted: bool = False,
    **traces: Any,
) -> Iterator[Gateway]:
    """A gateway in front of the origin (and of a server `before` it) that tells a collector on `port` of everything."""
    listeners: list[Mapping[str, Any]] = [
        {"name": "egress", "mode": "forward", "bind": f"127.0.0.1:{free_port()}", "policy": "forward.yaml"},
        {
            "name": "shop",
            "mode": "reverse",
            "bind": f"127.0.0.1:{free_port()}",
            "policy": "reverse.yaml",
            "routes": [
                {"path": {"prefix": ["/kept"]}, "upstream": "app", "cache": {"enabled": True}},
                {"upstream": "app"},
            ],
            **({"trusted_proxies": ["127.0.0.0/8"]} if trusted else {}),
        },
    ]
    policy = POLICY.format(port=origin.port)
    urls = [f"http://127.0.0.1:{each}" for each in (before, origin.port) if each is not None]
    settings = {"listeners": listeners, "traces": {"endpoint": f"http://127.0.0.1:{port}", **traces}}
    with gateway(
        folder,
        forward=policy,
        reverse=policy,
        upstreams=urls,
        names={".open.example": ["127.0.0.1"]},
        settings=settings,
    ) as running:
        running.forward, running.reverse = (int(each["bind"].rpartition(":")[2]) for each in listeners)
        yield running


def ask(port: int, path: str, *fields: str, host: str = "shop.example") -> int:
    with connect(port) as wire:
        return wire.ask(get(path, host, *fields)).status


def of(found: list[Span], kind: str, path: str) -> list[Span]:
    return [
        each for each in found if each["kind"] == f"SPAN_KIND_{kind}" and each["attributes"].get("url.path") == path
    ]


def parents_seen(origin: RecordingOrigin) -> list[bytes]:
    return re.findall(rb"(?im)^traceparent: (.*)\r$", origin.received)


def test_every_exchange_is_a_span_with_what_became_of_it_and_servers_are_told_of_theirs(tmp_path: Path) -> None:
    with RecordingOrigin() as origin, web(tmp_path / "collector") as collector:
        origin.answering = lambda _: (KEPT, False)
        with traced(tmp_path, origin, collector.port) as running:
            assert ask(running.reverse, "/open?token=s3cret", FIELD) == 200
            assert [ask(running.reverse, "/kept") for _ in range(2)] == [200, 200]
            assert ask(running.reverse, "/closed") == 403
            assert ask(running.reverse, "/silent") == 200
            with connect(running.forward) as wire:
                wire.send(get(f"{HOST}:{origin.port}", HOST, method="CONNECT"))
                assert wire.interim() == 200
                wire.send(b"\x00raw")
                wire.socket.shutdown(socket.SHUT_WR)
                wire.rest()
        records = {each["id"]: each for each in running.records() if each["event"] == "decision"}
        found, told = spans(collector), parents_seen(origin)

    (server,), (client,) = of(found, "SERVER", "/open"), of(found, "CLIENT", "/open")
    attributes = server["attributes"]
    record = records[attributes["wicketgate.decision.id"]]
    assert identifier(server["traceId"]) == record["trace"] != TRACE
    assert client["parentSpanId"] == server["spanId"]
    assert "parentSpanId" not in server
    assert told[0] == f"00-{record['trace']}-{identifier(client['spanId'])}-01".encode()
    assert attributes["http.request.method"] == server["name"] == "GET"
    assert (attributes["url.scheme"], attributes["server.address"], attributes["client.address"]) == (
        "http",
        "shop.example",
        "127.0.0.1",
    )
    assert (attributes["http.response.status_code"], attributes["network.protocol.version"]) == (200, "1.1")
    assert (attributes["wicketgate.decision.verdict"], attributes["wicketgate.decision.reason"]) == (
        "allow",
        "allowed-by-default",
    )
    assert server["resource"]["service.name"] == "wicketgate"
    (denied,) = of(found, "SERVER", "/closed")
    said = denied["attributes"]
    assert (said["http.response.status_code"], said["wicketgate.decision.rule"]) == (403, "closed")
    assert (said["wicketgate.decision.verdict"], denied.get("status", {})) == ("deny", {})
    assert of(found, "CLIENT", "/closed") == []
    assert [each["attributes"]["wicketgate.cache"] for each in of(found, "SERVER", "/kept")] == ["stored", "hit"]
    assert len(of(found, "CLIENT", "/kept")) == 1
    assert len(of(found, "CLIENT", "/silent")) == 1
    assert len(told) == len(["/open", "/kept"])
    assert [each["attributes"]["wicketgate.decision.rule"] for each in found if each["name"] == "CONNECT"] == ["raw"]
    assert {identifier(each["traceId"]) for each in found} == {each["trace"] for each in records.values()}
    assert "s3cret" not in json.dumps(found)


def test_every_try_is_a_span_of_its_own_and_its_server_is_told_of_that(tmp_path: Path) -> None:
    with RecordingOrigin() as broken, RecordingOrigin() as origin, web(tmp_path / "collector") as collector:
        broken.answering = lambda _: (b"", True)
        with traced(tmp_path, origin, collector.port, before=broken.port) as running:
            until(lambda: ask(running.reverse, "/again") == 200 and bool(broken.requests), "no server failed")
        found, told = spans(collector), (parents_seen(broken), parents_seen(origin))

    retried = next(each for each in of(found, "CLIENT", "/again") if "http.request.resend_count" in each["attributes"])
    (failed,) = [
        each
        for each in of(found, "CLIENT", "/again")
        if each["traceId"] == retried["traceId"] and each["spanId"] != retried["spanId"]
    ]
    (server,) = [each for each in of(found, "SERVER", "/again") if each["traceId"] == retried["traceId"]]
    assert failed["attributes"]["error.type"] == "upstream-broken"
    assert failed["status"]["code"] == "STATUS_CODE_ERROR"
    assert {failed["parentSpanId"], retried["parentSpanId"]} == {server["spanId"]}
    assert failed["endTimeUnixNano"] == retried["startTimeUnixNano"]
    assert any(identifier(failed["spanId"]).encode() in each for each in told[0])
    assert any(identifier(retried["spanId"]).encode() in each for each in told[1])
    assert not any(identifier(failed["spanId"]).encode() in each for each in told[1])


@pytest.mark.parametrize(
    ("trusted", "follow", "sample", "flag", "joined", "count"),
    [
        (True, "trusted", "0%", "01", True, 1),
        (True, "trusted", "100%", "00", True, 0),
        (True, "none", "100%", "00", False, 1),
        (False, "trusted", "0%", "01", False, 0),
        (False, "all", "0%", "01", True, 0),
        (False, "all", "100%", "00", True, 1),
    ],
)
def test_only_a_trusted_client_says_whether_its_trace_is_told(
    tmp_path: Path, *, trusted: bool, follow: str, sample: str, flag: str, joined: bool, count: int
) -> None:
    with RecordingOrigin() as origin, web(tmp_path / "collector") as collector:
        with traced(tmp_path, origin, collector.port, trusted=trusted, parent=follow, sample=sample) as running:
            fields = (f"traceparent: 00-{TRACE}-{PARENT}-{flag}", "tracestate: a=b")
            assert ask(running.reverse, "/", *fields) == 200
        (record,) = [each for each in running.records() if each["event"] == "decision"]
        found, told = [each for each in spans(collector) if each["kind"] == "SPAN_KIND_SERVER"], parents_seen(origin)

    assert (record["trace"] == TRACE) is joined
    assert len(found) == count
    assert [identifier(each["parentSpanId"]) for each in found if joined] == [PARENT] * (count if joined else 0)
    assert told[0].startswith(f"00-{record['trace']}-".encode())
    assert told[0].endswith(b"-01" if count else b"-00")
    assert (b"tracestate: a=b" in origin.received) is joined


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("b=2,a=1",), b"tracestate: b=2,a=1\r\n"),
        (("b=2", "a=1, c=3"), b"tracestate: b=2,a=1,c=3\r\n"),
        (("b=2", "b=1"), None),
        (("B=2",), None),
        ((",".join(f"k{each}=v" for each in range(33)),), None),
        ((f"a={'v' * 257}",), None),
        ((), None),
    ],
    ids=["as it is", "in one field", "twice the same", "no member", "too many", "too long", "none"],
)
def test_the_state_of_a_strangers_trace_goes_on_whole_or_not_at_all_and_his_baggage_never(
    given: tuple[str, ...], told: bytes | None, tmp_path: Path
) -> None:
    with RecordingOrigin() as origin, web(tmp_path / "collector") as collector:
        with traced(tmp_path, origin, collector.port, parent="all") as running:
            fields = (FIELD, "baggage: user=alice", *(f"tracestate: {each}" for each in given))
            assert ask(running.reverse, "/", *fields) == 200
        (parent,) = parents_seen(origin)

    assert parent.startswith(f"00-{TRACE}-".encode())
    assert PARENT.encode() not in parent
    assert (told or b"") in origin.received
    assert (b"tracestate" in origin.received) is (told is not None)
    assert b"baggage" not in origin.received


def test_a_collector_behind_tls_gets_spans_if_it_proves_who_it_is(tmp_path: Path) -> None:
    signer = authority("a root of collectors")
    with RecordingOrigin() as origin, web(tmp_path / "collector", signer=signer) as collector:
        place = f"https://127.0.0.1:{collector.port}"
        (tmp_path / "mine").mkdir()
        with traced(tmp_path / "mine", origin, 0, trust=str(collector.folder / "ca.pem"), endpoint=place) as running:
            assert ask(running.reverse, "/mine") == 200
            until(lambda: bool(of(spans(collector), "SERVER", "/mine")), "the spans never came")
        (tmp_path / "other.pem").write_bytes(authority("another root").pem)
        (tmp_path / "theirs").mkdir()
        with traced(tmp_path / "theirs", origin, 0, trust=str(tmp_path / "other.pem"), endpoint=place) as running:
            assert ask(running.reverse, "/theirs") == 200
            until(lambda: any("traces: " in each for each in running.process.err), "nobody was told")

    assert "certificate" in next(each for each in running.process.err if "traces: " in each)
    assert of(spans(collector), "SERVER", "/theirs") == []


@pytest.mark.parametrize(("inject", "ours"), [("reverse", False), ("both", True)])
def test_what_a_forward_client_says_of_its_trace_goes_on_as_it_is_unless_told_otherwise(
    inject: str, tmp_path: Path, *, ours: bool
) -> None:
    with RecordingOrigin() as origin, web(tmp_path / "collector") as collector:
        with traced(tmp_path, origin, collector.port, inject=inject) as running:
            target = f"http://{HOST}:{origin.port}/"
            assert ask(running.forward, target, FIELD, host=f"{HOST}:{origin.port}") == 200
        (told,) = parents_seen(origin)

    assert (told == FIELD.partition(": ")[2].encode()) is not ours


@pytest.mark.parametrize("trouble", ["dead", "slow", "500"])
def test_a_collector_in_trouble_costs_requests_nothing_and_is_told_of_once(trouble: str, tmp_path: Path) -> None:
    with (
        RecordingOrigin() as origin,
        web(tmp_path / "collector") as collector,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        port = silent.getsockname()[1] if trouble == "slow" else collector.port
        if trouble == "500":
            (collector.folder / "ANSWER").write_text("500", "ascii")
        if trouble == "dead":
            collector.kill()
        with traced(tmp_path, origin, port) as running:
            assert {ask(running.reverse, "/") for _ in range(20)} == {200}
            if trouble != "slow":
                until(lambda: any("traces: " in each for each in running.process.err), "nobody was told")
            running.process.process.send_signal(signal.SIGTERM)
            assert running.process.process.wait(PATIENCE) == 0

    assert sum("traces: " in each for each in running.process.err) <= 1


def test_every_worker_tells_of_its_own_exchanges(tmp_path: Path) -> None:
    policy = POLICY.format(port=443)
    with web(tmp_path / "collector") as collector:
        settings = {"workers": 2, "traces": {"endpoint": f"http://127.0.0.1:{collector.port}"}}
        with gateway(tmp_path, forward=policy, settings=settings) as running:
            target = "http://x.example/closed"
            assert {ask(running.forward, target, host="x.example") for _ in range(8)} == {403}
        found = of(spans(collector), "SERVER", "/closed")

    assert len({each["traceId"] for each in found}) == len(found) == len(range(8))


def test_without_the_extra_the_section_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("version: 1\nname: p\ndefault: {action: allow}\n", "utf-8")
    listener = f"{{name: egress, mode: forward, bind: 127.0.0.1:{free_port()}, policy: p.yaml}}"
    traces = 'traces: {endpoint: "http://127.0.0.1:4318"}'
    (tmp_path / "w.yaml").write_text(f"version: 1\nstate: s\nlisteners: [{listener}]\n{traces}\n", "utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", NOT_INSTALLED, "run", "--config", "w.yaml"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
        timeout=PATIENCE,
    )  # fmt: skip - one argument a line would say no more

    assert ended.stderr == "traces: the package `opentelemetry` is missing, install `wicketgate[tracing]`\n"
    assert ended.returncode == WRONG_USAGE


@pytest.mark.parametrize("section", [False, True])
def test_opentelemetry_is_imported_by_whom_there_are_traces_alone(tmp_path: Path, *, section: bool) -> None:
    settings = {"traces": {"endpoint": "http://127.0.0.1:9"}} if section else {}
    command = (sys.executable, "-X", "importtime")
    with gateway(tmp_path, forward=POLICY.format(port=443), settings=settings, command=command) as running:
        pass

    loaded = {line.rpartition("|")[2].strip() for line in running.process.err if line.startswith("import time:")}
    assert "addons.serving.composition" in loaded
    assert any(name.startswith("opentelemetry") for name in loaded) is section
    assert ("gateway.traces.sending" in loaded) is section
