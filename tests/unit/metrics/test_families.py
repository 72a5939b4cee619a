from __future__ import annotations

import re

import pytest

from gateway.metrics.families import BOUNDS, FAMILIES, Family, Kind

NAME = re.compile(r"wicketgate(_[a-z]+)+")
LABEL = re.compile(r"[a-z]+(_[a-z]+)*")
RESERVED = {"le", "quantile", "job", "instance", "host", "path", "client", "user", "method"}
"""Labels that Prometheus fills in itself, and words of clients, of which there is no end."""


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_name_follows_the_conventions(family: Family) -> None:
    assert NAME.fullmatch(family.name)
    assert family.name.endswith("_total") is (family.kind is Kind.COUNTER)
    assert not family.name.endswith(
        ("_count", "_sum", "_bucket", "_created", "_milliseconds", "_ms", "_kb", "_minutes")
    )
    assert not re.search(r"_(counter|gauge|histogram)(_|$)", family.name)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_label_is_a_word_of_the_gateway_and_never_of_a_client(family: Family) -> None:
    assert all(LABEL.fullmatch(label) for label in family.labels)
    assert RESERVED & set(family.labels) == set()
    assert len(set(family.labels)) == len(family.labels)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_family_says_what_it_means(family: Family) -> None:
    assert len(family.help.split()) >= 3
    assert not family.help.endswith(".")


def test_times_are_held_in_microseconds_and_everything_else_as_it_is() -> None:
    grains = {family.unit: family.grain for family in FAMILIES.values()}

    assert grains == {"": 1, "bytes": 1, "seconds": 1_000_000}


def test_buckets_rise_from_one_to_the_next() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))
