from __future__ import annotations

import pytest

from gateway.lists.formats import netset
from tests.list_files import networks_in, published, texts


@pytest.mark.parametrize(
    ("network", "line"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("10.0.0.0/8", "  10.0.0.0/8\t# office\r"),
        ("10.0.0.0/8", "10.0.0.0/8 ; office"),
        ("2001:db8::/32", "2001:DB8::/32"),
        ("2001:db8::1/128", "2001:db8::1 # host"),
        ("10.0.0.0/8", "::ffff:10.0.0.0/104"),
    ],
)
def test_a_line_is_a_network_or_an_address(network: str, line: str) -> None:
    gathered = networks_in(f"{line}\n", netset.reader())

    assert ({network}, 0) == (texts(gathered), gathered.oddities.wrong)


@pytest.mark.parametrize("line", ["", "# 10.0.0.0/8", "; 10.0.0.0/8", " \t\r"])
def test_comments_and_empty_lines_say_nothing(line: str) -> None:
    gathered = networks_in(f"{line}\n", netset.reader())

    assert (gathered.entries, gathered.oddities.wrong) == (0, 0)


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("`10.0.0.1/8` has host bits set, use `10.0.0.0/8`", "10.0.0.1/8"),
        ("`2001:db8::1/32` has host bits set, use `2001:db8::/32`", "2001:db8::1/32"),
        ("the prefix length is out of range", "10.0.0.0/33"),
        ("write the prefix length as a plain number", "10.0.0.0/08"),
        ("write the prefix length as a plain number", "10.0.0.0/255.0.0.0"),
        ("is not an IP address", "010.0.0.1"),
        ("is not an IP address", "10.0.0"),
        ("is not an IP address", "ads.example"),
        ("zone id", "fe80::1%eth0"),
    ],
)
def test_a_line_that_is_no_network_is_a_problem_however_many_are_good(why: str, line: str) -> None:
    good = "".join(f"10.{number >> 8}.{number & 255}.0/24\n" for number in range(1_000))

    gathered = networks_in(f"{good}{line}\n{good}", netset.reader())

    (problem,) = gathered.oddities.problems(gathered.entries, tolerant=False)
    assert problem.startswith("line 1001: ")
    assert why in problem
    assert gathered.entries == 1_000


def test_the_first_twenty_problems_are_named_and_the_others_counted() -> None:
    gathered = networks_in("nonsense\n" * 1_234, netset.reader())

    problems = list(gathered.oddities.problems(gathered.entries, tolerant=False))

    assert [f"line {line}" for line in range(1, 21)] == [problem.partition(":")[0] for problem in problems[:20]]
    assert problems[20:] == ["1,214 more lines are wrong, is it of another format?"]


def test_a_published_list_of_addresses_is_read_whole() -> None:
    content = published("addresses-ipsum.txt").read_bytes()
    gathered = networks_in(content, netset.reader())

    written = {line.decode() for line in content.splitlines() if line and not line.startswith(b"#")}
    assert ({f"{address}/32" for address in written}, 0) == (texts(gathered), gathered.oddities.wrong)


def test_a_published_list_of_networks_is_read_whole() -> None:
    content = published("networks.netset").read_bytes()
    gathered = networks_in(content, netset.reader())

    written = {line.decode() for line in content.splitlines() if line and not line.startswith(b"#")}
    assert (written, 0) == (texts(gathered), gathered.oddities.wrong)
