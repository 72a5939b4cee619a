"""What both ends of a load know."""

from __future__ import annotations

from typing import Final

HOST: Final = "localhost"
"""The name in every certificate."""
BLOCKED: Final = "ads.example"
"""A host that the shipped policy `corporate` refuses, and that every other proxy is told to refuse."""
BIG: Final = 20_000_000
"""Bytes of `/big`."""
