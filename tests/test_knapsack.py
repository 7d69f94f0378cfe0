"""Knapsacks: the relaxation against the dual, whole choices against enumeration and against a table."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_knapsacks import knapsack_of, plain_knapsacks

from optbudget.allocation import allocate_knapsack, knapsack_integer, knapsack_relaxation, split
from optbudget.allocation.knapsack_reach import Reach
from optbudget.certify import verify, whole_knapsack
from optbudget.curves import Curve, Curves
from optbudget.errors import ProblemError, UsageError
from optbudget.problems import Knapsack
from optbudget.problems.families import FAMILIES, knapsack_family
from optbudget.status import Solution, Termination
from optbudget.workers import Monitor

from reference import best_choice, best_choice_by_table, best_split

budgets = st.integers(0, 24)
METHODS = ("greedy", "price", "ip")


def proved(answer):
    found = verify(answer)
    assert found.ok, str(found)
    return answer


@given(plain_knapsacks(), budgets, st.sampled_from(["greedy", "price"]))
def test_relaxation_is_the_dual(plain, budget, method):
    answer = proved(allocate_knapsack(knapsack_of(plain), float(budget), method=method))
    best = best_split([points for _, points in plain], [n for n, _ in plain], budget)
    if best is None:
        assert answer.outcome.termination is Termination.INFEASIBLE and math.isnan(answer.value)
        return
    assert 0 <= best - answer.exact_value() <= Fraction(12, 2**53)
    assert answer.exact_spend() <= budget and Fraction(answer.bound) >= best
    assert answer.outcome.termination is Termination.OPTIMAL
    assert (answer.probability < 1).sum() in (0, 2)


@given(plain_knapsacks(), budgets, st.sampled_from([1.0, 0.1, 2.0**-40, 1e9]))
def test_whole_choice_is_the_best_of_all(plain, budget, money):
    """Also where costs are not whole, and where one is above the others by rounding alone."""
    problem = knapsack_of(plain, money=money)
    answer = proved(allocate_knapsack(problem, budget * money, method="ip"))
    exact = [(n, [(Fraction(c * money), Fraction(v)) for c, v in points]) for n, points in plain]
    best = best_choice(exact, Fraction(budget * money))
    if best is None:
        assert answer.outcome.termination is Termination.INFEASIBLE
        return
    assert answer.exact_value() == answer.value == answer.bound == best
    assert answer.outcome.termination is Termination.OPTIMAL and (answer.probability == 1).all()


@given(plain_knapsacks(), budgets)
def test_methods_agree_to_the_bit_and_the_whole_lies_below(plain, budget):
    problem = knapsack_of(plain)
    greedy, price, whole = (allocate_knapsack(problem, float(budget), method=m) for m in METHODS)
    for name in ("option", "count", "probability"):
        np.testing.assert_array_equal(getattr(greedy, name), getattr(price, name))
    if greedy.outcome.solution is Solution.CERTIFIED:
        assert (greedy.value, greedy.bound, greedy.price) == (price.value, price.bound, price.price)
        assert whole.value <= greedy.bound and whole.price == greedy.price


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(3))
def test_families_against_a_table_over_costs(family, seed):
    problem, budget = knapsack_family(family, 12, 4, seed=seed, largest=30, copies=1 + seed)
    plain = [
        (int(n), list(zip(problem.cost[a:b].astype(int), problem.value[a:b].astype(int), strict=True)))
        for n, a, b in zip(problem.count, problem.ptr[:-1], problem.ptr[1:], strict=True)
    ]
    answer = proved(allocate_knapsack(problem, budget, method="ip"))
    assert answer.value == answer.bound == best_choice_by_table(plain, int(budget))


@pytest.mark.parametrize("family", FAMILIES)
def test_families_of_size(family):
    problem, budget = knapsack_family(family, 100, 10, seed=1)
    answer = proved(allocate_knapsack(problem, budget, method="ip"))
    assert answer.outcome.termination is Termination.OPTIMAL
    assert answer.value <= proved(allocate_knapsack(problem, budget)).value + 1e-6


@pytest.mark.nightly
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(5))
def test_families_of_a_thousand_groups(family, seed):
    problem, budget = knapsack_family(family, 1000, 10, seed=seed)
    answer = proved(allocate_knapsack(problem, budget, method="ip"))
    assert answer.outcome.termination is Termination.OPTIMAL


def test_pivots_narrow_to_the_same_place(monkeypatch):
    monkeypatch.setattr(knapsack_relaxation, "SHORT", 50)
    problem, budget = knapsack_family("zig-zag", 900, 5, seed=4)
    for share in (0.8, 0.9, 1.0, 1.2):
        greedy = allocate_knapsack(problem, share * budget)
        price = allocate_knapsack(problem, share * budget, method="price")
        np.testing.assert_array_equal(greedy.option, price.option)
        assert greedy.value == price.value and greedy.price == price.price


def test_a_first_search_that_leaves_states_out(monkeypatch):
    """With two states at a time most is left out; the complete search that follows must mend it."""
    monkeypatch.setattr(knapsack_integer, "WIDTHS", (2, 5))
    for seed in range(20):
        problem, budget = knapsack_family("strongly-correlated", 6, 4, seed=seed, largest=20, copies=3)
        narrow = allocate_knapsack(problem, budget, method="ip")
        monkeypatch.setattr(knapsack_integer, "WIDTHS", ())
        assert proved(narrow).value == allocate_knapsack(problem, budget, method="ip").value
        monkeypatch.setattr(knapsack_integer, "WIDTHS", (2, 5))


@pytest.mark.parametrize(
    "monitor, reason",
    [
        (Monitor(time_limit=0.0), Termination.TIME_LIMIT),
        (Monitor(memory_limit=2000), Termination.MEMORY_LIMIT),
    ],
)
def test_limits_leave_a_choice_with_its_true_gap(monitor, reason):
    problem, budget = knapsack_family("strongly-correlated", 40, 6, seed=3, copies=2)
    answer = proved(allocate_knapsack(problem, budget, method="ip", monitor=monitor))
    best = allocate_knapsack(problem, budget, method="ip")
    assert answer.outcome.termination is reason and answer.outcome.solution is Solution.CERTIFIED
    assert answer.value <= best.value <= answer.bound and answer.gap > 1e-9


@pytest.mark.parametrize("copies", [10**6, 10**9, 10**12, 10**15])
def test_copies_without_number(copies):
    """What closes the search is decided without rounding, also where doubles are half a unit apart."""
    monitor = Monitor(time_limit=5.0)
    problem = Knapsack.from_arrays([0, 3, 6], [0, 1, 2, 0, 2, 3], [0, 3, 5, 0, 4, 5], count=[copies, copies])
    for budget in (copies, 1.5 * copies + 1, 2 * copies - 1):
        answer = proved(allocate_knapsack(problem, float(budget), method="ip", monitor=monitor))
        assert answer.value == answer.bound == allocate_knapsack(problem, float(budget)).value
        assert "no choice of options is worth more, not even" in answer.outcome.message
    pairs = Knapsack.from_arrays([0, 2], [0, 2], [0, 3], count=[copies])
    answer = proved(allocate_knapsack(pairs, copies + 1.0, method="ip", monitor=monitor))
    assert answer.value == 3 * (copies // 2) and answer.outcome.termination is Termination.OPTIMAL
    assert f"{answer.value!r} is proved to be the most" in answer.outcome.message
    # One unit is left, which the price proves to be worth 1.5 and the sweep 0.
    rest = Knapsack.from_arrays([0, 2, 4], [0, 3, 0, 2], [0, 7, 0, 3], count=[copies, 1])
    answer = proved(allocate_knapsack(rest, 3.0 * copies + 1, method="ip", monitor=monitor))
    assert answer.value == answer.bound == 7 * copies
    refuses_less(answer)


def refuses_less(answer):
    """A bound lower than the value, by one unit in the last place or by one, is not proved."""
    for bound in (math.nextafter(answer.bound, 0.0), answer.bound - 1):
        found = verify(replace(answer, bound=bound))
        assert [check.name for check in found.checks if not check.ok] == ["bound"], str(found)


def test_message_and_termination_agree():
    problem, budget = knapsack_family("strongly-correlated", 40, 6, seed=3, copies=2)
    stopped = Monitor(time_limit=0.0)
    wide = allocate_knapsack(problem, budget, method="ip", monitor=stopped)
    assert "ended by the time limit; by the relaxation's bound at most" in wide.outcome.message
    assert wide.why_unspent in (None, "no whole choice that is worth more was found")
    large = Knapsack.from_arrays([0, 2], [0, 2], [1e12, 1e12 + 3])
    found = allocate_knapsack(large, 1.0, method="ip", monitor=stopped)
    assert found.outcome.termination is Termination.OPTIMAL and found.value <= found.bound
    small = Knapsack.from_arrays([0, 2, 4], [0, 3, 0, 4], [0, 5, 0, 6], count=[2, 1])
    assert allocate_knapsack(small, 8.0, method="ip").outcome.message == (
        "11.0 is proved to be the most that whole options are worth; "
        "randomising one copy could reach at most 13.0"
    )


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=8),
    st.integers(-1, 1), st.sampled_from([1, 2**40, 2**70, 2**900]), st.integers(56, 76),
)  # fmt: skip
def test_reach_is_exact_at_every_size(states, off, scale, best):
    """Small numbers, 64-bit ones whose products do not fit, and Python's: one unit decides in all."""
    problem = Knapsack.from_arrays([0, 3], [0.0, 3.0 * scale, 5.0 * scale], [0.0, 7.0 * scale, 9.0 * scale])
    problem = Knapsack.from_arrays(
        [0, 3, 5], np.append(problem.cost, [0.0, 1.0]), np.append(problem.value, [0.0, 1.0]), count=[9, 1]
    )
    whole = whole_knapsack(problem, 30.0 * scale)
    reach = Reach(whole, 0, 1)
    cost = np.array([c * scale for c, _ in states], dtype=whole.cost.dtype)
    value = np.array([v * scale + off for _, v in states], dtype=whole.value.dtype)
    threshold = best * scale
    expected = [
        v + Fraction(7, 3) * (whole.capacity - c) >= threshold + 1
        for c, v in zip(cost.tolist(), value.tolist(), strict=True)
    ]
    assert reach.can_exceed(cost, value, threshold).tolist() == expected
    assert reach.fits == (scale == 1)


