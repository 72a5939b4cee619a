"""A stock mitmdump with our script judges as the gateway does, and ends where it could not."""

from __future__ import annotations

import re
import signal
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from mitmproxy.certs import Cert

from addons.stock.addon import CANNOT
from tests.e2e.commands import until
from tests.e2e.origin import trusting
from tests.e2e.origins import BODY, RecordingOrigin, make_authority
from tests.e2e.stock import SCRIPT, Stock, ended, stock
from tests.e2e.trail import check_exchanges
from tests.e2e.wire import Closed, Wire, get

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

POLICY = """
version: 1
name: egress
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8, "::1/128"]
connect_ports: [443, {port}]
rules:
  - {{id: no-secrets, action: deny, reason: No, when: {{path: {{prefix: [/secret]}}}}, not: {{tls.inspected: [false]}}}}
tls: {{inspect: all, splice: [{{id: pinned, reason: It is pinned, when: {{host: {{is: [127.0.0.1]}}}}}}]}}
"""

FAILING = f"""
from pathlib import Path
import sys
sys.path.append({str(SCRIPT.parent.parent)!r})
from addons.connections.fail_closed import HOOKS
from addons.stock.addon import StockAddon

class Failing: pass

def fail_in(hook):
    def fail(self, _data):
        if Path("hook").read_text() == hook:
            raise ValueError(hook)
    setattr(Failing, hook, fail)

for hook in HOOKS:
    fail_in(hook)

addons = [StockAddon(first=(Failing(),))]
"""


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    authority = make_authority(tmp_path_factory.mktemp("origin") / "authority.pem")
    return authority.file, authority.context("localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


@pytest.fixture(scope="module")
def secure(identity: tuple[Path, ssl.SSLContext]) -> Iterator[RecordingOrigin]:
    with RecordingOrigin(tls=identity[1]) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(
    tmp_path_factory: pytest.TempPathFactory, secure: RecordingOrigin, identity: tuple[Path, ssl.SSLContext]
) -> Iterator[Stock]:
    folder, environment = tmp_path_factory.mktemp("stock"), {"SSL_CERT_FILE": str(identity[0])}
    with stock(folder, POLICY.format(port=secure.port), environment=environment) as running:
        yield running


def _asked(origin: RecordingOrigin, path: str, *fields: str) -> bytes:
    host = f"127.0.0.1:{origin.port}"
    return get(f"http://{host}{path}", host, *fields)


@contextmanager
def _tunnel(proxy: Stock, target: str) -> Iterator[Wire]:
    with proxy.through() as wire:
        wire.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        if wire.interim() != 200:
            raise Closed
        yield wire


@contextmanager
def _secured(wire: Wire, authority: Path, name: str = "localhost") -> Iterator[Wire]:
    with trusting(authority).wrap_socket(wire.socket, server_hostname=name) as inside:
        yield Wire(inside)


def test_an_allowed_request_goes_through(proxy: Stock, origin: RecordingOrigin) -> None:
    with proxy.through() as wire:
        answers = [wire.ask(_asked(origin, "/a")), wire.ask(_asked(origin, "/b"))]
        decision = proxy.record(wire)["decision"]

    assert [(answer.status, answer.body) for answer in answers] == [(200, BODY)] * 2
    assert [each.split(b"\r\n")[0] for each in origin.requests] == [b"GET /a HTTP/1.1", b"GET /b HTTP/1.1"]
    assert len(origin.visits) == 1
    assert (decision["verdict"], decision["reason"]) == ("allow", "allowed-by-default")


@pytest.mark.parametrize(
    ("wanted", "request_"),
    [
        ((403, "rule-deny", "no-secrets"), "GET http://127.0.0.1:{port}/secret HTTP/1.1\r\nHost: 127.0.0.1:{port}"),
        (
            (403, "rule-deny", "no-secrets"),
            "GET http://127.0.0.1:{port}/a/../%73ecret HTTP/1.1\r\nHost: 127.0.0.1:{port}",
        ),
        ((403, "guardrail", "builtin-special"), "GET http://169.254.169.254/ HTTP/1.1\r\nHost: 169.254.169.254"),
        ((400, "name-mismatch", None), "GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: other.example"),
        ((400, "malformed-request", None), "GET / HTTP/1.1\r\nHost: 127.0.0.1"),
        ((400, "malformed-request", None), "nothing that anybody speaks"),
        ((403, "guardrail", "builtin-connect-port"), "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22"),
    ],
)  # fmt: skip - a row a line
def test_what_the_gateway_refuses_is_refused_and_recorded(
    proxy: Stock, origin: RecordingOrigin, wanted: tuple[int, str, str | None], request_: str
) -> None:
    origin.forget()

    found = proxy.refusal(f"{request_.format(port=origin.port)}\r\n\r\n".encode())

    assert wanted == found
    assert origin.received == b""


def test_a_refused_upload_is_answered_before_its_body_comes(proxy: Stock, origin: RecordingOrigin) -> None:
    found = proxy.refusal(_asked(origin, "/secret", "Content-Length: 50000000", "Expect: 100-continue"))

    assert found == (403, "rule-deny", "no-secrets")


def test_inspected_tls_is_judged_inside(proxy: Stock, secure: RecordingOrigin) -> None:
    secure.forget()
    target = f"localhost:{secure.port}"
    with _tunnel(proxy, target) as wire, _secured(wire, proxy.folder / "state" / "ca" / "ca.pem") as inside:
        passed = inside.ask(get("/a", target))
        refused = inside.ask(get("/secret", target))

    assert ((passed.status, passed.body), refused.verdict) == ((200, BODY), (403, "rule-deny", "no-secrets"))
    assert [each.split(b"\r\n")[0] for each in secure.requests] == [b"GET /a HTTP/1.1"]


def test_a_spliced_tunnel_reaches_the_origin_itself(
    proxy: Stock, secure: RecordingOrigin, identity: tuple[Path, ssl.SSLContext]
) -> None:
    target = f"127.0.0.1:{secure.port}"
    with _tunnel(proxy, target) as wire, _secured(wire, identity[0], "127.0.0.1") as inside:
        answer = inside.ask(get("/secret", target))
        decided = proxy.record(inside)

    assert (answer.status, answer.body, decided["decision"]["verdict"]) == (200, BODY, "allow")
    until(lambda: _bytes_of(proxy, decided["id"]) > len(BODY), "the bytes of the tunnel were never counted")


def _bytes_of(proxy: Stock, decision: str) -> int:
    ends = [each for each in proxy.records() if each["event"] == "end" and each["id"] == decision]
    return ends[0]["bytes"]["down"] if ends else 0


def test_first_bytes_that_come_one_by_one_evade_nothing(proxy: Stock, secure: RecordingOrigin) -> None:
    target = f"localhost:{secure.port}"
    with _tunnel(proxy, target) as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in (request := get("/secret", target))[:6]:
            wire.send(bytes([byte]))
        answer = wire.ask(request[6:])

    assert answer.verdict == (403, "rule-deny", "no-secrets")


def test_a_tunnel_that_is_neither_tls_nor_http_is_ended_and_recorded(proxy: Stock, secure: RecordingOrigin) -> None:
    visits = len(secure.visits)
    with _tunnel(proxy, f"localhost:{secure.port}") as wire:
        wire.send(b"\x00\x01 not for you")

        assert wire.ended
        decision = proxy.record(wire)["decision"]
    assert (decision["verdict"], decision["reason"], decision["rule"]) == ("deny", "rule-deny", "no-secrets")
    assert visits == len(secure.visits)


def test_its_limits_are_said_at_the_start(proxy: Stock) -> None:
    said = "".join(proxy.process.out)

    assert [line for line in CANNOT if f"not guaranteed inside mitmproxy: {line}\n" not in said] == []


def test_mitmproxy_answers_for_its_own_revocation_list(proxy: Stock, origin: RecordingOrigin) -> None:
    origin.forget()
    serial = Cert.from_pem((proxy.folder / "conf" / "mitmproxy-ca-cert.pem").read_bytes()).serial
    with proxy.through() as wire:
        answer = wire.ask(_asked(origin, f"/mitmproxy-{serial}.crl"))
        decided = proxy.record(wire)

    assert (answer.status, answer.get("content-type")) == (200, "application/pkix-crl")
    assert (decided["decision"]["verdict"], origin.received) == ("allow", b"")


@pytest.fixture(scope="module")
def failing(
    tmp_path_factory: pytest.TempPathFactory, secure: RecordingOrigin, identity: tuple[Path, ssl.SSLContext]
) -> Iterator[Stock]:
    folder, environment = tmp_path_factory.mktemp("failing"), {"SSL_CERT_FILE": str(identity[0])}
    (folder / "script.py").write_text(FAILING, encoding="utf-8")
    (folder / "hook").write_text("none", encoding="utf-8")
    policy = POLICY.format(port=secure.port)
    with stock(folder, policy, script=folder / "script.py", environment=environment) as running:
        yield running


@pytest.mark.parametrize(
    "hook", ["client_connected", "requestheaders", "server_connect", "server_connected", "request", "responseheaders"]
)
def test_a_hook_that_raises_refuses_a_request(failing: Stock, origin: RecordingOrigin, hook: str) -> None:
    origin.forget()
    (failing.folder / "hook").write_text(hook, encoding="utf-8")
    with failing.through() as wire:
        with suppress(ConnectionError):
            wire.send(_asked(origin, "/a"))
        received = wire.rest()
        ended = failing.record(wire, "end")
    (failing.folder / "hook").write_text("none", encoding="utf-8")

    assert BODY not in received
    assert (b"" if hook != "responseheaders" else b"GET /a") == origin.received[:6]
    decided = [each for each in failing.records() if each["event"] == "decision" and each["id"] == ended["id"]]
    assert "internal-error" in {ended["reason"], decided[0]["decision"]["reason"]}
    with failing.through() as wire:
        assert ((answer := wire.ask(_asked(origin, "/b"))).status, answer.body) == (200, BODY)


@pytest.mark.parametrize(
    "hook", ["http_connect", "tunnel_hello", "tls_start_client", "tls_start_server", "requestheaders"]
)
def test_a_hook_that_raises_refuses_a_tunnel(failing: Stock, secure: RecordingOrigin, hook: str) -> None:
    secure.forget()
    (failing.folder / "hook").write_text(hook, encoding="utf-8")
    target, received = f"localhost:{secure.port}", b""
    authority = failing.folder / "state" / "ca" / "ca.pem"
    with suppress(OSError, Closed), _tunnel(failing, target) as wire, _secured(wire, authority) as inside:
        inside.send(get("/a", target))
        received = inside.rest()
    (failing.folder / "hook").write_text("none", encoding="utf-8")

    assert (BODY in received, secure.requests) == (False, [])


def test_unsafe_options_end_the_process_with_all_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("", encoding="utf-8")
    unsafe = ("--ignore-hosts", "x", "--ssl-insecure", "--mode", "socks5", "--map-remote", "|a|b", "-s", "other.py")

    code, err = ended(tmp_path, *unsafe)

    assert code == 1
    assert [line.removeprefix("wicketgate: ").split(",")[0].split(":")[0] for line in err.splitlines()] == [
        "option `ignore_hosts` is `['x']`",
        "option `map_remote` is `['|a|b']`",
        "option `ssl_insecure` is `True`",
        "option `mode` is `socks5`",
        "another script may change what was judged",
    ]


@pytest.mark.parametrize(
    ("said", "options", "environment"),
    [
        ("mitmproxy writes down the keys of sessions: take `SSLKEYLOGFILE` out", (), {"SSLKEYLOGFILE": "keys"}),
        ("is one of the options `wicketgate_*` given twice?", ("--set", "wicketgate_state=x"), {}),
        ("policy.yaml:1:1  the file cannot be read", (), {}),
    ],
)
def test_what_cannot_be_begun_ends_the_process_with_its_reason(
    tmp_path: Path, said: str, options: tuple[str, ...], environment: dict[str, str]
) -> None:
    code, err = ended(tmp_path, *options, environment=environment)

    assert (code, said in err) == (1, True), err


def test_a_script_that_is_edited_ends_the_process(tmp_path: Path, origin: RecordingOrigin) -> None:
    script = tmp_path / "script.py"
    script.write_text(FAILING, encoding="utf-8")
    (tmp_path / "hook").write_text("none", encoding="utf-8")

    with stock(tmp_path, POLICY.format(port=443), script=script, code=1) as running:
        with running.through() as wire:
            assert wire.ask(_asked(origin, "/a")).status == 200
        script.write_text("addons = []", encoding="utf-8")
        until(lambda: running.process.process.poll() is not None, "it went on")

    assert re.search("wicketgate: the addon was unloaded", "".join(running.process.out))
    check_exchanges(running.records())


def test_a_changed_policy_waits_for_the_next_start_and_sighup_ends(tmp_path: Path, origin: RecordingOrigin) -> None:
    with stock(tmp_path, POLICY.format(port=443), code=-signal.SIGHUP) as running:
        (tmp_path / "policy.yaml").write_text(POLICY.format(port=443).replace("allow", "deny"), encoding="utf-8")
        with running.through() as wire:
            assert wire.ask(_asked(origin, "/a")).status == 200
        running.process.tell(signal.SIGHUP)
        until(lambda: running.process.process.poll() is not None, "it went on")


def test_what_runs_at_the_end_is_cut_and_recorded(tmp_path: Path) -> None:
    with RecordingOrigin(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n") as slow:
        with stock(tmp_path, POLICY.format(port=443)) as running, running.through() as wire:
            wire.send(_asked(slow, "/a"))
            assert wire.interim() == 200
            assert running.process.end() == 0
        events = [each["event"] for each in running.records()]

    assert events[-3:] == ["decision", "end", "stop"]
