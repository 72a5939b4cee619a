"""The table of the forward proxy is read strictly, is large, and its page says what is in it."""

from __future__ import annotations

import re

import pytest

from gateway.policy.model import Reason
from tests.conformance.hellos import Hello
from tests.conformance.summary import PAGE, page
from tests.conformance.table import FOLDER, BadTable, Reach, Want, parse, subjects, unescaped, wire

LEAST_ROWS = 400

ROW = """
subject: A subject
about: Some words
want: {status: 403, reason: guardrail, rule: builtin-special}
places:
  target: {send: 'GET http://{x}/ HTTP/1.1\\r\\n\\r\\n'}
rows:
"""


def test_a_spelling_is_a_row_at_every_place_where_it_may_stand() -> None:
    text = (
        ROW.replace("rows:", "  connect: {send: 'CONNECT {x}:443'}\nrows:")
        + "- {id: a, why: b, x: c, at: [target, connect]}"
    )
    first, second = parse(text, "file").rows

    assert (first.name, first.steps) == ("file/a@target", ("GET http://c/ HTTP/1.1\r\n\r\n",))
    assert (second.name, second.steps) == ("file/a@connect", ("CONNECT c:443",))
    assert first.wants == (Want(403, Reason.GUARDRAIL, "builtin-special"),)
    assert (first.reaches, first.asks) == (None, ())


def test_a_row_may_say_it_all_by_itself() -> None:
    text = (
        ROW + "- {id: a, why: b, send: ['x', {crumbs: 'y'}], asks: [c.example], want: {closed: true, reason: default}}"
    )
    (row,) = parse(text, "file").rows

    assert row.steps == ("x", {"crumbs": "y"})
    assert row.wants == (Want(None, Reason.DEFAULT),)
    assert (row.reaches, row.asks) == (None, ("c.example",))


def test_what_is_allowed_says_what_the_origin_gets() -> None:
    want = "want: {status: 200, reason: allowed-by-default}, reaches: {requests: ['x'], lacks: ['\\xff']}"
    (row,) = parse(f"{ROW}- {{id: a, why: b, send: c, {want}}}", "file").rows

    assert (row.reaches, row.asks) == (Reach(("x",), (), ("\xff",)), None)


@pytest.mark.parametrize(
    ("problem", "row"),
    [
        ("nobody reads the key `wants`", "{id: a, why: b, send: c, wants: {}}"),
        ("nobody reads the key `reson`", "{id: a, why: b, send: c, want: {status: 400, reson: x}}"),
        ("a row has an id of small letters and hyphens, and a why", "{id: A, why: b, send: c}"),
        ("a row has an id of small letters and hyphens, and a why", "{id: a, send: c}"),
        ("a row says either what it sends, or at which places", "{id: a, why: b}"),
        ("a row says either what it sends, or at which places", "{id: a, why: b, x: c, send: d, at: [target]}"),
        ("the place `elsewhere` is unknown", "{id: a, why: b, x: c, at: [elsewhere]}"),
        ("nothing that is sent holds its `x`", "{id: a, why: b, x: c, send: d}"),
        (
            "an exchange ends with a status or with a closed connection",
            "{id: a, why: b, send: c, want: {reason: default}}",
        ),
        ("what is refused reaches nothing", "{id: a, why: b, send: c, reaches: {requests: []}}"),
        ("is no escape of the table", "{id: a, why: b, send: 'c\\q'}"),
        ("the id `a` stands twice", "{id: a, why: b, send: c}\n- {id: a, why: b, send: c}"),
        ("is not a valid Reason", "{id: a, why: b, send: c, want: {status: 400, reason: because}}"),
    ],
)
def test_a_row_that_says_something_that_nobody_looks_at_is_refused(problem: str, row: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        parse(f"{ROW}- {row}", "file")


def test_bad_tables_are_named_as_such() -> None:
    with pytest.raises(BadTable, match="file: place target: here belong keys and values"):
        parse(ROW.replace("{send: 'GET http://{x}/ HTTP/1.1\\r\\n\\r\\n'}", "text"), "file")


def test_escapes_are_bytes_and_everything_else_is_what_it_is() -> None:
    assert wire(unescaped(r"a\r\n\t\0\\\x80")) == b"a\r\n\t\x00\\\x80"
    assert wire("\u2460\xff") == b"\xe2\x91\xa0\xff"


def test_a_hello_is_cut_into_as_many_records_as_it_says() -> None:
    whole, cut = Hello(names=("a.example",)).raw, Hello(names=("a.example",), records=3).raw

    assert (whole[0], cut[0], len(cut) - len(whole)) == (0x16, 0x16, 10)
    assert b"a.example" in whole


def test_every_row_has_a_name_of_its_own_and_there_are_many() -> None:
    names = [row.name for subject in subjects() for row in subject.rows]

    assert len(names) == len(set(names))
    assert len(names) >= LEAST_ROWS


def test_every_policy_of_the_table_is_asked() -> None:
    asked = {row.policy for subject in subjects() for row in subject.rows}

    assert {path.stem for path in (FOLDER / "policies").glob("*.yaml")} == asked


def test_the_page_about_the_table_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python -m tests.conformance.summary`"
