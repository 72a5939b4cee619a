from __future__ import annotations

import pytest

from gateway.lists.formats import rpz
from tests.list_files import listed, names_in

HEAD = """\
$TTL 2h
$ORIGIN rpz.example.
@  IN  SOA  ns.rpz.example. hostmaster.rpz.example. (
        2026112101 ; serial
        3600 900 604800 300 )
   IN  NS   localhost.
; comment
"""
HOSTS = ("ads.example", "www.ads.example")


@pytest.mark.parametrize(
    ("found", "records"),
    [
        ([True, False], "ads.example CNAME ."),
        ([True, False], "ADS.example\t300 IN\tcname . ; tracker"),
        ([True, False], "ads.example.rpz.example. IN CNAME ."),
        ([True, False], "ads.example IN 1h CNAME ."),
        ([False, True], "*.ads.example CNAME ."),
        ([True, True], "ads.example CNAME .\n*.ads.example CNAME ."),
        ([True, False], "ads.example CNAME *."),
        ([True, False], "ads.example CNAME rpz-drop."),
        ([True, False], "*.ads.example CNAME .\nads.example CNAME .\nwww.ads.example CNAME rpz-passthru."),
        ([False, False], "ads.example CNAME .\nads.example CNAME rpz-passthru."),
    ],
)
def test_a_denying_record_lists_its_name_and_a_wildcard_what_is_below(found: list[bool], records: str) -> None:
    gathered = names_in(f"{HEAD}{records}\n", rpz.reader())

    assert found == listed(gathered, *HOSTS)
    assert (gathered.oddities.wrong, gathered.oddities.skipped, gathered.oddities.unusable) == (0, 0, [])


@pytest.mark.parametrize(
    "record",
    [
        "ads.example A 192.0.2.1",
        "ads.example TXT text",
        "ads.example CNAME garden.example.",
        "ads.example CNAME rpz-tcp-only.",
        "32.1.2.0.192.rpz-ip CNAME .",
        "ns.ads.example.rpz-nsdname CNAME .",
        "24.0.2.0.192.rpz-client-ip CNAME .",
        "32.1.2.0.192.rpz-nsip IN CNAME rpz-passthru.",
    ],
)
def test_other_actions_and_triggers_are_left_out_and_counted(record: str) -> None:
    gathered = names_in(f"{HEAD}good.example CNAME .\n{record}\n", rpz.reader())

    assert (gathered.entries, gathered.oddities.skipped, gathered.oddities.wrong) == (1, 1, 0)
    assert listed(gathered, "good.example", *HOSTS) == [True, False, False]


@pytest.mark.parametrize(
    ("why", "record"),
    [
        ("with its name on the same line", "   CNAME ."),
        ("a record is like `name CNAME .`", "ads.example"),
        ("not a name of the zone", "ads.example. CNAME ."),
        ("`*` is not a host", "www.*.ads.example CNAME ."),
    ],
)
def test_a_record_that_cannot_be_read_is_wrong(why: str, record: str) -> None:
    gathered = names_in(f"{HEAD}{record}\n", rpz.reader())

    assert (gathered.entries, gathered.oddities.wrong) == (0, 1)
    line, sentence = gathered.oddities.first_wrong[0]
    assert (line, why in sentence) == (8, True)


@pytest.mark.parametrize(
    ("why", "directive"),
    [
        ("one file is one zone", "$ORIGIN sub.rpz.example."),
        ("write the lines out", "$INCLUDE other.zone"),
        ("write the lines out", "$GENERATE 1-9 ads$.example CNAME ."),
    ],
)
def test_a_zone_that_is_more_than_one_file_is_not_believed(why: str, directive: str) -> None:
    gathered = names_in(f"{HEAD}ads.example CNAME .\n{directive}\n", rpz.reader())

    problems = list(gathered.oddities.problems(gathered.entries, tolerant=True))
    assert len(problems) == 1
    assert why in problems[0]


def test_the_first_record_names_the_zone_if_no_origin_does() -> None:
    zone = "rpz.example. IN SOA ns. host. 1 2 3 4 5\nads.example.rpz.example. CNAME .\n"

    gathered = names_in(zone, rpz.reader())

    assert (listed(gathered, "ads.example")[0], gathered.oddities.wrong) == (True, 0)


def test_the_numbers_inside_an_open_record_are_no_entries() -> None:
    zone = "@ SOA ns. host. (\n ads.example\n 5\n)\nads.example CNAME .\n"

    gathered = names_in(zone, rpz.reader())

    assert (gathered.entries, gathered.oddities.wrong) == (1, 0)
