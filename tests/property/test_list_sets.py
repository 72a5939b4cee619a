"""Laws of the sets of names and networks, and of the files that they are read from."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.lists.formats import adblock, hosts, netset, plain, rpz
from gateway.lists.lines import BLOCK, Reader
from gateway.policy.addresses import Address, Network
from gateway.policy.domains import DomainGathering, Reach
from gateway.policy.errors import Malformed
from gateway.policy.names import Host
from gateway.policy.networks import AddressSet
from tests.list_files import KEY, names_in, networks_in, texts

LABELS = st.sampled_from(["a", "b", "ads", "x-1", "_d", "7"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "example"]))
ENTRIES = st.lists(st.tuples(st.sampled_from(list(Reach)), NAMES, st.booleans()), max_size=12)
LISTED = [line.format(name="ads.example") for line in ("0.0.0.0 {name}", "||{name}^", "{name} CNAME .", "{name}")]

# What lists are made of, put together so that most lines are nearly right.
WORDS = st.sampled_from(
    [
        "0.0.0.0",
        "127.0.0.1",
        "ads.example",
        "ADS.example.",
        "1.2.3.4",
        "0x7f.1",
        "a.0x1g",
        "a.123",
        "xn--bcher-kva.example",
        "xn--zzzzzz99.example",
        "localhost",
        "localhost.example",
        "-a.example",
        "a-.b--c.example",
        "a..b",
        "a" * 64,
        ".".join(["a" * 63] * 4),
        "*.ads.example",
        "bücher.example",
        "\u2024.example",
        "||ads.example^",
        "@@||b.example^",
        "CNAME",
        "IN",
        "300",
        ".",
        "10.0.0.0/8",
        "10.0.0.1/8",
        "10.0.0.0/08",
        "256.0.0.0/8",
        "2001:db8::/32",
        "#",
        "!",
        ";",
        "32.1.2.0.192.rpz-ip",
    ]
)
SPACES = st.sampled_from([" ", "  ", "\t", ""])
LINES = st.lists(st.tuples(SPACES, WORDS).map("".join), min_size=1, max_size=4).flatmap(
    lambda words: st.sampled_from(["", "\r", " # note"]).map(lambda end: "".join(words) + end)
)


def slowly(reader: Reader) -> Reader:
    """The same reader without its short cut."""
    return Reader(reader.pattern, lambda _: None, reader.one)


def is_listed(host: str, reach: Reach, entry: str) -> bool:
    """What an entry means, said without hashes."""
    below = host.endswith(f".{entry}")
    return {Reach.IS: host == entry, Reach.UNDER: host == entry or below, Reach.BELOW: below}[reach]


@given(entries=ENTRIES, host=NAMES)
def test_a_set_of_names_answers_as_its_entries_do_one_by_one(entries: list[tuple[Reach, str, bool]], host: str) -> None:
    gathering = DomainGathering(KEY)
    for reach, name, exempt in entries:
        gathering.add(reach, [name.encode()], exempt=exempt)

    listed = any(is_listed(host, reach, name) for reach, name, exempt in entries if not exempt)
    exempted = any(is_listed(host, reach, name) for reach, name, exempt in entries if exempt)
    found = gathering.done().find(Host.parse(host))

    assert (found is not None) is (listed and not exempted)
    assert found is None or any(found == name for _, name, exempt in entries if not exempt)


@given(entries=ENTRIES, host=NAMES)
def test_the_order_of_entries_means_nothing(entries: list[tuple[Reach, str, bool]], host: str) -> None:
    answers = []
    for ordered in (entries, entries[::-1]):
        gathering = DomainGathering(KEY)
        for reach, name, exempt in ordered:
            gathering.add(reach, [name.encode()], exempt=exempt)
        domains = gathering.done()
        answers.append((domains.find(Host.parse(host)), len(domains)))

    assert answers[0] == answers[1]


SHORT_V4 = st.builds(
    lambda value, length: (value >> 32 - length << 32 - length, length),
    st.integers(0, 255).map(lambda byte: byte << 24 | byte),
    st.integers(0, 32),
)
NETWORKS = st.lists(SHORT_V4.map(lambda pair: Network(4, *pair)), max_size=12)
ADDRESSES = st.integers(0, 255).map(lambda byte: Address(4, byte << 24 | byte))


@given(networks=NETWORKS, address=ADDRESSES)
def test_a_set_of_networks_finds_the_narrowest_that_holds_the_address(
    networks: list[Network], address: Address
) -> None:
    holding = [network for network in networks if address in network]

    assert max(holding, key=lambda network: network.length, default=None) == AddressSet.of(networks).find(address)


@given(some=NETWORKS, others=NETWORKS)
def test_two_sets_overlap_if_and_only_if_an_address_is_in_both(some: list[Network], others: list[Network]) -> None:
    first = [Address(4, network.value) for network in (*some, *others)]
    shared = any(any(a in one for one in some) and any(a in one for one in others) for a in first)

    assert shared is (AddressSet.of(some).overlap(AddressSet.of(others)) is not None)


def readers() -> list[Reader]:
    """A fresh reader of every format of names."""
    return [plain.reader(Reach.IS), hosts.reader(Reach.IS), adblock.reader(), rpz.reader()]


@given(lines=st.lists(LINES, max_size=8))
@example(lines=LISTED)
@example(lines=[f"0.0.0.0 {'.'.join(['a' * 63] * 4)}", "0.0.0.0 ads.example"])
def test_the_short_cut_reads_names_as_the_long_way_does(lines: list[str]) -> None:
    text = "\n".join(lines)
    hosts_to_ask = {"ads.example", "www.ads.example", "localhost", "1.2.3.4", "0.0.0.0", "a.0x1g", "300"}
    for word in text.split():
        try:
            hosts_to_ask.add(Host.parse(word.strip("|^@")).text)
        except Malformed:
            continue

    for fast, slow in zip(readers(), map(slowly, readers()), strict=True):
        one, other = names_in(text, fast), names_in(text, slow)
        assert one.domains is not None
        assert other.domains is not None
        asked = [Host.parse(host) for host in hosts_to_ask]
        assert [one.domains.find(host) for host in asked] == [other.domains.find(host) for host in asked]
        assert one.entries == other.entries
        assert one.oddities == other.oddities


@given(lines=st.lists(LINES, max_size=8))
@example(lines=["10.0.0.0/8", "10.0.0.1/8"])
def test_the_short_cut_reads_networks_as_the_long_way_does(lines: list[str]) -> None:
    text = "\n".join(lines)

    one, other = networks_in(text, netset.reader()), networks_in(text, slowly(netset.reader()))

    assert texts(one) == texts(other)
    assert one.oddities == other.oddities


@given(lines=st.lists(LINES, max_size=8), ends=st.sampled_from(["", "\n", "\n\n"]))
def test_a_line_is_read_alike_at_any_place_of_a_long_file(lines: list[str], ends: str) -> None:
    padding = ("# " + "x" * 997 + "\n") * (BLOCK // 1000 + 1)
    text = "\n".join(lines)

    near, far = networks_in(text, netset.reader()), networks_in(padding + text + ends, netset.reader())

    assert texts(near) == texts(far)
    moved = [(line + padding.count("\n"), why) for line, why in near.oddities.first_wrong]
    assert moved == far.oddities.first_wrong


@given(content=st.binary(max_size=300))
def test_no_bytes_are_too_odd_to_be_read(content: bytes) -> None:
    for reader in readers():
        gathered = names_in(content, reader)
        assert gathered.entries + gathered.oddities.wrong + gathered.oddities.skipped <= content.count(b"\n") + 1 + len(
            content
        )
    assert networks_in(content, netset.reader()).entries <= len(content)
