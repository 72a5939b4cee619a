"""The image and its composition: linted, without rights, and built step by step, though without a builder of images."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.e2e.commands import PATIENCE
from tests.house.sources import ROOT

DOCKER: Final = ROOT / "deploy" / "docker"
DOCKERFILE: Final = DOCKER / "Dockerfile"
CLEAN: Final = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def _instructions(stage: int) -> list[tuple[str, str]]:
    """Every instruction of one stage, its lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text("utf-8"))
    stages = re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]
    lines = [line for line in stages[stage].splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def _composition() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))  # noqa: TID251 - it is no policy
    return found


def test_the_linter_finds_nothing_in_the_dockerfile() -> None:
    command = [str(Path(sys.executable).with_name("hadolint")), str(DOCKERFILE)]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)

    assert (run.returncode, run.stdout + run.stderr) == (0, "")


def test_the_container_runs_as_a_user_without_rights() -> None:
    said = dict(_instructions(-1))

    assert said["USER"] == "10001:10001"
    assert said["ENTRYPOINT"] == '["wicketgate"]'
    assert said["STOPSIGNAL"] == "SIGTERM"


def test_nothing_but_what_is_named_comes_into_the_image() -> None:
    first, *kept = [
        line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and not line.startswith("#")
    ]
    named = {word for verb, what in _instructions(0) if verb == "COPY" for word in what.split()[:-1]}

    assert first == "*"
    assert {line.removeprefix("!") for line in kept if line.startswith("!")} == named


def test_the_composition_gives_the_gateway_no_more_than_it_needs() -> None:
    composed = _composition()
    gateway = composed["services"]["gateway"]

    assert gateway["read_only"] is True
    assert gateway["user"] == dict(_instructions(-1))["USER"]
    assert gateway["cap_drop"] == ["ALL"]
    assert "privileged" not in gateway
    assert gateway["security_opt"] == ["no-new-privileges:true"]
    assert [each["target"] for each in gateway["volumes"] if not each.get("read_only")] == ["/var/lib/wicketgate"]
    assert all(port.startswith("127.0.0.1:") for port in gateway["ports"])
    assert composed["networks"]["inside"] == {"internal": True}


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_the_steps_of_the_image_make_a_gateway_that_takes_the_configuration_beside_it(tmp_path: Path) -> None:
    source, installed = tmp_path / "src", tmp_path / "opt"
    source.mkdir()
    for verb, what in _instructions(0):
        if verb == "COPY":
            _copy(what.split()[:-1], source)
        elif verb == "RUN" and "pip install --no-cache-dir" not in what:
            _step(what.replace("/opt/wicketgate", str(installed)).replace(" --no-cache", ""), source)
    assert _uncompiled(installed) == []  # before anything was started
    shutil.copy(DOCKER / "wicketgate.yaml", tmp_path)
    shutil.copy(ROOT / "policies" / "api.yaml", tmp_path)
    _, command = next(each for each in _instructions(-1) if each[0] == "CMD")
    checked = _step(f"{installed}/bin/wicketgate run --check --config {tmp_path}/wicketgate.yaml", tmp_path)

    assert " ".join(json.loads(command)) == (
        "run --last-good --state /var/lib/wicketgate --config /etc/wicketgate/wicketgate.yaml"
    )
    assert "front: reverse on 0.0.0.0:8081" in checked
    assert "upstream app: http://app:8000" in checked
    assert (installed / "share" / "man" / "man1" / "wicketgate.1").is_file()
    assert (installed / "share" / "bash-completion" / "completions" / "wicketgate").is_file()


def test_the_library_of_python_is_compiled_too_and_nothing_at_a_start() -> None:
    [made] = [what for verb, what in _instructions(-1) if verb == "RUN"]
    environment = next(what for verb, what in _instructions(-1) if verb == "ENV")

    assert "python -m compileall -q " in made
    assert "PYTHONDONTWRITEBYTECODE=1" in environment


def _uncompiled(installed: Path) -> list[str]:
    """The modules of the gateway and of mitmproxy of which there is no compiled one: a container cannot keep any."""
    [packages] = installed.glob("lib/python3.*/site-packages")
    modules = [each for name in ("gateway", "addons", "mitmproxy") for each in (packages / name).rglob("*.py")]
    assert len(modules) > 500
    tag = sys.implementation.cache_tag
    return [str(each) for each in modules if not (each.parent / "__pycache__" / f"{each.stem}.{tag}.pyc").is_file()]


def _copy(names: list[str], folder: Path) -> None:
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".wicketgate"))
        else:
            shutil.copy(ROOT / name, folder / name)


def _step(line: str, folder: Path) -> str:
    """One step of the image in a shell, with the uv of this checkout and a Python like the image's."""
    uv = f'uv() {{ sh "{ROOT}/tools/env.sh" uv --directory "$PWD" "$@"; }}; python() {{ "{sys.executable}" "$@"; }}'
    run = subprocess.run(
        ["sh", "-euc", f"{uv}\n{line}"], check=False, capture_output=True, text=True, cwd=folder, env=CLEAN, timeout=240
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
