from __future__ import annotations

from heapq import heapify, heappop, heappush, heapreplace

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.queue import Queue
from tests.unit.limits.stages import PLAN, memory_of

STEPS = st.lists(
    st.tuples(st.sampled_from(["push", "pop", "postpone"]), st.integers(0, 1 << 70), st.integers(0, 2**32 - 1)),
    max_size=60,
)


@given(steps=STEPS)
def test_it_keeps_the_order_of_a_heap(steps: list[tuple[str, int, int]]) -> None:
    model: list[tuple[int, int]] = []
    with memory_of() as memory, memory:
        queue = Queue(memory, PLAN.queue)
        for what, when, number in steps:
            latest = min(when, (1 << 64) - 1)
            if what == "push" and len(model) < PLAN.cells:
                queue.push(when, number)
                heappush(model, (latest, number))
            elif what == "pop" and model:
                queue.pop()
                heappop(model)
            elif what == "postpone" and model:
                queue.postpone(when)
                heapreplace(model, (latest, model[0][1]))
            heapify(model)
            assert queue.first() == (model[0] if model else None)
