"""Where in a file an entry stands: a set holds hashes and numbers, and a person wants the line.

The file is read again as it was when it was loaded: block by block, and line by line only where the entry is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.lists.findings import Names, Prefixes
from gateway.lists.lines import read_line, read_lines
from gateway.lists.reading import reader_of
from gateway.policy.addresses import BITS, Network
from gateway.policy.domains import Reach

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.lists.findings import Finding
    from gateway.lists.lines import Reader
    from gateway.policy.language.clauses import ListDocument
    from gateway.policy.names import Host


def line_of(document: ListDocument, content: bytes, entry: str, subject: Host) -> int | None:
    """The line at which an entry stands that puts the subject on the list; None if no line says it by itself."""
    if document.type == "database":
        return None
    wanted = _network(Network.parse(entry)) if document.type == "network" else _name(entry, subject)
    reader = reader_of(document)
    for line, found in read_lines(content, reader):
        if wanted(found):
            return _exactly(content, line, reader, wanted)
    return None


def _exactly(content: bytes, first: int, reader: Reader, wanted: Callable[[Finding], bool]) -> int | None:
    """The line at or behind the `first`: what is found in one go has the number of the first line of its block."""
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if number >= first and line and not line.isspace() and any(map(wanted, read_line(line, reader))):
            return number
    return None


def _name(entry: str, subject: Host) -> Callable[[Finding], bool]:
    name, reaches = entry.encode(), {Reach.UNDER, Reach.IS if entry == subject.text else Reach.BELOW}

    def wanted(found: Finding) -> bool:
        return isinstance(found, Names) and not found.exempt and found.reach in reaches and name in found.names

    return wanted


def _network(network: Network) -> Callable[[Finding], bool]:
    number = network.value >> BITS[network.version] - network.length

    def wanted(found: Finding) -> bool:
        return (
            isinstance(found, Prefixes)
            and (found.version, found.length) == (network.version, network.length)
            and number in found.numbers
        )

    return wanted
