"""Fronts of departments: beside the weighted problem solved alone, plain geometry, and what goes wrong."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_names import MODELS
from test_departments import drawn

from optbudget import allocate, load, solve
from optbudget.errors import LimitError, ProblemError, UsageError
from optbudget.pareto import (
    department_weights,
    difference,
    evaluate_lottery,
    exact_front,
    outer,
    weight_points,
)
from optbudget.pareto.hulls import where_they_differ
from optbudget.pareto.passes import Columns, Passes
from optbudget.pareto.search import best
from optbudget.problems import Front
from optbudget.problems.examples import two_departments
from optbudget.status import Solution, Termination
from optbudget.workers import Monitor

from reference import meeting_support


class TestWeights:
    @pytest.mark.parametrize("objectives", [1, 2, 3, 5])
    def test_on_the_simplex_inside(self, objectives):
        found = weight_points(20, objectives)
        assert (found > 0).all() and found.sum(axis=1) == pytest.approx(1.0)
        assert len(np.unique(found.round(9), axis=0)) == len(found) == (20 if objectives > 1 else 1)

    def test_in_the_scale_of_the_objectives(self):
        plain, scaled = weight_points(9, 2), weight_points(9, 2, scale=[1000.0, 1.0])
        ratio = plain[:, 0] / plain[:, 1] / (scaled[:, 0] / scaled[:, 1])
        assert ratio == pytest.approx(1000.0)

    def test_spread(self):
        """50 weights leave no point of the simplex farther away than a triangle of side 1/5 does."""
        found = weight_points(50, 3)
        every = weight_points(400, 3)
        apart = np.linalg.norm(every[:, None] - found, axis=2).min(axis=1)
        assert apart.max() < 0.2 * np.sqrt(2)

    def test_too_few(self):
        with pytest.raises(UsageError, match="at least 3 weights"):
            weight_points(2, 3)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("budget", [0.0, 1.0, 3.0, 50.0])
def test_as_the_weighted_problem_alone(seed, budget):
    """Every point is worth what an allocation over the curves of the joined chain is, and no more."""
    d = drawn(seed)
    found = exact_front(d, budget=budget, weights=6, refine=2, tolerance=1e-9)
    front = found.front
    assert front.outcome.termination is Termination.OPTIMAL
    for p, weight in enumerate(front.weight):
        problem = d.budgeted(dict(zip(d.objectives, weight.tolist(), strict=True)))
        split = allocate(solve(problem), d.population(problem), budget)
        assert front.value[p] == pytest.approx(split.value, abs=1e-8)
        assert front.bound[p] >= split.value - 1e-12
        plan = found.plan(p)
        worth = evaluate_lottery(d, plan.policy, plan.share)
        assert worth.point == pytest.approx(front.point[p], abs=1e-12)
        assert worth.spent == pytest.approx(front.spend[p], abs=1e-12)
        assert found.worth(p).reward == pytest.approx(worth.reward, abs=1e-12)
    assert front.violations().max() <= 1e-9


def test_money_is_discounted_too():
    d = drawn(3)
    d = replace(d, held=replace(d.held, cost_discount=0.5, discount=0.875))
    found = exact_front(d, budget=1.5, weights=5, refine=0, tolerance=1e-9)
    for p, weight in enumerate(found.front.weight):
        problem = d.budgeted(dict(zip(d.objectives, weight.tolist(), strict=True)))
        split = allocate(solve(problem), d.population(problem), 1.5)
        assert found.front.value[p] == pytest.approx(split.value, abs=1e-8)
        assert found.front.price[p] == pytest.approx(split.price, abs=1e-6)


def test_one_objective():
    d = drawn(2)
    alone = replace(d, objectives=d.objectives[:1], direction=d.direction[:1], reward=d.reward[:, :1])
    front = exact_front(alone, budget=2.0, tolerance=1e-9).front
    problem = alone.budgeted()
    assert len(front) == 1 and front.weight.tolist() == [[1.0]]
    assert front.value[0] == pytest.approx(allocate(solve(problem), alone.population(problem), 2.0).value)


def test_refined_it_is_closer():
    d = two_departments(horizon=6)
    rough = exact_front(d, weights=3, refine=0)
    fine = exact_front(d, weights=3, refine=8)
    many = department_weights(d, 60)
    assert np.array_equal(rough.front.weight, fine.front.weight[:3])
    assert difference(fine.front, many).max() < 0.5 * difference(rough.front, many).max()
    assert (outer(fine.front, many) >= fine.front.inner(many) - 1e-9).all()


def test_others_weights():
    given = [[1.0, 3.0], [2.0, 2.0]]
    front = exact_front(two_departments(), weights=given, refine=0).front
    assert front.weight.tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_threads_and_company_change_no_bit():
    """One thread or all, asked alone or among others: the same numbers."""
    d = drawn(4)
    weights = department_weights(d, 20)
    one, all_ = (exact_front(d, budget=2.0, weights=weights, refine=0, threads=t).front for t in (1, None))
    for name in ("point", "bound", "price", "spend"):
        assert np.array_equal(getattr(one, name), getattr(all_, name)), name
    passes = Passes(d)
    together = passes.columns(weights, np.full(20, 0.5))
    alone = passes.columns(weights[[13]], np.full(1, 0.5))
    assert np.array_equal(together.reward[13], alone.reward[0]) and together.top[13] == alone.top[0]


class TestEnds:
    def test_least_spend(self):
        d = two_departments()
        dear = replace(d, held=replace(d.held, cost=d.held.cost + 1.0))
        found = exact_front(dear, budget=5.5)
        assert found.front.outcome.termination is Termination.INFEASIBLE and len(found.front) == 0
        assert "no plan spends less than 6:" in found.front.outcome.message
        assert exact_front(dear, budget=6.0, weights=3).front.spend.max() <= 6.0

    def test_no_time(self):
        monitor = Monitor()
        monitor.interrupt()
        outcome = exact_front(two_departments(), monitor=monitor).front.outcome
        assert (outcome.termination, outcome.solution) == (Termination.INTERRUPTED, Solution.NONE)

    def test_stopped_with_bounds(self):
        class Soon(Monitor):
            def stop_reason(self):
                self.asked = getattr(self, "asked", 0) + 1
                return Termination.TIME_LIMIT if self.asked > 2 else None

        front = exact_front(drawn(1), budget=2.0, weights=5, tolerance=0.0, monitor=Soon()).front
        assert front.outcome.termination is Termination.TIME_LIMIT
        assert front.outcome.solution is Solution.CERTIFIED and np.isfinite(front.gap).all()

    def test_memory(self):
        with pytest.raises(LimitError, match="one pass"):
            exact_front(two_departments(), weights=2, monitor=Monitor(memory_limit=1500))

    @pytest.mark.parametrize(
        "options, error, message",
        [
            ({"budget": -1.0}, UsageError, "budget"),
            ({"budget": float("nan")}, UsageError, "budget"),
            ({"refine": -1}, UsageError, "refine is -1"),
            ({"tolerance": float("nan")}, UsageError, "tolerance"),
            ({"tolerance": float("inf")}, UsageError, "tolerance"),
            ({"weights": [[1.0, 0.0]]}, UsageError, r"weights must be numbers in \(0, inf\)"),
            ({"weights": [[1.0, 1.0, 1.0]]}, UsageError, r"weights must have shape \(P, 2\)"),
            ({"weights": 1}, UsageError, "at least 2"),
        ],
    )
    def test_refused(self, options, error, message):
        with pytest.raises(error, match=message):
            exact_front(two_departments(), **options)

    def test_endless(self):
        d = two_departments()
        endless = replace(d, held=replace(d.held, horizon=None, cost_discount=0.9))
        with pytest.raises(ProblemError, match="finite horizon"):
            exact_front(endless)


def planes(size):
    whole = st.integers(1, 5)
    return st.lists(st.tuples(*[whole] * size), min_size=1, max_size=6, unique=True)


@settings(max_examples=60, deadline=None)
@given(st.data())
@pytest.mark.parametrize("size", [2, 3])
def test_outer_as_all_meeting_points(size, data):
    weight = np.array(data.draw(planes(size)), dtype=np.float64)
    weight /= weight.sum(axis=1, keepdims=True)
    level = [data.draw(st.integers(-4, 4)) for _ in weight]
    wanted = np.array(data.draw(planes(size)), dtype=np.float64)
    wanted /= wanted.sum(axis=1, keepdims=True)
    count = len(level)
    low = np.full((count, size), -100.0)
    front = Front(
        tuple("abc"[:size]), weight, low, np.zeros(count), level, np.zeros(count), ("exact",) * count, 1.0
    )
    exact = [[Fraction(x) for x in row] for row in weight.tolist()]
    for found, row in zip(outer(front, wanted), wanted.tolist(), strict=True):
        expected = meeting_support(exact, [Fraction(x) for x in level], [Fraction(x) for x in row])
        if expected == np.inf and not np.isinf(found):
            assert on_the_edge(weight, row)
        else:
            assert found == pytest.approx(float(expected), abs=1e-6)


def on_the_edge(weight, wanted):
    """Whether rounding alone decides if the weights are a sum of the planes'."""
    from scipy.optimize import nnls

    return nnls(weight.T, np.array(wanted))[1] < 1e-9


