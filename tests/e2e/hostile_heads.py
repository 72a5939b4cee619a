"""Heads of requests that HTTP/2 and HTTP/3 refuse alike, each with the status and the reason of the refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.h2stage import HOST
from tests.e2e.h2wire import asking

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.h2wire import Fields

HEADS: list[tuple[str, Callable[[str], Fields], int, str]] = [
    ("another host", lambda _: asking("other.example"), 421, "name-mismatch"),
    ("another port", lambda _: asking(f"{HOST}:1"), 421, "name-mismatch"),
    ("two hosts", lambda host: asking(host, "/", ("host", "other.example")), 400, "malformed-request"),
    ("no authority", lambda host: [each for each in asking(host) if each[0] != ":authority"], 400, "malformed-request"),
    ("an empty authority", lambda _: asking(""), 400, "malformed-request"),
    ("a user", lambda host: asking(f"me@{host}"), 400, "malformed-request"),
    ("no path", lambda host: [each for each in asking(host) if each[0] != ":path"], 400, "malformed-request"),
    ("an empty path", lambda host: asking(host, ""), 400, "malformed-request"),
    ("an absolute path", lambda host: asking(host, f"https://{host}/"), 400, "malformed-request"),
    ("another absolute path", lambda host: asking(host, "http://127.0.0.1/"), 400, "malformed-request"),
    ("a blank in the path", lambda host: asking(host, "/ HTTP/1.1\tx"), 400, "malformed-request"),
    ("a line in the path", lambda host: asking(host, "/\r\nX: y"), 400, "malformed-request"),
    ("a star", lambda host: asking(host, "*"), 400, "malformed-request"),
    (
        "another scheme",
        lambda host: [(":scheme", "http"), *asking(host)[:1], *asking(host)[2:]],
        400,
        "malformed-request",
    ),
    ("connect", lambda host: [(":method", "CONNECT"), (":authority", host)], 400, "malformed-request"),
    (
        "extended connect",
        lambda host: [*asking(host, method="CONNECT"), (":protocol", "websocket")],
        400,
        "malformed-request",
    ),
    ("trace", lambda host: asking(host, method="TRACE"), 405, "protocol-refused"),
    ("a method in lower case", lambda host: asking(host, method="get"), 400, "malformed-request"),
    ("an unknown pseudo-field", lambda host: [*asking(host), (":status", "200")], 400, "malformed-request"),
    ("a pseudo-field twice", lambda host: [*asking(host), (":path", "/b")], 400, "malformed-request"),
    ("a late pseudo-field", lambda host: [("a", "b"), *asking(host)], 400, "malformed-request"),
    ("upper case", lambda host: asking(host, "/", ("X-Upper", "y")), 400, "malformed-request"),
    ("no token", lambda host: asking(host, "/", ("x y", "z")), 400, "malformed-request"),
    ("an empty name", lambda host: asking(host, "/", ("", "z")), 400, "malformed-request"),
    ("a line feed", lambda host: asking(host, "/", ("x", "a\nb: c")), 400, "malformed-request"),
    ("a carriage return", lambda host: asking(host, "/", ("x", "a\rb")), 400, "malformed-request"),
    ("a nul", lambda host: asking(host, "/", ("x", "a\x00b")), 400, "malformed-request"),
    ("blanks around a value", lambda host: asking(host, "/", ("x", " a")), 400, "malformed-request"),
    ("connection", lambda host: asking(host, "/", ("connection", "close")), 400, "malformed-request"),
    ("keep-alive", lambda host: asking(host, "/", ("keep-alive", "1")), 400, "malformed-request"),
    ("proxy-connection", lambda host: asking(host, "/", ("proxy-connection", "x")), 400, "malformed-request"),
    ("upgrade", lambda host: asking(host, "/", ("upgrade", "websocket")), 400, "malformed-request"),
    ("chunks", lambda host: asking(host, "/", ("transfer-encoding", "chunked")), 400, "malformed-request"),
    ("te", lambda host: asking(host, "/", ("te", "gzip")), 400, "malformed-request"),
    (
        "two lengths",
        lambda host: asking(host, "/", ("content-length", "0"), ("content-length", "0")),
        400,
        "malformed-request",
    ),
    ("a signed length", lambda host: asking(host, "/", ("content-length", "+0")), 400, "malformed-request"),
    ("a length and no body", lambda host: asking(host, "/", ("content-length", "5")), 400, "malformed-request"),
    ("two spellings", lambda host: asking(host, "/%2e%2e/x"), 400, "malformed-request"),
    ("too many fields", lambda host: asking(host, "/", *((f"x-{n}", "y") for n in range(120))), 431, "head-too-large"),
    ("a large head", lambda host: asking(host, "/", ("x", "y" * 9000)), 431, "head-too-large"),
    ("a rule", lambda host: asking(host, "/refused/x"), 403, "rule-deny"),
]
