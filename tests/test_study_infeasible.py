"""RELIABILITY R11 and R12: infeasible is proved and explained; too close to call is said to be undecided."""

import re
from fractions import Fraction
from itertools import pairwise
from math import ceil

import numpy as np
import pytest
from test_study_agreement import process
from truth import true_curves, value_at

from optbudget.allocation import Reach, allocate, reaches
from optbudget.allocation.knapsack import allocate_knapsack
from optbudget.budgeted import solve
from optbudget.problems import BudgetedMDP, Knapsack, Population
from optbudget.solvers import Options
from optbudget.study import Stand, compare

from reference import concave_points

INSTANCES = 250
NEARBY = [Fraction(0), *(sign * Fraction(1, 10**k) for k in (16, 12, 6) for sign in (1, -1))]
NAMED = re.compile(r"([\d,]+) (?:in|of) '?(\w+)'? \(at least ([\d.e+-]+) each\)")
PROCESS = ("walk", "greedy", "price", "cmdp_primal/mathopt/glop", "cmdp_dual/pyomo/highs-simplex")
SPLIT = (
    "greedy",
    "price",
    "ip",
    "mckp_lp/mathopt/glop",
    "mckp_lp/pyomo/highs-simplex",
    "mckp_ip/mathopt/cp-sat",
)


@pytest.fixture(scope="module")
def stand():
    with Stand(Options(time_limit=30.0)) as kept:
        yield kept


def toll(seed):
    """States in which going on costs a toll, in quarters; every state acts, so money is always needed."""
    rng = np.random.default_rng([seed, 4])
    n, m = int(rng.integers(1, 4)), 2
    rows = [rng.choice(n, size=min(n, 2), replace=False).tolist() for _ in range(n * m)]
    return BudgetedMDP(
        states=tuple(f"s{i}" for i in range(n)), actions=("a", "b"), pair_ptr=np.arange(n + 1) * m,
        pair_action=np.tile([0, 1], n), pair_row=np.arange(n * m),
        cost=rng.integers(1, 9, size=n * m) / 4, utility=rng.integers(0, 9, size=n * m).astype(float),
        row_ptr=np.cumsum([0, *map(len, rows)]), next_state=np.array([j for row in rows for j in row]),
        probability=np.array([1 / len(row) for row in rows for _ in row]), terminal_utility=np.zeros(n),
        discount=1.0, cost_discount=float(rng.choice([1.0, 0.5])), horizon=int(rng.integers(1, 4)),
    )  # fmt: skip


def assert_explained(message, budget, least):
    """The least total is named exactly; the named units need more, and without any one of them they do not.

    `least` holds (units, least budget of each) by name.
    """
    total = sum((n * b for n, b in least.values()), Fraction(0))
    assert repr(float(total)) in message and Fraction(float(total)) == total
    named = [(int(n.replace(",", "")), name, Fraction(float(b))) for n, name, b in NAMED.findall(message)]
    assert named and all(0 < n <= least[name][0] and b == least[name][1] for n, name, b in named)
    needed = sum(n * b for n, _, b in named)
    assert needed > budget
    assert all(needed - b <= budget for _, _, b in named), "not minimal"


def test_infeasible_processes_are_proved_by_every_route_and_explained(stand):
    for seed in range(INSTANCES):
        unit = toll(seed)
        rng = np.random.default_rng([seed, 5])
        starts = [points[0][0] for points in true_curves(unit)]
        below = float(starts[0] * rng.choice([0, 1, 1, 3])) / 4
        found = compare(unit, below, routes=PROCESS, stand=stand)
        assert found.agree and all(r.infeasible for r in found.routes), (seed, found.routes)
        assert repr(float(starts[0])) in found.routes[0].outcome.message
        count = rng.integers(0, 4, size=len(starts)) + np.eye(len(starts), dtype=int)[0]
        total = sum(int(n) * b for n, b in zip(count, starts, strict=True))
        budget = float(np.floor(float(total) * rng.uniform(0, 1) * 64) / 64)
        budget = budget if budget < total else 0.0
        answer = allocate(solve(unit, method="walk"), Population(unit.labels, count), budget)
        least = {name: (int(n), b) for name, n, b in zip(unit.labels, count, starts, strict=True)}
        assert_explained(answer.outcome.message, Fraction(budget), least)


