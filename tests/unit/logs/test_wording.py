from __future__ import annotations

import logging
import sys

import pytest

from gateway.audit.writing.errors import AuditUnavailable
from gateway.logs.wording import cause_of, gist, line_of, part_of
from gateway.policy.errors import Malformed

SECRET = "Can4ryqwertyuiop"


def record(name: str, message: str, *given: object, error: BaseException | None = None) -> logging.LogRecord:
    caught = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord(name, logging.ERROR, "", 0, message, given, caught)


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("connections.failures", "addons.connections.failures"),
        ("audit.writing.scribe", "gateway.audit.writing.scribe"),
        ("mitmproxy", "mitmproxy.connection"),
        ("asyncio", "asyncio"),
    ],
)
def test_a_part_is_named_without_the_folder_of_all_parts(part: str, name: str) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ("HTTP/2 protocol error", f"HTTP/2 protocol error: Invalid header {SECRET}"),
        ("Client sent", f"Client sent b'{SECRET}'"),
        ("server connect origin.example", f"server connect origin.example:443 (10.0.0.1)?{SECRET}"),
        ("Task exception was never retrieved", f"Task exception was never retrieved\nfuture: <{SECRET}>"),
        ("something went wrong", f"'{SECRET}' was sent"),
    ],
)
def test_of_a_librarys_message_the_first_words_are_shown(shown: str, message: str) -> None:
    line = line_of(record("h2.connection", "%s", message))

    assert line.sentence == shown
    assert (line.part, line.level, line.cause) == ("h2", "error", None)


def test_even_the_first_words_hold_no_token() -> None:
    assert gist("bad ghp_abcdefghijklmnop0123456789") == "bad REDACTED"


@pytest.mark.parametrize(
    ("shown", "given"),
    [
        ("ValueError", ValueError(SECRET)),
        ("the disk is full", AuditUnavailable("the disk is full")),
        ("no such file or directory", FileNotFoundError(2, "No such file or directory", f"/{SECRET}")),
        ("`REDACTED` is no host", Malformed(f"`{SECRET}` is no host")),
        ("plain words", "plain words"),
        ("7", 7),
        ("https://REDACTED@x.example/", f"https://user:{SECRET}@x.example/"),
    ],
)
def test_of_our_own_messages_everything_is_shown_but_secrets(shown: str, given: object) -> None:
    line = line_of(record("addons.judging.recording", "a record could not be written: %s", given))

    assert line.sentence == f"a record could not be written: {shown}"


def test_a_percent_sign_in_a_whole_message_is_no_place_for_a_value() -> None:
    assert line_of(record("gateway.x", "100%")).sentence == "100%"


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), UnicodeError(SECRET)])
def test_an_unexpected_exception_tells_its_kind_and_its_place_and_nothing_else(error: BaseException) -> None:
    cause = cause_of(raised(error))

    assert cause.startswith(f"{type(error).__name__} in logs/test_wording.py:")
    assert SECRET not in cause


def test_an_exception_that_was_never_raised_has_no_place() -> None:
    assert cause_of(ValueError(SECRET)) == "ValueError"
    assert cause_of(OSError(28, "No space left on device")) == "no space left on device"


def test_a_failure_is_told_in_one_sentence_with_its_cause() -> None:
    error = raised(LookupError(SECRET))
    line = line_of(record("addons.connections.failures", "%s failed: %s", "requestheaders", "LookupError", error=error))

    assert line.sentence == "requestheaders failed: LookupError"
    assert line.cause is not None
    assert line.cause.startswith("LookupError in logs/test_wording.py:")
    assert SECRET not in line.as_text() + line.as_json()
    assert sys.exc_info() == (None, None, None)