def test_infeasible_names_the_least_total_and_who_forces_it():
    problem = Knapsack.from_arrays([0, 2, 3], [2, 5, 0.1], [1, 9, 0], count=[1, 10], groups=["big", "small"])
    for method in METHODS:
        answer = proved(allocate_knapsack(problem, 3.0, method=method))
        assert answer.outcome.termination is Termination.INFEASIBLE and answer.option.size == 0
        assert "3.0000000000000004" in answer.outcome.message or "3.000000000000001" in answer.outcome.message
        assert "1 of 'big' (at least 2.0 each)" in answer.outcome.message
    assert allocate_knapsack(problem, 3.000000000000001).outcome.solution is Solution.CERTIFIED


@given(plain_knapsacks(), budgets, st.sampled_from(METHODS))
def test_order_of_groups_and_split_copies_change_nothing(plain, budget, method):
    apart = [(1, points) for n, points in reversed(plain) for _ in range(n)] or [(0, plain[0][1])]
    one = allocate_knapsack(knapsack_of(plain), float(budget), method=method)
    other = allocate_knapsack(knapsack_of(apart), float(budget), method=method)
    assert one.outcome.termination is other.outcome.termination
    if one.outcome.solution is Solution.CERTIFIED:
        assert one.value == pytest.approx(other.value, abs=1e-14) and one.price == other.price


