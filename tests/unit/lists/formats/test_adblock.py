from __future__ import annotations

import pytest

from gateway.lists.formats import adblock
from tests.list_files import listed, names_in, published


@pytest.mark.parametrize(
    ("found", "rules"),
    [
        ([True, True], "||ads.example^"),
        ([True, True], "  ||ADS.example^\r"),
        ([False, False], "||ads.example^\n@@||ads.example^"),
        ([True, False], "||ads.example^\n@@||www.ads.example^"),
        ([False, False], "@@||ads.example^"),
    ],
)
def test_a_name_is_listed_with_all_below_it_unless_it_is_exempt(found: list[bool], rules: str) -> None:
    gathered = names_in(f"{rules}\n", adblock.reader())

    assert found == listed(gathered, "ads.example", "www.ads.example")
    assert (gathered.oddities.wrong, gathered.oddities.skipped) == (0, 0)


@pytest.mark.parametrize(
    "rule",
    [
        "||ads.example^$third-party",
        "||ads.example^$important",
        "||ads.example/banner",
        "||ads.example^path",
        "||ads.example",
        "||*.ads.example^",
        "||ads.example:8080^",
        "|https://ads.example^",
        "@@||ads.example^$document",
        "ads.example##.banner",
        "##.banner",
        "###banner",
        "/banner[0-9]+/",
        "ads.example",
        "&ad_box_",
    ],
)
def test_a_rule_that_says_more_than_a_name_is_left_out_and_counted(rule: str) -> None:
    gathered = names_in(f"||good.example^\n{rule}\n", adblock.reader())

    assert (gathered.oddities.skipped, gathered.oddities.wrong) == (1, 0)
    assert (2, f"`{rule}`") == gathered.oddities.first_skipped
    assert listed(gathered, "good.example", "ads.example", "www.ads.example") == [True, False, False]
    assert gathered.domains is not None
    assert (len(gathered.domains), gathered.domains.exemptions) == (1, 0)


@pytest.mark.parametrize("line", ["! ||ads.example^", "[Adblock Plus 2.0]", "# ads", "#", "", "!"])
def test_comments_say_nothing(line: str) -> None:
    gathered = names_in(f"{line}\n", adblock.reader())

    assert (gathered.entries, gathered.oddities.skipped, gathered.oddities.wrong) == (0, 0, 0)


@pytest.mark.parametrize(("host", "rule"), [("1.2.3.4", "||1.2.3.4^"), ("2001:db8::1", "||[2001:db8::1]^")])
def test_a_rule_may_name_an_address(host: str, rule: str) -> None:
    assert listed(names_in(f"{rule}\n", adblock.reader()), host, "5.6.7.8") == [True, False]


def test_a_rule_for_what_is_no_host_is_wrong() -> None:
    gathered = names_in("||ads..example^\n", adblock.reader())

    assert (gathered.entries, gathered.oddities.wrong) == (0, 1)
    assert "empty parts" in gathered.oddities.first_wrong[0][1]


def test_a_published_list_is_read_without_a_wrong_line() -> None:
    content = published("adblock-tracking.txt").read_bytes()
    gathered = names_in(content, adblock.reader())

    assert (gathered.oddities.wrong, gathered.oddities.skipped) == (0, 0)
    assert gathered.entries == len({line for line in content.lower().splitlines() if line.startswith(b"||")})
    assert listed(gathered, "_analytics.synonym.to", "a.telemetry_ads.msn.com", "msn.com") == [True, True, False]
