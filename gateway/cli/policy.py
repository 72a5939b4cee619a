"""`wicketgate policy`: work on policies without a gateway. Every verb is imported when it is used."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.options import parser
from gateway.cli.outcome import OK, Unusable
from gateway.cli.output import add_format

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.cli.options import Parser
    from gateway.policy.analysis.given import Texts

_MODES: Final = ("forward", "reverse")
_DEFAULT_LOG: Final = Path(".wicketgate/audit")
_SHIPPED: Final = {"forward": "corporate", "reverse": "api"}


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("policy", "Check, test and explain policies; print the JSON Schema of their language.")
    add_arguments(options)
    return options


def main(argv: Sequence[str]) -> int:
    """Run `wicketgate policy` with these arguments and return its exit code."""
    return run(command_line().parse_args(argv))


def add_arguments(options: argparse.ArgumentParser) -> None:
    """Every verb with its options."""
    verbs = options.add_subparsers(dest="verb", required=True, metavar="check|test|explain|replay|learn|schema")
    check = verbs.add_parser("check", help="is it a policy, and can it be enforced?", allow_abbrev=False)
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a policy")
    check.add_argument("--mode", choices=_MODES, help="which way its listener faces (as its cases say, or forward)")
    test = verbs.add_parser("test", help="does it answer its cases as wanted?", allow_abbrev=False)
    test.add_argument("files", nargs="+", type=Path, metavar="CASES", help="cases, or a policy with cases beside it")
    explain = verbs.add_parser("explain", help="what would become of a request, and why?", allow_abbrev=False)
    _add_question(explain)
    verbs.add_parser("schema", help="the JSON Schema of the language, for editors", allow_abbrev=False)
    replay = verbs.add_parser("replay", help="what would change for the traffic on record?", allow_abbrev=False)
    replay.add_argument("--policy", type=Path, required=True, metavar="FILE", help="the policy to try out")
    _add_traffic(replay)
    learn = verbs.add_parser("learn", help="the smallest policy that allows the traffic on record", allow_abbrev=False)
    _add_traffic(learn)
    _add_generality(learn)
    for verb in (check, test, explain, replay):
        add_format(verb)


def _add_traffic(verb: argparse.ArgumentParser) -> None:
    """The options that choose records of the audit log."""
    verb.add_argument("--log", type=Path, default=_DEFAULT_LOG, metavar="DIR", help="the audit log (%(default)s)")
    verb.add_argument("--since", metavar="WHEN", help="from then on: so long before now, like `7d`, or a moment")
    verb.add_argument("--until", metavar="WHEN", help="up to then, in the same words")
    verb.add_argument("--listener", metavar="NAME", help="only what this listener decided")
    verb.add_argument("--mode", choices=_MODES, help="only listeners that face this way")


def _add_generality(learn: argparse.ArgumentParser) -> None:
    learn.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: standard output)")
    learn.add_argument(
        "--at-least", type=_count, default=1, metavar="N", help="requests that count as evidence (%(default)s)"
    )
    learn.add_argument(
        "--generalise",
        type=_count,
        default=8,
        metavar="N",
        help="names below one that stand for all (%(default)s)",
    )
    learn.add_argument("--by-client", action="store_true", help="allow only the clients that were seen, by network")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 1 on")
    return int(text)


def _add_question(explain: argparse.ArgumentParser) -> None:
    explain.add_argument("url", nargs="?", metavar="URL", help="what is asked for, like `https://example.com/`")
    explain.add_argument(
        "--policy", type=Path, metavar="FILE", help="the policy (default: the shipped one of the mode)"
    )
    explain.add_argument("--mode", choices=_MODES, default="forward", help="which way the listener faces (%(default)s)")
    explain.add_argument("--method", default="GET", metavar="NAME", help="the method (%(default)s)")
    explain.add_argument("--client", metavar="ADDRESS", help="who asks, by address")
    explain.add_argument(
        "--destination", action="extend", nargs="+", metavar="ADDRESS", help="where the host leads: every address"
    )
    explain.add_argument("--user", metavar="NAME", help="who asks, by name")
    explain.add_argument("--group", action="append", metavar="NAME", help="a group of the user; may be repeated")
    explain.add_argument("--header", action="append", metavar="'NAME: VALUE'", help="a field; may be repeated")
    explain.add_argument("--size", metavar="SIZE", help="the size of the body, like `20MB`")
    explain.add_argument("--at", metavar="TIME", help="when, like `2026-11-23T10:00:00Z` (default: now)")
    explain.add_argument(
        "--with", action="append", dest="others", metavar="FACT=VALUE", help="any other fact; may be repeated"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say. Raises Unusable for files and questions that make no sense."""
    verbs: dict[str, Callable[[argparse.Namespace], int]] = {
        "check": _check,
        "test": _test,
        "explain": _explain,
        "replay": _replay,
        "learn": _learn,
        "schema": _schema,
    }
    return verbs[arguments.verb](arguments)


