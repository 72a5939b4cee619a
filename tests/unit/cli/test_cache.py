from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.cli.cache import main
from gateway.cli.outcome import Unusable
from tests.unit.cli.test_ordering import saying

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("said", "argv", "answer"),
    [
        ("1 answer was dropped\n", ["purge", "--url", "https://shop.example/"], {"answers": 1}),
        ("0 answers were dropped\n", ["purge", "--all"], {"answers": 0}),
        ("nothing was asked of a route that keeps answers yet, or there is none\n", ["stats"], {"caches": []}),
        (
            "shop: 10 bytes in memory\nmall: 20 bytes in memory, 30 bytes in 4 files on disk\n",
            ["stats"],
            {
                "caches": [
                    {"listener": "shop", "memory": 10, "disk": 0, "files": 0},
                    {"listener": "mall", "memory": 20, "disk": 30, "files": 4},
                ]
            },
        ),
    ],
)
def test_what_came_of_it_is_said_to_people_and_to_programs(
    said: str, argv: list[str], answer: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = []
    for number, form in enumerate(("text", "json")):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        thread = saying(folder, json.dumps({"done": answer}).encode() + b"\n")
        assert main([*argv, "--state", str(folder), "--format", form]) == 0
        thread.join()
        outputs.append(capsys.readouterr().out)

    assert outputs[0] == said
    assert json.loads(outputs[1]) == answer


@pytest.mark.parametrize("argv", [["purge"], ["purge", "--all", "--host", "x"], ["clear"], []])
def test_what_is_to_be_dropped_has_to_be_said(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(argv)

    assert left.value.code == 2
    assert "wicketgate cache" in capsys.readouterr().err


def test_without_a_gateway_nothing_is_dropped(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no gateway is at work in"):
        main(["purge", "--all", "--state", str(tmp_path)])
