from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.config.load import read_settings
from gateway.config.sections.answering import with_body_from
from gateway.config.settings import RouteSettings
from gateway.policy.problems import Invalid, Place
from gateway.upstreams.answers import MOST_BODY, FixedResponse, Redirect
from tests.unit.config.objections import REVERSE, objections, read

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.policy.problems import Problem
    from gateway.upstreams.answers import OwnAnswer


def answering(route: str) -> str:
    return f"listeners: [{REVERSE}routes: [{route}]}}]"


@pytest.mark.parametrize(
    ("answer", "route"),
    [
        (Redirect(308, "https://shop.example"), '{redirect: {to: "https://shop.example"}}'),
        (Redirect(301, "", "/new", None, keeps_query=False), "{redirect: {to: /new, status: 301, keep: nothing}}"),
        (
            FixedResponse(503, b"Back at noon", "text/plain; charset=utf-8"),
            "{respond: {status: 503, body: Back at noon}}",
        ),
        (
            FixedResponse(200, "<p>é\n".encode(), "text/html; charset=utf-8"),
            '{respond: {status: 200, body: "<p>é\\n", type: text/html; charset=utf-8}}',
        ),
        (FixedResponse(204), "{respond: {status: 204}}"),
        (FixedResponse(404), "{respond: {status: 404}}"),
    ],
)
def test_a_route_answers_by_itself(answer: OwnAnswer, route: str) -> None:
    (found,) = read(answering(route)).listeners[0].routes

    assert (found.answer, found.upstream) == (answer, "")


@pytest.mark.parametrize(
    ("said", "route"),
    [
        ("redirect: `to` is missing, here belongs a URL, like `https://shop.example`", "{redirect: {}}"),
        (
            "redirect.status: `300` is unknown here, did you mean `308`?",
            "{redirect: {to: /, status: 300}}",
        ),
        (
            "redirect: `//a.example`: write the path in its canonical form, `/a.example`",
            "{redirect: {to: //a.example}}",
        ),
        (
            "respond: status `302` leads elsewhere, write `redirect` in the place of `respond`",
            "{respond: {status: 302}}",
        ),
        ("respond: status `405` needs a field `Allow`, which a fixed response has not", "{respond: {status: 405}}"),
        ("respond: an answer with status `204` has no body, leave it out", "{respond: {status: 204, body: x}}"),
        ("respond.status: `100` cannot stand here, here belongs a status, like `503`", "{respond: {status: 100}}"),
        (
            "respond: `body` and `file` cannot stand together: an answer has one body",
            "{respond: {status: 200, body: x, file: y}}",
        ),
        (
            "respond: `type` needs `body` or `file` beside it: without a body there is nothing to name",
            "{respond: {status: 200, type: a/b}}",
        ),
        (
            "respond.type: `html` is no media type, write one like `text/html; charset=utf-8`",
            "{respond: {status: 200, body: x, type: html}}",
        ),
        ("respond.body: a list cannot stand here, here belongs a text", "{respond: {status: 200, body: []}}"),
        (
            "respond.body: the text is longer than 65536 characters, put it into a `file`",
            f"{{respond: {{status: 200, body: {'x' * 65_537}}}}}",
        ),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused_with_the_way_out(said: str, route: str) -> None:
    assert objections(answering(route)) == [f"listeners[0].routes[0].{said}"]


def test_a_body_is_read_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "noon.html").write_bytes(b"<p>noon")
    text = "version: 1\n" + answering("{respond: {status: 503, file: noon.html, type: text/html}}")
    (found,) = read_settings(text, "w.yaml", tmp_path).listeners[0].routes

    assert (found.answer, found.body) == (FixedResponse(503, b"<p>noon", "text/html"), tmp_path / "noon.html")


def test_a_file_that_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    text = "version: 1\n" + answering("{respond: {status: 503, file: gone.html}}")

    with pytest.raises(Invalid, match=r"w.yaml:2:\d+  respond.file: `.*` cannot be read: no such file or directory"):
        read_settings(text, "w.yaml", tmp_path)


def test_a_body_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (MOST_BODY + 1))
    problems: list[Problem] = []
    route = RouteSettings(answer=FixedResponse(200, b"", "a/b"), body=tmp_path / "large", place=Place("w.yaml", 3, 9))
    with_body_from(tmp_path, route, problems)

    assert [problem.message.endswith("is larger than 1048576 bytes") for problem in problems] == [True]
    assert with_body_from(tmp_path, replace(route, body=None), problems).answer == route.answer
