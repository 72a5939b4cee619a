from __future__ import annotations

import pytest

from gateway.lists.formats import plain
from gateway.policy.domains import Reach
from tests.list_files import listed, names_in


@pytest.mark.parametrize(
    ("host", "line"),
    [
        ("ads.example", "ads.example"),
        ("ads.example", "  ads.example  # tracker"),
        ("ads.example", "ads.example#tracker"),
        ("ads.example", "ADS.Example"),
        ("ads.example", "ads.example.\r"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("_dmarc.ads.example", "_dmarc.ads.example"),
        ("0.0.0.0.ads.example", "0.0.0.0.ads.example"),
        ("com", "com"),
        ("127.0.0.1", "0x7f.1"),
        ("2001:db8::1", "[2001:db8:0::1]"),
    ],
)
def test_a_line_is_a_host_in_any_spelling(host: str, line: str) -> None:
    gathered = names_in(f"{line}\n", plain.reader(Reach.IS))

    assert (gathered.entries, gathered.oddities.wrong) == (1, 0)
    assert listed(gathered, host, "other.example") == [True, False]


@pytest.mark.parametrize("line", ["", "   ", "# ads.example", "\t#", "\r"])
def test_comments_and_empty_lines_say_nothing(line: str) -> None:
    gathered = names_in(f"{line}\n", plain.reader(Reach.IS))

    assert (gathered.entries, gathered.oddities.wrong) == (0, 0)


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("`*` is not a host", "*.ads.example"),
        ("spaces are not allowed", "0.0.0.0 ads.example"),
        ("ends in a number", "1.2.3.4.5"),
        ("at most 63", "a" * 64),
        ("empty parts", "ads..example"),
        ("user information", "user@ads.example"),
    ],
)
def test_a_line_that_is_no_host_is_wrong_and_named(why: str, line: str) -> None:
    gathered = names_in(f"good.example\n\n{line}\n", plain.reader(Reach.IS))

    number, sentence = gathered.oddities.first_wrong[0]
    assert (gathered.entries, gathered.oddities.wrong, number) == (1, 1, 3)
    assert why in sentence


@pytest.mark.parametrize(("found", "reach"), [([True, False], Reach.IS), ([True, True], Reach.UNDER)])
def test_names_reach_as_far_as_the_policy_says(found: list[bool], reach: Reach) -> None:
    assert found == listed(names_in("ads.example\n", plain.reader(reach)), "ads.example", "www.ads.example")
