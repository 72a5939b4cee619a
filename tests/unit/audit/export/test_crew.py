from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.crew import Surroundings, receiver_of
from gateway.audit.export.health import Said
from gateway.audit.export.rules import Export, Kind, Secret, as_text
from gateway.audit.export.targets import Target
from gateway.audit.export.to_http import Collector, Webhook
from gateway.audit.export.to_stdout import Stdout
from gateway.audit.export.to_syslog import Syslog
from gateway.audit.mappings.parts import Producer
from tests.unit.audit.export.logged import LOG, line, segment

if TYPE_CHECKING:
    from pathlib import Path

AROUND = Surroundings(producer=Producer("1", LOG), host="gw", environ={"TOKEN": "Bearer x", "KEY": "k" * 20})


@pytest.mark.parametrize(
    ("wanted", "kind", "target"),
    [
        (Stdout, "stdout", None),
        (Syslog, "syslog", Target("tls", "x.example", 6514)),
        (Collector, "otlp", Target("https", "x.example", 443, "/")),
        (Webhook, "webhook", Target("http", "x.example", 80, "/")),
    ],
)
def test_every_kind_has_its_receiver(wanted: type, kind: Kind, target: Target | None) -> None:
    assert type(receiver_of(Export(name="x", kind=kind, target=target), AROUND)) is wanted


def test_secrets_are_read_when_the_process_begins() -> None:
    target = Target("https", "x.example", 443, "/")
    secret, token = Secret(environment="KEY"), Secret(environment="TOKEN")

    hook = receiver_of(Export(name="x", kind="webhook", target=target, secret=secret, authorization=token), AROUND)

    assert isinstance(hook, Webhook)
    assert (hook.secret, hook.fields) == (b"k" * 20, {"Authorization": "Bearer x"})


def work(folder: Path, *exports: Export) -> tuple[list[str], list[Said]]:
    """Run the process on a log until it has sent everything; what it wrote, and what it told."""
    heard, told = os.pipe()
    with os.fdopen(heard, "rb") as file:
        command = (sys.executable, "-m", "gateway.audit.export.crew", str(folder / "audit"), str(folder / "cursors"))
        done = subprocess.run(
            [*command, LOG, str(told)],
            input=f"{as_text(exports)}\n",
            text=True,
            stdout=subprocess.PIPE,
            pass_fds=(told,),
            check=True,
            timeout=30,
        )
        os.close(told)
        return done.stdout.splitlines(), [Said.from_line(each) for each in file]


def test_the_process_sends_everything_and_ends_when_its_input_does(tmp_path: Path) -> None:
    segment(tmp_path / "audit", map(line, range(1, 1201)))

    lines, told = work(tmp_path, Export(name="console", kind="stdout"))

    assert [json.loads(each)["seq"] for each in lines] == list(range(1, 1201))
    assert {json.loads(each)["log"] for each in lines} == {LOG}
    health = told[-1].health
    assert health is not None
    assert (health.name, health.state, health.seq, health.waiting) == ("console", "sending", 1200, 0)


def test_an_exporter_whose_secret_went_away_stops_alone(tmp_path: Path) -> None:
    segment(tmp_path / "audit", [line(1)])
    target = Target("https", "x.example", 443, "/")
    broken = Export(name="hook", kind="webhook", target=target, secret=Secret(file=tmp_path / "gone"))

    lines, told = work(tmp_path, broken, Export(name="console", kind="stdout"))

    sentence = f"the file `{tmp_path / 'gone'}` cannot be read: no such file or directory"
    assert len(lines) == 1
    assert told[0].sentence == f"audit: exporter `hook`: {sentence}"
    assert told[0].health is not None
    assert (told[0].health.state, told[0].health.error) == ("stopped", sentence)


def test_no_fault_of_the_process_is_told_by_anything_but_a_sentence(tmp_path: Path) -> None:
    heard, told = os.pipe()
    faults = """
import logging, sys, threading
from pathlib import Path
from gateway.audit.export.crew import Crew

Crew(Path(), Path(), None, int(sys.argv[1])).tell_faults()
thread = threading.Thread(target=lambda: int("s3cr3t"))
thread.start()
thread.join()
logging.getLogger("urllib3").warning("s3cr3t")
raise ValueError("s3cr3t")
"""
    with os.fdopen(heard, "rb") as file:
        command = [sys.executable, "-c", faults, str(told)]
        ended = subprocess.run(command, stderr=subprocess.PIPE, pass_fds=(told,), check=False, timeout=30)
        os.close(told)
        sentences = [Said.from_line(each).sentence for each in file]

    assert (ended.returncode, ended.stderr) == (1, b"")
    assert sentences == [
        "audit: something failed among the exporters: ValueError in <string>:7",
        "audit: `urllib3` has a word of the level warning",
        "audit: something failed among the exporters: ValueError in <string>:11",
    ]
