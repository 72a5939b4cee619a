from __future__ import annotations

import pytest

from tests.unit.config.objections import FORWARD, objections, read


@pytest.mark.parametrize(
    ("said", "audit"),
    [
        ("audit.client_address: `hashed` is unknown here", "client_address: hashed"),
        ("audit.client_keys: only `client_address: keyed` has keys, leave it out", "client_keys: 3"),
        ("audit.query_values[0]: `token` proves who somebody is or where they are", "query_values: [token]"),
        ("audit.field_values[1]: `Cookie` proves who somebody is", "field_values: [user-agent, Cookie]"),
        ("audit.field_values[0]: field name `a b`: only letters", 'field_values: ["a b"]'),
    ],
)
def test_what_no_record_may_say_is_refused(said: str, audit: str) -> None:
    (told,) = objections(f"listeners: [{FORWARD}]\naudit: {{{audit}}}")

    assert told.lower().startswith(said.lower())


def test_what_records_say_can_be_chosen() -> None:
    audit = "{client_address: keyed, client_keys: 6, query_values: [page], field_values: [User-Agent]}"

    settings = read(f"listeners: [{FORWARD}]\naudit: {audit}").audit.disclosure

    assert (settings.client_address, settings.client_keys) == ("keyed", 6)
    assert (settings.query_values, settings.field_values) == (frozenset({"page"}), frozenset({"user-agent"}))
