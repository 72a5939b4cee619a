from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.cli.list_files import found_in, of_configuration, of_policies, told_of
from gateway.cli.outcome import Unusable
from gateway.policy.names import Host

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """
version: 1
name: p
default: {action: allow}
lists: {ads: {type: domain, file: ads.txt, match: under}, gone: {type: domain, file: gone.txt, match: is}}
rules: [{id: no-ads, action: deny, reason: r, when: {host: {in: ["@ads", "@gone"]}}}]
"""
CONFIGURATION = """
version: 1
state: state
listeners: [{name: egress, mode: forward, bind: "127.0.0.1:8080", policy: p.yaml}]
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "wicketgate.yaml").write_text(CONFIGURATION)
    (tmp_path / "ads.txt").write_text("ads.example\n")
    return tmp_path


def test_the_lists_of_a_policy_are_asked_and_those_that_cannot_be_are_named(written: Path) -> None:
    lists = of_policies([written / "p.yaml"])
    found = found_in(lists, Host.parse("www.ads.example"))

    (held,) = found["found"]
    assert (held["listener"], held["name"], held["used_by"]) == (str(written / "p.yaml"), "ads", ["no-ads"])
    assert found["looked_at"] == 2
    assert "file `gone.txt` is missing" in found["problems"][0]
    assert [each["entries"] for each in told_of(lists)["lists"]] == [1, 0]


def test_the_lists_of_a_configuration_go_by_their_listener_and_leave_its_state_alone(written: Path) -> None:
    state, lists = of_configuration(written / "wicketgate.yaml")

    assert [each.listener for each in lists] == ["egress"]
    assert not state.exists()


@pytest.mark.parametrize(("file", "text"), [("p.yaml", "version: 2\n"), ("missing.yaml", None)])
def test_a_policy_that_cannot_be_read_is_no_use(file: str, text: str | None, written: Path) -> None:
    if text is not None:
        (written / file).write_text(text)

    with pytest.raises(Unusable, match=file):
        of_policies([written / file])
