from __future__ import annotations

import json
import logging
import os
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from gateway.config.settings import LogLevel, LogSettings
from gateway.logs.operator import operator_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.logs.operator import Speaking

SECRET = "Can4ryqwertyuiop"


class Heard:
    """What came out."""

    text = ""

    def sentences(self) -> list[str]:
        return [line["sentence"] for line in self.objects()]

    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@contextmanager
def hearing(settings: LogSettings) -> Iterator[tuple[Speaking, Heard]]:
    read, write = os.pipe()
    heard = Heard()
    try:
        with operator_log(settings, write) as said:
            yield said, heard
    finally:
        os.close(write)
        with os.fdopen(read, "rb") as lines:
            heard.text = lines.read().decode()


def everything(said: Speaking) -> None:
    """Something from everybody, at every level."""
    said("ready: forward 127.0.0.1:8080")
    for name in ("addons.upstream.pools", "gateway.control.fronts", "mitmproxy.connection", "hpack.hpack", "quic"):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger(name).log(level, "%s at %s", name, level)


@pytest.mark.parametrize(("level", "ours"), [("warning", 1), ("info", 2), ("debug", 3)])
def test_sentences_are_said_at_every_level_and_libraries_are_heard_from_warning_on(level: LogLevel, ours: int) -> None:
    with hearing(LogSettings(level=level, format="json")) as (said, heard):
        logging.getLogger("quic").setLevel(logging.NOTSET)
        everything(said)
    parts = [line["part"] for line in heard.objects()]

    assert heard.sentences()[0] == "ready: forward 127.0.0.1:8080"
    assert parts.count("wicketgate") == parts.count("hpack") == parts.count("quic") == 1
    assert parts.count("upstream.pools") == parts.count("control.fronts") == parts.count("mitmproxy") == ours


def test_text_is_for_people() -> None:
    with hearing(LogSettings()) as (said, heard):
        said("ready: forward 127.0.0.1:8080")
        logging.getLogger("gateway.control.fronts").warning("%s: the new certificates are refused", "shop")

    assert (
        heard.text == "wicketgate: ready: forward 127.0.0.1:8080\nwicketgate: shop: the new certificates are refused\n"
    )


def fail() -> None:
    raise ValueError(SECRET)


def test_no_traceback_comes_out_and_nothing_of_what_an_exception_says() -> None:
    with hearing(LogSettings(level="debug", format="json")) as (_, heard):
        try:
            fail()
        except ValueError:
            logging.getLogger("addons.serving.control").exception("an order failed")

    (line,) = heard.objects()
    assert (line["level"], line["part"], line["sentence"]) == ("error", "serving.control", "an order failed")
    assert line["cause"].startswith("ValueError in logs/test_operator.py:")
    assert SECRET not in heard.text


def test_a_thread_that_fails_and_a_warning_of_python_come_out_in_the_same_form() -> None:
    with hearing(LogSettings(format="json")) as (_, heard):
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(capture=True)
            warnings.warn(f"{SECRET} is old", DeprecationWarning, stacklevel=1)

    failed, warned = heard.objects()
    assert failed["sentence"] == "a thread of the gateway failed"
    assert failed["cause"].startswith("ValueError in ")
    assert warned["part"] == "py"
    assert SECRET not in heard.text


def test_the_same_failure_is_told_once_however_often_it_happens() -> None:
    with hearing(LogSettings(format="json")) as (said, heard):
        for number in range(1000):
            logging.getLogger("addons.x").error("request %s failed", number)
        said("one")
        said("one")

    assert heard.sentences() == ["request 0 failed", "one", "one"]


def test_a_message_that_cannot_be_made_ends_nobody() -> None:
    with hearing(LogSettings(format="json")) as (_, heard):
        logging.getLogger("addons.x").error("%d records", "x")

    assert heard.sentences() == ["a message cannot be shown"]


def test_afterwards_everything_is_as_it_was() -> None:
    root, ours = logging.getLogger(), logging.getLogger("addons")
    before = root.handlers[:], root.level, ours.level, threading.excepthook
    with hearing(LogSettings(level="debug")):
        assert (root.handlers, ours.level) != (before[0], before[2])

    assert (root.handlers, root.level, ours.level, threading.excepthook) == before
