"""Allocations over a population: numbers, bounds, units by name, and the questions asked around them."""

import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_curves import counts_for, curves_of, plain_curves, quarters

from optbudget.allocation import (
    allocate,
    assignment,
    baseline_comparison,
    budget_range,
    initial_curve,
    largest_spend_at_marginal_roi,
    largest_spend_at_roi,
    least_budget_for,
    population_curve,
    stable_range,
    sweet_spot,
    whole,
)
from optbudget.allocation.examples import two_state_curves
from optbudget.errors import NoAnswerError, ProblemError, UsageError
from optbudget.problems import BudgetedMDP, CurveSet, Population
from optbudget.status import Outcome, Solution, Termination

from reference import best_split

CRUMB = Fraction(1, 2**46)


def curve_set(states, *, prices=(math.inf, 4.0, 3.0, 2.0, 1.0, 0.0), types=()):
    """Curves with their true lines; action k is what is done at breakpoint k."""
    n, curves = len(states), curves_of(states)
    problem = BudgetedMDP(
        states=tuple(f"s{i}" for i in range(n)), actions=tuple("abcdefgh"), pair_ptr=np.arange(n + 1),
        pair_action=np.zeros(n), pair_row=np.arange(n), cost=np.zeros(n), utility=np.zeros(n),
        row_ptr=np.arange(n + 1), next_state=np.arange(n), probability=np.ones(n), state_type=types,
        terminal_utility=np.zeros(n), discount=1.0, cost_discount=1.0, horizon=1, reward="gross",
    )  # fmt: skip
    lines = [[float(max(v - Fraction(p) * b for b, v in points)) if p < math.inf else p for p in prices]
             for points in states]  # fmt: skip
    return CurveSet(
        problem, curves, spend_variance=np.zeros(curves.length.size + n),
        first_action=np.concatenate([np.arange(len(points)) for points in states]).astype(np.int32),
        prices=np.array(prices), gap=0.0, state_gap=np.zeros(n), rounding=0.0, method="exact",
        tolerance=1e-9, outcome=Outcome.certified(gap=0.0), intercept=np.array(lines),
    )  # fmt: skip


def people(curves, counts):
    return Population(curves.problem.labels, np.array(counts[: len(curves)]))


@given(plain_curves(), counts_for, quarters, st.sampled_from(["greedy", "price"]))
def test_value_and_bound_enclose_the_optimum(states, counts, budget, method):
    curves = curve_set(states)
    answer = allocate(curves, people(curves, counts), float(budget), method=method)
    best = best_split(states, counts[: len(states)], budget)
    if best is None:
        assert answer.outcome.termination is Termination.INFEASIBLE and math.isnan(answer.value)
        return
    assert Fraction(answer.value) <= answer.exact_value() <= best <= Fraction(answer.bound)
    assert math.nextafter(answer.value, math.inf) > answer.exact_value()
    assert answer.outcome.termination is Termination.OPTIMAL and answer.gap <= 1e-12
    assert answer.exact_spend() <= budget and answer.spent == float(answer.exact_spend())
    assert answer.unspent == float(budget - answer.exact_spend())
    assert (answer.why_unspent is None) == (answer.spent == budget)
    assert answer.price == 0 or answer.unspent < 1e-14
    level = [np.flatnonzero(curves.curves[s].budgets == b)[0]
             for s, b in zip(answer.state, answer.unit_budget, strict=True)]  # fmt: skip
    assert answer.action.tolist() == level


@given(plain_curves(), counts_for, quarters)
def test_equal_shares_stay_below_the_bound(states, counts, budget):
    curves = curve_set(states)
    answer = allocate(curves, people(curves, counts), float(budget), method="uniform")
    if answer.outcome.solution is Solution.NONE:
        return
    best = best_split(states, counts[: len(states)], budget)
    assert Fraction(answer.value) <= best <= Fraction(answer.bound) <= best + CRUMB
    assert answer.exact_spend() <= budget


