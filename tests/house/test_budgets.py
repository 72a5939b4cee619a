from __future__ import annotations

from statistics import median

from tests.house.sources import PRODUCT, functions, modules, name

FILE_LINES = 400
MEDIAN_LINES = 150
FUNCTION_LINES = 60


def test_no_file_is_too_long_to_be_read_in_one_go() -> None:
    lengths = {name(path): len(path.read_text("utf-8").splitlines()) for path in modules(*PRODUCT, "tests")}

    assert lengths
    assert {path: lines for path, lines in lengths.items() if lines > FILE_LINES} == {}


def test_the_usual_module_of_the_product_is_small() -> None:
    lengths = [len(path.read_text("utf-8").splitlines()) for path in modules(*PRODUCT) if path.name != "__init__.py"]

    assert median(lengths) <= MEDIAN_LINES


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = {
        f"{name(path)}:{function.lineno} {function.name}": (function.end_lineno or function.lineno)
        - function.lineno
        + 1
        for path in modules(*PRODUCT, "tests")
        for function in functions(path)
    }

    assert lengths
    assert {function: lines for function, lines in lengths.items() if lines > FUNCTION_LINES} == {}