def _check(arguments: argparse.Namespace) -> int:
    from gateway.cli.policy_check import check
    from gateway.policy.model import Mode

    mode = None if arguments.mode is None else Mode(arguments.mode)
    return check(arguments.files, mode, arguments.format, time.time())


def _test(arguments: argparse.Namespace) -> int:
    from gateway.cli.policy_cases import try_out

    return try_out(arguments.files, arguments.format, time.time())


def _replay(arguments: argparse.Namespace) -> int:
    from gateway.cli.policy_replay import replay

    return replay(arguments, time.time())


def _learn(arguments: argparse.Namespace) -> int:
    from gateway.cli.policy_learn import learn

    return learn(arguments, time.time())


def _schema(_: argparse.Namespace) -> int:
    from gateway.cli.output import answer
    from gateway.policy.language.schema import policy_schema

    answer("json", (), policy_schema())
    return OK


def _explain(arguments: argparse.Namespace) -> int:
    from gateway.cli.policy_question import ask
    from gateway.cli.shipped import shipped_policy
    from gateway.policy.analysis.requests import Question
    from gateway.policy.model import Mode

    if arguments.url is None:
        arguments.url = _url_among(arguments.destination or [])
    path = arguments.policy or shipped_policy(_SHIPPED[arguments.mode])
    question = Question(url=arguments.url, method=arguments.method, given=_given(arguments))
    return ask(path, Mode(arguments.mode), question, arguments.format, _moment(arguments.at))


def _url_among(destinations: list[str]) -> str:
    """The URL behind `--destination ADDRESS ... URL`, taken from the addresses that it was counted among."""
    if not destinations or "://" not in destinations[-1]:
        raise Unusable("the URL is missing, write what is asked for, like `https://example.com/`")
    return destinations.pop()


def _given(arguments: argparse.Namespace) -> dict[str, Texts]:
    """The facts of a question by their names in a policy."""
    given: dict[str, Texts] = {}
    if arguments.client is not None:
        given["client.ip"] = (arguments.client,)
    if arguments.destination is not None:
        given["destination.ip"] = tuple(arguments.destination)
    if arguments.user is not None:
        given["user"] = (arguments.user,)
    if arguments.group is not None:
        given["group"] = tuple(arguments.group)
    if arguments.size is not None:
        given["request.size"] = (arguments.size,)
    for field in arguments.header or ():
        name, value = _split(field, ":", "--header", "'Name: value'")
        given[f"header.{name}"] = (*(given.get(f"header.{name}") or ()), value)
    for other in arguments.others or ():
        name, value = _split(other, "=", "--with", "port=8443")
        given[name] = (value,)
    return given


def _split(text: str, mark: str, option: str, example: str) -> tuple[str, str]:
    name, found, value = text.partition(mark)
    if not found or not name.strip():
        raise Unusable(f"`{text}` has no `{mark}`, write it like `{option} {example}`")
    return name.strip(), value.strip()


def _moment(written: str | None) -> float:
    from gateway.policy.analysis.cases import moment
    from gateway.policy.errors import Malformed

    try:
        return time.time() if written is None else moment(written)
    except Malformed as error:
        raise Unusable(f"--at: {error}") from None