def test_lines_that_are_not_in_memory_are_computed_near_the_price():
    fields = {f: getattr(two_state_curves(), f) for f in CurveSet.__dataclass_fields__}
    full = CurveSet(**fields)
    bare = CurveSet(**{**fields, "prices": np.linspace(5, 0, 51), "intercept": None})
    crowd = Population.at(full.problem, {"warm": 10, "cold": 5})
    for method in ("greedy", "uniform"):
        for money in (0.0, 7.0, 15.0, 99.0):
            kept, computed = (allocate(c, crowd, money, method=method).bound for c in (full, bare))
            assert kept <= computed <= kept + 1e-10


def test_the_bound_is_rounded_up():
    curves = two_state_curves()
    crowd = Population.at(curves.problem, {"warm": 1})
    bound = allocate(curves, crowd, 0.1).bound
    assert bound == 0.30000000000000004 > 3 * Fraction(0.1) > Fraction(0.3)


def test_no_bound_without_a_certificate():
    curves = two_state_curves()
    fields = {f: getattr(curves, f) for f in CurveSet.__dataclass_fields__}
    plain = CurveSet(**{**fields, "outcome": Outcome(Termination.TIME_LIMIT, Solution.FEASIBLE)})
    answer = allocate(plain, Population.at(curves.problem, {"warm": 1}), 1.0)
    assert answer.value == 3.0 and math.isnan(answer.bound)
    assert answer.outcome.solution is Solution.FEASIBLE


def test_the_outcome_says_why_the_gap_is_wide():
    wide = curve_set([[(0, 0), (2, 4), (4, 6)]], prices=(4.0, 0.0))
    for stopped, expected in ((Termination.TIME_LIMIT, Termination.TIME_LIMIT),
                              (Termination.TOLERANCE, Termination.NUMERICAL)):  # fmt: skip
        fields = {f: getattr(wide, f) for f in CurveSet.__dataclass_fields__}
        curves = CurveSet(**{**fields, "outcome": Outcome(stopped, Solution.CERTIFIED)})
        answer = allocate(curves, people(curves, [1]), 2.0)
        assert (answer.value, answer.bound, answer.outcome.termination) == (4.0, 6.0, expected)


@pytest.mark.parametrize("method", ["greedy", "price", "uniform"])
def test_defined_answers_at_the_edges(method):
    curves = two_state_curves()
    nobody = allocate(curves, Population.at(curves.problem, {}), 5.0, method=method)
    assert (nobody.value, nobody.spent, nobody.unspent, nobody.price) == (0.0, 0.0, 5.0, 0.0)
    assert nobody.why_unspent == "there are no units" and nobody.count.size == 0
    crowd = Population.at(curves.problem, {"warm": 2, "cold": 1})
    rich = allocate(curves, crowd, math.inf, method=method)
    assert (rich.value, rich.spent, rich.unspent, rich.bound) == (10.0, 4.0, math.inf, 10.0)
    poor = allocate(curves, crowd, 0.0, method=method)
    assert (poor.value, poor.spent, poor.why_unspent) == (0.0, 0.0, None)


def test_infeasible_is_an_outcome_that_names_states():
    curves = curve_set([[(2, 0), (3, 5)], [(0, 0)]])
    crowd = people(curves, [3, 4])
    answer = allocate(curves, crowd, 5.0)
    assert answer.outcome.solution is Solution.NONE
    assert "3 in s0 (at least 2.0 each)" in answer.outcome.message
    assert all(math.isnan(x) for x in (answer.value, answer.bound, answer.price, answer.spent, answer.gap))
    equal = allocate(curves, crowd, 13.0, method="uniform")
    assert equal.outcome.message == (
        "an equal share of 13.0 is below the least budget of a unit in s0; equal shares need 14.0"
    )
    with pytest.raises(NoAnswerError):
        stable_range(answer)


