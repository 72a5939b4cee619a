from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.bench.load import Wrong, missing, program
from tests.bench.matrix import h2, wrk
from tests.bench.matrix.bars import Bar, drawn
from tests.bench.matrix.cells import Cell, Rounded, Sample, Silent, as_json, from_json, summed
from tests.bench.matrix.page import PICTURED, PICTURES, RESULT, Run, read, table, written
from tests.bench.matrix.processes import family, occupied_mb, spent
from tests.bench.matrix.subjects import ROLES, SUBJECTS
from tests.bench.matrix.workloads import WORKLOADS
from tests.e2e.commands import until

ROOT = Path(__file__).parents[2]
SAID = "asked 4000 2000000 900.0 15000.0 20000.0 {troubles} {refused}\n"


def test_what_wrk_says_is_read() -> None:
    sample = wrk.read("Running 1h test\n" + SAID.format(troubles="0 0 0 0", refused=0))

    assert sample == Sample(4000, 2.0, 4000, 0.0, 0.9, 15.0, 20.0)


@pytest.mark.parametrize(
    ("wanted", "said", "refused"),
    [
        ("1 connections failed", SAID.format(troubles="1 0 0 0", refused=0), False),
        ("2 reads failed, 3 timed out", SAID.format(troubles="0 2 0 3", refused=0), False),
        ("5 of 4000 answers are refusals or errors", SAID.format(troubles="0 0 0 0", refused=5), False),
        ("3999 of 4000 answers are refusals or errors", SAID.format(troubles="0 0 0 0", refused=3999), True),
        ("something unknown: unable to connect", "unable to connect", False),
        ("no answer came", "asked 0 2000000 0 0 0 0 0 0 0 0\n", False),
    ],
)
def test_a_round_of_wrk_with_wrong_answers_is_none(wanted: str, said: str, refused: bool) -> None:  # noqa: FBT001 - a column of the table
    with pytest.raises(Wrong, match=wanted):
        wrk.read(said, refused=refused)


def test_refusals_are_what_is_wanted_where_all_are_refused() -> None:
    assert wrk.read(SAID.format(troubles="0 0 0 0", refused=4000), refused=True).count == 4000


def test_a_server_that_closes_without_a_word_fails_no_read() -> None:
    said = SAID.format(troubles="0 4000 0 0", refused=0)

    assert wrk.read(said, closing=True).count == 4000


def test_the_log_of_h2load_is_read() -> None:
    log = "".join(f"1700000000000000\t200\t{microseconds}\n" for microseconds in range(1000, 2001))

    assert h2.read(log, 0.5) == Sample(1001, 0.5, 1001, 0.0, 1.5, 1.99, 1.999)


@pytest.mark.parametrize(
    ("wanted", "log"), [("1 of 2 answers are not 2xx, but 503", "1 200 5\n1 503 5\n"), ("no answer came", "")]
)
def test_a_log_of_h2load_with_wrong_answers_is_no_round(wanted: str, log: str) -> None:
    with pytest.raises(Wrong, match=wanted):
        h2.read(log, 1.0)


def test_times_become_percentiles_and_none_is_no_sample() -> None:
    sample = Sample.of_times([each / 1000 for each in range(1000, 0, -1)], 2.0, 7)

    assert sample == Sample(1000, 2.0, 7, 0.0, 501.0, 991.0, 1000.0)
    with pytest.raises(Silent, match="no answer came"):
        Sample.of_times([], 2.0, 0)


def test_a_sample_comes_back_as_it_was_said() -> None:
    sample = Sample(5, 1.5, 2, 250.0)

    assert Sample.said(sample.say()) == sample


def rounded(rate: int, cpu: float, megabytes: float = 0.0) -> Rounded:
    return Rounded(Sample(rate, 1.0, rate, megabytes, 1.0, float(rate), None), cpu, cpu * 10)


def test_a_cell_is_the_medians_of_its_rounds_and_the_most_memory() -> None:
    rounds = [rounded(2000, 1.0), rounded(1000, 0.8), rounded(4000, 1.2)]

    assert summed("reverse", "us", rounds, in_bytes=False, is_process=True) == Cell(
        "reverse", "us", 2000.0, (2000.0, 1000.0, 4000.0), 1.0, 2000.0, None, cpu_s=0.5, resident_mb=12.0
    )


def test_where_bytes_are_counted_the_rate_is_theirs_and_processor_time_is_for_a_gigabyte() -> None:
    cell = summed("tunnel-bytes", "us", [rounded(3, 0.2, 500.0)], in_bytes=True, is_process=True)

    assert (cell.rate, cell.cpu_s) == (500.0, 0.4)


def test_an_origin_alone_has_no_costs() -> None:
    cell = summed("reverse", "origin alone", [rounded(9, 0.0)], in_bytes=False, is_process=False)

    assert (cell.rate, cell.cpu_s, cell.resident_mb) == (9.0, None, None)


