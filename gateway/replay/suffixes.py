"""Under which names a domain belongs to one owner, so that what lies below it may be taken together.

A public suffix (`co.uk`, `vercel.app`) has many owners, and so has every name that public suffixes lie below
(`amazonaws.com`): neither is ever taken for one. Source: the Public Suffix List, https://publicsuffix.org/.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from gateway.policy.errors import Malformed
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publicsuffixlist import PublicSuffixList


def owned_parents(name: str) -> tuple[str, ...]:
    """The names above `name` that belong to whom it belongs to, the longest first; none for an address."""
    try:
        host = Host.parse(name)
    except Malformed:
        return ()
    if host.address is not None:
        return ()
    return tuple(parent for parent in host.parents() if parent != host.text and is_owned(parent))


def is_owned(name: str) -> bool:
    """Whether a name and all below it have one owner."""
    return name not in _shared() and _list().privatesuffix(name) is not None


@cache
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - a tenth of a second, that only learning needs

    return PublicSuffixList()


@cache
def _shared() -> frozenset[str]:
    """The names that public suffixes lie below."""
    return frozenset(parent for suffix in _suffixes() for parent in suffix.parents() if parent != suffix.text)


def _suffixes() -> Iterator[Host]:
    text = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text("utf-8")
    for line in text.splitlines():
        rule = line.strip().removeprefix("!").replace("*.", "any.")
        if rule and not rule.startswith("//"):
            try:
                yield Host.parse(rule)
            except Malformed:
                continue  # a rule for names that no request can have
