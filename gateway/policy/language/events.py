"""PyYAML's pure-Python event stream, and nothing else of PyYAML: no resolver, no constructor, no C library.

The package's own front door imports all of those, the C parser among them, which dies of a segmentation fault on deep
nesting. Its scanner and parser are therefore imported under a private name, past that door. A side effect is that a
command which reads a policy starts in half the time.

What the stream itself objects to is told in the words of `syntax.py`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRIVATE_NAME: Final = "gateway.policy._pyyaml"


class SyntaxProblem(Exception):  # noqa: N818 - a problem of the file, raised only to leave the stream
    """The stream cannot go on. Lines and columns count from 0; `begun` is where the broken construct begins."""

    def __init__(self, context: str, problem: str, at: tuple[int, int] | None, begun: tuple[int, int] | None) -> None:
        self.context = context
        self.problem = problem
        self.at = at
        self.begun = begun
        super().__init__(problem)


def events(text: str) -> Iterator[Any]:
    """Every event of `text`, in order; raises SyntaxProblem where the text stops to be YAML."""
    stream_class, error_class = _stream()
    stream = stream_class(text)
    try:
        while stream.check_event():
            yield stream.get_event()
    except error_class as error:
        raise SyntaxProblem(
            getattr(error, "context", None) or "",
            getattr(error, "problem", None) or "",
            _line_and_column(getattr(error, "problem_mark", None)),
            _line_and_column(getattr(error, "context_mark", None)),
        ) from None
    except (ValueError, OverflowError):  # `"\UFFFFFFFF"` names no character; the scanner asks `chr` all the same
        raise SyntaxProblem("", "no such character", (stream.line, stream.column), None) from None


def _line_and_column(mark: Any) -> tuple[int, int] | None:
    return None if mark is None else (mark.line, mark.column)


@cache
def _stream() -> tuple[Any, type[Exception]]:
    parser, scanner, reader, error = (_module(name) for name in ("parser", "scanner", "reader", "error"))

    class Stream(reader.Reader, scanner.Scanner, parser.Parser):  # type: ignore[misc,name-defined]  # made of PyYAML's parts
        def __init__(self, text: str) -> None:
            reader.Reader.__init__(self, text)
            scanner.Scanner.__init__(self)
            parser.Parser.__init__(self)

    return Stream, error.YAMLError


def _module(name: str) -> Any:
    if _PRIVATE_NAME not in sys.modules:
        package = ModuleType(_PRIVATE_NAME)
        package.__path__ = list(getattr(importlib.util.find_spec("yaml"), "submodule_search_locations", ()))
        sys.modules[_PRIVATE_NAME] = package
    return importlib.import_module(f"{_PRIVATE_NAME}.{name}")