@pytest.mark.parametrize(
    "cell",
    [
        Cell("a", "b", 2000.0, (1.0, 2.0), 1.0, 2.0, 3.0, 0.0, 12.0),
        Cell("a", "b", unable="has no cache"),
        Cell("a", "b", failed="no answer came"),
    ],
)
def test_a_cell_comes_back_from_json(cell: Cell) -> None:
    assert from_json(json.loads(json.dumps(as_json(cell)))) == cell


def test_children_of_a_server_count() -> None:
    busy = "import sys; sum(range(10**7)); sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", parent], **pipes) as process:  # type: ignore[call-overload]  # pipes alone
        try:
            assert process.stdout.read(1) == b"x"
            until(lambda: len(family(process.pid)) == 2, "the child is not seen")
            child = family(process.pid)[1]
            assert spent(process.pid) >= spent(child) > 0
            assert occupied_mb(process.pid) > occupied_mb(child) > 0
        finally:
            process.stdin.close()


def test_a_process_that_ended_costs_nothing_any_more() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()

    assert (spent(process.pid), occupied_mb(process.pid)) == (0.0, 0.0)


def test_every_subject_says_of_every_role_how_it_starts_or_why_not() -> None:
    assert {each.name: tuple(each.roles) for each in SUBJECTS} == {each.name: ROLES for each in SUBJECTS}
    assert {each.role for each in WORKLOADS} == set(ROLES)
    assert {name for each in SUBJECTS for name in each.lacks} <= {each.name for each in WORKLOADS}


def test_bars_are_as_long_as_their_values_and_names_are_no_markup() -> None:
    picture = drawn("A & B", "MB/s", [Bar("ours", 200.0, 150.0, 200.0, ours=True), Bar("<them>", 50.0, 40.0, 60.0)])

    svg = "{http://www.w3.org/2000/svg}"
    root = ET.fromstring(picture)  # noqa: S314 - what the line above drew
    widths = [float(each.attrib["width"]) for each in root.iter(f"{svg}rect")]
    assert widths[0] == 4 * widths[1]
    assert next(each.text for each in root.iter(f"{svg}text")) == "A & B (MB/s)"
    assert "<them>" in [each.text for each in root.iter(f"{svg}text")]
    assert [each.attrib["class"] for each in root.iter(f"{svg}rect")] == ["bar ours", "bar"]


def test_a_table_has_a_line_for_each_and_says_why_one_has_none() -> None:
    workload = next(each for each in WORKLOADS if each.name == "tunnel-bytes")
    cells = [
        Cell("tunnel-bytes", "us", 1234.5, (1234.5,), None, None, None, 0.41, 70.2),
        Cell("tunnel-bytes", "one", unable="is no proxy"),
        Cell("tunnel-bytes", "another", unable="is no proxy"),
        Cell("tunnel-bytes", "third", failed="2 bytes are missing"),
    ]

    lines = table(workload, cells).splitlines()
    assert lines[0].split(" | ")[1] == "MB/s"
    assert lines[2:] == [
        "| us | 1,234 |  |  |  | 0.410 | 70 |",
        "",
        "- one, another: is no proxy.",
        "- third: failed: 2 bytes are missing.",
    ]


def test_a_run_comes_back_from_its_file() -> None:
    run = Run({"cpu": "one"}, (Cell("reverse", "wicketgate", 1.0, (1.0,)),))

    assert read(run.to_json()) == run


def test_the_page_and_its_pictures_are_what_the_run_beside_it_gives() -> None:
    files = written(read(RESULT.read_text("utf-8")))

    assert {path: path.read_text("utf-8") for path in files} == files, "`python -m tests.bench --page` writes it"
    assert set(PICTURES.glob("bench-*.svg")) == set(files) & {PICTURES / f"bench-{each}.svg" for each in PICTURED}


def lacking() -> str | None:
    absent = [why for each in SUBJECTS if (why := each.missing())]
    return missing("h2load") or (absent[0] if absent else None)


@pytest.mark.skipif(lacking() is not None, reason=str(lacking()))
@pytest.mark.timeout(900)
@pytest.mark.e2e
def test_every_cell_of_the_matrix_runs_or_says_why_it_cannot(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "--smoke", "--json", str(tmp_path / "run.json")]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads((tmp_path / "run.json").read_text())
    cells = [from_json(each) for each in told["cells"]]
    assert [(each.workload, each.subject) for each in cells] == [
        (workload.name, subject.name)
        for role in ROLES
        for workload in WORKLOADS
        if workload.role == role
        for subject in SUBJECTS
    ]
    assert [each for each in cells if each.failed] == []
    assert [each for each in cells if (each.rate is None) == (each.unable is None)] == []
    assert {each.subject for each in cells if each.unable is None and each.workload == "reverse-new"} == {
        each.name for each in SUBJECTS
    }
    assert {"cpu", "cores", "kernel", "python", "releases"} <= set(told["machine"])
    assert program("wrk") is not None


def test_unknown_names_are_told() -> None:
    command = [sys.executable, "-m", "tests.bench", "--workloads", "revers"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "`revers` is unknown, there are: " in done.stderr
