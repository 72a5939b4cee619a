"""Names in list files: the slow and exact reading of one, and the fast one of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.lists.findings import Names, Wrong
from gateway.lists.lines import NAME_LENGTH
from gateway.policy.errors import Malformed
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.lists.findings import Finding
    from gateway.policy.domains import Reach


def read_name(text: str, reach: Reach, *, exempt: bool = False) -> Names | Wrong:
    """One name in any spelling of a host, an address included, which reaches nothing but itself."""
    try:
        host = Host.parse(text)
    except Malformed as error:
        return Wrong(str(error))
    return Names(reach, [host.text.encode()], exempt)


def names_of(reach: Reach) -> Callable[[list[bytes]], list[Finding] | None]:
    """Reads many plain names that all reach equally far."""

    def several(names: list[bytes]) -> list[Finding] | None:
        return None if overlong(names) else [Names(reach, names)]

    return several


def overlong(names: list[bytes]) -> bool:
    """Whether a name has more bytes than a name may have."""
    return max(map(len, names), default=0) > NAME_LENGTH
