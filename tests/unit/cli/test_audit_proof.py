from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.anchors import FileAnchor
from gateway.audit.proof.handover import announcements
from gateway.audit.writing.segments import segments
from gateway.cli.audit_proof import MOST_SHOWN
from gateway.cli.main import main
from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK, WRONG_USAGE
from tests.unit.audit.proof.proved import Clock, decision, store_of, write, write_on_another_day, writing

if TYPE_CHECKING:
    from pathlib import Path


ID = str(decision(2)["id"])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    directory = tmp_path / "audit"
    write(directory, 5)
    return directory


def key_of(log: Path) -> str:
    return str(announcements(store_of(log))[0].key)


def tamper(log: Path, what: bytes = b"deny") -> None:
    path = segments(log)[0]
    path.write_bytes(path.read_bytes().replace(what, b"ally"))


def test_a_log_that_nobody_touched_is_said_to_be_so(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", str(log)]) == OK

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(
        "7 records, 0 of them only as hashes; 2 checkpoints, 0 of anchors, the newest over 7 records"
    )
    assert lines[-1] == "everything is what was signed"
    assert any("no anchor was given" in line for line in lines)


def test_a_key_and_an_anchor_leave_nothing_to_be_noted(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    anchor, key = log.parent / "anchor", log.parent / "key"
    with writing(log, anchors=[FileAnchor(anchor)]):
        pass
    key.write_text(key_of(log) + "\n")

    assert main(["audit", "verify", str(log), "--key", str(key), "--anchor", str(anchor)]) == OK
    assert "note:" not in capsys.readouterr().out


def test_a_changed_record_is_named_and_the_code_says_so(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tamper(log)

    assert main(["audit", "verify", str(log)]) == FINDINGS

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{segments(log)[0].name}:3: record 3: is not what was signed"
    assert lines[-1] == "not what was signed: 5 findings"


def test_people_are_shown_some_findings_and_programs_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "audit"
    write(log, 30)
    tamper(log)

    assert main(["audit", "verify", str(log)]) == FINDINGS
    assert "and 10 more, `--format json` has all of them" in capsys.readouterr().out.splitlines()[MOST_SHOWN]
    assert main(["audit", "verify", str(log), "--format", "json"]) == FINDINGS
    data = json.loads(capsys.readouterr().out)
    assert data["verdict"] == "tampered"
    assert len(data["findings"]) == 30
    assert data["findings"][0] == {
        "file": segments(log)[0].name,
        "line": 3,
        "seq": 3,
        "what": "is not what was signed",
    }


def test_a_log_that_was_never_proved_cannot_be_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", str(tmp_path)]) == CANNOT_DECIDE
    assert "cannot decide: there are no keys beside this log" in capsys.readouterr().out
    assert main(["audit", "verify", str(tmp_path), "--format", "json"]) == CANNOT_DECIDE
    assert json.loads(capsys.readouterr().out)["verdict"] == "undecided"


@pytest.mark.parametrize(
    ("problem", "arguments"),
    [
        ("there is no log in `nowhere`, name its folder\n", ["verify", "nowhere"]),
        ("there is no log in `nowhere`, name its folder with `--log`\n", ["key", "--log", "nowhere"]),
        ("--key: `a+b+c` is no public key", ["verify", ".", "--key", "a+b+c"]),
        ("`nowhere.key`: no such file", ["verify", ".", "--key", "nowhere.key"]),
        ("`nowhere`: no such file", ["verify-proof", "nowhere"]),
        ("`!` is no decision id", ["prove", "!", "--log", "."]),
    ],
)
def test_wrong_usage_is_told_with_the_way_out(
    problem: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", *arguments]) == WRONG_USAGE
    assert problem in capsys.readouterr().err


def test_a_record_is_proved_by_a_file_and_a_key(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = log.parent / "proof.json"
    assert main(["audit", "prove", ID.lower(), "--log", str(log), "--out", str(file)]) == OK
    assert capsys.readouterr().out == ""

    assert main(["audit", "verify-proof", str(file), "--key", key_of(log)]) == OK

    first, record = capsys.readouterr().out.splitlines()
    assert first.startswith("proved: 1 record is in the log `wicketgate/")
    assert json.loads(record)["id"] == ID
    assert main(["audit", "verify-proof", str(file), "--key", key_of(log), "--format", "json"]) == OK
    data = json.loads(capsys.readouterr().out)
    assert (data["verdict"], data["size"], data["records"][0]["id"]) == ("proved", 7, ID)


def test_a_proof_goes_to_standard_output_if_no_file_is_named(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "prove", ID, "--log", str(log)]) == OK
    assert json.loads(capsys.readouterr().out)["format"] == "wicketgate-audit-proof/1"


def test_a_proof_without_a_trusted_key_decides_nothing(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = log.parent / "proof.json"
    main(["audit", "prove", ID, "--log", str(log), "--out", str(file)])

    assert main(["audit", "verify-proof", str(file)]) == CANNOT_DECIDE
    assert f"compare `{key_of(log)}` with what `wicketgate audit key` shows" in capsys.readouterr().out


def test_a_proof_that_was_changed_proves_nothing(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = log.parent / "proof.json"
    main(["audit", "prove", ID, "--log", str(log), "--out", str(file)])
    file.write_text(file.read_text().replace("deny", "ally"))

    assert main(["audit", "verify-proof", str(file), "--key", key_of(log)]) == FINDINGS
    assert capsys.readouterr().out == "not proved: record 5 is not in the log that was signed, or was changed\n"
    assert main(["audit", "verify-proof", str(file), "--format", "json"]) == FINDINGS
    assert json.loads(capsys.readouterr().out)["verdict"] == "not-proved"


def test_what_is_not_there_cannot_be_proved(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "prove", "01ABC", "--log", str(log)]) == CANNOT_DECIDE
    assert capsys.readouterr().err == "audit: no record of the log has the id `01ABC`\n"


def test_the_keys_of_a_log_are_shown_for_others_to_write_down(
    log: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "key", "--log", str(log)]) == OK
    assert capsys.readouterr().out.splitlines()[0] == key_of(log)

    write_on_another_day(log, 1, clock)
    assert main(["audit", "key", "--log", str(log)]) == OK
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[3]) == (key_of(log), "the newest of 2 keys, of 2026-11-24")
    assert main(["audit", "key", "--log", str(log), "--format", "json"]) == OK
    assert [each["day"] for each in json.loads(capsys.readouterr().out)] == ["2026-11-23", "2026-11-24"]


def test_a_log_without_keys_has_none_to_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "key", "--log", str(tmp_path)]) == CANNOT_DECIDE
    assert "it was never proved" in capsys.readouterr().err


@pytest.fixture
def clock() -> Clock:
    return Clock()