def test_infeasible_knapsacks_are_proved_by_every_route_and_explained(stand):
    for seed in range(INSTANCES):
        rng = np.random.default_rng([seed, 6])
        n, m = int(rng.integers(1, 5)), 2
        cost, count = rng.integers(1, 9, size=(n, m)) / 4, rng.integers(1, 4, size=n)
        problem = Knapsack.from_arrays(
            np.arange(n + 1) * m, cost.ravel(), rng.integers(0, 9, n * m), count=count
        )
        least = {
            g: (int(k), Fraction(c)) for g, k, c in zip(problem.groups, count, cost.min(axis=1), strict=True)
        }
        total = sum(k * c for k, c in least.values())
        budget = (ceil(4 * total * Fraction(rng.uniform(0, 1))) - 1) / 4
        budget = max(0.0, min(budget, float(total) - 0.25))
        found = compare(problem, budget, routes=SPLIT, stand=stand)
        assert found.agree and all(r.infeasible for r in found.routes), (seed, found.routes)
        assert_explained(allocate_knapsack(problem, budget).outcome.message, Fraction(budget), least)


# -- R12 ------------------------------------------------------------------------------------------------


def assert_right(answer, truth):
    """No wrong answer near the truth; a difference of 1e-6 is told."""
    for share in NEARBY:
        asked = float(truth * (1 + share))
        said = reaches(answer, asked)
        assert said is not (Reach.NO if truth >= Fraction(asked) else Reach.YES), (share, said)
        if abs(share) >= Fraction(1, 10**6) and abs(truth) > Fraction(1, 1000):
            assert said is not Reach.UNDECIDED, share
    assert reaches(answer, float("inf")) is Reach.NO and reaches(answer, float("-inf")) is Reach.YES
    assert reaches(answer, float("nan")) is Reach.UNDECIDED


@pytest.mark.parametrize("block", range(4))
def test_thresholds_next_to_the_value_of_a_split(block):
    for seed in range(25 * block, 25 * (block + 1)):
        unit, budget = process(seed)
        if "badly-scaled" in unit.title:
            continue
        units = 1 + seed % 3
        truth = value_at(true_curves(unit)[0], Fraction(budget))
        people = Population(unit.labels, np.eye(unit.n_states, dtype=int)[0] * units)
        answer = allocate(solve(unit, method="walk"), people, budget * units)
        truth = value_at(true_curves(unit)[0], Fraction(budget * units) / units)
        assert_right(answer, units * truth)


def test_thresholds_next_to_the_value_of_a_knapsack():
    for seed in range(200):
        rng = np.random.default_rng([seed, 7])
        n, m = int(rng.integers(1, 5)), 3
        cost, value = rng.uniform(0, 5, size=(n, m)), rng.uniform(-1, 9, size=(n, m))
        cost[:, 0] = 0.0
        problem = Knapsack.from_arrays(np.arange(n + 1) * m, cost.ravel(), value.ravel())
        budget = float(rng.uniform(0, 5) * n / 2)
        assert_right(allocate_knapsack(problem, budget), exact_relaxation(cost, value, budget))


def exact_relaxation(cost, value, budget):
    """Optimum of the relaxation in rational arithmetic."""
    left, total, steps = Fraction(budget), Fraction(0), []
    for costs, values in zip(cost.tolist(), value.tolist(), strict=True):
        points = concave_points([(Fraction(c), Fraction(v)) for c, v in zip(costs, values, strict=True)])
        total += points[0][1]
        steps += [(q[1] - p[1], q[0] - p[0]) for p, q in pairwise(points)]
    for gain, length in sorted(steps, key=lambda step: -step[0] / step[1]):
        part = min(Fraction(1), left / length)
        if gain > 0 and part > 0:
            total, left = total + part * gain, left - part * length
    return total


def test_an_infeasible_budget_reaches_nothing():
    unit = toll(1)
    answer = allocate(solve(unit, method="walk"), Population.at(unit, {"s0": 1}), 0.0)
    assert reaches(answer, -1e9) is Reach.NO
