from __future__ import annotations

import csv
import io
import json
import stat
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest

from gateway.cli.audit import main
from gateway.cli.audit_export import FORMS
from gateway.cli.outcome import Unusable
from tests.unit.audit.reading.made import decision, end, line, write
from tests.unit.audit.samples import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [decision(1, host="a.example"), end(2, 1), {"v": 1, "seq": 3} | SAMPLES["start"]]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write(tmp_path / "audit", RECORDS)
    return tmp_path / "audit"


def exported(log: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    assert main(["export", *arguments, "--log", str(log)]) == 0
    return capsys.readouterr()


def test_the_lines_of_the_log_are_exported_as_they_are(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exported(log, capsys)[0].encode() == b"".join(map(line, RECORDS))
    assert exported(log, capsys, "--event", "end")[0].encode() == line(RECORDS[1])


def test_a_table_for_spreadsheets(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(log, capsys, "--as", "csv")[0], newline="")))

    assert [(row["seq"], row["event"], row["host"]) for row in rows] == [
        ("1", "decision", "a.example"),
        ("2", "end", ""),
        ("3", "start", ""),
    ]


@pytest.mark.parametrize(
    ("form", "key", "wanted"),
    [("ecs", "@timestamp", 3), ("otel", "timeUnixNano", 3), ("ocsf", "class_uid", 2)],
)
def test_the_words_of_others(form: str, key: str, wanted: int, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = exported(log, capsys, "--as", form)

    assert len([each for each in map(json.loads, out.splitlines()) if key in each]) == wanted
    assert err.count("records have no place in ocsf") == (form == "ocsf")


def test_cef_is_a_line_per_record(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [each[:6] for each in exported(log, capsys, "--as", "cef")[0].splitlines()] == ["CEF:0|"] * 3


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_there_when_it_is_whole_and_private(form: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = log.parent / "out"
    exported(log, capsys, "--as", form, "--out", str(target))

    assert target.stat().st_size > 0
    assert stat.filemode(target.stat().st_mode) == "-rw-------"
    assert sorted(path.name for path in log.parent.iterdir()) == ["audit", "out"]
    if form == "parquet":
        assert duckdb.execute("SELECT count(*), max(host) FROM read_parquet(?)", [str(target)]).fetchone() == (
            3,
            "a.example",
        )


def test_nothing_to_export_is_a_finding(log: Path) -> None:
    assert main(["export", "--host", "none.example", "--log", str(log)]) == 1


def test_parquet_needs_a_file_and_the_extra(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unusable, match="name it with `--out FILE`"):
        main(["export", "--as", "parquet", "--log", str(log)])
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(Unusable, match=r"pip install 'wicketgate\[duckdb\]'"):
        main(["export", "--as", "parquet", "--out", str(log.parent / "x"), "--log", str(log)])
