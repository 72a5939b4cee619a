"""Disks that fail. The failures are the system's own: `/dev/full`, a device without sync, a file size limit."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from gateway.audit.reading.reader import records
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.segments import open_segment, segments
from gateway.audit.writing.writer import AuditWriter
from tests.unit.audit.logs import QUICK, causes, event, until, whoami, whole_log

if TYPE_CHECKING:
    from gateway.audit.writing.segments import Opener
    from tests.unit.audit.logs import Opened

ROOT = Path(__file__).parents[4]
NO_SPACE = "the audit log cannot be written: no space left on device"


def full_device(_: Path) -> int:
    return os.open("/dev/full", os.O_WRONLY)


def unsyncable(_: Path) -> int:
    """The null device takes what is written and refuses `fdatasync`."""
    return os.open("/dev/null", os.O_WRONLY)


def refused(_: Path) -> int:
    return os.open("/proc/sys/kernel/ostype/nothing", os.O_WRONLY)


def failing(times: int, failure: Opener) -> Opener:
    """The first `times` segments fail, those after them are real."""
    left = [failure] * times

    def opener(path: Path) -> int:
        return left.pop()(path) if left else open_segment(path)

    return opener


@pytest.mark.parametrize(
    ("detail", "failure"),
    [("no space left on device", full_device), ("invalid argument", unsyncable)],
)
@pytest.mark.parametrize("times", [1, 4])
def test_after_a_failure_everything_is_in_a_new_segment_with_a_gap_that_says_so(
    detail: str, failure: Opener, times: int, directory: Path, opened: Opened
) -> None:
    writer = opened(QUICK, failing(times, failure))

    writer.append(event(1))
    writer_is_back = accepted_again(writer, event_number=2)
    writer.close()

    found = whole_log(directory)
    assert writer_is_back
    assert causes(found) == ["number 1", "number 2"]
    assert [found[1][key] for key in ("event", "reason", "detail", "rewritten")] == ["gap", "write-failed", detail, 1]


def accepted_again(writer: AuditWriter, event_number: int) -> bool:
    until(lambda: writer.trouble is not None or writer.waiting == 0)
    until(lambda: writer.healthy)
    writer.append(event(event_number))
    return True


def test_while_the_disk_fails_nothing_is_accepted_and_the_gap_counts_it(directory: Path, opened: Opened) -> None:
    broken = [True]
    writer = opened(QUICK, lambda path: full_device(path) if broken else open_segment(path))

    writer.append(event(1))
    until(lambda: not writer.healthy)
    for _ in range(3):
        with pytest.raises(AuditUnavailable, match=NO_SPACE):
            writer.append(event(2))
    broken.clear()
    until(lambda: writer.healthy)
    writer.append(event(3))
    writer.close()

    found = whole_log(directory)
    assert causes(found) == ["number 1", "number 3"]
    assert (found[1]["reason"], found[1]["refused"], found[1]["rewritten"]) == ("write-failed", 3, 1)


def test_a_durable_record_on_a_failing_disk_is_told_so(opened: Opened) -> None:
    writer = opened(QUICK, failing(2, unsyncable))

    with pytest.raises(AuditUnavailable, match="the audit log cannot be written: invalid argument"):
        writer.append_durable(event(1)).result(5)
    until(lambda: writer.healthy)


def test_a_segment_that_cannot_be_opened_is_tried_again_later(directory: Path, opened: Opened) -> None:
    opener = iter([full_device, refused, refused])

    def one_after_the_other(path: Path) -> int:
        return next(opener, open_segment)(path)

    writer = opened(QUICK, one_after_the_other)

    writer.append(event(1))
    assert accepted_again(writer, event_number=2)
    writer.close()

    assert causes(whole_log(directory)) == ["number 1", "number 2"]
    assert len(segments(directory)) == 1


def test_closing_on_a_failing_disk_tells_how_much_is_lost(directory: Path) -> None:
    writer = AuditWriter(directory, QUICK, opener=full_device)
    writer.start()
    writer.append(event(1))
    writer.append(event(2))

    with pytest.raises(AuditUnavailable, match="audit: 2 accepted records could not be written"):
        writer.close()


def test_a_file_size_limit_of_the_system_loses_nothing(directory: Path) -> None:
    """Each segment ends in the middle of a line when the limit is met; the rest goes on in the next one."""
    program = textwrap.dedent(f"""
        import resource, time
        from pathlib import Path
        from gateway.audit.writing.errors import AuditUnavailable
        from gateway.audit.writing.writer import AuditWriter, WriterOptions
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        writer = AuditWriter(Path({str(directory)!r}), WriterOptions(retry=(0.001, 0.001), gather=0.0, reserve=0))
        writer.start()
        number = 0
        while number < 500:
            try:
                writer.append({{"time": "", "event": "note", "cause": "number %d" % number}})
                number += 1
            except AuditUnavailable:
                time.sleep(0.001)
            if number % 20 == 0:
                time.sleep(0.002)
        while writer.waiting or not writer.healthy:
            time.sleep(0.001)
        writer.close()
    """)

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)

    found = list(records(directory))
    assert [each["seq"] for each in found] == list(range(1, len(found) + 1))
    assert causes(found) == [f"number {number}" for number in range(500)]
    assert "file too large" in {each.get("detail") for each in found}
    assert max(path.stat().st_size for path in segments(directory)) <= 10_000


def test_a_directory_of_another_user_is_a_clear_error_at_start() -> None:
    program = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        from gateway.audit.writing.errors import AuditUnavailable
        from gateway.audit.writing.writer import AuditWriter
        if os.geteuid() == 0:
            os.seteuid(65534)
        try:
            AuditWriter(Path(sys.argv[1])).start()
        except AuditUnavailable as error:
            print(error)
    """)

    def said(path: Path) -> str:
        run = [sys.executable, "-c", program, str(path)]
        return subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    with TemporaryDirectory(dir="/tmp") as open_to_all:
        outside = Path(open_to_all)
        outside.chmod(0o755)
        there = outside / "audit"
        there.mkdir(0o755)
        is_root = os.geteuid() == 0
        told = f"it belongs to root, the gateway runs as {'nobody' if is_root else whoami()}\n"

        for place in (there, outside / "new" / "audit") if is_root else (Path("/usr"), Path("/usr/new/audit")):
            assert said(place) == f"audit: cannot write `{place}`: {told}"


def test_a_place_that_is_no_directory_is_a_clear_error_at_start_and_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    file.chmod(0o640)

    told = {place: start_error(place) for place in (file, file / "audit")}

    assert told == {place: f"audit: cannot write `{place}`: `{file}` is no directory" for place in told}
    assert file.stat().st_mode & 0o777 == 0o640


def start_error(place: Path) -> str:
    with pytest.raises(AuditUnavailable) as caught:
        AuditWriter(place).start()
    return str(caught.value)
