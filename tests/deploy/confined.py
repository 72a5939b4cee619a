"""Run a command as a unit of systemd confines it, as far as that can be done without systemd as process 1.

    python -m tests.deploy.confined UNIT COMMAND...

The filter of system calls, the families of addresses, memory that is never both writable and executable, no new
privileges, no capabilities and the mask of files are the unit's own, read from its text.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

_ALLOW: Final = 0x7FFF0000
_EPERM: Final = 0x00050001
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_MDWE: Final = 65
_PR_CAPBSET_DROP: Final = 24
_CAPABILITIES: Final = 64
_EQUAL: Final = 4
_FAMILIES: Final = 46
"""One more than the highest family of addresses that Linux knows (AF_MCTP)."""
_KEEPERS: Final = {"execve", "exit", "exit_group", "sigreturn", "rt_sigreturn"}


class _Compared(ctypes.Structure):
    """An argument of a system call that a rule looks at: `struct scmp_arg_cmp`."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def settings_of(unit: Path) -> dict[str, list[str]]:
    """Every setting of a unit with its values, in their order."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text("utf-8"), re.MULTILINE):
        found[name].append(value)
    return found


def forbidden(filters: list[str]) -> set[str]:
    """The system calls that a list of `SystemCallFilter=` keeps a service from."""
    allowed: set[str] = set()
    for each in filters:
        named = {call for group in each.removeprefix("~").split() for call in _calls(group)}
        allowed = allowed - named if each.startswith("~") else allowed | named
    return _calls("@known") - allowed - _KEEPERS


def _calls(group: str) -> set[str]:
    if not group.startswith("@"):
        return {group}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True)
    words = [line.strip() for line in listed.stdout.splitlines()[1:] if line.strip() and "#" not in line]
    return {call for word in words for call in _calls(word)}


def confine(unit: Path) -> None:
    """Give up in this process what a service of this unit does not have."""
    settings = settings_of(unit)
    calls, families = forbidden(settings["SystemCallFilter"]), settings["RestrictAddressFamilies"][-1].split()
    system = ctypes.CDLL(None, use_errno=True)
    os.umask(int(settings["UMask"][-1], 8))
    if settings["CapabilityBoundingSet"][-1] == "":
        for each in range(_CAPABILITIES):
            system.prctl(_PR_CAPBSET_DROP, each, 0, 0, 0)
    if settings["NoNewPrivileges"][-1] == "yes":
        _done(system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if settings["MemoryDenyWriteExecute"][-1] == "yes":
        _done(system.prctl(_PR_SET_MDWE, 1, 0, 0, 0))
    _filter(calls, [getattr(socket, family) for family in families])


def _filter(calls: set[str], families: list[int]) -> None:
    """What is not allowed answers EPERM: calls by their names, sockets by their family."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    made = ctypes.c_void_p(library.seccomp_init(_ALLOW))
    for call in sorted(calls):
        number = library.seccomp_syscall_resolve_name(call.encode("ascii"))
        if number >= 0:
            _done(library.seccomp_rule_add(made, _EPERM, number, 0))
    opening = library.seccomp_syscall_resolve_name(b"socket")
    for family in sorted(set(range(_FAMILIES)) - set(families)):
        one = _Compared(0, _EQUAL, family, 0)
        _done(library.seccomp_rule_add_array(made, _EPERM, opening, 1, ctypes.byref(one)))
    _done(library.seccomp_load(made))


def _done(code: int) -> None:
    if code != 0:
        raise OSError(-code, "this process could not be confined")


def main() -> None:
    """Confine this process, then become the command."""
    unit, *command = sys.argv[1:]
    confine(Path(unit))
    os.execvp(command[0], command)  # noqa: S606 - the command of the test, found on PATH


if __name__ == "__main__":
    main()
