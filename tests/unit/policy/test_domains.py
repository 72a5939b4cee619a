from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gateway.policy.domains import DomainGathering, DomainSet, Reach
from gateway.policy.names import Host

KEY = b"sixteen secret b"


def names(
    *,
    listed: dict[Reach, list[str]],
    exempt: dict[Reach, list[str]] | None = None,
    key: bytes = KEY,
) -> DomainSet:
    gathering = DomainGathering(key)
    for reach, texts in listed.items():
        gathering.add(reach, [text.encode() for text in texts])
    for reach, texts in (exempt or {}).items():
        gathering.add(reach, [text.encode() for text in texts], exempt=True)
    return gathering.done()


@pytest.mark.parametrize(
    ("entry", "reach", "host"),
    [
        ("ads.example", Reach.IS, "ads.example"),
        (None, Reach.IS, "www.ads.example"),
        (None, Reach.IS, "example"),
        ("ads.example", Reach.UNDER, "ads.example"),
        ("ads.example", Reach.UNDER, "a.b.ads.example"),
        (None, Reach.UNDER, "badads.example"),
        (None, Reach.UNDER, "example"),
        (None, Reach.BELOW, "ads.example"),
        ("ads.example", Reach.BELOW, "www.ads.example"),
        ("ads.example", Reach.UNDER, "WWW.Ads.Example."),
    ],
)
def test_an_entry_reaches_as_far_as_it_says(entry: str | None, reach: Reach, host: str) -> None:
    assert entry == names(listed={reach: ["ads.example"]}).find(Host.parse(host))


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("ads.example", "ads.example"),
        ("ads.example", "www.ads.example"),
        (None, "good.ads.example"),
        (None, "www.good.ads.example"),
        (None, "exact.ads.example"),
        ("ads.example", "www.exact.ads.example"),
        (None, "www.below.ads.example"),
        ("ads.example", "below.ads.example"),
    ],
)
def test_an_exemption_wins_as_far_as_it_reaches(entry: str | None, host: str) -> None:
    domains = names(
        listed={Reach.UNDER: ["ads.example"], Reach.IS: ["www.good.ads.example"]},
        exempt={
            Reach.UNDER: ["good.ads.example"],
            Reach.IS: ["exact.ads.example"],
            Reach.BELOW: ["below.ads.example"],
        },
    )

    assert entry == domains.find(Host.parse(host))
    assert (len(domains), domains.exemptions) == (2, 3)


@pytest.mark.parametrize("reach", list(Reach))
def test_an_address_has_nothing_below_it(reach: Reach) -> None:
    domains = names(listed={reach: ["8.8.8.8", "8"]})

    found = None if reach is Reach.BELOW else "8.8.8.8"
    assert found == domains.find(Host.parse("8.8.8.8"))
    assert domains.find(Host.parse("1.8.8.8")) is None


def test_the_longest_entry_is_named() -> None:
    domains = names(listed={Reach.UNDER: ["example", "ads.example", "www.ads.example"]})

    assert domains.find(Host.parse("a.www.ads.example")) == "www.ads.example"


def test_a_name_given_twice_is_one_entry() -> None:
    assert len(names(listed={Reach.IS: ["a.example", "b.example", "a.example"]})) == 2


def test_an_empty_set_holds_nothing() -> None:
    assert names(listed={}).find(Host.parse("example")) is None


@pytest.mark.parametrize("size", [1, 255, 5_000])
def test_every_name_is_found_and_no_other(size: int) -> None:
    texts = [f"n{number}.example" for number in range(size)]
    domains = names(listed={Reach.IS: texts})

    assert size == len(domains)
    assert [name for name in texts if domains.find(Host.parse(name)) != name] == []
    assert [name for name in texts if domains.find(Host.parse(f"x{name}")) is not None] == []


@pytest.mark.parametrize("key", [b"", b"fifteen secret "])
def test_a_short_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="16 secret bytes"):
        DomainGathering(key)


def test_the_key_decides_the_hashes_even_if_the_process_has_a_known_one() -> None:
    script = (
        "import sys\n"
        "from gateway.policy.domains import DomainGathering, Reach\n"
        "gathering = DomainGathering(bytes.fromhex(sys.argv[1]))\n"
        "gathering.add(Reach.IS, [b'ads.example'])\n"
        "print(gathering.done()._listed._itself[0][0])"
    )

    def hash_under(key: bytes) -> str:
        return subprocess.run(
            [sys.executable, "-c", script, key.hex()],
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": "."},
            capture_output=True,
            check=True,
            text=True,
        ).stdout

    assert hash_under(b"a" * 16) == hash_under(b"a" * 16)
    assert hash_under(b"a" * 16) != hash_under(b"b" * 16)