def test_rejects_a_foreign_population_and_an_unknown_method():
    curves = two_state_curves()
    with pytest.raises(ProblemError, match="another problem"):
        allocate(curves, Population(("x", "y"), np.array([1, 1])), 1.0)
    with pytest.raises(UsageError, match="unifrom"):
        allocate(curves, Population.at(curves.problem, {}), 1.0, method="unifrom")


# Units by name.


@given(
    plain_curves(),
    st.lists(st.integers(0, 3), max_size=12),
    quarters,
    st.sampled_from(["greedy", "uniform"]),
)
def test_assignment_answers_every_unit(states, where, budget, method):
    curves = curve_set(states)
    labels = [f"s{s % len(states)}" for s in where]
    names = [f"u{len(labels) - k}" for k in range(len(labels))]
    crowd = Population.of_units(curves.problem, np.array(names, dtype=str), np.array(labels, dtype=str))
    answer = allocate(curves, crowd, float(budget), method=method)
    if answer.outcome.solution is Solution.NONE:
        return
    rows = assignment(answer).to_pylist()
    assert list(dict.fromkeys(row["unit"] for row in rows)) == names
    for name, label in zip(names, labels, strict=True):
        mine = [row for row in rows if row["unit"] == name]
        assert len(mine) in (1, 2) and {row["state"] for row in mine} == {label}
        assert sum(row["probability"] for row in mine) == 1
    listed = sorted((r["state"], r["budget"], r["probability"], r["action"]) for r in rows)
    counted = sorted((r["state"], r["budget"], r["probability"], r["action"])
                     for r in answer.to_arrow().to_pylist() for _ in range(r["count"]))  # fmt: skip
    assert listed == counted
    for label in set(labels):  # within a state: higher budgets first, the randomised unit last
        first = {r["unit"]: r for r in reversed(rows) if r["state"] == label}
        mine = [first[n] for n, where in zip(names, labels, strict=True) if where == label]
        ranks = [(row["probability"] < 1, -row["budget"]) for row in mine]
        assert ranks == sorted(ranks)


def test_assignment_carries_types_and_needs_units():
    curves = curve_set([[(0, 0), (1, 2)], [(0, 0)]], types=("shop", "web"))
    crowd = Population.of_units(curves.problem, [7, 3], ["web/s1", "shop/s0"])
    assert assignment(allocate(curves, crowd, 0.25)).to_pylist() == [
        {"unit": 7, "type": "web", "state": "s1", "budget": 0.0, "probability": 1.0, "action": "a"},
        {"unit": 3, "type": "shop", "state": "s0", "budget": 0.0, "probability": 0.75, "action": "a"},
        {"unit": 3, "type": "shop", "state": "s0", "budget": 1.0, "probability": 0.25, "action": "b"},
    ]
    with pytest.raises(UsageError, match="by counts"):
        assignment(allocate(curves, people(curves, [1, 1]), 0.25))


# A range of budgets, and questions the other way round.


@pytest.mark.parametrize("sorted_up_to", [0, 10**6])
def test_sweet_spot_equals_allocate(monkeypatch, sorted_up_to):
    monkeypatch.setattr(whole, "SORTED", sorted_up_to)

    @given(plain_curves(), counts_for, st.lists(quarters, min_size=1, max_size=4))
    def law(states, counts, budgets):
        curves = curve_set(states)
        crowd = people(curves, counts)
        points = sweet_spot(curves, crowd, [float(b) for b in budgets])
        for k, budget in enumerate(budgets):
            answer = allocate(curves, crowd, float(budget))
            for name in ("budget", "value", "price", "bound", "spent", "unspent"):
                np.testing.assert_equal(getattr(points, name)[k], getattr(answer, name))

    law()


