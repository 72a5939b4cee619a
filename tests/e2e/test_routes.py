"""Routes of the reverse gateway, over real sockets, in front of two backends that remember every byte."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.commands import COMMAND
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import ANSWER, BODY, RecordingOrigin
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.wire import Answer

pytestmark = pytest.mark.e2e

HOST: Final = "shop.example"
POLICY: Final = """
version: 1
name: routes
default: {action: allow}
rules:
  - {id: no-admin, action: deny, reason: Closed, when: {path: {prefix: [/admin]}}}
  - {id: no-leaving, action: deny, reason: Stay, when: {path: {prefix: [/left]}}}
headers:
  - {id: safe, response: {set: {X-Frame-Options: DENY}}}
"""
ROUTES: Final = (
    {"upstream": "one"},
    {"upstream": "two", "host": {"is": [HOST]}, "path": {"prefix": ["/api"]}, "strip_prefix": "/api"},
    {"upstream": "one", "host": {"is": [HOST]}, "path": {"prefix": ["/api/v1"]}, "rewrite": {"prefix": "/legacy"}},
    {"upstream": "one", "host": {"is": [HOST]}},
    {"upstream": "two", "host": {"is": [HOST]}, "path": {"is": ["/login"]}, "method": ["POST"]},
    {"upstream": "two", "host": {"is": [HOST]}, "header": {"X-Beta": {"is": ["yes"]}}},
    {"upstream": "two", "host": {"is": [HOST]}, "path": {"prefix": ["/files"]}, "encoded_slash": "allow"},
    {"upstream": "one", "host": {"is": ["read.example"]}, "method": ["GET", "HEAD"]},
    {"redirect": {"to": "https://shop.example", "status": "308"}, "host": {"under": ["old.example"]}},
    {"redirect": {"to": "/gone", "status": "303"}, "host": {"is": [HOST]}, "path": {"prefix": ["/left", "/moved"]}},
    {"respond": {"status": 503, "file": "noon.html", "type": "text/html"}, "host": {"is": ["noon.example"]}},
)


@pytest.fixture(scope="module")
def backends() -> Iterator[tuple[RecordingOrigin, RecordingOrigin]]:
    with RecordingOrigin() as one, RecordingOrigin() as two:
        yield one, two


@pytest.fixture(scope="module", params=[1, -1], ids=["as written", "backwards"])
def standing(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    backends: tuple[RecordingOrigin, RecordingOrigin],
) -> Iterator[Gateway]:
    """The same routes in both orders."""
    folder = tmp_path_factory.mktemp("routes")
    (folder / "noon.html").write_text("<p>Back at noon", encoding="utf-8")
    urls = {name: [f"http://127.0.0.1:{each.port}"] for name, each in zip(("one", "two"), backends, strict=True)}
    routes = ROUTES[:: request.param]
    with gateway(folder, reverse=POLICY, routes=routes, upstreams=urls) as running:
        yield running


@pytest.fixture
def front(standing: Gateway, backends: tuple[RecordingOrigin, RecordingOrigin]) -> Gateway:
    """The gateway, with backends that have seen nothing yet."""
    for each in backends:
        each.forget()
    return standing


def ask(front: Gateway, request: bytes) -> Answer:
    with front.front() as wire:
        return wire.ask(request)


def lines(origin: RecordingOrigin) -> list[str]:
    return [request.split(b"\r\n")[0].decode().removesuffix(" HTTP/1.1") for request in origin.requests]


@pytest.mark.parametrize(
    ("backend", "sent", "asked"),
    [
        (0, "GET /", get("/", HOST)),
        (0, "GET /apiary", get("/apiary", HOST)),
        (1, "GET /", get("/api", HOST)),
        (1, "GET /items/7?a=/api", get("/api/items/7?a=/api", HOST)),
        (0, "GET /legacy/x", get("/api/v1/x", HOST)),
        (0, "GET /login", get("/login", HOST)),
        (1, "POST /login", get("/login", HOST, method="POST", body=b"a=b")),
        (0, "POST /login/", get("/login/", HOST, method="POST", body=b"a=b")),
        (1, "GET /x", get("/x", HOST, "X-Beta: yes")),
        (0, "GET /x", get("/x", HOST, "X-Beta: no")),
        (0, "GET /x", get("/x", HOST, "X-Beta: yes", "X-Beta: yes")),
        (0, "GET /x", get("/x", HOST, "Connection: X-Beta", "X-Beta: yes")),
        (1, "GET /files/a%2Fb%5Cc", get("/files/a%2fb%5cc", HOST)),
        (0, "GET /", get("/", "elsewhere.example")),
        (0, "HEAD /", get("/", "read.example", method="HEAD")),
    ],
)
def test_a_request_takes_the_most_specific_route(
    backend: int, sent: str, asked: bytes, front: Gateway, backends: tuple[RecordingOrigin, RecordingOrigin]
) -> None:
    answer = ask(front, asked)

    assert (answer.status, answer.get("x-frame-options")) == (200, "DENY")
    assert (lines(backends[backend]), lines(backends[1 - backend])) == ([sent], [])


@pytest.mark.parametrize(
    ("status", "location", "asked"),
    [
        (308, "https://shop.example/a%2Eb/c?d=e".replace("%2E", "."), get("/a.b/c?d=e", "www.old.example")),
        (308, "https://shop.example/x?y=%0D%0ASet-Cookie:a=b", get("/x?y=%0d%0aSet-Cookie:a=b", "old.example")),
        (308, "https://shop.example/", get("*", "old.example", method="OPTIONS")),
        (308, "https://shop.example/x", get("/x", "old.example", method="POST", body=b"never forwarded")),
        (303, "/gone?a", get("/moved/x?a", HOST)),
    ],
)
def test_a_redirect_leads_to_the_configured_place_and_dials_nobody(
    status: int, location: str, asked: bytes, front: Gateway, backends: tuple[RecordingOrigin, RecordingOrigin]
) -> None:
    answer = ask(front, asked)

    assert (answer.status, answer.get("location"), answer.get("x-frame-options")) == (status, location, "DENY")
    record = front.record(answer.decision)
    assert (record["decision"]["verdict"], record["answers"], record["destination"]) == ("allow", "redirect", None)
    assert front.record(answer.decision, "end")["status"] == status
    assert [lines(each) for each in backends] == [[], []]


def test_a_fixed_response_is_given_on_a_connection_that_stays(
    front: Gateway, backends: tuple[RecordingOrigin, RecordingOrigin]
) -> None:
    with front.front() as wire:
        first = wire.ask(get("/", "noon.example"))
        head = wire.ask(get("/x", "noon.example", method="HEAD"))
        last = wire.ask(get("/", HOST))

    assert (first.status, first.body, first.get("content-type")) == (503, b"<p>Back at noon", "text/html")
    assert (head.status, head.body, head.get("content-length")) == (503, b"", "15")
    assert (last.status, last.body) == (200, BODY)
    assert front.record(first.decision)["answers"] == "response"
    assert [lines(each) for each in backends] == [["GET /"], []]


def test_the_body_of_a_request_that_is_answered_at_once_is_no_next_request(
    front: Gateway, backends: tuple[RecordingOrigin, RecordingOrigin]
) -> None:
    smuggled = get("/smuggled", HOST)
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(smuggled), smuggled)
    chunked = get("/x", "old.example", "Transfer-Encoding: chunked", method="POST") + chunks
    for request in (get("/x", "old.example", method="POST", body=smuggled), chunked):
        with front.front() as wire:
            answer = wire.ask(request)
            assert (answer.status, answer.get("connection"), wire.ended) == (308, "close", True)

    assert "GET /smuggled" not in lines(backends[0]) + lines(backends[1])


@pytest.mark.parametrize(
    ("verdict", "asked"),
    [
        ((403, "rule-deny", "no-leaving"), get("/left/x", HOST)),
        ((403, "rule-deny", "no-admin"), get("/admin", HOST)),
        # the path that would be sent
        ((403, "rule-deny", "no-admin"), get("/api/admin/users", HOST)),
        ((403, "rule-deny", "no-admin"), get("/api/%2561dmin/users", HOST)),
        ((400, "not-canonical", None), get("/x/../api/items", HOST)),
        ((400, "malformed-request", None), get("/api/a%2fb", HOST)),
        ((400, "malformed-request", None), get("/files/a%2f..%2f..%2fadmin", HOST)),
        ((405, "no-route", None), get("/", "read.example", method="DELETE")),
    ],
)
def test_what_may_not_be_or_leads_nowhere_is_refused_and_recorded(
    verdict: tuple[int, str, str | None],
    asked: bytes,
    front: Gateway,
    backends: tuple[RecordingOrigin, RecordingOrigin],
) -> None:
    answer = ask(front, asked)

    assert answer.verdict == verdict
    assert front.decision(answer)["verdict"] == "deny"
    assert answer.get("allow") == ("GET, HEAD" if answer.status == 405 else None)
    assert [lines(each) for each in backends] == [[], []]


def test_what_was_judged_and_what_was_sent_are_both_on_record(front: Gateway) -> None:
    before = len(front.records())
    assert ask(front, get("/api/v1/x?a=b", HOST)).status == 200
    record = front.wait_for(lambda each: each["seq"] > before and each["event"] == "decision")

    assert (record["request"]["path"], record["request"]["sent"]) == ("/api/v1/x", "/legacy/x")


def test_what_a_backend_names_is_found_under_the_paths_of_the_client(
    front: Gateway, backends: tuple[RecordingOrigin, RecordingOrigin]
) -> None:
    two = backends[1]
    told = f"Location: http://127.0.0.1:{two.port}/items/7\r\nContent-Location: /items\r\nSet-Cookie: a=b; Path=/\r\n"
    two.answer = ANSWER.replace(b"200 OK\r\n", b"201 Created\r\n" + told.encode())
    try:
        answer = ask(front, get("/api/items", HOST))
    finally:
        two.answer = ANSWER

    assert (answer.status, answer.get("location")) == (201, f"http://{HOST}/api/items/7")
    assert (answer.get("content-location"), answer.get("set-cookie")) == ("/api/items", "a=b; Path=/api")


def test_a_route_that_is_never_reached_is_told_at_the_start(tmp_path: Path) -> None:
    beta = {"upstream": "app", "path": {"prefix": ["/b"]}}
    routes: list[dict[str, Any]] = [{**beta, "header": {"X-Beta": {"present": each}}} for each in (True, False)]
    routes += [beta, {"upstream": "app"}]
    with gateway(tmp_path, reverse=POLICY, routes=routes, upstreams=["http://127.0.0.1:9"]) as running:
        said = "".join(running.process.err)

    assert "no request takes the route for any host, path below /b, more specific ones leave nothing to it" in said


NO_TRACE: Final = """
import sys
from gateway.cli.main import main

