"""Every spelling of a host in `hosts.json` has the host it must have, or is refused in the words it must be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.policy.errors import Malformed
from gateway.policy.names import Host

TABLE = json.loads((Path(__file__).parent / "hosts.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("host", "spelling"), [(host, spelling) for host, spellings in TABLE["same"].items() for spelling in spellings]
)
def test_every_spelling_is_the_one_host(host: str, spelling: str) -> None:
    assert host == Host.parse(spelling).text


@pytest.mark.parametrize(
    ("sentence", "spelling"),
    [(sentence, spelling) for sentence, spellings in TABLE["refused"].items() for spelling in spellings],
)
def test_what_is_no_host_is_refused_in_plain_words(sentence: str, spelling: str) -> None:
    with pytest.raises(Malformed) as refusal:
        Host.parse(spelling)

    assert sentence in str(refusal.value)
    assert str(refusal.value).isprintable()
