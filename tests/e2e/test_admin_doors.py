"""Who gets into the admin side, and who does not: tokens, sessions, browsers, names, and the proxy's own listeners."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from gateway.admin.token import rotate
from tests.e2e.looked_after import LookedAfter, looked_after

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAfter]:
    with looked_after(tmp_path_factory.mktemp("doors")) as found:
        yield found


CLOSED = ("/api/v1/status", "/api/v1/decisions", "/api/v1/decisions/stream", "/metrics", "/openapi.json", "/nowhere")


@pytest.mark.parametrize("path", CLOSED)
def test_nothing_is_told_without_a_token(path: str, side: LookedAfter) -> None:
    with side.client(token="") as client:
        answer = client.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_browser_signs_in_with_the_token_and_out_again(side: LookedAfter) -> None:
    with side.client(token="", **{"Sec-Fetch-Site": "same-origin", "Origin": side.url}) as browser:
        page = browser.get("/")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        signed = side.sign_in(browser)
        cookie = signed.headers["set-cookie"]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
        assert browser.get("/api/v1/status").status_code == 200
        assert browser.get("/api/v1/session").json()["who"].startswith("admin-api session ")
        assert browser.post("/api/v1/reload").status_code == 200
        assert browser.delete("/api/v1/session").json() == {"signed_in": False}
        browser.cookies.update(dict(signed.cookies))
        assert browser.get("/api/v1/status").status_code == 401


def test_what_another_port_of_this_host_hears_of_a_session_opens_nothing(side: LookedAfter) -> None:
    """A browser sends the cookie to every application of this host: an application that uses it gets nowhere."""
    with side.client(token="") as browser, side.client(token="") as application:
        cookie = side.sign_in(browser).headers["set-cookie"].partition(";")[0]
        told = [
            application.get("/api/v1/status", headers={"Cookie": cookie, **more})
            for more in ({}, {"Wicketgate-Session-Key": "x" * 43}, {"Wicketgate-Session-Key": ""})
        ]

        assert [each.status_code for each in told] == [401, 401, 401]
        assert browser.get("/api/v1/status").status_code == 200


def test_a_stream_ends_with_the_session_and_with_the_token_that_opened_it(side: LookedAfter) -> None:
    with side.client(token="") as browser:
        side.sign_in(browser)
        with browser.stream("GET", "/api/v1/decisions/stream") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 1000"
            browser.delete("/api/v1/session")
            assert not any(line.startswith("data:") for line in lines)
    with side.client() as client, client.stream("GET", "/api/v1/decisions/stream") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        rotate(side.gateway.state)
        assert not any(line.startswith("data:") for line in lines)


@pytest.mark.parametrize(
    "fields",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_a_page_of_another_origin_changes_nothing_and_reads_nothing_with_a_session(
    fields: dict[str, str], side: LookedAfter
) -> None:
    with side.client(token="") as browser:
        side.sign_in(browser)
        changed = browser.post("/api/v1/reload", headers=fields)
        read = browser.get("/api/v1/status", headers=fields)
    assert [changed.status_code, read.status_code] == [403, 403]
    assert not any("access-control-allow-origin" in each.headers for each in (changed, read))


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.nip.example", "localhost.evil.example"])
def test_a_name_that_was_made_to_mean_this_machine_is_turned_away(host: str, side: LookedAfter) -> None:
    with side.client(Host=host) as client:
        assert client.get("/healthz").status_code == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:9999", "127.0.0.1", "[::1]:8090"])
def test_this_machine_is_asked_for_by_address_and_by_its_own_name(host: str, side: LookedAfter) -> None:
    with side.client(Host=host) as client:
        assert client.get("/healthz").status_code == 200


def test_two_names_or_none_are_no_name(side: LookedAfter) -> None:
    for fields in (b"", b"Host: localhost\r\nHost: localhost\r\n"):
        with socket.create_connection(("127.0.0.1", side.admin), timeout=10) as wire:
            wire.sendall(b"GET /healthz HTTP/1.1\r\n" + fields + b"Connection: close\r\n\r\n")
            assert wire.recv(4096).startswith(b"HTTP/1.1 400")


def test_bodies_are_json_and_small(side: LookedAfter) -> None:
    with side.client() as client:
        form = client.post("/api/v1/explain", data={"url": "http://x.example/"})
        large = client.post("/api/v1/explain", json={"url": "x" * 70_000})
        chunked = client.post(
            "/api/v1/explain",
            content=iter([b'{"url": "', b"x" * 70_000, b'"}']),
            headers={"Content-Type": "application/json"},
        )
        unknown = client.post("/api/v1/explain", json={"url": "http://x.example/", "verdict": "allow"})
    assert [each.status_code for each in (form, large, chunked, unknown)] == [415, 413, 413, 422]


def test_another_token_opens_and_the_old_one_and_its_sessions_do_not(side: LookedAfter) -> None:
    old = side.token
    with side.client(token="") as browser:
        side.sign_in(browser, old)
        (side.gateway.state / "admin-token").unlink()

        assert browser.get("/api/v1/status").status_code == 401
    assert side.token != old
    assert (side.gateway.state / "admin-token").stat().st_mode & 0o777 == 0o600
    with side.client(token=old) as before, side.client() as after:
        assert (before.get("/api/v1/status").status_code, after.get("/api/v1/status").status_code) == (401, 200)


def test_metrics_have_a_token_of_their_own_which_opens_nothing_else(side: LookedAfter) -> None:
    token = (side.gateway.state / "metrics-token").read_text("ascii").strip()
    with side.client(token=token) as scraper:
        assert scraper.get("/metrics").status_code != 401
        assert scraper.get("/api/v1/status").status_code == 401


def test_a_wrong_token_signs_nobody_in(side: LookedAfter) -> None:
    with side.client(token="") as browser:
        answer = browser.post("/api/v1/session", json={"token": "x" * 43})

    assert (answer.status_code, answer.json()["detail"]) == (401, "this is not the token")
    assert "set-cookie" not in answer.headers


def test_who_sends_too_many_wrong_tokens_waits_but_who_is_signed_in_does_not(tmp_path: Path) -> None:
    with looked_after(tmp_path) as side, side.client(token="") as browser:
        side.sign_in(browser)
        with side.client(token="wrong") as guesser:
            told = [guesser.get("/api/v1/status") for _ in range(12)]
        with side.client() as late:
            right = late.get("/api/v1/status")

        assert [each.status_code for each in told] == [401] * 10 + [429] * 2
        assert 1 <= int(told[-1].headers["retry-after"]) <= 60
        assert right.status_code == 429
        assert browser.get("/api/v1/status").status_code == 200
    everything = "".join((*side.gateway.process.err, *side.gateway.process.out))
    assert side.token not in everything
    assert all(side.token not in str(record) for record in side.gateway.records())


SPELLINGS = (
    "127.0.0.1",
    "127.1",
    "127.0.0.2",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "x.localhost",
    "looped.example",
    "looped.example.",
    "mapped.example",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::]",
)


@pytest.mark.parametrize("host", SPELLINGS)
def test_nobody_gets_there_through_the_forward_listener(host: str, side: LookedAfter) -> None:
    target = f"{host}:{side.admin}".encode()
    absolute = _first_line(side, b"GET http://" + target + b"/healthz HTTP/1.1\r\nHost: " + target + b"\r\n\r\n")

    assert absolute[9:12] in {b"403", b"400"}, absolute
    assert _through_a_tunnel(side, target) in {b"403", b"400", b""}


def test_nobody_gets_there_by_asking_for_a_websocket(side: LookedAfter) -> None:
    target = b"127.0.0.1:%d" % side.admin
    asked = b"GET http://" + target + b"/ HTTP/1.1\r\nHost: " + target + b"\r\nConnection: Upgrade\r\n"
    asked += b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    assert _first_line(side, asked)[9:12] == b"403"


def _through_a_tunnel(side: LookedAfter, target: bytes) -> bytes:
    """The status of a request through a tunnel, or of the refusal of the tunnel; nothing if it was cut."""
    with socket.create_connection(("127.0.0.1", side.gateway.forward), timeout=10) as wire:
        wire.sendall(b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n\r\n")
        status = wire.recv(65536)[9:12]
        if status != b"200":
            return status
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: " + target + b"\r\n\r\n")
        return wire.recv(65536)[9:12]


def _first_line(side: LookedAfter, asked: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", side.gateway.forward), timeout=10) as wire:
        wire.sendall(asked)
        answer = b""
        while b"\r\n" not in answer and (piece := wire.recv(4096)):
            answer += piece
    return answer.partition(b"\r\n")[0]


def test_a_reverse_route_to_it_is_refused_at_the_start(tmp_path: Path) -> None:
    from tests.e2e.test_admin_faults import configured  # noqa: PLC0415 - shared with what cannot start

    for url in (
        "http://127.0.0.1:8090",
        "http://localhost:8090",
        "http://[::ffff:127.0.0.1]:8090",
        "http://127.0.0.9:8090",
    ):
        told = configured(tmp_path, upstream=url)
        assert told.returncode == 2
        assert "is the admin side of this gateway" in told.stderr, url
