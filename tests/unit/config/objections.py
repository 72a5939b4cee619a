"""What the reader of settings objects to, and the smallest settings to try it with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.load import read_settings
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from gateway.config.settings import Settings

FORWARD: Final = "{name: a, mode: forward, bind: 127.0.0.1:1, policy: p}"
REVERSE: Final = "{name: a, mode: reverse, bind: 127.0.0.1:1, policy: p, "
APP: Final = 'upstreams: {app: {servers: [{url: "http://127.0.0.1:8000"}]}}\n'


def read(yaml: str) -> Settings:
    """The settings of a file of this text, version line aside."""
    return read_settings("version: 1\n" + yaml, "w.yaml", Path("base"))


def objections(yaml: str) -> list[str]:
    """Every objection to a file of this text, version line aside."""
    try:
        read(yaml)
    except Invalid as invalid:
        return [f"{problem.path}: {problem.message}".removeprefix(": ") for problem in invalid.problems]
    return []
