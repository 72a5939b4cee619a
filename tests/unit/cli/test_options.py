from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.options import add_listener, parser
from gateway.cli.outcome import WRONG_USAGE


def _parse(*argv: str) -> dict[str, object]:
    options = parser("forward", "test")
    add_listener(options, listen="127.0.0.1:8080", policy="corporate")
    return vars(options.parse_args(argv))


def test_without_options_the_published_defaults_hold() -> None:
    given = _parse()

    assert given["listen"] == "127.0.0.1:8080"
    assert given["policy"] is None
    assert given["state"] == Path(".wicketgate")
    assert given["watch"] is False


@pytest.mark.parametrize(
    ("sentence", "argv"),
    [
        ("`envoy` is not supported yet, use `mitmproxy`", ["--engine", "envoy"]),
        ("`squid` is unknown, use `mitmproxy`", ["--engine", "squid"]),
        ("`0` is no number of processes from 1 to 64", ["--workers", "0"]),
        ("`many` is no number of processes from 1 to 64", ["--workers", "many"]),
        ("unrecognized arguments: --lis", ["--lis", "127.0.0.1:1"]),
        ("argument --policy: expected one argument", ["--policy"]),
    ],
)
def test_what_has_no_effect_is_refused_with_the_way_out(
    sentence: str, argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        _parse(*argv)

    said = capsys.readouterr().err
    assert left.value.code == WRONG_USAGE
    assert sentence in said
    assert said.startswith("wicketgate forward: ")
    assert said.count("\n") == 1


def test_the_one_engine_may_be_named_and_as_many_workers_as_there_are_cores() -> None:
    given = _parse("--engine", "mitmproxy", "--workers", "4")

    assert (given["engine"], given["workers"]) == ("mitmproxy", 4)