def test_no_money_limit_and_no_copies():
    problem = Knapsack.from_arrays([0, 3], [1, 2, 2], [4, 4, 9], count=[3])
    for method in METHODS:
        answer = proved(allocate_knapsack(problem, math.inf, method=method))
        assert (answer.value, answer.spent, answer.price) == (27.0, 6.0, 0.0)
        nobody = Knapsack.from_arrays([0, 1], [1], [4], count=[0])
        assert proved(allocate_knapsack(nobody, 0.0, method=method)).value == 0.0


def test_whole_numbers_beyond_64_bits():
    """OR-Tools' knapsack answers -2^63 on two values of 2^62."""
    problem = Knapsack.from_arrays([0, 2, 4], [0, 1, 0, 1], [0, 2.0**62, 0, 2.0**62 + 2048], count=[1, 1])
    assert proved(allocate_knapsack(problem, 2.0, method="ip")).value == 2.0**63 + 2048
    wide = Knapsack.from_arrays([0, 2, 4], [0, 1e-6, 0, 1e9], [0, 1e-100, 0, 1e150], count=[3, 2])
    assert proved(allocate_knapsack(wide, 2e9, method="ip")).value == 2e150
    assert proved(allocate_knapsack(wide, 2e9 + 2e-6, method="ip")).count.tolist() == [2, 1, 2]
    wider = Knapsack.from_arrays([0, 2, 4], [0, 1, 0, 2], [0, 1e-300, 0, 1e300], count=[3, 2])
    answer = proved(allocate_knapsack(wider, 3.5, method="ip"))
    assert answer.outcome.termination is Termination.NUMERICAL and answer.value == 1e300


