"""All exporters of a log, each on a thread, in a process of their own.

Its work would take turns with requests at Python's interpreter lock, and a log that is caught up with after a receiver
was away is much work; so nothing of it runs where requests are served. The process ends when its standard input does:
then whoever started it has told it to, or is gone.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from random import SystemRandom
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final, override

from gateway.audit.export.credentials import field_value, signing_key, tls_context
from gateway.audit.export.cursors import CursorFile
from gateway.audit.export.exporter import Exporter
from gateway.audit.export.forms import Former
from gateway.audit.export.health import Health, Said
from gateway.audit.export.posting import Posting
from gateway.audit.export.receivers import fault
from gateway.audit.export.rules import from_text
from gateway.audit.export.to_http import Collector, Webhook
from gateway.audit.export.to_stdout import Stdout
from gateway.audit.export.to_syslog import Syslog
from gateway.audit.mappings.parts import Producer
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.export.receivers import Receiver
    from gateway.audit.export.rules import Export

PATIENCE: Final = 5.0
"""Seconds that exporters get to send the rest when they are told to end."""
_REPORT: Final = 1.0
_NICE: Final = 10
_OUT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What receivers are made with: who sends, the variables of the environment, and where standard output is."""

    producer: Producer
    host: str
    environ: Mapping[str, str]
    out: int = _OUT


def receiver_of(export: Export, around: Surroundings) -> Receiver:
    """Who takes the records of an exporter. Raises Malformed if a secret or a certificate is not to be had."""
    target, log = export.target, around.producer.log
    if target is None:
        return Stdout(around.out)
    context = tls_context(export.trust) if target.is_encrypted else None
    if export.kind == "syslog":
        return Syslog(target, context, log, around.host)
    fields = (
        {} if export.authorization is None else {"Authorization": field_value(export.authorization, around.environ)}
    )
    posting = Posting(target, context)
    if export.kind == "otlp":
        return Collector(posting=posting, producer=around.producer, host=around.host, fields=fields)
    secret = None if export.secret is None else signing_key(export.secret, around.environ)
    return Webhook(posting=posting, log=log, secret=secret, fields=fields, clock=time.time)


@dataclass(slots=True)
class Crew:
    """The exporters at work. `told` is where lines about them go."""

    directory: Path
    cursors: Path
    around: Surroundings
    told: int
    _lock: Lock = field(default_factory=Lock)

    def work(self, exports: tuple[Export, ...], ending: Event) -> None:
        """Export until `ending` is set and the rest is sent, or the time for that is over."""
        exporters = [made for each in exports if (made := self._exporter(each, ending)) is not None]
        threads = [Thread(target=each.run, daemon=True) for each in exporters]
        for each in threads:
            each.start()
        while not ending.wait(_REPORT):
            self._report(exporters)
        until = time.monotonic() + PATIENCE
        for each in threads:
            each.join(max(0.0, until - time.monotonic()))
        self._report(exporters)

    def tell(self, said: Said) -> None:
        """Tell whoever started this process, if there still is somebody."""
        with self._lock, suppress(OSError):
            os.write(self.told, said.as_line())

    def tell_faults(self) -> None:
        """Let whatever goes wrong unseen in this process be told as a sentence: nothing is written by anybody else."""

        def in_a_thread(failed: threading.ExceptHookArgs) -> None:
            if failed.exc_value is not None:
                self._fault(failed.exc_value)

        threading.excepthook = in_a_thread
        sys.excepthook = lambda _, error, __: self._fault(error)
        sys.unraisablehook = lambda failed: None if failed.exc_value is None else self._fault(failed.exc_value)
        logging.getLogger().addHandler(_Told(self))

    def _fault(self, error: BaseException) -> None:
        self.tell(Said(sentence=f"audit: something failed among the exporters: {fault(error)}"))

    def _report(self, exporters: list[Exporter]) -> None:
        for each in exporters:
            self.tell(Said(health=each.health()))

    def _exporter(self, export: Export, ending: Event) -> Exporter | None:
        try:
            receiver = receiver_of(export, self.around)
        except Malformed as error:
            self.tell(Said(Health(name=export.name, state="stopped", error=str(error)), f"audit: {export}: {error}"))
            return None
        return Exporter(
            *(export.name, self.directory, CursorFile(self.cursors / f"{export.name}.json")),
            Former(export.form, export.choice, self.around.producer),
            receiver,
            tell=self.tell,
            wait=ending.wait,
            clock=time.time,
            draw=SystemRandom().random,
        )


class _Told(logging.Handler):
    """What is logged is told with its level and who says it; the words may be those of a receiver."""

    def __init__(self, crew: Crew) -> None:
        super().__init__(logging.WARNING)
        self._crew: Final = crew

    @override
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        why = "" if error is None else f" ({fault(error)})"
        sentence = f"audit: `{record.name}` has a word of the level {record.levelname.lower()}{why}"
        self._crew.tell(Said(sentence=sentence))


def main() -> None:
    """The process: its arguments say which log and where the cursors are, its first line of input what to do."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # a terminal and a service manager send them to all processes at once
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    directory, cursors, log, told = sys.argv[1:]
    exports = from_text(sys.stdin.readline())
    around = Surroundings(producer=Producer(version("wicketgate"), log), host=socket.gethostname(), environ=os.environ)
    ending = Event()
    Thread(target=_wait_for_the_end, args=(ending,), daemon=True).start()
    crew = Crew(Path(directory), Path(cursors), around, int(told))
    crew.tell_faults()
    crew.work(exports, ending)
    os._exit(0)  # a thread that still waits for its receiver has had its time


def _wait_for_the_end(ending: Event) -> None:
    while sys.stdin.readline():
        pass
    ending.set()


if __name__ == "__main__":
    main()
