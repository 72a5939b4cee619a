from __future__ import annotations

import pytest

from gateway.lists.reading import read_items
from gateway.policy.addresses import Network
from gateway.policy.language.clauses import ListDocument
from gateway.policy.lists import ListContent
from gateway.policy.names import Host
from tests.list_files import KEY

NAMES = ListDocument(name="ads", type="domain", items=(Host.parse("ads.example"),), match="under")
NETWORKS = ListDocument(name="drop", type="network", items=(Network.parse("192.0.2.0/24"),))


@pytest.mark.parametrize(
    ("entry", "document", "subject"),
    [
        ("ads.example", NAMES, "www.ads.example"),
        (None, NAMES, "example"),
        (None, NAMES, "192.0.2.1"),
        ("192.0.2.0/24", NETWORKS, "192.0.2.1"),
        ("192.0.2.0/24", NETWORKS, "0xc0000201"),
        ("192.0.2.0/24", NETWORKS, "64:ff9b::c000:201"),
        (None, NETWORKS, "192.0.3.1"),
        (None, NETWORKS, "ads.example"),
    ],
)
def test_a_subject_is_found_as_a_rule_would_find_it(entry: str | None, document: ListDocument, subject: str) -> None:
    assert read_items(document, KEY).find(Host.parse(subject)) == entry


def test_a_name_takes_eight_bytes_and_a_database_none() -> None:
    database = ListContent(name="geo", type="database", entries=1_000, digest="sha256:00")

    assert read_items(NAMES, KEY).memory == 8
    assert 32 < read_items(NETWORKS, KEY).memory < 1_000
    assert (database.memory, database.find(Host.parse("192.0.2.1"))) == (0, None)