def test_curves_as_a_knapsack():
    curves = Curves.from_curves([Curve(0, 0, [1.0, 2.0], [3.0, 2.0]), Curve(1, 0, [2.0], [5.0])])
    problem = Knapsack.from_curves(curves, [3, 2])
    assert allocate_knapsack(problem, 7.5).value == float(split(curves, [3, 2], 7.5).value)


def test_an_option_that_is_dominated_is_noted_and_never_taken():
    problem = Knapsack.from_arrays([0, 4], [2, 1, 1, 2], [5, 5, 5, 5])
    assert problem.dominated.tolist() == [True, False, True, True] and problem.note.startswith(
        "3 options are"
    )
    for method in METHODS:
        assert allocate_knapsack(problem, 2.0, method=method).option.tolist() == [1]


def test_bad_input_is_named():
    with pytest.raises(ProblemError, match=r"state 'g1', action 'o0': cost is -1.0") as caught:
        Knapsack.from_arrays([0, 1, 2], [1, -1], [0, math.nan])
    assert len(caught.value.issues) == 2
    for tables, message in (
        ({"group": ["a"], "option": ["x"], "cost": [1]}, "column 'value' is missing"),
        ({"group": ["a", "a"], "option": ["x", "x"], "cost": [1, 2], "value": [1, 2]}, "listed twice"),
        ({"group": ["a", "a"], "option": ["x", "y"], "cost": [1, 2], "value": [1, 2], "count": [1, 2]},
         "count is 2 here and 1 where"),
        ({"group": ["a"], "option": ["x"], "cost": [1], "value": [math.inf]}, "must be finite"),
        ({"group": [], "option": [], "cost": [], "value": []}, "no rows"),
    ):  # fmt: skip
        with pytest.raises(ProblemError, match=message):
            Knapsack.from_tables(tables)
    with pytest.raises(ProblemError, match="ptr"):
        Knapsack.from_arrays([0, 0, 1], [1], [1])
    with pytest.raises(ProblemError, match="whole number from 0"):
        Knapsack.from_arrays([0, 1], [1], [1], count=[0.5])
    small = Knapsack.from_arrays([0, 1], [1], [1], interpolate=True)
    with pytest.raises(UsageError, match="interpolate"):
        allocate_knapsack(small, 1.0, method="ip")
    with pytest.raises(UsageError, match="method is 'best'"):
        allocate_knapsack(small, 1.0, method="best")
    with pytest.raises(UsageError, match="known are"):
        knapsack_family("easy", 1, 1, seed=0)


def test_totals_that_no_double_holds_are_refused():
    with pytest.raises(ProblemError, match="the values of all copies add up to more than 1e"):
        Knapsack.from_arrays([0, 2], cost=[0, 1], value=[0, 1e308], count=[9])
    with pytest.raises(ProblemError, match="the costs of all copies"):
        Knapsack.from_arrays([0, 2], cost=[0, 1e300], value=[0, 1], count=[10**9])
    assert Knapsack.from_arrays([0, 2], cost=[0, 1], value=[0, 1e300], count=[9]).size == 9
