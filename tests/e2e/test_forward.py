"""The forward proxy as its users and its abusers meet it: where it goes, and where nothing makes it go."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.e2e.commands import PATIENCE
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import BODY, RecordingOrigin
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

OPEN = "127.0.0.2"
"""The one address of this machine that the policy opens; all others stay closed."""

POLICY = f"""
version: 1
name: egress
default: {{action: allow}}
unsafe_destinations: [{OPEN}/32]
rules:
  - {{id: no-secrets, action: deny, reason: Not for you, when: {{path: {{prefix: [/secret]}}}}}}
headers:
  - {{request: {{remove: [X-Forwarded-For, "X-Internal-*"]}}, response: {{remove: [Server]}}}}
"""

NAMES = {
    "open.example": [OPEN],
    "inside.example": ["127.0.0.1"],
    "mixed.example": [OPEN, "10.0.0.5"],
    "metadata.example": ["169.254.169.254"],
    "shared.example": ["100.64.0.1"],
    "six.example": ["::1"],
    "local.example": ["fd00::1"],
    "translated.example": ["64:ff9b::7f00:1"],
    "tunnelled.example": ["2002:7f00:1::"],
    "zero.example": ["0.0.0.0"],
    "many.example": ["224.0.0.1"],
    "nowhere.example": [],
    "xn--bcher-kva.example": ["10.0.0.1"],
}

REFUSED = (403, "guardrail", "builtin-special")


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin(host=OPEN) as server:
        yield server


@pytest.fixture(scope="module")
def inside() -> Iterator[RecordingOrigin]:
    """What must never be reached."""
    with RecordingOrigin(host="127.0.0.1") as server:
        yield server
    assert server.visits == []


@pytest.fixture(scope="module")
def proxy(
    tmp_path_factory: pytest.TempPathFactory, origin: RecordingOrigin, inside: RecordingOrigin
) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("forward"), forward=POLICY, names=NAMES) as running:
        yield running


def _curl(proxy: Gateway, *arguments: str) -> str:
    command = ["curl", "-q", "--silent", "--max-time", "20", "--proxy", f"http://127.0.0.1:{proxy.forward}"]
    return subprocess.run(
        [*command, "--include", *arguments], check=True, capture_output=True, text=True, timeout=PATIENCE
    ).stdout


def _ask(proxy: Gateway, host: str, port: int, path: str = "/", **fields: str) -> bytes:
    lines = (f"{name.replace('_', '-')}: {value}" for name, value in fields.items())
    return get(f"http://{host}:{port}{path}", f"{host}:{port}", *lines)


def test_curl_is_refused_the_machine_itself_and_the_log_says_so_under_the_id_that_it_was_told(
    proxy: Gateway, inside: RecordingOrigin
) -> None:
    said = _curl(proxy, f"http://127.0.0.1:{inside.port}/")

    assert said.startswith("HTTP/1.1 403 ")
    told = next(line.split()[1] for line in said.splitlines() if line.lower().startswith("wicketgate-decision:"))
    record = proxy.record(told)
    decision = record["decision"]
    assert (decision["verdict"], decision["reason"], decision["rule"], decision["status"]) == (
        *("deny", "guardrail", "builtin-special"),
        403,
    )
    assert (record["request"]["host"], record["request"]["port"]) == ("127.0.0.1", inside.port)
    assert proxy.record(told, "end")["status"] == 403


def test_an_open_address_is_reached_and_the_answer_comes_back_whole(proxy: Gateway, origin: RecordingOrigin) -> None:
    said = _curl(proxy, f"http://open.example:{origin.port}/page?token=hush", "--header", "X-Internal-Id: 7")

    assert said.startswith("HTTP/1.1 200 ")
    assert said.endswith(BODY.decode())
    (seen,) = [request for request in origin.requests if b"GET /page?token=hush " in request]
    assert f"Host: open.example:{origin.port}".encode() in seen
    assert b"x-internal-id" not in seen.lower()
    assert b"proxy-connection" not in seen.lower()
    record = proxy.wait_for(lambda each: each["event"] == "decision" and each["request"]["path"] == "/page")
    assert record["decision"]["reason"] == "allowed-by-default"
    assert record["destination"] == {"ip": OPEN, "answers": [OPEN], "parent": None, "original": None}
    assert record["request"]["query"] == {"token": "REDACTED"}


def test_a_library_of_programs_is_served_like_curl(proxy: Gateway, origin: RecordingOrigin) -> None:
    with httpx.Client(trust_env=False, proxy=f"http://127.0.0.1:{proxy.forward}") as client:
        answers = [client.get(f"http://open.example:{origin.port}/{number}") for number in range(3)]
        refused = client.get(f"http://open.example:{origin.port}/secret/plan")

    assert [(answer.status_code, answer.content) for answer in answers] == [(200, BODY)] * 3
    assert (refused.status_code, refused.json()["rule"]) == (403, "no-secrets")
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "name",
    [
        "inside.example",
        "mixed.example",
        "metadata.example",
        "shared.example",
        "six.example",
        "local.example",
        "translated.example",
        "tunnelled.example",
        "zero.example",
        "many.example",
        "INSIDE.Example.",
        "localhost",
        "LOCALHOST.",
        "XN--BCHER-KVA.example",
    ],
)
def test_a_name_is_as_closed_as_every_address_that_it_has(name: str, proxy: Gateway, inside: RecordingOrigin) -> None:
    assert proxy.refusal(_ask(proxy, name, inside.port)) == REFUSED


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.3",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fec0::1]",
        "[fd00:ec2::254]",
        "10.1.2.3",
        "0xa.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "3232235777",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "169.254.170.2",
        "100.100.100.200",
        "metadata.google.internal",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "224.0.0.1",
    ],
)
def test_no_spelling_of_a_closed_address_opens_it(host: str, proxy: Gateway, inside: RecordingOrigin) -> None:
    assert proxy.refusal(_ask(proxy, host, inside.port)) == REFUSED
    authority = f"{host}:443"
    assert proxy.refusal(get(authority, authority, method="CONNECT")) == REFUSED


@pytest.mark.parametrize(
    "host",
    [
        "[localhost]",
        "[127.0.0.1]",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "127.0.0.1%00.example",
        "user@127.0.0.1",
        "open.example@127.0.0.1",
        "open..example",
        "bücher.example",
        "0x7f.1.2.3.4.5",
        "256.256.256.256",
        "1.2.3.4.5",
        "127.0.0.1\\@open.example",
        "open example",
        "open.example\t",
        "",
    ],
)
def test_what_is_no_host_is_refused_before_anybody_asks_what_it_is(
    host: str, proxy: Gateway, inside: RecordingOrigin
) -> None:
    status, reason, rule = proxy.refusal(_ask(proxy, host, inside.port))
    assert (status, reason, rule) == (400, "malformed-request", None)


@pytest.mark.parametrize("host", ["127.0.0.2", "127.2", "2130706434", "0x7f.0.0.2", "[::ffff:127.0.0.2]", "0177.0.0.2"])
def test_an_open_address_is_open_under_every_spelling_and_is_dialled_under_one(
    host: str, proxy: Gateway, origin: RecordingOrigin
) -> None:
    with proxy.through() as wire:
        assert wire.ask(_ask(proxy, host, origin.port, "/spelt")).status == 200

    assert f"Host: 127.0.0.2:{origin.port}".encode() in origin.requests[-1]


def test_the_gateway_is_no_way_to_itself(proxy: Gateway) -> None:
    assert proxy.refusal(_ask(proxy, "127.0.0.1", proxy.forward)) == REFUSED


def test_a_name_without_an_address_is_no_refusal_of_the_policy(proxy: Gateway) -> None:
    assert proxy.refusal(_ask(proxy, "nowhere.example", 80)) == (502, "upstream-unresolved", None)


def test_a_destination_that_does_not_listen_is_named_as_that_and_its_address_is_not_told(proxy: Gateway) -> None:
    with RecordingOrigin(host=OPEN) as gone:
        port = gone.port
    with proxy.through() as wire:
        answer = wire.ask(_ask(proxy, "open.example", port))

    assert (answer.status, answer.problem["reason"]) == (502, "upstream-refused")
    assert OPEN.encode() not in answer.body
    proxy.answered.append(answer.decision)
    assert proxy.record(answer.decision)["decision"]["verdict"] == "allow"
    assert proxy.record(answer.decision, "end")["reason"] == "upstream-refused"


@pytest.mark.parametrize(
    ("wanted", "head"),
    [
        ((400, "malformed-request"), b"GET / HTTP/1.1\r\nHost: open.example\r\n\r\n"),
        ((400, "name-mismatch"), b"GET http://open.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n"),
        ((400, "name-mismatch"), b"GET http://open.example/ HTTP/1.1\r\nHost: open.example:81\r\n\r\n"),
        ((400, "malformed-request"), b"GET http://open.example/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ((400, "malformed-request"), b"GET http://open.example/ HTTP/1.1\r\n\r\n"),
        ((400, "malformed-request"), b"GET https://open.example/ HTTP/1.1\r\nHost: open.example\r\n\r\n"),
        ((400, "malformed-request"), b"GET ftp://open.example/ HTTP/1.1\r\nHost: open.example\r\n\r\n"),
        ((400, "malformed-request"), b"GET http://open.example/#x HTTP/1.1\r\nHost: open.example\r\n\r\n"),
        ((400, "malformed-request"), b"GET http://u:p@open.example/ HTTP/1.1\r\nHost: open.example\r\n\r\n"),
        ((405, "protocol-refused"), b"TRACE http://open.example/ HTTP/1.1\r\nHost: open.example\r\n\r\n"),
        ((400, "malformed-request"), b"CONNECT open.example HTTP/1.1\r\nHost: open.example\r\n\r\n"),
        ((400, "name-mismatch"), b"CONNECT open.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n"),
        ((400, "malformed-request"), b"CONNECT http://open.example:443/ HTTP/1.1\r\nHost: open.example:443\r\n\r\n"),
        ((400, "malformed-request"), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ((400, "malformed-request"), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    ],
    ids=range(15),
)
def test_a_request_that_can_be_read_in_two_ways_is_read_in_none(
    wanted: tuple[int, str], head: bytes, proxy: Gateway
) -> None:
    assert proxy.refusal(head)[:2] == wanted


def test_many_requests_on_one_connection_are_judged_one_by_one(
    proxy: Gateway, origin: RecordingOrigin, inside: RecordingOrigin
) -> None:
    asked = [
        _ask(proxy, "open.example", origin.port, "/1"),
        _ask(proxy, "open.example", origin.port, "/secret"),
        _ask(proxy, "inside.example", inside.port),
        _ask(proxy, "open.example", origin.port, "/2"),
    ]
    with proxy.through() as wire:
        answers = wire.ask_all(asked)

    assert [answer.status for answer in answers] == [200, 403, 403, 200]
    assert [answer.problem["rule"] for answer in answers[1:3]] == ["no-secrets", "builtin-special"]
