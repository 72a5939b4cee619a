from __future__ import annotations

import pytest

from gateway.lists.findings import Names, Prefixes, Skipped, Unusable, Wrong
from gateway.lists.formats import adblock, netset, plain
from gateway.lists.gather import SHOWN, Oddities, gather_names
from gateway.policy.domains import Reach
from tests.list_files import KEY, listed, names_in, networks_in, texts


def oddities(*, wrong: int) -> Oddities:
    """So many wrong lines."""
    noted = Oddities()
    for line in range(1, wrong + 1):
        noted.note(line, Wrong(f"odd {line}"))
    return noted


@pytest.mark.parametrize(
    ("believed", "wrong", "entries"),
    [
        (True, 0, 0),
        (True, 1, 99),
        (False, 1, 98),
        (False, 1, 0),
        (True, 10, 990),
        (False, 11, 990),
        (True, 500, 100_000),
    ],
)
def test_a_list_of_names_is_forgiven_one_wrong_line_in_a_hundred(*, believed: bool, wrong: int, entries: int) -> None:
    noted = oddities(wrong=wrong)

    assert (list(noted.problems(entries, tolerant=True)) == []) is believed
    assert (list(noted.problems(entries, tolerant=False)) == []) is (wrong == 0)


@pytest.mark.parametrize(
    ("others", "wrong"),
    [
        ([], SHOWN - 1),
        ([], SHOWN),
        (["1 more line is wrong, is it of another format?"], SHOWN + 1),
        (["1,214 more lines are wrong, is it of another format?"], 1_234),
    ],
)
def test_the_first_problems_are_shown_and_the_others_counted(others: list[str], wrong: int) -> None:
    told = list(oddities(wrong=wrong).problems(0, tolerant=True))

    assert told == [*(f"line {line}: odd {line}" for line in range(1, min(wrong, SHOWN) + 1)), *others]


def test_a_file_that_denies_itself_is_never_forgiven() -> None:
    noted = Oddities()
    noted.note(9, Unusable("it may be cut off"))
    noted.unusable.append((0, "is no database"))

    told = ["line 9: it may be cut off", "is no database"]
    assert told == list(noted.problems(10**6, tolerant=True)) == list(noted.problems(10**6, tolerant=False))


@pytest.mark.parametrize(
    ("told", "findings"),
    [
        ([], []),
        (["1 line is no host and left out, the first is line 1: odd"], [Wrong("odd")]),
        (["2 lines are no host and left out, the first is line 1: odd"], [Wrong("odd"), Wrong("odder")]),
        (["1 line is more than a name and left out, the first is line 1: `/ad/`"], [Skipped("`/ad/`")]),
        (
            [
                "1 line is no host and left out, the first is line 2: odd",
                "2 lines are more than a name and left out, the first is line 1: `/ad/`",
            ],
            [Skipped("`/ad/`"), Wrong("odd"), Skipped("##.ad")],
        ),
    ],
)
def test_what_is_left_out_is_told_with_its_first_line(told: list[str], findings: list[Wrong | Skipped]) -> None:
    noted = Oddities()
    for line, finding in enumerate(findings, 1):
        noted.note(line, finding)

    assert list(noted.notices()) == told


@pytest.mark.parametrize("entry", [Names(Reach.IS, [b"a.example"]), Prefixes(4, 8, [10])])
def test_an_entry_is_never_noted_as_an_oddity(entry: Names | Prefixes) -> None:
    with pytest.raises(TypeError, match="an entry is no oddity"):
        Oddities().note(1, entry)


def test_an_entry_counts_once_however_often_it_is_written() -> None:
    names = names_in("a.example\nA.example.\nb.example\n", plain.reader(Reach.IS))
    networks = networks_in("10.0.0.0/8\n10.0.0.0/8\n10.1.0.0/16\n2001:db8::/32\n", netset.reader())

    assert (names.entries, networks.entries) == (2, 3)
    assert texts(networks) == {"10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"}


@pytest.mark.parametrize(("wrong", "content"), [(0, ""), (0, "# none\n"), (1, "nonsense\n")])
def test_a_file_without_an_entry_is_an_empty_list(wrong: int, content: str) -> None:
    gathered = networks_in(content, netset.reader())

    assert (gathered.entries, gathered.oddities.wrong) == (0, wrong)


@pytest.mark.parametrize(
    ("seen", "watched"),
    [
        (set(), ()),
        ({"corp.example", "mail.corp.example", "badcorp.example"}, ("corp.example",)),
        ({"ads.test"}, ("ads.test", "other.example")),
    ],
)
def test_entries_that_end_like_a_watched_name_are_seen(seen: set[str], watched: tuple[str, ...]) -> None:
    content = b"||corp.example^\n||mail.corp.example^\n||badcorp.example^\n||ads.test^\n@@||www.corp.example^\n"

    gathered = gather_names(content, adblock.reader(), KEY, watched)

    assert gathered.seen == seen
    assert listed(gathered, "corp.example", "www.corp.example", "www.ads.test") == [True, False, True]


def test_a_wrong_line_takes_no_entry_with_it() -> None:
    gathered = names_in("a.example\na b\nb.example\n", plain.reader(Reach.UNDER))

    assert (gathered.oddities.wrong, gathered.oddities.first_wrong[0][0]) == (1, 2)
    assert listed(gathered, "a.example", "x.b.example", "c.example") == [True, True, False]
