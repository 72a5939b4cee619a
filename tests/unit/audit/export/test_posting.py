from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.posting import Posting
from gateway.audit.export.receivers import Hopeless, NotTaken, TooMuch
from gateway.audit.export.targets import Target
from tests.unit.audit.export.listening import Listening, answers, status, stays_silent

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def posting(receiver: Listening, timeout: float = 10.0) -> Iterator[Posting]:
    """Posts to a receiver in this block."""
    poster = Posting(Target("http", "127.0.0.1", receiver.port, "/logs?a=b"), None, timeout=timeout)
    try:
        yield poster
    finally:
        poster.close()


def test_a_connection_is_kept_for_all_requests() -> None:
    with Listening([answers(status(200, body=b"fine"), status(204))]) as receiver, posting(receiver) as poster:
        assert (poster.post(b"one", {"X-A": "1"}), poster.post(b"two", {})) == (b"fine", b"")

    assert receiver.got[0].startswith(b"POST /logs?a=b HTTP/1.1\r\n")
    assert b"X-A: 1\r\n" in receiver.got[0]
    assert [each[-3:] for each in receiver.got] == [b"one", b"two"]


def test_a_kept_connection_that_ended_meanwhile_is_replaced_without_a_word() -> None:
    with Listening([answers(status(200)), answers(status(200))]) as receiver, posting(receiver) as poster:
        poster.post(b"one", {})
        poster.post(b"two", {})

    assert [each[-3:] for each in receiver.got] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("kind", "after", "answer"),
    [
        (NotTaken, 0.0, status(500)),
        (NotTaken, 7.0, status(503, "Retry-After: 7")),
        (NotTaken, 300.0, status(429, "Retry-After: 86400")),
        (NotTaken, 0.0, status(429, "Retry-After: soon")),
        (NotTaken, 0.0, status(408)),
        (TooMuch, 0.0, status(413)),
    ],
)
def test_what_can_be_sent_again_is_told_from_what_cannot(kind: type[NotTaken], after: float, answer: bytes) -> None:
    with Listening([answers(answer)]) as receiver, posting(receiver) as poster, pytest.raises(NotTaken) as caught:
        poster.post(b"body", {})

    assert (type(caught.value), caught.value.after) == (kind, after)


@pytest.mark.parametrize("code", [301, 302, 307, 400, 401, 403, 404, 422])
def test_other_answers_are_final_and_no_redirect_is_followed(code: int) -> None:
    moved = answers(status(code, "Location: http://127.0.0.1:1/"))
    with Listening([moved]) as receiver, posting(receiver) as poster, pytest.raises(Hopeless) as caught:
        poster.post(b"body", {})

    assert str(caught.value) == f"`http://127.0.0.1:{receiver.port}/logs` answered {code}"


@pytest.mark.parametrize(("why", "answer"), [("its answer is not HTTP", b"hello\r\n\r\n"), ("it hung up", b"")])
def test_no_answer_is_not_taken(why: str, answer: bytes) -> None:
    with Listening([answers(answer)]) as receiver, posting(receiver) as poster, pytest.raises(NotTaken, match=why):
        poster.post(b"body", {})


def test_silence_is_not_taken() -> None:
    expected = pytest.raises(NotTaken, match="it did not answer in time")
    with Listening([stays_silent]) as receiver, posting(receiver, 0.1) as poster, expected:
        poster.post(b"body", {})


def test_an_answer_without_an_end_is_read_to_a_bound() -> None:
    with Listening([answers(status(200, body=b"x" * 1_000_000))]) as receiver, posting(receiver) as poster:
        assert len(poster.post(b"body", {})) == 64 * 1024


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Listening([answers(status(200))]) as receiver, posting(receiver) as poster:
        assert poster.post(b"body", {}) == b""
