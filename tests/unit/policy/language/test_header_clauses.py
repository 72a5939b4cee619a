from __future__ import annotations

import pytest

from gateway.policy.headers import FieldPattern, HeaderEdit
from gateway.policy.language.clauses import HeaderDocument
from gateway.policy.language.conditions import Condition
from tests.reading import objections, policy


def patterns(*names: str) -> tuple[FieldPattern, ...]:
    return tuple(FieldPattern.parse(name) for name in names)


@pytest.mark.parametrize(
    ("wanted", "yaml"),
    [
        (
            HeaderDocument(
                request=HeaderEdit(remove=patterns("X-Forwarded-For", "Via", "X-Internal-*")),
                response=HeaderEdit(remove=patterns("Server")),
            ),
            '{request: {remove: [X-Forwarded-For, Via, "X-Internal-*"]}, response: {remove: [Server]}}',
        ),
        (
            HeaderDocument(
                id="team",
                when=(Condition("scheme", "in", ("https",)),),
                response=HeaderEdit(set=(("X-Team", "red"), ("X-Number", "7")), add=(("Vary", "a"), ("Vary", "b"))),
            ),
            "{id: team, when: {scheme: [https]}, response: {set: {X-Team: red, X-Number: 7}, add: {Vary: [a, b]}}}",
        ),
        (
            HeaderDocument(
                response=HeaderEdit(remove=patterns("Server")), when=(Condition("response.type", "in", ("text/html",)),)
            ),
            "{when: {response.type: [text/html]}, response: {remove: [Server]}}",
        ),
    ],
)
def test_fields_are_removed_set_and_added(wanted: HeaderDocument, yaml: str) -> None:
    assert policy(f"headers: [{yaml}]").headers == (wanted,)


FRAMING = "says where a message goes or ends, the gateway writes it itself"
HOP = "concerns one connection and is never forwarded, leave it out"
OWN = "is a field of the gateway itself, choose another name"


@pytest.mark.parametrize("operation", ["set", "add"])
@pytest.mark.parametrize(
    ("said", "name"),
    [
        (FRAMING, "Host"),
        (FRAMING, "content-length"),
        (FRAMING, "Transfer-Encoding"),
        (HOP, "Connection"),
        (HOP, "Upgrade"),
        (HOP, "TE"),
        (HOP, "Proxy-Authorization"),
        (OWN, "Wicketgate-Decision"),
        (OWN, "wicketgate_decision"),
        (OWN, "Proxy-Status"),
    ],
)
def test_fields_that_are_the_gateways_own_cannot_be_written(operation: str, said: str, name: str) -> None:
    assert objections(f"headers: [{{request: {{{operation}: {{{name}: x}}}}}}]") == [
        f"headers[0].request.{operation}.{name}: `{name}` {said}"
    ]


@pytest.mark.parametrize(
    ("said", "pattern"),
    [
        ("`*` would remove every field, name them or a common beginning, like `X-Internal-*`", '"*"'),
        ("`Host` would remove `host`, without which the message cannot be read", "Host"),
        ("`Content-*` would remove `content-length`, without which the message cannot be read", '"Content-*"'),
        ("`t*` would remove `transfer-encoding`, without which the message cannot be read", '"t*"'),
        ("field pattern `*-Id`: `*` stands only at the end, after the start of a name", '"*-Id"'),
    ],
)
def test_what_a_message_needs_cannot_be_removed(said: str, pattern: str) -> None:
    assert objections(f"headers: [{{response: {{remove: [{pattern}]}}}}]") == [f"headers[0].response.remove[0]: {said}"]


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (": one of `request`, `response` is missing: without them nothing is edited", "{id: x}"),
        (".request: one of `remove`, `set`, `add` is missing: an edit without them changes nothing", "{request: {}}"),
        (".request: unknown key `delete`, known are `remove`, `set`, `add`", "{request: {delete: [a], set: {a: b}}}"),
        (
            ".request.set: the group is empty, here belong fields, like `{X-Team: red}`",
            "{request: {set: {}}}",
        ),
        (
            ".request.set: a list cannot stand here, here belong fields, like `{X-Team: red}`",
            "{request: {set: [a]}}",
        ),
        (".request.set.X-A: nothing is no value of a field, here belongs a text", "{request: {set: {X-A: }}}"),
        (
            ".request.set.X-A: this is no value of a field: it holds a line feed",
            '{request: {set: {X-A: "a\\nb"}}}',
        ),
        (
            ".request.set.X A: field name `X A`: only letters, digits and !#$%&'*+-.^_|~ are allowed",
            "{request: {set: {X A: b}}}",
        ),
        (".request: field `x-a`: it is set twice, use `add` for a second value", "{request: {set: {X-A: [a, b]}}}"),
        (".request: field `x-a`: it is set twice, use `add` for a second value", "{request: {set: {X-A: a, x_a: b}}}"),
        (
            ": the request is sent before `response.status` is known, edit only the `response` here",
            "{when: {response.status: [404]}, request: {remove: [A]}}",
        ),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_with_the_way_out(said: str, yaml: str) -> None:
    assert [f"headers[0]{said}"] == objections(f"headers: [{yaml}]")


def test_a_value_that_yaml_refuses_is_complained_about_once() -> None:
    said = objections("headers: [{request: {set: {X-A: &x b}}}]")

    assert len(said) == 1
    assert "anchors and aliases" in said[0]


def test_a_secret_in_a_value_that_cannot_be_sent_is_not_repeated() -> None:
    said = objections('headers: [{request: {set: {Authorization: "hunter2\\n"}}}]')

    assert said == ["headers[0].request.set.Authorization: this is no value of a field: it holds a line feed"]
