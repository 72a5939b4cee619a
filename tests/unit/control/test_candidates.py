from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.control.candidates import Source, prepare
from gateway.policy.model import Mode
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from pathlib import Path

POLICY = (
    "version: 1\ndefault: {action: allow}\nrules:\n  - {id: r, action: deny, reason: x, when: {path: {is: [/a]}}}\n"
)
CASES = (
    "policy: api.yaml\nmode: reverse\ngiven: {client.ip: 192.0.2.1}\n"
    "cases:\n  - {name: a, url: 'http://x.example/a', expect: deny, rule: r}\n"
)


def source(folder: Path, mode: Mode = Mode.REVERSE) -> Source:
    return Source(file=folder / "api.yaml", mode=mode, own=frozenset(), kept_lists=folder / "kept")


def test_a_candidate_holds_the_policy_and_the_bytes_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(POLICY)

    candidate = prepare(source(tmp_path), 0.0, None)

    assert (candidate.policy.name, candidate.policy.mode, candidate.text) == ("api", Mode.REVERSE, POLICY.encode())


def test_text_that_is_given_stands_in_for_the_file(tmp_path: Path) -> None:
    given = POLICY.replace("/a", "/b").encode()

    assert prepare(source(tmp_path), 0.0, None, given).text == given


def test_the_cases_lie_beside_the_policy(tmp_path: Path) -> None:
    assert source(tmp_path).cases == tmp_path / "api.cases.yaml"


@pytest.mark.parametrize("mode", [Mode.REVERSE, Mode.FORWARD])
def test_cases_are_asked_in_the_mode_that_they_name(mode: Mode, tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(POLICY)
    (tmp_path / "api.cases.yaml").write_text(CASES)

    assert prepare(source(tmp_path, mode), 0.0, None).policy.mode is mode


def test_every_failing_case_is_told(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(POLICY.replace("/a", "/b"))
    (tmp_path / "api.cases.yaml").write_text(CASES + "  - {name: b, url: 'http://x.example/b', expect: allow}\n")

    with pytest.raises(Invalid) as caught:
        prepare(source(tmp_path), 0.0, None)

    assert [problem.message.partition(" wants")[0] for problem in caught.value.problems] == ["case `a`", "case `b`"]


def test_cases_that_cannot_be_read_refuse_the_policy(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(POLICY)
    (tmp_path / "api.cases.yaml").write_text("cases: 7\n")

    with pytest.raises(Invalid, match=r"api\.cases\.yaml:"):
        prepare(source(tmp_path), 0.0, None)