def test_sweet_spot_of_a_range():
    curves = two_state_curves()
    points = sweet_spot(curves, Population.at(curves.problem, {"warm": 10, "cold": 5}), "0:20:5")
    assert points.to_arrow().column_names == ["budget", "value", "price", "bound", "gap", "spent", "unspent"]
    assert points.value.tolist() == [0, 15, 30, 40, 50] and (points.gap == 0).all()
    assert repr(points) == "SweetSpot(5 budgets from 0 to 20, value up to 50)"
    for wrong in ("0:20", "a:b:c", "5:1:3", "0:10:1", "0:inf:3", "-1:2:3", "0:10:99999999999"):
        with pytest.raises(UsageError):
            budget_range(wrong)


@given(plain_curves(), counts_for, quarters)
def test_population_curve_is_the_split_at_every_budget(states, counts, budget):
    curves = curve_set(states)
    best = best_split(states, counts[: len(states)], budget)
    value = float(population_curve(curves, people(curves, counts)).value(float(budget)))
    assert value == pytest.approx(float(best), abs=1e-12) if best is not None else value == -math.inf
    assert initial_curve(curves).value(float(budget)) == curves.curves[0].value(float(budget))


@given(plain_curves(), counts_for, st.integers(-80, 160).map(lambda k: Fraction(k, 4)))
def test_least_budget_for_a_value(states, counts, target):
    curves, counts = curve_set(states), counts[: len(states)]
    answer = least_budget_for(curves, people(curves, counts), float(target))
    most = best_split(states, counts, Fraction(1000))
    if target > most:
        assert answer.outcome.termination is Termination.INFEASIBLE and answer.count.size == 0
        return
    assert answer.value >= target and best_split(states, counts, Fraction(answer.budget)) >= target
    less = Fraction(answer.budget) - Fraction(1, 10**9)
    below = best_split(states, counts, less) if less >= 0 else None
    assert below is None or below < target


def test_a_target_that_a_probability_of_53_bits_misses():
    curves = curve_set([[(0, 0), (3, 12)]])
    answer = least_budget_for(curves, people(curves, [1]), 0.25)  # a chance of 1/48
    assert allocate(curves, people(curves, [1]), 0.0625).value < 0.25 <= answer.value
    assert 0.0625 < answer.budget < 0.0625 * (1 + 1e-12)
    assert least_budget_for(curves, people(curves, [1]), 12.0).budget == 3.0  # the most there is


@given(plain_curves(), counts_for, st.integers(0, 20).map(lambda k: Fraction(k, 4)))
def test_largest_spend_at_a_return(states, counts, roi):
    curves, counts = curve_set(states), counts[: len(states)]
    answer = largest_spend_at_roi(curves, people(curves, counts), float(roi))
    least = sum(n * points[0][0] for points, n in zip(states, counts, strict=True))
    useful = sum(n * points[-1][0] for points, n in zip(states, counts, strict=True))
    start = best_split(states, counts, Fraction(least))

    def worth_it(money):
        return best_split(states, counts, money) - start >= roi * (money - least) - CRUMB

    spent = Fraction(answer.budget)
    assert least <= spent <= useful and worth_it(spent)
    more = spent + Fraction(1, 10**6)
    assert more > useful or best_split(states, counts, more) - start < roi * (more - least)


@given(plain_curves(), counts_for, st.integers(0, 20).map(lambda k: Fraction(k, 4)))
def test_largest_spend_at_a_marginal_return(states, counts, roi):
    curves, counts = curve_set(states), counts[: len(states)]
    money = Fraction(largest_spend_at_marginal_roi(curves, people(curves, counts), float(roi)).budget)
    step = Fraction(1, 1000)
    ahead = best_split(states, counts, money + step) - best_split(states, counts, money)
    assert ahead < roi * step or ahead == 0
    before = best_split(states, counts, money - step) if money > 0 else None
    assert before is None or best_split(states, counts, money) - before >= roi * step


