from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.policy_files import cases_beside, open_policy, read_source
from gateway.policy.model import Mode
from gateway.policy.problems import Invalid

NOW = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
POLICY = """
version: 1
default: {action: allow}
lists: {ads: {type: domain, format: hosts, file: lists/ads.hosts}}
rules: [{id: no-ads, action: deny, reason: x, when: {host: {in: ["@ads"]}}}]
exceptions:
  - {id: ex, waives: [no-ads], when: {user: [alice]}, expires: 2026-11-01, owner: o, reason: x}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "ads.hosts").write_text("0.0.0.0 ads.example\n", "utf-8")
    path = tmp_path / "p.yaml"
    path.write_text(POLICY, "utf-8")
    return path


def test_a_policy_is_opened_with_its_lists_and_what_should_be_known_about_it(policy: Path) -> None:
    opened = open_policy(policy, Mode.FORWARD, NOW)

    assert opened.document.name == "p"
    assert opened.lists["ads"].entries == 1
    assert opened.compiled.mode is Mode.FORWARD
    assert [notice.message for notice in opened.notices] == [
        "the exception `ex` has expired on 2026-11-01, renew it or take it out"
    ]


def test_a_list_that_is_missing_is_a_problem(policy: Path) -> None:
    (policy.parent / "lists" / "ads.hosts").unlink()

    with pytest.raises(Invalid) as caught:
        open_policy(policy, Mode.FORWARD, NOW)

    (problem,) = caught.value.problems
    assert problem.path == "lists.ads"
    assert "`lists/ads.hosts`" in problem.message


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="the file cannot be read: no such file or directory"):
        read_source(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("cases", "path"),
    [("a/p.cases.yaml", "a/p.yaml"), ("a/p.cases.yaml", "a/p.cases.yaml"), ("p.cases.yml", "p.yml")],
)
def test_cases_lie_beside_their_policy(cases: str, path: str) -> None:
    assert Path(cases) == cases_beside(Path(path))
