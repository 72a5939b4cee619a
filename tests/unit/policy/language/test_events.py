from __future__ import annotations

import subprocess
import sys

import pytest

from gateway.policy.language.events import SyntaxProblem, events


def test_a_text_is_a_stream_of_events() -> None:
    kinds = [type(event).__name__ for event in events("a: [b]")]

    assert kinds == [
        "StreamStartEvent",
        "DocumentStartEvent",
        "MappingStartEvent",
        "ScalarEvent",
        "SequenceStartEvent",
        "ScalarEvent",
        "SequenceEndEvent",
        "MappingEndEvent",
        "DocumentEndEvent",
        "StreamEndEvent",
    ]


@pytest.mark.parametrize(
    ("at", "begun", "text"),
    [
        ((0, 4), None, "a: b: c"),
        ((1, 0), (0, 3), "a: [b\n"),
        ((0, 6), None, '"\\UFFFFFFFF"'),  # the scanner itself falls over this one
    ],
)
def test_broken_yaml_ends_the_stream_with_its_place(
    at: tuple[int, int], begun: tuple[int, int] | None, text: str
) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        list(events(text))

    assert caught.value.at is not None
    assert (at[0], begun) == (caught.value.at[0], caught.value.begun)


def test_neither_the_c_parser_nor_any_constructor_is_ever_loaded() -> None:
    script = """
import sys
from gateway.policy.language.events import events
list(events("a: 1"))
print(sorted(m.rpartition(".")[2] for m in sys.modules if "yaml" in m))
"""
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert run.stdout.strip() == "['_pyyaml', 'error', 'events', 'parser', 'reader', 'scanner', 'tokens']"
