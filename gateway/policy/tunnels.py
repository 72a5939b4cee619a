"""Tunnels that are passed on unread: what is known of them, and what is said when they may not be."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gateway.policy.model import UNKNOWN, Facts, Missing

RAW_TUNNEL: Final = "A tunnel that is neither TLS nor HTTP needs a rule that allows `protocol: [tcp]`"
"""What a client is told whose tunnel holds something else."""

UNREAD: Final = "TLS to this place is to be inspected, and this tunnel is passed on unread"
"""Why a tunnel that was spliced cannot stay."""


def unread(facts: Facts) -> tuple[Facts, bool]:
    """The facts of a tunnel that is passed on unread, and whether nobody knows that it holds TLS."""
    encrypted = not isinstance(facts.tls_inspected, Missing)
    scheme = "https" if encrypted and facts.scheme is UNKNOWN else facts.scheme
    return replace(facts, protocol="tcp", scheme=scheme), not encrypted
