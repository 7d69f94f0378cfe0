"""A cap on the budget of one unit: splits, bounds and proofs up to it, and units that it cannot serve."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_curves import counts_for, quarters
from small_problems import plain_models, problem_of
from truth import true_curves, value_at

from optbudget import load, solve, verify
from optbudget.allocation import allocate, sweet_spot
from optbudget.certify.envelope import capped_intercepts
from optbudget.problems import Population
from optbudget.status import Termination

from reference import best_split

MODELS = Path(__file__).parents[1] / "models"


def capped_points(points, cap):
    """The breakpoints up to the cap, and the point at it."""
    inside = [(b, v) for b, v in points if b <= cap]
    return [*inside, (Fraction(cap), value_at(points, Fraction(cap)))] if inside else []


@given(
    plain_models(max_horizon=3), counts_for, quarters, st.sampled_from([0.0, 0.25, 1.0, 3.0]),
    st.sampled_from(["exact", "walk"]), st.sampled_from(["greedy", "price"]),
)  # fmt: skip
def test_bound_of_capped_units_encloses_the_optimum(plain, counts, budget, cap, route, method):
    problem = problem_of(plain, budget_cap=cap)
    curves = solve(problem, method=route)
    people = Population(problem.labels, np.resize(np.array(counts), problem.n_states))
    answer = allocate(curves, people, float(budget), method=method)
    points = [capped_points(points, cap) for points in true_curves(problem)]
    served = all(p for p, n in zip(points, people.count, strict=True) if n)
    some = [(p, n) for p, n in zip(points, people.count.tolist(), strict=True) if n]
    best = best_split([p for p, _ in some], [n for _, n in some], budget) if served else None
    if best is None:
        assert answer.outcome.termination is Termination.INFEASIBLE and np.isnan(answer.value)
    else:
        assert Fraction(answer.bound) >= best
        assert answer.gap <= 1e-9 and answer.outcome.termination is Termination.OPTIMAL
    assert verify(answer, exact=True).ok, verify(answer, exact=True)
    same = sweet_spot(curves, people, [float(budget)])
    np.testing.assert_array_equal([same.value[0], same.bound[0]], [answer.value, answer.bound])


def test_a_cap_below_a_least_budget_names_the_units():
    problem = replace(load(MODELS / "toll"), budget_cap=0.5)
    answer = allocate(solve(problem), Population.at(problem, {"gate": 3}), 100.0)
    assert answer.outcome.termination is Termination.INFEASIBLE
    assert answer.outcome.message == (
        "the cap of 0.5 per unit is below what a unit must be given in 'gate' (at least 2.0)"
    )
    assert verify(answer).ok
    assert not verify(
        replace(answer, curves=replace(answer.curves, problem=replace(problem, budget_cap=2.0)))
    ).ok


def test_a_capped_bound_is_refused_without_the_cap():
    """Without a cap the same bound would be false, and with it a bound below the value is."""
    problem = replace(load(MODELS / "synthetic_ad"), budget_cap=5.0, horizon=8)
    answer = allocate(solve(problem), Population.at(problem, {"begin": 1000}), 4000.0)
    assert verify(answer).ok
    free = replace(answer, curves=replace(answer.curves, problem=replace(problem, budget_cap=None)))
    assert not verify(free).ok
    assert not verify(replace(answer, bound=answer.value * (1 - 1e-6))).ok


def test_capped_lines_hold_up_to_the_cap_only():
    price, lines = np.array([3.0, 1.0, 0.0]), np.array([[0.0, 4.0, 30.0]])
    capped = capped_intercepts(price, lines, 1.0)
    for b in np.linspace(0.0, 1.0, 5):
        assert min(lines[0] + price * b) <= min(capped[0] + price * b) + 1e-9
    assert capped[0].round(9).tolist() == [0.0, 2.0, 3.0]
    assert capped_intercepts(price, lines, 1e308).tolist() == lines.tolist()


@pytest.mark.parametrize("cap", [4.0, 0.0])
def test_a_capped_infinite_horizon(cap):
    problem = replace(load(MODELS / "two_action"), budget_cap=cap)
    answer = allocate(solve(problem), Population.at(problem, {problem.labels[0]: 10}), 35.0)
    assert answer.gap <= 1e-9 and verify(answer).ok
