"""`wicketgate audit verify | prove | verify-proof | key`: is the log what was signed, and how to show it to others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK, Unusable, complain
from gateway.cli.output import add_format, answer

if TYPE_CHECKING:
    import argparse

    from gateway.audit.proof.findings import Report
    from gateway.audit.proof.notes import VerifierKey
    from gateway.audit.proof.proving import Proven

MOST_SHOWN = 20
"""How many findings are shown to people; programs get all of them."""


def add_arguments(verbs: argparse._SubParsersAction[argparse.ArgumentParser], log: Path) -> None:
    """Add the verbs about proofs with their options; `log` is where the log is if nothing is said."""
    verify = verbs.add_parser("verify", help="is the log what was signed?", allow_abbrev=False)
    verify.add_argument("log", nargs="?", type=Path, default=log, metavar="DIR", help=f"the log (default {log})")
    verify.add_argument("--key", metavar="KEY", help="a public key of the log that is trusted, or a file that holds it")
    elsewhere = "checkpoints that were kept elsewhere; may be repeated"
    verify.add_argument("--anchor", type=Path, action="append", default=[], metavar="FILE", help=elsewhere)
    prove = verbs.add_parser("prove", help="make a file that proves what was decided", allow_abbrev=False)
    prove.add_argument("id", metavar="ID", help="the decision id, as `Wicketgate-Decision` shows it")
    prove.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: standard output)")
    prove.add_argument("--log", type=Path, default=log, metavar="DIR", help=f"default {log}")
    check = verbs.add_parser("verify-proof", help="does such a file prove it? Needs no log", allow_abbrev=False)
    check.add_argument("file", type=Path, metavar="FILE", help="the file that `audit prove` made")
    check.add_argument("--key", metavar="KEY", help="a public key of the log that is trusted, or a file that holds it")
    key = verbs.add_parser("key", help="the public keys of the log", allow_abbrev=False)
    key.add_argument("--log", type=Path, default=log, metavar="DIR", help=f"default {log}")
    for verb in (verify, check, key):
        add_format(verb)


def verify(arguments: argparse.Namespace) -> int:
    """Check a whole log; 1 if anything is wrong with it, 3 if that cannot be known."""
    from gateway.audit.proof.standings import FILE as STANDINGS
    from gateway.audit.proof.standings import Standings
    from gateway.audit.proof.store import FOLDER
    from gateway.audit.proof.verifying import verify as look

    report = look(arguments.log, key=_key(arguments.key), anchors=arguments.anchor)
    known = Standings(arguments.log / FOLDER / STANDINGS)
    report.notes += [str(each) for each in known.all() if each.is_failing]
    code = FINDINGS if report.findings else CANNOT_DECIDE if report.undecided else OK
    answer(arguments.format, _lines(report), _data(report))
    return code


def prove(arguments: argparse.Namespace) -> int:
    """Write the proof of a decision; 3 if there is none."""
    from gateway.audit.proof.proving import NotProvable
    from gateway.audit.proof.proving import prove as make

    wanted = arguments.id.upper()
    if not (wanted.isascii() and wanted.isalnum()):
        raise Unusable(f"`{arguments.id}` is no decision id: it is 26 letters and digits")
    try:
        proof = make(arguments.log, wanted)
    except NotProvable as error:
        complain(f"audit: {error}")
        return CANNOT_DECIDE
    if arguments.out is None:
        print(proof)
    else:
        arguments.out.write_text(f"{proof}\n", encoding="utf-8")
    return OK


def verify_proof(arguments: argparse.Namespace) -> int:
    """Check a proof; 1 if it proves nothing, 3 if nobody said which key to trust."""
    from gateway.audit.proof.proving import NotProvable, check

    key = _key(arguments.key)
    try:
        proven = check(arguments.file.read_text("utf-8", "replace"), key)
    except NotProvable as error:
        answer(arguments.format, [f"not proved: {error}"], {"verdict": "not-proved", "problem": str(error)})
        return FINDINGS
    verdict = "undecided" if key is None else "proved"
    data = {
        "verdict": verdict,
        "log": proven.origin,
        "size": proven.size,
        "key": str(proven.keys[0]),
        "records": proven.records,
    }
    answer(arguments.format, [*_proven_lines(proven, trusted=key is not None), *proven.lines], data)
    return CANNOT_DECIDE if key is None else OK


def show_key(arguments: argparse.Namespace) -> int:
    """Show the first key, which others should write down, and the one that signs now."""
    from gateway.audit.proof.handover import announcements
    from gateway.audit.proof.store import FOLDER, Store

    found = announcements(Store(arguments.log / FOLDER))
    if not found:
        complain(f"audit: there are no keys beside the log in `{arguments.log}`, it was never proved")
        return CANNOT_DECIDE
    lines = [
        f"{found[0].key}",
        f"the first key of this log, of {found[0].day}; whoever has it can check all that follows",
    ]
    if len(found) > 1:
        lines += [f"{found[-1].key}", f"the newest of {len(found)} keys, of {found[-1].day}"]
    answer(arguments.format, lines, [{"day": each.day, "key": str(each.key)} for each in found])
    return OK


def _key(given: str | None) -> VerifierKey | None:
    from gateway.audit.proof.notes import BadNote, VerifierKey

    if given is None:
        return None
    try:
        if "+" not in given:
            given = Path(given).read_text("utf-8").strip().partition("\n")[0]
        return VerifierKey.parse(given)
    except BadNote as error:
        raise Unusable(f"--key: {error}") from None


def _lines(report: Report) -> list[str]:
    found = report.in_order()
    lines = [str(each) for each in found[:MOST_SHOWN]]
    if len(found) > MOST_SHOWN:
        lines.append(f"and {len(found) - MOST_SHOWN} more, `--format json` has all of them")
    if report.undecided is not None:
        return [*lines, f"cannot decide: {report.undecided}"]
    signed = f"{report.checkpoints} checkpoints, {report.anchored} of anchors, the newest over {report.signed} records"
    lines.append(f"{report.origin}: {report.records} records, {report.pruned} of them only as hashes; {signed}")
    lines += [f"note: {each}" for each in report.notes]
    count = "1 finding" if len(found) == 1 else f"{len(found)} findings"
    return [*lines, f"not what was signed: {count}" if found else "everything is what was signed"]


def _data(report: Report) -> object:
    verdict = "tampered" if report.findings else "undecided" if report.undecided else "sound"
    return {
        "verdict": verdict,
        "undecided": report.undecided,
        "log": report.origin,
        "key": report.key,
        "records": report.records,
        "last": report.last,
        "signed": report.signed,
        "pruned": report.pruned,
        "checkpoints": {"own": report.checkpoints, "anchored": report.anchored},
        "findings": [
            {"file": each.place.file, "line": each.place.line or None, "seq": each.seq or None, "what": each.what}
            for each in report.in_order()
        ],
        "notes": report.notes,
    }


def _proven_lines(proven: Proven, *, trusted: bool) -> list[str]:
    if trusted:
        there = "1 record is" if len(proven.lines) == 1 else f"{len(proven.lines)} records are"
        return [f"proved: {there} in the log `{proven.origin}`, which had {proven.size} records when this was signed"]
    first = (
        f"compare `{proven.keys[0]}` with what `wicketgate audit key` shows beside the log, and give it with `--key`"
    )
    return [f"cannot decide: the file agrees with itself, and anybody could have made it; {first}"]
