from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.cells import HEAD, NONE, Cells
from tests.unit.limits.stages import PLAN, memory_of

STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 11)), max_size=80)


def name(number: int) -> bytes:
    """Names of which many share a bucket."""
    return (number % 3).to_bytes(4, "little") + bytes(11) + bytes([number + 1])


@given(steps=STEPS)
def test_it_holds_what_a_dictionary_of_that_size_would(steps: list[tuple[bool, int]]) -> None:
    model: dict[bytes, bytes] = {}
    with memory_of() as memory, memory:
        cells = Cells(memory, PLAN.rates, PLAN.cells, 24)
        for adds, number in steps:
            cell, held = cells.find(name(number)), bytes([number]) * 24
            assert (cell != NONE) is (name(number) in model)
            if adds and cell == NONE:
                added = cells.add(name(number), number, held)
                assert (added == NONE) is (len(model) == PLAN.cells)
                if added != NONE:
                    model[name(number)] = held
            elif not adds and cell != NONE:
                cells.remove(cell)
                del model[name(number)]
        found = {memory.view[cell + 8 : cell + HEAD]: memory.view[cell + HEAD : cell + HEAD + 24] for cell in cells}

        assert found == model
        assert cells.used == len(model)


def test_a_cell_knows_its_limit_and_its_number() -> None:
    with memory_of() as memory, memory:
        cells = Cells(memory, PLAN.rates, PLAN.cells, 24)
        added = [cells.add(name(at), 100 + at, bytes(24)) for at in range(4)]

        assert [cells.limit(cell) for cell in added] == [100, 101, 102, 103]
        assert [cells.numbered(cells.number(cell)) for cell in added] == added
        assert [cells.number(cell) for cell in added] == [1, 2, 3, 4]
