"""The faults of a disk that the audit log is held to survive, and the page that tells of them.

`python -m tests.conformance.faults` writes `docs/reference/faults.md`; a test holds that it is current.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from gateway.audit.writing.backlog import OnFailure

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"


class Fault(NamedTuple):
    """What happens to the disk, how it is made to happen, and the reason of the gap that tells of it."""

    name: str
    title: str
    made_by: str
    gap: str


class Crash(NamedTuple):
    """An end without a warning, the test that brings it about, and what holds afterwards."""

    title: str
    test: str
    afterwards: str


FAULTS: Final = (
    Fault("disk-full", "The disk is full", "a file system of 4 MiB, filled to the last byte", "write-failed"),
    Fault("write-fails", "Writing fails", "`write` answers EIO", "write-failed"),
    Fault("sync-fails", "The disk cannot keep what it took", "`fdatasync` answers EIO", "write-failed"),
    Fault("stalled", "The disk stalls", "`fdatasync` does not come back, and the queue fills", "queue-full"),
    Fault("taken-away", "The directory is taken away", "it is renamed, and comes back", "write-failed"),
    Fault("too-large", "Files may not grow", "RLIMIT_FSIZE is 0", "write-failed"),
    Fault("no-descriptor", "No new file can be opened", "EIO, and RLIMIT_NOFILE leaves no descriptor", "write-failed"),
)
OUTCOMES: Final[dict[OnFailure, tuple[str, str]]] = {
    "closed": ("refused", "refused"),
    "deny_only": ("unrecorded", "recorded"),
    "open": ("unrecorded", "unrecorded"),
}
"""What becomes of an allow and of a deny while the fault lasts, whichever it is."""

CRASHES: Final = (
    Crash(
        "The process is killed (SIGKILL) at any moment, 200 times",
        "tests/e2e/test_audit_crashes.py",
        "every record that was told to be safe is there, once; no number is missing; a torn last line is cut and told",
    ),
    Crash(
        "A segment is being compressed when the process is killed, before each touch of a file",
        "tests/unit/audit/writing/test_compression.py",
        "every record is there, once",
    ),
    Crash(
        "Records of a kind were kept long enough, and the log cannot take the record that tells of it",
        "tests/unit/audit/writing/test_keeper.py",
        "none of them is removed",
    ),
    Crash(
        "A loss of power leaves half a line, or zeros",
        "tests/unit/audit/writing/test_writer.py",
        "the torn end is cut, and a `gap` record says how many bytes",
    ),
    Crash(
        "One of several writing processes is killed (SIGKILL)",
        "tests/unit/audit/writing/test_owner.py",
        "what it was told to be safe is there; the others go on; no number is missing",
    ),
    Crash(
        "The disk is full when the gateway ends",
        "tests/conformance/test_faults.py",
        "the gap and the stop are written into the room of the reserve",
    ),
    Crash(
        "An older segment was cut short, lost its beginning or its end, or is gone from between others",
        "tests/unit/audit/proof/test_glancing.py",
        "the next start says which, in its `proof` record; what was changed in the middle `audit verify` finds",
    ),
    Crash(
        "An anchor takes checkpoints again in the last moment",
        "tests/unit/audit/proof/test_notary.py",
        "that is on record after the next start",
    ),
    Crash(
        "The directory may only be read when the gateway starts",
        "tests/conformance/test_faults.py",
        "it does not start, and says why",
    ),
)
_ALLOWS: Final = {"refused": "503, counted", "unrecorded": "let pass, counted"}
_DENIES: Final = {
    "refused": "refused, not recorded but counted",
    "unrecorded": "refused, not recorded but counted",
    "recorded": "refused, recorded when the disk is back",
}
_HEAD: Final = """# Faults that the audit log survives

Every row is tried by `tests/conformance/test_faults.py` with a writer that lives, once for each value of
[`on_failure`](configuration.md#the-audit-log). Afterwards, when the fault is over, every record that was told to be
safe is in the log once, no number is missing, and `gap` records hold exactly what was refused and what was let pass. A
refusal stands in every case: that a deny is "not recorded" means that the client gets its answer and the log nothing.

This page is made from the table.

| fault | made by | the gap says |
|---|---|---|
"""
_MIDDLE: Final = """
While such a fault lasts:

| `on_failure` | what would be allowed | what is denied |
|---|---|---|
"""
_TAIL: Final = """
## Ends without a warning

| what happens | afterwards | tried by |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    faults = [f"| {each.title} | {each.made_by} | `{each.gap}` |\n" for each in FAULTS]
    outcomes = [f"| `{mode}` | {_ALLOWS[allow]} | {_DENIES[deny]} |\n" for mode, (allow, deny) in OUTCOMES.items()]
    crashes = [f"| {each.title} | {each.afterwards} | `{each.test}` |\n" for each in CRASHES]
    return "".join([_HEAD, *faults, _MIDDLE, *outcomes, _TAIL, *crashes])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