def test_where_they_differ_most():
    """Between (0, 1) and (1, 0) nothing is known: halves are asked for; nothing where nothing is open."""
    weight = np.array([[0.99, 0.01], [0.01, 0.99]])
    front = Front(
        ("a", "b"),
        weight,
        [[1.0, 0.0], [0.0, 1.0]],
        [0.0, 0.0],
        [0.99, 0.99],
        [0.0, 0.0],
        ("exact",) * 2,
        1.0,
    )
    candidates = np.array([[0.7, 0.3], [0.5, 0.5], [0.2, 0.8]])
    assert where_they_differ(front, candidates, 1).tolist() == [[0.5, 0.5]]
    flat = replace(front, bound=[1.0, 1.0], point=[[1.0, 1.0], [1.0, 1.0]])
    assert where_they_differ(flat, candidates, 2).shape == (0, 2)


@pytest.mark.nightly
def test_twenty_departments():
    """The recorded answer of equal weights is on the front."""
    d = load(MODELS / "departments_20")
    front = exact_front(d, weights=[[1.0, 1.0, 1.0]], tolerance=1e-9, refine=0).front
    assert 3 * front.value[0] == pytest.approx(1015.1209, abs=2e-3)


def test_a_cost_taken_off_one_reward_is_refused():
    """With "net" it would be left out without a word, as no objective has it."""
    two = two_departments()
    net = replace(two, held=replace(two.held, reward="net"))
    with pytest.raises(ProblemError, match='reward = "gross"'):
        exact_front(net)


class TestBestLottery:
    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_no_pair_of_columns_is_better(self, data):
        """Every pair of a frugal and a lavish column, tried one by one, on grids with ties."""
        number = data.draw(st.integers(1, 7))
        grid = st.integers(0, 6).map(float)
        spent, *point = (np.array(data.draw(st.lists(grid, min_size=number, max_size=number))) for _ in "abc")
        spent[0] = 0.0
        budget, weight = data.draw(grid), np.array([[0.5, 0.5], [0.25, 0.75]])
        none = np.zeros(number)
        columns = Columns(np.zeros((number, 2)), none, np.stack(point, axis=1)[:, None], spent[:, None], none)
        found = best(columns, weight, budget)
        for p, worth in enumerate(weight @ columns.point.T):
            alone = [worth[i] for i in range(number) if spent[i] <= budget]
            pairs = [
                worth[i] + (worth[j] - worth[i]) * (budget - spent[i]) / (spent[j] - spent[i])
                for i in range(number) for j in range(number) if spent[i] <= budget < spent[j]
            ]  # fmt: skip
            assert found.value[p] == pytest.approx(max(alone + pairs), abs=1e-9)
