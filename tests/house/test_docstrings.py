from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.house.sources import PRODUCT, modules, name, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEAST_WORDS = 3


def test_every_module_says_its_idea_in_its_head() -> None:
    assert [name(path) for path in modules(*PRODUCT) if not _says_something(ast.get_docstring(tree(path)))] == []


def test_every_public_name_says_what_it_means() -> None:
    undocumented = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in modules(*PRODUCT)
        for node in _public(tree(path))
        if not _says_something(ast.get_docstring(node))
    ]

    assert undocumented == []


def _says_something(docstring: str | None) -> bool:
    return docstring is not None and len(docstring.split()) >= LEAST_WORDS


def _public(body: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in body.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if any(isinstance(mark, ast.Name) and mark.id in {"overload", "override"} for mark in node.decorator_list):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _public(node)


def test_the_search_for_public_names_finds_methods_and_leaves_private_ones_alone() -> None:
    source = "class A:\n    def seen(self): ...\n    def _hidden(self): ...\ndef also_seen(): ...\ndef _not(): ...\n"

    assert [node.name for node in _public(ast.parse(source))] == ["A", "seen", "also_seen"]


def test_test_names_are_sentences() -> None:
    short: list[str] = []
    for path in _test_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                short += [f"{name(path)}:{node.lineno} {node.name}"] * (node.name.count("_") < LEAST_WORDS)

    assert short == []


def _test_files() -> list[Path]:
    return [path for path in modules("tests") if path.name.startswith("test_")]
