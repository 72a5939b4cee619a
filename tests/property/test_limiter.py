"""Laws of the limiter, against a model that has the rule and no bound on its memory."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.limits import LimitSpec, LimitTable
from gateway.policy.rates import Limiter, Rate

ADMITTED = 0.0
EPOCH = 1_900_000_000

RATES = st.builds(Rate, amount=st.integers(1, 50), period=st.sampled_from([1.0, 7.0, 60.0]), burst=st.integers(1, 8))
TIMES = st.lists(st.integers(0, 2_500), max_size=120).map(lambda steps: [EPOCH + step / 64 for step in sorted(steps)])
HITS = st.lists(st.tuples(st.integers(0, 2_500), st.integers(0, 4)), max_size=120).map(
    lambda hits: [(EPOCH + step / 64, (key,)) for step, key in sorted(hits)]
)


class Unforgetting:
    """The generic cell rate algorithm in exact fractions, remembering every key for ever."""

    def __init__(self, rate: Rate) -> None:
        self.interval = Fraction(rate.period) / rate.amount
        self.tolerance = self.interval * (rate.burst - 1)
        self.tats: dict[tuple[int], Fraction] = {}

    def hit(self, key: tuple[int], now: float) -> bool:
        tat = max(self.tats.get(key, Fraction(now)), Fraction(now))
        if tat - Fraction(now) > self.tolerance:
            return False
        self.tats[key] = tat + self.interval
        return True

    def busy(self, now: float) -> int:
        return sum(tat > Fraction(now) for tat in self.tats.values())


@given(times=TIMES, rate=RATES)
def test_no_window_ever_admits_more_than_burst_plus_rate(times: list[float], rate: Rate) -> None:
    limiter = Limiter(rate, capacity=1)
    admitted = [Fraction(at) for at in times if limiter.hit(("k",), at) == ADMITTED]

    for i, start in enumerate(admitted):
        for j in range(i, len(admitted)):
            assert j - i + 1 <= rate.burst + (admitted[j] - start) * rate.amount / Fraction(rate.period)


@given(hits=HITS, rate=RATES)
def test_forgetting_never_changes_an_answer(hits: list[tuple[float, tuple[int]]], rate: Rate) -> None:
    limiter, model = Limiter(rate, capacity=5), Unforgetting(rate)

    for now, key in hits:
        assert model.hit(key, now) is (limiter.hit(key, now) == ADMITTED)


@given(hits=HITS, rate=RATES, capacity=st.integers(1, 4))
def test_a_key_is_refused_for_want_of_room_only_if_every_place_is_busy(
    hits: list[tuple[float, tuple[int]]], rate: Rate, capacity: int
) -> None:
    limiter, model = Limiter(rate, capacity), Unforgetting(rate)

    for now, key in hits:
        full = limiter.full(key, now) > 0
        assert full is (model.busy(now) >= capacity and not model.tats.get(key, Fraction(0)) > Fraction(now))
        assert limiter.keys <= capacity
        assert (limiter.hit(key, now) == ADMITTED) is (not full and model.hit(key, now))


@given(hits=HITS, rate=RATES)
def test_whoever_waits_as_told_is_admitted(hits: list[tuple[float, tuple[int]]], rate: Rate) -> None:
    limiter = Limiter(rate, capacity=5)
    rounding = 1e-6  # of seconds since the epoch in a float

    for now, key in hits:
        if wait := limiter.hit(key, now):
            assert limiter.wait(key, now + wait + rounding) == ADMITTED
            assert limiter.wait(key, now + wait - rounding) > 0 or wait <= rounding


@given(hits=HITS, rates=st.lists(RATES, min_size=1, max_size=3))
def test_a_request_is_charged_to_all_limits_or_to_none(hits: list[tuple[float, tuple[int]]], rates: list[Rate]) -> None:
    specs = [LimitSpec(id=f"limit-{at}", key=("client.ip",), rate=rate) for at, rate in enumerate(rates)]
    table = LimitTable(specs)
    admitted: list[tuple[float, tuple[int]]] = []

    for now, key in hits:
        outcome = table.charge(specs, [key] * len(specs), now)
        if outcome.refused is None:
            admitted.append((now, key))

    for rate in rates:
        model = Unforgetting(rate)
        assert all(model.hit(key, now) for now, key in admitted)


@given(hits=HITS, rate=RATES, reloads=st.sets(st.integers(0, 119)))
def test_reloading_never_changes_an_answer(hits: list[tuple[float, tuple[int]]], rate: Rate, reloads: set[int]) -> None:
    spec = LimitSpec(id="per-client", key=("client.ip",), rate=rate)
    table, model = LimitTable([spec]), Unforgetting(rate)

    for turn, (now, key) in enumerate(hits):
        if turn in reloads:
            table = table.carried_into([spec])
        assert model.hit(key, now) is (table.charge([spec], [key], now).refused is None)
