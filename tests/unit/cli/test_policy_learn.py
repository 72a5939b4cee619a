from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.cli.outcome import OK, Unusable
from gateway.cli.policy import main
from gateway.policy.names import Host
from tests.unit.cli.logged import write_log
from tests.unit.replay.made import compiled, inspected, plain, traffic

if TYPE_CHECKING:
    from pathlib import Path

OPEN = "default: {action: allow}\n"


def _learn(folder: Path, *options: str) -> int:
    requests = (plain(), plain(), inspected(host=Host.parse("b.example")))
    log = write_log(folder, traffic(compiled(OPEN)[0], *requests))
    return main(["learn", "--log", str(log), *options])


def test_a_policy_is_learnt_that_denies_by_default_and_gives_its_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _learn(tmp_path) == OK
    told = capsys.readouterr().out

    assert "default: {action: deny}" in told
    assert "          - site.example # 2 requests of 1 client, 2026-11-23T10:00:00Z to " in told
    assert "          - b.example # 1 request of 1 client" in told


def test_what_was_learnt_changes_nothing_when_it_is_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "learnt.yaml"
    assert _learn(tmp_path, "--out", str(path)) == OK

    main(["replay", "--policy", str(path), "--log", str(tmp_path / "audit")])
    told = capsys.readouterr().out
    assert "now denied" not in told
    assert "cannot tell" not in told


def test_too_few_requests_are_no_evidence_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _learn(tmp_path, "--at-least", "2") == OK
    told = capsys.readouterr().out

    assert "b.example" not in told
    assert "# 1 requests were too few for evidence: fewer than 2 of a kind" in told


def test_clients_are_asked_for_only_on_demand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _learn(tmp_path, "--by-client") == OK
    assert "client.ip: {in: ['10.1.2.3/32']}" in capsys.readouterr().out


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine", "utf-8")

    with pytest.raises(Unusable, match="cannot be written: file exists"):
        _learn(tmp_path, "--out", str(path))
    assert path.read_text("utf-8") == "mine"


def test_nothing_is_learnt_from_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="holds no decision"):
        _learn(tmp_path, "--until", "2020-01-01T00:00:00Z")


def test_clients_without_addresses_cannot_be_learnt(tmp_path: Path) -> None:
    records = traffic(compiled(OPEN)[0], plain())
    records[0]["client"]["ip"] = "client-2026-11-00000000000000000000"
    log = write_log(tmp_path, records)

    with pytest.raises(Unusable, match="--by-client: the log does not hold the addresses of all clients"):
        main(["learn", "--log", str(log), "--by-client"])
    assert main(["learn", "--log", str(log)]) == OK


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_of_requests_is_one_or_more(number: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        _learn(tmp_path, "--at-least", number)
