from __future__ import annotations

import pytest

from gateway.lists.findings import Names, Wrong
from gateway.lists.names import names_of, overlong, read_name
from gateway.policy.domains import Reach

LONGEST = b".".join([b"a" * 61] * 4 + [b"abcde"])


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (b"ads.example", "ads.example"),
        (b"ads.example", "ADS.Example."),
        (b"xn--bcher-kva.example", "b\u00fccher.example"),
        (b"_dmarc.example", "_dmarc.example"),
        (b"10.0.0.1", "10.0.0.1"),
        (b"127.0.0.1", "0x7f.1"),
        (b"2001:db8::1", "[2001:DB8::1]"),
        (LONGEST, LONGEST.decode()),
    ],
)
def test_a_name_is_read_in_any_spelling_of_a_host(name: bytes, written: str) -> None:
    assert read_name(written, Reach.UNDER) == Names(Reach.UNDER, [name])
    assert read_name(written, Reach.IS, exempt=True) == Names(Reach.IS, [name], exempt=True)


@pytest.mark.parametrize(
    ("why", "written"),
    [
        ("host `a b`: spaces are not allowed", "a b"),
        ("host `<html>`: `<` is not allowed", "<html>"),
        ("host `a..b`", "a..b"),
        ("host `*.example`", "*.example"),
        (f"host `x{LONGEST.decode()}`", f"x{LONGEST.decode()}"),
    ],
)
def test_what_is_no_host_is_wrong_and_shown(why: str, written: str) -> None:
    found = read_name(written, Reach.IS)

    assert isinstance(found, Wrong)
    assert found.why.startswith(why[:60])


def test_many_names_are_taken_as_they_are_unless_one_is_too_long() -> None:
    names = [b"ads.example", LONGEST]

    assert names_of(Reach.BELOW)(names) == [Names(Reach.BELOW, names)]
    assert names_of(Reach.BELOW)([*names, b"x" + LONGEST]) is None


@pytest.mark.parametrize(("too_long", "names"), [(False, []), (False, [LONGEST]), (True, [b"a", b"x" + LONGEST, b"b"])])
def test_the_longest_name_has_253_bytes(*, too_long: bool, names: list[bytes]) -> None:
    assert overlong(names) is too_long
    assert len(LONGEST) == 253
