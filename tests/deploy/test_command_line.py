"""What shells and `man` say of the command line is what its parsers say, and shells can do with it what they should."""

from __future__ import annotations

import subprocess
from typing import Final

import pytest

from gateway.cli.completion import FILES, FOLDER
from gateway.cli.main import VERBS
from tests.deploy.command_line import MANUAL, files, whole
from tests.e2e.commands import COMMAND, PATIENCE
from tests.house.sources import ROOT

SCRIPTS: Final = ROOT / "gateway" / "cli" / FOLDER
BASH: Final = """
source "$0"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_shtab_wicketgate 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


def _said(*command: str) -> list[str]:
    run = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    return run.stdout.splitlines()


def test_the_files_say_what_the_parsers_say() -> None:
    stale = [path.name for path, text in files().items() if path.read_text("utf-8") != text]

    assert stale == [], "run `python -m tests.deploy.command_line`"


def test_every_verb_is_in_every_file() -> None:
    for path, text in files().items():
        assert [verb for verb in VERBS if verb not in text] == [], path
    assert whole().prog == "wicketgate"


@pytest.mark.parametrize("shell", FILES)
def test_the_command_prints_the_script_of_a_shell(shell: str) -> None:
    assert "\n".join(_said(COMMAND, "completion", shell)) + "\n" == (SCRIPTS / FILES[shell]).read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["au"], {"audit"}),
        (["audit", "to"], {"top"}),
        (["audit", "top", "--b"], {"--by"}),
        (["policy", "ex"], {"explain"}),
        (["ca", "export", "--format", "p"], {"pem", "p12"}),
        (["completion", "z"], {"zsh"}),
    ],
)
def test_bash_and_fish_complete_verbs_options_and_choices(words: list[str], completed: set[str]) -> None:
    by_bash = _said("bash", "-c", BASH, str(SCRIPTS / FILES["bash"]), "wicketgate", *words)
    line = " ".join(["wicketgate", *words])
    by_fish = _said("fish", "--no-config", "-c", f"source {SCRIPTS / FILES['fish']}; complete -C '{line}'")

    assert set(by_bash) == completed
    assert {each.partition("\t")[0] for each in by_fish} == completed


def test_zsh_can_read_its_script() -> None:
    assert _said("zsh", "-n", str(SCRIPTS / FILES["zsh"])) == []
    assert (SCRIPTS / FILES["zsh"]).read_text("utf-8").startswith("#compdef wicketgate\n")


def test_the_manual_page_is_set_without_a_complaint() -> None:
    run = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", str(MANUAL)], check=False, capture_output=True, text=True, timeout=PATIENCE
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert "wicketgate audit verify" in run.stdout
    assert "./.wicketgate" in run.stdout
