from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.audit.records.schema import record_schema
from gateway.audit.writing.writer import AuditWriter
from gateway.cli.audit import main
from gateway.cli.outcome import Unusable

if TYPE_CHECKING:
    from gateway.audit.records.record import Record

IDS = [f"01JD000000000000000000000{number}" for number in range(4)]


def decision(number: int, verdict: str, host: str, rule: str | None, client: str = "10.1.2.3") -> Record:
    return {
        "time": f"2026-11-23T10:00:0{number}.123456Z",
        "event": "decision",
        "id": IDS[number],
        "client": {"ip": client, "port": 51000, "user": None, "groups": []},
        "request": {"method": "GET", "scheme": "http", "host": host, "port": 80, "path": "/", "query": {}},
        "decision": {"verdict": verdict, "reason": "rule-deny" if rule else "allowed-by-default", "rule": rule},
    }


@pytest.fixture
def log(tmp_path: Path) -> Path:
    writer = AuditWriter(tmp_path / "audit")
    writer.start()
    writer.append(decision(0, "deny", "ads.example", "no-ads"))
    writer.append(decision(1, "allow", "news.example", None))
    writer.append(decision(2, "deny", "x.ads.example", "no-ads", client="10.9.9.9"))
    writer.append({"time": "2026-11-23T10:00:03.000000Z", "event": "end", "id": IDS[0], "status": 403})
    writer.close()
    return tmp_path / "audit"


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[int]]:
    """The exit code, and the numbers of the records that were printed."""
    code = main([*arguments, "--format", "json"])
    return code, [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        ((0, [1, 2, 3, 4]), ["grep"]),
        ((0, [1, 3]), ["grep", "--verdict", "deny"]),
        ((0, [2]), ["grep", "--verdict", "allow"]),
        ((0, [1, 3]), ["grep", "--rule", "no-ads"]),
        ((0, [1, 3]), ["grep", "--host", "ADS.example."]),
        ((0, [3]), ["grep", "--host", "x.ads.example"]),
        ((0, [3]), ["grep", "--client", "10.9.9.9", "--verdict", "deny"]),
        ((0, [2]), ["grep", "--reason", "allowed-by-default"]),
        ((1, []), ["grep", "--host", "s.example"]),
        ((0, [1, 2, 3, 4]), ["tail"]),
        ((0, [3, 4]), ["tail", "-n", "2"]),
        ((0, [3]), ["tail", "-n", "1", "--verdict", "deny"]),
        ((0, []), ["tail", "-n", "0"]),
        ((0, []), ["tail", "-n", "0", "--verdict", "deny"]),
        ((0, [1, 4]), ["show", IDS[0]]),
        ((0, [2]), ["show", IDS[1].lower()]),
        ((1, []), ["show", IDS[3]]),
    ],
)
def test_records_are_found_by_what_they_say(
    wanted: tuple[int, list[int]], arguments: list[str], log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wanted == answered(capsys, *arguments, "--log", str(log))


def test_text_is_a_line_for_people(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grep", "--verdict", "allow", "--log", str(log)]) == 0

    assert capsys.readouterr().out == (
        "2026-11-23 10:00:01.123Z  allow  10.1.2.3  GET http://news.example/  allowed-by-default\n"
    )


def test_no_log_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"audit: there is no log in `.*/none`, name its folder with `--log`"):
        main(["tail", "--log", str(tmp_path / "none")])


@pytest.mark.parametrize("odd", ["../../etc", "x y", "é"])
def test_what_is_no_id_is_told(odd: str, log: Path) -> None:
    with pytest.raises(Unusable, match="is no decision id"):
        main(["show", odd, "--log", str(log)])


@pytest.mark.parametrize("wrong", [[], ["tail", "-n", "many"], ["grep", "--verdict", "perhaps"], ["show"]])
def test_wrong_usage_ends_with_its_exit_code(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(wrong)

    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_damage_is_told_on_standard_error(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segment = next(log.glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b'{"v":1,"seq":2', b'{"v":1,"sec":2'))

    code = main(["grep", "--log", str(log), "--format", "json"])
    printed = capsys.readouterr()

    assert (code, len(printed.out.splitlines())) == (0, 3)
    assert printed.err == (f"audit: {segment}:2: this line holds no record\naudit: {segment}:3: record 2 is missing\n")


def test_a_followed_log_shows_what_comes(log: Path) -> None:
    program = "import sys; from gateway.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "audit", "tail", "-n", "1", "-f", "--log", str(log)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3], env=os.environ | {"NO_COLOR": "1"}
    ) as tail:
        assert tail.stdout is not None
        assert "end" in tail.stdout.readline()
        writer = AuditWriter(log)
        writer.start()
        writer.append(decision(3, "deny", "late.example", "no-ads"))
        began = time.monotonic()
        assert "late.example" in tail.stdout.readline()
        assert time.monotonic() - began < 5
        writer.close()
        tail.terminate()


def test_the_schema_of_the_records_can_be_had_without_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0

    assert json.loads(capsys.readouterr().out) == record_schema()
