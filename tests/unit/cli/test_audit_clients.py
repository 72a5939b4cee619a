from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.records.clients import Keyed
from gateway.audit.records.month_keys import MonthKeys
from gateway.cli.audit import main
from gateway.cli.outcome import CANNOT_DECIDE, OK, Unusable
from gateway.policy.addresses import Address
from tests.unit.audit.proof.proved import MONDAY

if TYPE_CHECKING:
    from pathlib import Path

ADDRESSES = ["10.1.2.3", "2001:db8::7"]
DECEMBER = MONDAY + 10 * 86_400


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log in whose time two months had keys."""
    (tmp_path / "audit").mkdir()
    return tmp_path / "audit"


@pytest.fixture
def keyed(log: Path) -> Keyed:
    return Keyed(MonthKeys(log.parent / "audit-keys", 3).key)


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_token_is_the_one_that_the_log_has(
    address: str, keyed: Keyed, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [keyed(Address.parse(address), now) for now in (MONDAY, DECEMBER)]

    assert main(["client", address, "--month", "2026-11", "--log", str(log)]) == OK
    assert capsys.readouterr().out == f"{names[0]}\n"
    assert main(["client", address, "--keys", str(log.parent / "audit-keys")]) == OK
    assert capsys.readouterr().out == f"{names[0]}\n{names[1]}\n"
    assert main(["client", address, "--log", str(log), "--format", "json"]) == OK
    assert json.loads(capsys.readouterr().out) == [
        {"month": month, "client": name} for month, name in zip(("2026-11", "2026-12"), names, strict=True)
    ]


def test_a_client_is_found_under_its_token(keyed: Keyed, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = keyed(Address.parse("10.1.2.3"), MONDAY)
    other = keyed(Address.parse("10.1.2.4"), MONDAY)
    lines = [
        json.dumps(
            {"v": 1, "seq": seq, "time": "2026-11-23T10:00:00.000000Z", "event": "decision", "client": {"ip": ip}}
        )
        for seq, ip in enumerate((name, other, name), 1)
    ]
    text = "".join(f"{line.replace(': ', ':').replace(', ', ',')}\n" for line in lines)
    (log / "01JD0000000000000000000000.jsonl").write_text(text)
    main(["client", "10.1.2.3", "--month", "2026-11", "--log", str(log)])
    told = capsys.readouterr().out.strip()

    assert main(["grep", "--client", told, "--log", str(log), "--format", "json"]) == OK
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == [1, 3]


@pytest.mark.parametrize(
    ("said", "options"),
    [("does not hold the key of 2026-10: it was erased", ["--month", "2026-10"]), ("does not hold any key", [])],
)
def test_without_its_key_nobody_can_say_and_none_is_made(
    said: str, options: list[str], log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["client", "10.1.2.3", "--log", str(log), *options]) == CANNOT_DECIDE

    assert said in capsys.readouterr().err
    assert not (log.parent / "audit-keys").exists()


def test_a_key_that_is_open_to_others_is_not_used(keyed: Keyed, log: Path) -> None:
    keyed(Address.parse("10.1.2.3"), MONDAY)
    (log.parent / "audit-keys" / "2026-11.key").chmod(0o644)

    with pytest.raises(Unusable, match="is open to others, close it with"):
        main(["client", "10.1.2.3", "--log", str(log)])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("--month: `11-2026` is no month", ["10.1.2.3", "--month", "11-2026"]),
        ("--month: `../../etc` is no month", ["10.1.2.3", "--month", "../../etc"]),
        ("--month: `2026-13` is no month", ["10.1.2.3", "--month", "2026-13"]),
        ("`10.1.2.999`", ["10.1.2.999"]),
    ],
)
def test_what_makes_no_sense_is_refused(said: str, words: list[str], log: Path) -> None:
    with pytest.raises(Unusable, match=said):
        main(["client", *words, "--log", str(log)])
