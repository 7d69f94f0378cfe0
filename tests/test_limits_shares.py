"""Equal shares under limits of units: one level for all, cut to what each must and may have."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from test_limits_whole import drawn

from optbudget import allocate, solve, verify
from optbudget.allocation.examples import two_state_curves
from optbudget.problems import Limits, Population, UnitLimit
from optbudget.status import Solution, Termination


def plain_level(units, start, budget):
    """The level by trying every stretch between two limits, in rational numbers."""
    columns = zip(units.count, units.least, units.most, start, strict=True)
    blocks = [
        (int(n), Fraction(float(max(low, s))), None if np.isinf(high) else Fraction(float(high)))
        for n, low, high, s in columns if n
    ]  # fmt: skip

    def total(t):
        return sum(n * max(low, t if high is None else min(t, high)) for n, low, high in blocks)

    ends = sorted({x for _, low, high in blocks for x in (low, high) if x is not None})
    last = max((t for t in ends if total(t) <= budget), default=ends[0])
    slope = sum(n for n, low, high in blocks if low <= last and (high is None or high > last))
    return last + (budget - total(last)) / slope if slope else last


def test_shares_are_those_of_one_level():
    rng, cut = np.random.default_rng(6), 0
    for _ in range(80):
        curves, people, budget, limits = drawn(rng, nested=True)
        limits = Limits(limits.units, least_share=limits.least_share)
        answer = allocate(curves, people, budget, limits=limits, method="uniform")
        assert verify(answer).ok, str(verify(answer))
        if answer.outcome.solution is Solution.NONE:
            continue
        best = allocate(curves, people, budget, limits=limits)
        assert answer.value <= best.value + 1e-12 * (1 + abs(best.value))
        assert answer.bound == best.bound
        units = answer.limited()
        start = curves.curves.start_budget[units.state]
        level = float(plain_level(units, start, Fraction(budget)))
        for s in np.flatnonzero(people.count):
            share = min(max(level, units.least[s], start[s]), units.most[s])
            share = min(share, curves.curves[int(s)].largest_useful_budget)
            mine = answer.state == s
            money = answer.count * answer.probability * answer.unit_budget
            assert money[mine].sum() / people.count[s] == pytest.approx(share, rel=1e-9, abs=1e-12)
            cut += share in (units.least[s], units.most[s])
    assert cut > 30


def test_without_limits_it_is_the_equal_share():
    curves = solve(two_state_curves().problem, method="exact")
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    free = allocate(curves, people, 12.0, method="uniform")
    wide = Limits((UnitLimit(state="cold", most=9.0),))
    same = allocate(curves, people, 12.0, method="uniform", limits=wide)
    assert same.value == pytest.approx(free.value, rel=1e-12)
    assert same.outcome.termination is Termination.UNKNOWN
    assert same.outcome.message == "equal shares are a rule, not an optimum"
    half = Limits((UnitLimit(state="warm", most=0.5),))
    few = allocate(curves, people, 12.0, method="uniform", limits=half)
    assert few.spent == pytest.approx(12.0, rel=1e-12)
    assert few.value == pytest.approx(10 * 1.5 + 5 * 2.8)
    everything = allocate(curves, people, float("inf"), method="uniform", limits=half)
    assert everything.spent == 15.0
    assert everything.why_unspent == "some units cannot use, or may not have, a whole share"
    assert verify(everything).ok


def test_a_share_that_is_not_equal_is_refused():
    curves = solve(two_state_curves().problem, method="exact")
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    limits = Limits((UnitLimit(state="warm", most=0.5),))
    best = allocate(curves, people, 9.0, limits=limits)
    assert not verify(replace(best, method="uniform")).ok
    honest = allocate(curves, people, 8.0, limits=limits, method="uniform")
    assert verify(honest).ok
    assert not verify(replace(honest, price=honest.price * 1.1)).ok
    assert not verify(replace(honest, bound=honest.value - 1e-6)).ok
