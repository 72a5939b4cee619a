"""A record that is text already: it was written down as such because a dictionary of it would have cost more."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """`body` is the record without its opening brace, as `encoding.body` gives it.

    `must` says that it may not be left out under `deny_only` (`intake.must_be_recorded`).
    """

    body: bytes
    must: bool
