from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.lists.lines import BLOCK
from gateway.lists.looking import line_of
from gateway.policy.names import Host
from tests.list_files import ADS, DROP

if TYPE_CHECKING:
    from gateway.policy.language.clauses import ListDocument

HOSTS = replace(ADS, format="hosts", match="is")
ADBLOCK = replace(ADS, format="adblock", match=None)
ZONE = replace(ADS, format="rpz", match=None)
SPAMHAUS = replace(DROP, format="drop")


@pytest.mark.parametrize(
    ("line", "document", "content", "entry", "subject"),
    [
        (3, ADS, "# a\nother.example\nads.example\nads.example\n", "ads.example", "www.ads.example"),
        (2, ADS, "\ufeffother.example\nADS.Example\n", "ads.example", "ads.example"),
        (2, ADS, "a.example\nb\u00fccher.example\n", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        (2, HOSTS, "127.0.0.1 localhost\n0.0.0.0 other.example ads.example\n", "ads.example", "ads.example"),
        (2, ADBLOCK, "@@||ads.example^\n||ads.example^\n", "ads.example", "x.ads.example"),
        (2, ZONE, "ads.example CNAME .\n*.ads.example CNAME .\n", "ads.example", "x.ads.example"),
        (1, ZONE, "ads.example CNAME .\n*.ads.example CNAME .\n", "ads.example", "ads.example"),
        (2, ZONE, "$ORIGIN rpz.example.\nads.example.rpz.example. CNAME .\n", "ads.example", "ads.example"),
        (2, DROP, "192.0.2.0/25\n192.0.2.0/24 ; SBL1\n", "192.0.2.0/24", "192.0.2.1"),
        (2, DROP, "; none\n2001:db8::/32\n", "2001:db8::/32", "2001:db8::1"),
        (1, SPAMHAUS, '{"cidr":"192.0.2.0/24","sblid":"SBL1"}\n', "192.0.2.0/24", "192.0.2.1"),
        (None, ADS, "other.example\n", "ads.example", "ads.example"),
        (None, HOSTS, "0.0.0.0 ads.example\n", "ads.example", "x.ads.example"),
        (None, replace(ADS, type="database"), "", "DE", "192.0.2.1"),
    ],
)
def test_the_line_is_the_one_that_puts_the_subject_on_the_list(
    line: int | None, document: ListDocument, content: str, entry: str, subject: str
) -> None:
    assert line_of(document, content.encode(), entry, Host.parse(subject)) == line


def test_the_line_is_exact_in_a_file_of_several_blocks() -> None:
    names = [f"n{number}.example" for number in range(2 * BLOCK // 13)]
    wanted = names[-7]

    assert line_of(ADS, "\n".join(names).encode(), wanted, Host.parse(wanted)) == len(names) - 6
