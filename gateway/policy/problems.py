"""What is wrong with a file: a place, a path inside the file, a sentence. All of a file's problems travel together.

A sentence is written for the person who edits the file: lower case, the offending text in backticks, the way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: line and column count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding. `path` leads to it inside the file (`rules[2].when`) and is empty for the file as a whole."""

    place: Place
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}  {self.path}: {self.message}" if self.path else f"{self.place}  {self.message}"


class Invalid(Exception):  # noqa: N818 - the word is the verdict on a file, and reads so where it is caught
    """A file that cannot be used, with every problem found in it, in the order of their places."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
