"""The split of a budget: against the dual, against HiGHS, and its exact accounts."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_curves import counts_for, curves_of, plain_curves, quarters

from optbudget.allocation import equal_shares, exact, price, split
from optbudget.curves import Curve, Curves
from optbudget.errors import ProblemError, UsageError
from optbudget.formulations import declared
from optbudget.problems import Knapsack
from optbudget.solvers import find, missing, solve_program
from optbudget.status import Solution, Termination

from reference import best_split

COLUMNS = ("state", "count", "level", "unit_budget", "unit_value", "probability")

ONE_EDGE = [[(0, 10), (10, 100)]]
TWO = [[(0, 0), (1, 3)], [(0, 0), (2, 4)]]
KNOWN = [
    # points per state   units     budget  value            price  worked out by
    (ONE_EDGE, [1], 1.9, 27.1, 9.0),  # Boutilier & Lu 2016, section 2.2.3
    (TWO, [10, 5], 15.0, 40.0, 2.0),  # 10 units at 3, then 5 of money at 2
    (TWO, [10, 5], 10.0, 30.0, 2.0),  # the money ends at a breakpoint: the next price
    (TWO, [10, 5], 0.0, 0.0, 3.0),
    (TWO, [10, 5], 20.0, 50.0, 0.0),  # all useful money spent
    (TWO, [10, 5], math.inf, 50.0, 0.0),
    ([[(2, 1), (3, 5)], [(1, 0)]], [2, 3], 7.0, 2.0, 4.0),  # only the least budgets
    ([[(0, 1)]], [0], 5.0, 0.0, 0.0),  # nobody
]


@pytest.fixture(params=["plain", "compiled"])
def route(request, monkeypatch):
    """Small instances go through the loops that large ones need, too."""
    if request.param == "compiled":
        monkeypatch.setattr(exact, "FEW", 0)
        monkeypatch.setattr(price, "SAMPLE", 5)
        monkeypatch.setattr(price, "SHORT", 2)


@pytest.mark.parametrize("method", ["greedy", "price"])
@pytest.mark.parametrize("states, units, budget, value, slope", KNOWN)
def test_known_splits(states, units, budget, value, slope, method):
    answer = split(curves_of(states), units, budget, method=method)
    assert float(answer.value) == pytest.approx(value, rel=1e-15)
    assert answer.price == slope
    assert answer.spent <= budget if math.isfinite(budget) else True


def account(answer):
    """Exact units per state, spend and value of the rows."""
    units, spent, value = {}, Fraction(0), Fraction(0)
    for s, n, b, v, p in zip(*(getattr(answer, c).tolist() for c in COLUMNS if c != "level"), strict=True):
        share = n * Fraction(p)
        units[s] = units.get(s, 0) + share
        spent += share * Fraction(b)
        value += share * Fraction(v)
    return units, spent, value


@given(plain_curves(), counts_for, quarters, st.sampled_from(["greedy", "price"]))
def test_optimal_and_within_budget(states, counts, budget, method):
    counts = counts[: len(states)]
    answer = split(curves_of(states), counts, float(budget), method=method)
    best = best_split(states, counts, budget)
    if best is None:
        assert answer.outcome.termination is Termination.INFEASIBLE and answer.count.size == 0
        least = sum(n * points[0][0] for points, n in zip(states, counts, strict=True))
        assert answer.least == least > budget
        return
    units, spent, value = account(answer)
    assert units == {s: n for s, n in enumerate(counts) if n}
    assert (spent, value) == (answer.spent, answer.value) and spent <= budget
    assert 0 <= best - value <= Fraction(4 * 3, 2**53)
    # The price is the value of one more unit of money.
    more = Fraction(1, 1000)
    assert best_split(states, counts, budget + more) - best == Fraction(answer.price) * more


@given(plain_curves(), counts_for, quarters)
def test_at_most_one_unit_randomised_between_neighbours(states, counts, budget):
    """Proposition 10 of Boutilier & Lu 2016."""
    answer = split(curves_of(states), counts[: len(states)], float(budget))
    drawn = answer.probability < 1
    assert drawn.sum() in (0, 2)
    if drawn.any():
        assert (answer.count[drawn] == 1).all() and answer.probability[drawn].sum() == 1
        assert np.diff(answer.level[drawn]).tolist() == [1]
    for s in np.unique(answer.state):
        levels = np.unique(answer.level[answer.state == s])
        assert levels.size == 1 or (np.diff(levels).tolist() == [1] and answer.price > 0)
    assert sum(np.unique(answer.level[answer.state == s]).size > 1 for s in np.unique(answer.state)) <= 1


def test_both_methods_equal_to_the_bit(route):
    @given(plain_curves(), counts_for, quarters)
    def law(states, counts, budget):
        counts, money = counts[: len(states)], float(budget)
        curves = curves_of(states)
        one, other = split(curves, counts, money), split(curves, counts, money, method="price")
        for name in COLUMNS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert (one.spent, one.value, one.least) == (other.spent, other.value, other.least)
        assert one.price == other.price or one.outcome.solution is Solution.NONE

    law()


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("share", [0.0, 1e-9, 0.1, 0.5, 0.999, 1.0, 1.5])
@pytest.mark.parametrize("sample, short", [(price.SAMPLE, price.SHORT), (400, 50)])
def test_both_methods_on_many_states(monkeypatch, share, tied, sample, short):
    """Large enough for samples, brackets and narrowing; prices over orders of magnitude, or 300 in all."""
    monkeypatch.setattr(price, "SAMPLE", sample)
    monkeypatch.setattr(price, "SHORT", short)
    draw = np.random.default_rng(7)
    n, sizes = 9000, draw.integers(0, 9, size=9000)
    indptr = np.concatenate(([0], np.cumsum(sizes)))
    slope = draw.lognormal(sigma=2, size=indptr[-1])
    slope = slope[np.lexsort((-slope, np.repeat(np.arange(n), sizes)))]
    length = 10.0 ** draw.uniform(-6, 3, size=indptr[-1])
    if tied:
        slope = np.concatenate([-np.sort(-draw.permutation(300)[:size]) + 1 for size in sizes]) / 64
        length = np.ceil(length)
    curves = Curves(draw.random(n), draw.random(n), indptr, length, length * slope)
    counts = draw.integers(0, 50, size=n)
    useful = split(curves, counts, math.inf).spent
    least = exact.dot(counts, curves.start_budget)
    money = exact.round_up(least + Fraction(share) * (useful - least))
    one, other = split(curves, counts, money), split(curves, counts, money, method="price")
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.spent == other.spent <= money and one.price == other.price
    if tied and 0 < share < 1:  # of equal prices the earlier state is served first
        at_price = np.flatnonzero(curves.gain / curves.length == one.price)
        whose = np.searchsorted(indptr, at_price, side="right") - 1
        level = np.zeros(n, dtype=np.int64)
        np.maximum.at(level, one.state, one.level)
        has = (level[whose] > at_price - indptr[whose])[counts[whose] > 0]
        assert (np.diff(has.astype(int)) <= 0).all() and has.any() and not has.all()


@pytest.mark.parametrize("money", [10.0, 1100.0, 5e5, 1e6 + 500, 1e6 + 1300, 1e6 + 1998])
@pytest.mark.parametrize("crowded", [1000, 1001])
def test_a_sample_that_misleads(monkeypatch, crowded, money):
    """One state in two thousand holds nearly all units: a sample sees it not at all, or many times over."""
    monkeypatch.setattr(price, "SAMPLE", 400)
    monkeypatch.setattr(price, "SHORT", 50)
    slope = np.linspace(2, 1, 2000)
    curves = Curves(np.zeros(2000), np.zeros(2000), np.arange(2001), np.ones(2000), slope)
    sampled = np.unique((np.arange(400) * 0.6180339887498949 % 1.0 * 2000).astype(np.int64))
    counts = np.ones(2000, dtype=np.int64)
    counts[next(s for s in range(crowded, 2000) if (s in sampled) == bool(crowded % 2))] = 10**6
    one, other = split(curves, counts, money), split(curves, counts, money, method="price")
    assert (one.value, one.spent, one.price) == (other.value, other.spent, other.price)


def test_a_curve_that_is_not_concave_is_bought_in_order():
    curves = Curves.from_curves([Curve(0, 0, [1.0, 1.0], [1.0, 3.0]), Curve(0, 0, [1.0], [2.0])])
    for money, value in ((0.5, 1.0), (1.0, 2.0), (1.5, 2.5), (2.5, 4.5), (4.0, 6.0)):
        one, other = split(curves, [1, 1], money), split(curves, [1, 1], money, method="price")
        assert one.value == other.value == value and one.level.tolist() == other.level.tolist()
        assert account(one)[1] <= money


def test_agrees_with_highs(route):
    if missing(find("highs-simplex")):
        pytest.skip(missing(find("highs-simplex")))
    draw = np.random.default_rng(3)
    for _ in range(12):
        n = int(draw.integers(2, 6))
        states = []
        for _ in range(n):
            slope = np.sort(draw.uniform(0.1, 5, size=draw.integers(0, 5)))[::-1]
            length = draw.uniform(0.1, 3, size=slope.size)
            start = (draw.uniform(0, 1), draw.uniform(-1, 1))
            states.append(Curve(*start, length, slope * length))
        curves, counts = Curves.from_curves(states), draw.integers(0, 6, size=n)
        money = float(exact.dot(counts, curves.start_budget)) + draw.uniform(0, 20)
        program, _ = declared("mckp_lp", "pyomo", Knapsack.from_curves(curves, counts), money)
        answer = split(curves, counts, money, method="price")
        found = solve_program(program, "highs-simplex")
        assert float(answer.value) == pytest.approx(found.value, rel=1e-9, abs=1e-9)


# Laws that relate one instance to another.


@given(plain_curves(), counts_for, st.permutations(range(4)), quarters)
def test_order_of_states_does_not_matter(states, counts, order, budget):
    order = [s for s in order if s < len(states)]
    one = split(curves_of(states), counts[: len(states)], float(budget))
    other = split(curves_of([states[s] for s in order]), [counts[s] for s in order], float(budget))
    assert one.outcome.termination is other.outcome.termination
    assert abs(one.value - other.value) <= Fraction(4 * 3, 2**53)
    assert one.price == other.price or one.outcome.solution is Solution.NONE


@given(plain_curves(), counts_for, quarters, st.integers(0, 5))
def test_units_of_one_state_may_be_listed_apart(states, counts, budget, apart):
    counts = counts[: len(states)]
    apart = min(apart, counts[0])
    one = split(curves_of(states), counts, float(budget))
    other = split(curves_of([*states, states[0]]), [counts[0] - apart, *counts[1:], apart], float(budget))
    assert abs(one.value - other.value) <= Fraction(4 * 3, 2**53) and one.least == other.least


@given(plain_curves(), counts_for, quarters, st.integers(-60, 60), st.integers(-60, 60))
def test_powers_of_two_scale_exactly(states, counts, budget, money_power, value_power):
    counts, money, worth = counts[: len(states)], 2.0**money_power, 2.0**value_power
    one = split(curves_of(states), counts, float(budget))
    other = split(curves_of(states, money=money, worth=worth), counts, float(budget) * money)
    assert other.spent == one.spent * Fraction(money) and other.value == one.value * Fraction(worth)
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.level, other.level)


@given(plain_curves(), counts_for, quarters)
def test_a_segment_that_wins_nothing_changes_nothing(states, counts, budget):
    counts = counts[: len(states)]
    wider = [[*points, (points[-1][0] + 2, points[-1][1])] for points in states]
    one, other = (split(curves_of(s), counts, float(budget)) for s in (states, wider))
    assert (one.value, one.spent) == (other.value, other.spent)


@given(plain_curves(), counts_for)
def test_value_rises_and_is_concave_in_the_budget(states, counts):
    counts, curves = counts[: len(states)], curves_of(states)
    least = int(split(curves, counts, math.inf).least)
    values = [split(curves, counts, float(b)).value for b in range(least, least + 40)]
    steps = [b - a for a, b in itertools.pairwise(values)]
    crumb = Fraction(1, 2**48)
    assert all(step >= -crumb for step in steps)
    assert all(b <= a + crumb for a, b in itertools.pairwise(steps))


# Exact accounts at the edges of what doubles hold.


@pytest.mark.parametrize("method", ["greedy", "price"])
def test_never_overspends_over_the_whole_range_of_costs(route, method):
    draw = np.random.default_rng(11)
    for _ in range(40):
        n, k = int(draw.integers(1, 12)), int(draw.integers(0, 6))
        length = 10.0 ** draw.uniform(-6, 9, size=(n, k))
        slope = -np.sort(-(10.0 ** draw.uniform(-3, 3, size=(n, k))), axis=1)
        curves = Curves(10.0 ** draw.uniform(-6, 3, size=n), draw.normal(size=n), np.arange(n + 1) * k,
                        length.ravel(), (length * slope).ravel())  # fmt: skip
        counts = (10.0 ** draw.uniform(0, 17.5, size=n)).astype(np.int64)
        money = min(1e18, float(exact.dot(counts, curves.start_budget)) * 10.0 ** draw.uniform(0, 4))
        answer = split(curves, counts, money, method=method)
        if answer.outcome.solution is Solution.NONE:
            assert answer.least > money
            continue
        units, spent, value = account(answer)
        assert spent == answer.spent <= Fraction(money) and value == answer.value
        assert units == dict(enumerate(counts.tolist()))
        if answer.price > 0:  # what is left cannot buy 2^-53 of one unit's next segment
            assert Fraction(money) - spent <= Fraction(float(length.max())) / 2**52


def test_two_to_the_62_units():
    answer = split(curves_of([[(0, 0), (1, 2)]]), [2**62], 1e18)
    assert answer.count.tolist() == [10**18, 2**62 - 10**18] and answer.value == 2 * 10**18
    with pytest.raises(ProblemError, match="2\\^62"):
        split(curves_of([[(0, 0)], [(0, 0)]]), [2**62, 2**62], 1.0)


def test_a_least_total_one_ulp_above_the_budget_is_infeasible(route):
    curves = Curves.from_curves([Curve(0.1, 0, [], [])])
    least = 10 * Fraction(0.1)  # more than 1.0, which the rounded product is not
    assert 10 * 0.1 == 1.0 < least
    answer = split(curves, [10], 1.0)
    assert answer.outcome.termination is Termination.INFEASIBLE and answer.least == least
    assert "1.0000000000000002" in answer.outcome.message
    assert split(curves, [10], 1.0000000000000002).outcome.solution is Solution.FEASIBLE


@pytest.mark.parametrize("method", ["greedy", "price"])
@pytest.mark.parametrize(
    "share, times, money, bought", [(0.75, 4, 1 + 3 * 2.0**-52, 5), (0.25, 4, 1.0, 1), (0.25, 1, 1.0, 1)]
)
def test_rounded_running_sums_do_not_decide(route, method, share, times, money, bought):
    """1 and four times 3/4 ulp are 1 + 3 ulp, added one by one 1 + 4; quarters of an ulp vanish."""
    length = [1.0, *times * [share * 2.0**-52]]
    curves = Curves.from_curves([Curve(0, 0, [x], [x * (9 - k)]) for k, x in enumerate(length)])
    answer = split(curves, [1] * len(length), money, method=method)
    assert answer.spent == Fraction(money) and answer.level.sum() == bought
    assert answer.price == (0.0 if bought == 5 else 8.0) and answer.count.size == len(length)


def test_infeasible_names_a_smallest_set_of_units():
    curves = curves_of([[(1, 0)], [(3, 0)], [(0, 0)], [(2, 0)]])
    answer = split(curves, [5, 2, 9, 1], 7.0)  # 3 + 3 fit, 3 + 3 + 2 do not
    assert answer.least == 13 and answer.count.size == 0 and math.isnan(answer.price)
    assert answer.outcome.message == (
        "the budget 7.0 is below 13.0, the least that all units together can be given; already these "
        "units need more: 2 in state 1 (at least 3.0 each), 1 in state 3 (at least 2.0 each)"
    )


def test_infeasible_counts_only_the_units_it_needs():
    answer = split(curves_of([[(3, 0)]]), [10], 7.0)
    assert answer.outcome.message.endswith("more: 3 in state 0 (at least 3.0 each)")


def test_exact_sum_of_products():
    draw = np.random.default_rng(5)
    x = draw.integers(0, 2**63, size=5000, dtype=np.uint64).view(np.float64)
    x = np.where(np.isfinite(x), x, 1.5) * draw.choice([-1.0, 1.0], size=5000)
    x[:5] = [0.0, -0.0, 5e-324, -2.2e-308, 1.7976931348623157e308]
    count = draw.integers(0, 2**62, size=5000) >> draw.integers(0, 62, size=5000)
    count[:3] = [2**62, 0, 2**62]
    truth = sum(int(n) * Fraction(v) for n, v in zip(count, x.tolist(), strict=True))
    assert exact.dot(count, x) == truth  # compiled
    halves = [exact.dot(count[part], x[part]) for part in (slice(0, 2500), slice(2500, None))]
    assert sum(halves) == truth  # plain


@given(st.fractions(min_value=-10, max_value=10))
def test_rounding_is_outward_and_tight(number):
    low, high = exact.round_down(number), exact.round_up(number)
    assert low <= number <= high and high <= math.nextafter(low, math.inf)
    assert math.copysign(1.0, exact.round_up(Fraction(0))) == 1.0
    share = abs(number) % 1
    chance = exact.probability_below(share)
    assert Fraction(chance) + Fraction(1.0 - chance) == 1
    assert 0 <= share - Fraction(chance) < Fraction(1, 2**53)


# Equal shares.


@given(plain_curves(), counts_for, quarters)
def test_equal_shares_are_worth_the_curve_at_the_share(states, counts, budget):
    counts = counts[: len(states)]
    answer = equal_shares(curves_of(states), counts, float(budget))
    total = sum(counts)
    least = total * max((points[0][0] for points, n in zip(states, counts, strict=True) if n), default=0)
    assert answer.least == least and (answer.outcome.solution is Solution.NONE) == (least > budget)
    if least > budget:
        return
    units, spent, value = account(answer)
    assert units == {s: n for s, n in enumerate(counts) if n}
    assert spent == answer.spent <= budget
    share = budget / total if total else Fraction(0)
    truth = sum((best_split([points], [n], n * share) for points, n in zip(states, counts, strict=True) if n),
                Fraction(0))  # fmt: skip
    assert 0 <= truth - value <= 4 * Fraction(4 * 3, 2**53) and value == answer.value
    for s in units:
        assert (answer.probability[answer.state == s] < 1).sum() in (0, 2)


def test_an_equal_share_just_below_a_useful_budget():
    """A third of 0.3 is less than 0.1, though it rounds to it."""
    curves = Curves.from_curves([Curve(0, 0, [0.1, 1.0], [1.0, 1.0])])
    assert Fraction(0.3) / 3 < Fraction(0.1) < Fraction(0.3) / 3 * Fraction(1 + 1e-15)
    answer = equal_shares(curves, [3], 0.3)
    assert answer.level.tolist() == [1, 0, 1] and answer.spent <= Fraction(0.3)


@pytest.mark.parametrize(
    "counts, budget, word",
    [([1], 1.0, "shape"), ([1, -1], 1.0, "count\\[1\\]"), ([1, 0.5], 1.0, "whole"),
     ([1, math.nan], 1.0, "nan"), ([1, 1], -1.0, "budget is -1"), ([1, 1], math.nan, "nan")],
)  # fmt: skip
def test_rejects(counts, budget, word):
    for verb in (split, equal_shares):
        with pytest.raises(ProblemError, match=word):
            verb(curves_of(TWO), counts, budget)


def test_an_unknown_method_is_named():
    with pytest.raises(UsageError, match="greedly"):
        split(curves_of(TWO), [1, 1], 1.0, method="greedly")
