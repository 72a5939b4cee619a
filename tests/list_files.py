"""Reading list files in tests: what a text means in a format, in words that a table can hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.lists.gather import Gathered, gather_names, gather_networks
from gateway.lists.load import LoadedLists, load_lists
from gateway.policy.addresses import Network
from gateway.policy.language.clauses import Guard, ListDocument, NameEntry
from gateway.policy.language.conditions import ListRef
from gateway.policy.names import Host
from gateway.policy.problems import Place

if TYPE_CHECKING:
    from gateway.lists.lines import Reader

KEY = b"sixteen secret b"
REAL_LISTS: Final = Path(__file__).parents[2] / "shared" / "data"
"""Lists as their makers publish them, where they are at hand."""
SAMPLES: Final = Path(__file__).parent / "data" / "lists"
"""Small lists of the same shapes."""

NOW: Final = 1_795_000_000.0
DAY: Final = 86_400.0
PLACE: Final = Place("policies/corporate.yaml", 14, 40)

ADS: Final = ListDocument(name="ads", type="domain", format="plain", file="lists/ads.txt", match="under", place=PLACE)
DROP: Final = ListDocument(name="drop", type="network", format="netset", file="lists/drop.netset", place=PLACE)
OFFICE: Final = ListDocument(name="office", type="network", items=(Network.parse("10.0.0.0/8"),), place=PLACE)
NEVER_CORP: Final = Guard(never_contains=(NameEntry("under", Host.parse("corp.example")),))
NEVER_OFFICE: Final = Guard(never_contains=(ListRef("office"),))


class Folder:
    """A policy's folder and the directory of its last good copies."""

    def __init__(self, root: Path) -> None:
        self.base, self.kept = root / "policies", root / "state" / "lists"

    def write(self, file: str | None, text: str, *, age: float = 0.0) -> Path:
        """A list file of this age."""
        path = self.base / str(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (NOW - age, NOW - age))
        return path

    def load(self, *documents: ListDocument, before: LoadedLists | None = None) -> LoadedLists:
        """Load these lists, and fall back on the last good copies."""
        return load_lists({each.name: each for each in documents}, self.base, self.kept, NOW, before)

    def load_afresh(self, *documents: ListDocument) -> LoadedLists:
        """Load these lists with no copy to fall back on."""
        for copy in self.kept.iterdir():
            copy.unlink()
        return self.load(*documents)


def said(loaded: LoadedLists) -> tuple[list[str], list[str]]:
    """Problems and notices as people read them."""
    return [str(each) for each in loaded.problems], [str(each) for each in loaded.notices]


def published(file: str) -> Path:
    """A list as its maker publishes it; where it is not at hand, a small one of the same shape."""
    real = REAL_LISTS / file
    return real if real.exists() else SAMPLES / file


def names_in(text: str | bytes, reader: Reader) -> Gathered:
    """What a domain list holds."""
    return gather_names(text if isinstance(text, bytes) else text.encode(), reader, KEY, ())


def networks_in(text: str | bytes, reader: Reader) -> Gathered:
    """What a network list holds."""
    return gather_networks(text if isinstance(text, bytes) else text.encode(), reader)


def listed(gathered: Gathered, *hosts: str) -> list[bool]:
    """Which of the hosts are on the list."""
    assert gathered.domains is not None
    return [gathered.domains.find(Host.parse(host)) is not None for host in hosts]


def texts(gathered: Gathered) -> set[str]:
    """The networks of a list."""
    assert gathered.networks is not None
    return {str(network) for network in gathered.networks}


def database(*, nodes: int = 1) -> bytes:
    """A MaxMind database of IPv4 addresses in which no address is found, by the format's specification 2.0."""
    tree = b"".join(nodes.to_bytes(3, "big") * 2 for _ in range(nodes))
    described: dict[str, bytes] = {
        "binary_format_major_version": _uint(5, 2),
        "binary_format_minor_version": _uint(5, 0),
        "build_epoch": b"\x04\x02" + (1_790_000_000).to_bytes(4, "big"),
        "database_type": _text("Test-Country"),
        "description": b"\xe0",
        "ip_version": _uint(5, 4),
        "languages": b"\x00\x04",
        "node_count": _uint(6, nodes),
        "record_size": _uint(5, 24),
    }
    head = bytes([0xE0 | len(described)]) + b"".join(_text(name) + value for name, value in described.items())
    return tree + bytes(16) + _text("empty") + b"\xab\xcd\xefMaxMind.com" + head


def _uint(kind: int, number: int) -> bytes:
    size = (number.bit_length() + 7) // 8
    return bytes([kind << 5 | size]) + number.to_bytes(size, "big")


def _text(text: str) -> bytes:
    size = len(text)
    return (bytes([0x40 | size]) if size < 29 else bytes([0x5D, size - 29])) + text.encode()
