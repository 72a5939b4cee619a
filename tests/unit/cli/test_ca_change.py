from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.authority.constraints import Constraints
from gateway.authority.keeping import load, load_or_make, read
from gateway.cli.ca import main
from gateway.cli.outcome import OK, Unusable
from tests.authorities import issue

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with an authority."""
    load_or_make(tmp_path / "ca")
    return tmp_path


def roles(state: Path, captured: pytest.CaptureFixture[str], *command: str) -> dict[str, str]:
    """Who has which role after a command, by its fingerprint."""
    assert main([*command, "--state", str(state), "--format", "json"]) == OK
    return {each["role"]: each["sha256"] for each in json.loads(captured.readouterr().out)["authorities"]}


def test_a_rotation_there_and_back_and_through(state: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first = roles(state, capfd, "show")["signing"]

    begun = roles(state, capfd, "rotate")
    second = begun["next"]
    assert begun == {"signing": first, "next": second}
    assert roles(state, capfd, "rotate", "--activate") == {"signing": second, "old": first}
    assert roles(state, capfd, "rotate", "--back") == {"signing": first, "next": second}
    assert roles(state, capfd, "rotate", "--activate") == {"signing": second, "old": first}
    assert roles(state, capfd, "rotate", "--retire") == {"signing": second}


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("the next authority is published, let it sign with `--activate` once clients trust it", []),
        (
            "the next authority signs, the old one stays trusted (a running gateway takes it up by itself)",
            ["--activate"],
        ),
        ("the authority signs that signed before (a running gateway takes it up by itself)", ["--back"]),
        ("the old authorities are retired, remove them from clients", ["--retire"]),
    ],
)
def test_people_are_told_what_is_next(
    said: str, command: list[str], state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before: dict[str, list[list[str]]] = {
        "--activate": [[]],
        "--back": [[], ["--activate"]],
        "--retire": [[], ["--activate"]],
    }
    for step in before.get("".join(command), []):
        main(["rotate", "--state", str(state), *step])
    capfd.readouterr()

    assert main(["rotate", "--state", str(state), *command]) == OK
    assert capfd.readouterr().out.splitlines()[:2] == [said, ""]


def test_the_configuration_says_where_and_what_the_next_one_is(state: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = state / "wicketgate.yaml"
    file.write_text(
        "version: 1\nstate: .\nca: {name: Example, permitted: [corp.example]}\n"
        "listeners: [{name: a, mode: forward, bind: 127.0.0.1:1, policy: p}]\n",
        encoding="utf-8",
    )

    assert main(["rotate", "--config", str(file)]) == OK

    assert "O=Example" in capfd.readouterr().out
    _, following = read(state / "ca")
    assert Constraints.of(following.certificate).permitted == ("corp.example",)


def test_it_can_be_made_before_the_first_start_and_is_made_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made = roles(tmp_path, capfd, "make")

    assert made == roles(tmp_path, capfd, "make")
    assert made == {"signing": load(tmp_path / "ca").fingerprint}


def test_an_intermediate_is_imported_with_its_root(state: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = issue("root")
    certificate, key = issue("below", root).save(state, "below")
    chain, _ = root.save(state, "root")
    files = ["--certificate", str(certificate), "--key", str(key), "--chain", str(chain)]

    assert main(["import", *files, "--state", str(state)]) == OK

    said, _, signing, *_ = capfd.readouterr().out.splitlines()
    assert said == "the authority is the one that signs (a running gateway takes it up by itself)"
    assert signing == "signing CN=below"
    assert load(state / "ca").chain == (root.certificate,)


def test_an_import_may_be_published_first(state: Path, capfd: pytest.CaptureFixture[str]) -> None:
    certificate, key = issue("below", issue("root")).save(state, "below")

    assert set(roles(state, capfd, "import", "--next", "--certificate", str(certificate), "--key", str(key))) == {
        "signing",
        "next",
    }


def test_what_cannot_be_used_changes_nothing(state: Path) -> None:
    signing = load(state / "ca").certificate
    certificate, key = issue("plain", is_authority=False).save(state, "plain")

    with pytest.raises(Unusable, match="is no authority"):
        main(["import", "--certificate", str(certificate), "--key", str(key), "--state", str(state)])
    assert load(state / "ca").certificate == signing


def test_a_configuration_that_cannot_be_read_is_named(state: Path) -> None:
    with pytest.raises(Unusable, match=r"nowhere\.yaml:1:1  the file cannot be read"):
        main(["rotate", "--config", str(state / "nowhere.yaml")])