def hook(event, arguments):
    if event.startswith("socket.") or event in {"os.mkdir", "os.remove", "os.rename"}:
        raise SystemExit(f"touched: {event} {arguments}")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise SystemExit(f"written: {arguments}")

sys.dont_write_bytecode = True
sys.addaudithook(hook)
sys.exit(main(sys.argv[1:]))
"""


def configured(folder: Path, *routes: object) -> Path:
    (folder / "api.yaml").write_text(POLICY, encoding="utf-8")
    listener = {"name": "shop", "mode": "reverse", "bind": "127.0.0.1:8081", "policy": "api.yaml", "routes": routes}
    upstreams = {"one": {"servers": [{"url": "http://127.0.0.1:8000"}, {"url": "http://127.0.0.1:8001", "weight": 2}]}}
    file = folder / "wicketgate.yaml"
    file.write_text(json.dumps({"version": 1, "listeners": [listener], "upstreams": upstreams}, indent=1), "utf-8")
    return file


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_check_says_what_would_run_opens_no_socket_and_writes_nothing(form: str, tmp_path: Path) -> None:
    file = configured(
        tmp_path,
        {"upstream": "one"},
        {"redirect": {"to": "https://shop.example"}, "host": {"is": ["old.example"]}},
        {"upstream": "one", "path": {"prefix": ["/api"]}, "method": ["GET"], "strip_prefix": "/api"},
    )
    command = (sys.executable, "-c", NO_TRACE, "run", "--check", "--config", str(file), "--format", form)
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert (run.returncode, run.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["api.yaml", "wicketgate.yaml"]
    if form == "json":
        said = json.loads(run.stdout)
        assert [route["path"] for route in said["listeners"][0]["routes"]] == ["/", "/api", "/"]
        assert said["upstreams"] == {"one": ["http://127.0.0.1:8000", "http://127.0.0.1:8001 (weight 2)"]}
    else:
        servers = "one (http://127.0.0.1:8000, http://127.0.0.1:8001)"
        assert run.stdout.splitlines() == [
            "shop: reverse on 127.0.0.1:8081",
            f"  policy routes ({tmp_path}/api.yaml): 2 rules, default allow",
            "  host is old.example, path below / -> redirect 308 to https://shop.example/...?...",
            f"  any host, path below /api, method GET -> {servers}, /api sent as /",
            f"  any host, path below / -> {servers}",
            "upstream one: http://127.0.0.1:8000, http://127.0.0.1:8001 (weight 2)",
        ]


def test_a_check_tells_everything_that_is_wrong_in_one_go(tmp_path: Path) -> None:
    file = configured(
        tmp_path, {"upstream": "one"}, {"upstream": "one"}, {"upstream": "two"}, {"redirect": {"to": "x"}}
    )
    run = subprocess.run(
        [COMMAND, "run", "--check", "--config", str(file)], capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stdout) == (2, "")
    problems = [line.split("  ", 1)[1] for line in run.stderr.splitlines()]
    assert [problem.split(": ")[0] for problem in problems] == [
        "listeners[0].routes",
        "listeners[0].routes[2].upstream",
        "listeners[0].routes[3].redirect",
    ]
    assert "is claimed by the route in line" in problems[0]