@pytest.mark.parametrize("roi, budget", [(3.1, 0.0), (3.0, 10.0), (2.0, 20.0), (0.0, 20.0)])
def test_a_marginal_return_that_is_met_exactly(roi, budget):
    curves = two_state_curves()
    crowd = Population.at(curves.problem, {"warm": 10, "cold": 5})
    assert largest_spend_at_marginal_roi(curves, crowd, roi).budget == budget


@given(plain_curves(), counts_for, quarters)
def test_price_and_policy_hold_over_the_stable_range(states, counts, budget):
    curves = curve_set(states)
    crowd = people(curves, counts)
    answer = allocate(curves, crowd, float(budget))
    if answer.outcome.solution is Solution.NONE:
        return
    found = stable_range(answer)
    assert found.low <= budget <= found.high and found.price == answer.price
    assert (found.high == math.inf) == (answer.price == 0)
    for money in (found.low, (found.low + min(found.high, 500.0)) / 2):
        assert allocate(curves, crowd, money).price == answer.price
    if answer.price > 0:
        assert allocate(curves, crowd, found.high).price < answer.price
    if found.low > 0.001:
        below = allocate(curves, crowd, found.low - 0.001)
        assert below.outcome.solution is Solution.NONE or below.price > answer.price


def test_questions_that_make_no_sense_are_refused():
    curves = two_state_curves()
    crowd = Population.at(curves.problem, {"warm": 1, "cold": 1})
    for wrong in (-1.0, math.inf, math.nan):
        with pytest.raises(UsageError):
            largest_spend_at_roi(curves, crowd, wrong)
        with pytest.raises(UsageError):
            largest_spend_at_marginal_roi(curves, crowd, wrong)
    with pytest.raises(ProblemError):
        least_budget_for(curves, crowd, math.nan)
    with pytest.raises(UsageError):
        stable_range(allocate(curves, crowd, 1.0, method="uniform"))


# What is done today.


@pytest.mark.parametrize("wrap", [dict, pa.table])
def test_baseline_beside_the_answer(wrap):
    curves = two_state_curves()
    answer = allocate(curves, Population.at(curves.problem, {"warm": 10, "cold": 5}), 15.0)
    today = wrap({"state": ["cold", "warm", "warm"], "count": [5, 4, 6], "budget": [1.0, 0.0, 1.0]})
    found = baseline_comparison(answer, today)
    assert (found.total_budget, found.total_value) == (11.0, 28.0)
    assert (found.change, found.budget_change) == (12.0, 4.0)
    assert found.to_arrow().to_pylist()[1] == {
        "state": "warm", "count": 4, "budget": 0.0, "value": 0.0, "price": 3.0,
        "answer_budget": 1.0, "answer_value": 3.0, "change": 3.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "rows, word",
    [([("warm", 10, 1.0)], "0 units and the population 5"), ([("warm", 9, 1.0), ("cold", 5, 0.0)], "9 units"),
     ([("worm", 10, 1.0)], "did you mean 'warm'"), ([("warm", 1.5, 1.0)], "whole number"),
     ([("warm", 10, -1.0), ("cold", 5, 0.0)], "below 0.0"),
     ([("warm", 10, math.nan), ("cold", 5, 0)], "nan")],
)  # fmt: skip
def test_baseline_rejects(rows, word):
    curves = two_state_curves()
    answer = allocate(curves, Population.at(curves.problem, {"warm": 10, "cold": 5}), 15.0)
    state, count, budget = zip(*rows, strict=True)
    with pytest.raises(ProblemError, match=word):
        baseline_comparison(answer, {"state": state, "count": count, "budget": budget})


def test_baseline_needs_its_columns():
    curves = two_state_curves()
    answer = allocate(curves, Population.at(curves.problem, {}), 1.0)
    with pytest.raises(ProblemError, match="no column 'budget'"):
        baseline_comparison(answer, {"state": ["warm"], "count": [0]})
