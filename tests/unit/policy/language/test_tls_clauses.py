from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.policy.language.clauses import SpliceDocument, TlsDocument
from gateway.policy.language.conditions import Condition
from gateway.policy.language.tls_clauses import AFTER_HELLO
from gateway.policy.language.vocabulary import VOCABULARY, WITH_ARGUMENT
from gateway.policy.names import Host
from tests.reading import objections, policy

if TYPE_CHECKING:
    from gateway.policy.model import FactName

BANK = (Condition("host", "under", (Host.parse("bank.example"),)),)


@pytest.mark.parametrize(
    ("wanted", "yaml"),
    [
        (TlsDocument(inspect="all"), "{inspect: all}"),
        (TlsDocument(inspect="none"), "{inspect: none}"),
        (TlsDocument(inspect=BANK), "{inspect: {host: {under: [bank.example]}}}"),
        (
            TlsDocument(splice=(SpliceDocument(id="s", reason="Privacy", when=BANK),)),
            "{splice: [{id: s, reason: Privacy, when: {host: {under: [bank.example]}}}]}",
        ),
        (TlsDocument(), "{splice: []}"),
    ],
)
def test_tunnels_are_opened_or_passed_through(wanted: TlsDocument, yaml: str) -> None:
    assert policy(f"tls: {yaml}").tls == wanted


def test_without_a_word_on_it_every_tunnel_is_opened() -> None:
    assert policy("").tls == TlsDocument(inspect="all")


@pytest.mark.parametrize("fact", sorted(AFTER_HELLO))
def test_what_is_not_known_when_a_tunnel_is_opened_is_no_condition_on_it(fact: FactName) -> None:
    spelling = f"{fact}.x" if fact in WITH_ARGUMENT else str(fact)
    block = f"{{{spelling}: {VOCABULARY[fact].example}}}"
    sentence = f"`{spelling}` is not known yet when a tunnel is opened, ask for `host`, `client.ip` or `user`"

    assert objections(f"tls: {{inspect: {block}}}") == [f"tls.inspect: {sentence}"]
    assert objections(f"tls: {{splice: [{{id: s, reason: x, not: {block}}}]}}") == [f"tls.splice[0]: {sentence}"]


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        ("tls.inspect: `some` is unknown here, known are `all`, `none`", "{inspect: some}"),
        (
            (
                "tls.inspect: a list cannot stand here, here belongs `all`, `none`, or conditions like "
                "`{host: {under: [example.com]}}`"
            ),
            "{inspect: [all]}",
        ),
        (
            "tls.splice[0]: one of `when`, `not`, `any` is missing: without conditions it would be about every request",
            "{splice: [{id: s, reason: x}]}",
        ),
        ("tls: unknown key `bypass`, known are `inspect`, `splice`", "{bypass: []}"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_way_out(said: str, yaml: str) -> None:
    assert [said] == objections(f"tls: {yaml}")
