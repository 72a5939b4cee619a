from __future__ import annotations

import pytest

from gateway.lists.formats import hosts
from gateway.policy.domains import Reach
from tests.list_files import listed, names_in, published

HEAD = """\
127.0.0.1 localhost
127.0.0.1 localhost.localdomain
127.0.0.1\tlocal
255.255.255.255 broadcasthost
::1 localhost
::1 ip6-localhost ip6-loopback
fe80::1%lo0 localhost
ff02::1 ip6-allnodes
0.0.0.0 0.0.0.0
"""


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ([True, False], "0.0.0.0 ads.example"),
        ([True, False], "127.0.0.1\tads.example # tracker"),
        ([True, False], "  ::1   ADS.example\r"),
        ([True, False], ":: ads.example"),
        ([True, False], "0 ads.example"),
        ([True, True], "0.0.0.0 ads.example spam.example"),
        ([True, True], "0.0.0.0 localhost ads.example spam.example"),
    ],
)
def test_names_that_are_sent_nowhere_are_entries(found: list[bool], line: str) -> None:
    gathered = names_in(f"{line}\n", hosts.reader(Reach.IS))

    assert (sum(found), 0) == (gathered.entries, gathered.oddities.wrong)
    assert found == listed(gathered, "ads.example", "spam.example")


def test_what_every_hosts_file_begins_with_is_no_entry() -> None:
    gathered = names_in(HEAD + "0.0.0.0 ads.example\n", hosts.reader(Reach.IS))

    assert (gathered.entries, gathered.oddities.wrong) == (1, 0)
    assert listed(gathered, "localhost", "localhost.localdomain", "0.0.0.0", "ads.example") == [
        False,
        False,
        False,
        True,
    ]


def test_a_name_that_only_begins_like_localhost_is_an_entry() -> None:
    gathered = names_in("0.0.0.0 localhost.ads.example\n0.0.0.0 localhosts.example\n", hosts.reader(Reach.IS))

    assert listed(gathered, "localhost.ads.example", "localhosts.example") == [True, True]


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("`ads.example`: the address is missing", "ads.example"),
        ("`intranet.example` is sent to `10.0.0.5`", "10.0.0.5 intranet.example"),
        ("is not allowed", "0.0.0.0 a(b.example"),
    ],
)
def test_other_lines_are_wrong(why: str, line: str) -> None:
    gathered = names_in(f"0.0.0.0 good.example\n{line}\n", hosts.reader(Reach.IS))

    assert (gathered.entries, gathered.oddities.wrong) == (1, 1)
    assert why in gathered.oddities.first_wrong[0][1]
    assert gathered.oddities.first_wrong[0][0] == 2


def test_a_hosts_name_means_no_name_below_it_unless_the_policy_says_so() -> None:
    line = "0.0.0.0 ads.example\n"

    assert listed(names_in(line, hosts.reader(Reach.IS)), "www.ads.example") == [False]
    assert listed(names_in(line, hosts.reader(Reach.UNDER)), "www.ads.example") == [True]


def test_a_published_list_is_read_without_a_wrong_line() -> None:
    content = published("hosts-basic.txt").read_bytes()
    gathered = names_in(content, hosts.reader(Reach.IS))

    written = {line.split()[1] for line in content.lower().splitlines() if line.startswith(b"0.0.0.0 ")} - {b"0.0.0.0"}
    assert (gathered.entries, gathered.oddities.wrong) == (len(written), 0)
    assert listed(gathered, "0.0.0.0.hpyrdr.com", "hpyrdr.com.example", "0.0.0.0") == [True, False, False]
