"""The table of the reverse gateway is large, names nothing twice, and asks every backend in every way."""

from __future__ import annotations

import pytest

from tests.conformance.guarded import BACKENDS, FACES
from tests.conformance.table import REVERSE, Reach, parse, subjects

LEAST_ROWS = 300

ROW = """
subject: A subject
about: Some words
want: {status: 200, reason: allowed-by-default}
places:
  target: {backends: [h11, nginx], send: 'GET {x}', gets: {has: ['{y}']}, reaches: {requests: ['GET {y}']}}
rows:
- {id: a, why: b, x: '/c/../d', y: /d, at: [target]}
"""


def test_a_row_is_one_for_every_backend_and_says_what_comes_of_it() -> None:
    first, second = parse(ROW, "file").rows

    assert (first.name, second.name) == ("file/a@target+h11", "file/a@target+nginx")
    assert (first.listener, second.listener) == ("egress-h11", "egress-nginx")
    assert (first.steps, first.reaches, first.gets.has) == (("GET /c/../d",), Reach(("GET /d",)), ("/d",))


@pytest.mark.parametrize(("said", "is_cut", "is_answered"), [("status", False, True), ("cut", True, False)])
def test_an_answer_may_be_cut(said: str, is_cut: bool, is_answered: bool) -> None:  # noqa: FBT001 - the wanted values of a table's row
    row = parse(ROW.replace("{status: 200", f"{{{said}: 200"), "file").rows[0]

    assert [(want.status, want.is_cut, want.is_answered) for want in row.wants] == [(200, is_cut, is_answered)]


def test_every_row_has_a_name_of_its_own_and_there_are_many() -> None:
    names = [row.name for subject in subjects(REVERSE) for row in subject.rows]

    assert len(names) == len(set(names))
    assert len(names) >= LEAST_ROWS


def test_every_face_every_backend_and_every_policy_is_asked() -> None:
    rows = [row for subject in subjects(REVERSE) for row in subject.rows]

    assert {row.policy for row in rows} == set(FACES)
    assert {row.backend for row in rows} == set(BACKENDS)
    assert {path.stem for path in (REVERSE / "policies").glob("*.yaml")} == {face.policy for face in FACES.values()}
