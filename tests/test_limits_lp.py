"""Splits under limits against the declared linear program, and what only that program can split."""

import itertools
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from small_curves import curves_of

from optbudget import allocate, solve, verify
from optbudget.allocation.limit_tree import LimitTree
from optbudget.allocation.limited import limited_split
from optbudget.errors import UsageError
from optbudget.formulations import declared
from optbudget.planning import allocate_overlapping, overlap
from optbudget.planning.overlapping_program import Blocks
from optbudget.problems import (
    BudgetedMDP,
    GroupLimit,
    Knapsack,
    LimitedPopulation,
    Limits,
    Population,
    Totals,
    UnitLimit,
)
from optbudget.solvers import solve_programs
from optbudget.status import Termination

from forgeries import random_problem

INSTANCES, BINDING = 300, 200


def drawn(rng):
    """Curves, blocks under nested limits that can be kept, and a budget."""
    while True:
        states = []
        for _ in range(int(rng.integers(2, 7))):
            points = [(int(rng.integers(0, 2)), int(rng.integers(-4, 5)))]
            for slope in sorted(rng.choice(np.arange(1, 8), int(rng.integers(0, 4)), replace=False).tolist())[
                ::-1
            ]:
                step = int(rng.integers(1, 4))
                points.append((points[-1][0] + step, points[-1][1] + slope * step))
            states.append(points)
        money = float(rng.choice([1.0, 0.1, 1 / 3]))
        curves, n = curves_of(states, money=money), len(states)
        count = rng.integers(0, 5, n)
        useful = sum(int(k) * c.largest_useful_budget for k, c in zip(count, curves, strict=True))
        budget = float(rng.uniform(0.2, 1.1)) * useful
        parent = [int(rng.integers(-1, g)) if g else -1 for g in range(int(rng.integers(1, 5)))]
        node = rng.integers(-1, len(parent), n)
        members = [
            np.array([i for i in range(n) if g in path(parent, int(node[i]))], dtype=np.int64)
            for g in range(len(parent))
        ]
        share = np.array([budget * max(1, m.size) / n for m in members])
        least = np.where(rng.random(share.size) < 0.6, share * rng.uniform(0.2, 1.2, share.size), 0.0)
        most = np.where(
            rng.random(share.size) < 0.6, np.maximum(least, share * rng.uniform(0.3, 1.3, share.size)), np.inf
        )
        low = np.where(rng.random(n) < 0.3, rng.integers(0, 5, n) / 2 * money, 0.0)
        high = np.where(rng.random(n) < 0.3, low + rng.integers(0, 5, n) / 2 * money, np.inf)
        units = LimitedPopulation(
            np.arange(n), count, np.full(n, -1), low, high, tuple(f"g{g}" for g in range(len(parent))), least,
            most, tuple(members),
        )  # fmt: skip
        if count.any() and not LimitTree(units, Fraction(budget)).broken(curves.start_budget):
            return curves, units, budget


def path(parent, g):
    """The groups around a block whose innermost one is g."""
    found = []
    while g >= 0:
        found.append(g)
        g = parent[g]
    return found


def test_nested_splits_equal_the_linear_program():
    """On 300 drawn instances; in at least 200 a limit other than the budget changes the optimum."""
    rng = np.random.default_rng(20)
    cases = [drawn(rng) for _ in range(INSTANCES)]
    programs = [
        Blocks(SimpleNamespace(curves=curves), units).program(budget) for curves, units, budget in cases
    ]
    solutions = solve_programs((program, "highs-simplex") for program in programs)
    binding = 0
    for (curves, units, budget), solution in zip(cases, solutions, strict=True):
        answer = limited_split(curves, units, Fraction(budget))
        value = float(answer.rows.value)
        assert value == pytest.approx(solution.value, rel=1e-9, abs=1e-9)
        free = LimitedPopulation(
            units.state, units.count, units.unit, np.zeros_like(units.least), np.full_like(units.most, np.inf)
        )
        binding += float(limited_split(curves, free, Fraction(budget)).rows.value) > value + 1e-9 * (
            1 + abs(value)
        )
    assert binding >= BINDING


def three_units():
    """Slopes 2, 3 and 2 for one unit of money each (DESIGN 5.3)."""
    problem = BudgetedMDP(
        states=("one", "two", "three"), actions=("wait", "act"), pair_ptr=np.array([0, 2, 4, 6]),
        pair_action=np.array([0, 1] * 3), pair_row=np.array([0, 0, 1, 1, 2, 2]),
        cost=np.array([0.0, 1.0] * 3), utility=np.array([0.0, 2.0, 0.0, 3.0, 0.0, 2.0]),
        row_ptr=np.arange(4), next_state=np.arange(3), probability=np.ones(3), terminal_utility=np.zeros(3),
        discount=1.0, cost_discount=1.0, horizon=1, reward="gross",
    )  # fmt: skip
    curves = solve(problem, method="exact")
    people = Population.at(problem, {"one": 1, "two": 1, "three": 1})
    limits = Limits(
        groups=(
            GroupLimit("left", states=("one", "two"), most=1.0),
            GroupLimit("right", states=("two", "three"), most=1.0),
        )
    )
    return curves, people, limits


def test_by_price_three_at_best_four():
    """Groups {1, 2} and {2, 3} of one unit each: buying by price gets 3, the optimum is 4."""
    curves, people, limits = three_units()
    assert overlap(curves, people, 3.0, limits) == ("left", "right")
    answer = allocate_overlapping(curves, people, 3.0, limits)
    assert (answer.value, answer.price, answer.outcome.termination) == (4.0, 0.0, Termination.OPTIMAL)
    assert {m.group for m in answer.multipliers} == {"left", "right"}
    assert verify(answer, exact=True).ok
    with pytest.raises(UsageError, match="overlap"):
        allocate(curves, people, 3.0, limits=limits)


@pytest.mark.parametrize("backend", ["highs-simplex", "glop"])
def test_overlapping_groups_on_drawn_models(backend):
    """Every answer keeps all limits exactly and is proved; at most one unit is drawn for each that is met."""
    rng = np.random.default_rng(7)
    solved = randomised = 0
    for seed in range(12):
        problem = random_problem(rng, int(rng.integers(1, 4)))
        curves = solve(problem, method="exact")
        people, budget, limits = overlapping(rng, problem, curves)
        if overlap(curves, people, budget, limits) is None:
            continue
        answer = allocate_overlapping(curves, people, budget, limits, backend=backend)
        if answer.outcome.termination is Termination.INFEASIBLE:
            assert "a smallest part" in answer.outcome.message
            continue
        checked = verify(answer, exact=seed % 3 == 0)
        assert checked.ok, str(checked)
        assert answer.outcome.termination is Termination.OPTIMAL
        solved += 1
        randomised += bool((answer.probability < 1).any())
    assert solved >= 5
    assert randomised >= 3


def overlapping(rng, problem, curves):
    """A population, a budget, and groups that share states."""
    count = rng.integers(1, 6, problem.n_states)
    people = Population(problem.labels, count)
    useful = sum(int(n) * c.largest_useful_budget for n, c in zip(count, curves.curves, strict=True))
    budget = float(rng.uniform(0.3, 0.9)) * useful
    ring = [*problem.labels, problem.labels[0]]
    groups = []
    for k, pair in enumerate(itertools.pairwise(ring)):
        least = budget * float(rng.choice([0.0, 0.1, 0.2]))
        groups.append(
            GroupLimit(f"g{k}", states=pair, least=least, most=least + budget * float(rng.uniform(0.2, 0.6)))
        )
    units = (UnitLimit(state=problem.labels[0], most=float(rng.uniform(1, 5))),)
    return people, budget, Limits(units, tuple(groups))


@pytest.mark.parametrize("each", [None, [1.0, np.inf, 2.5]])
@pytest.mark.parametrize("name", ["mckp_lp", "mckp_ip"])
def test_both_statements_say_the_same(name, each):
    """Pyomo's and MathOpt's rows of totals; MathOpt is stated in a process of its own."""
    from optbudget.workers.spawned import SpawnedWorker

    knapsack = Knapsack.from_arrays([0, 2, 4, 6], cost=[0, 1] * 3, value=[0, 2, 0, 3, 0, 2])
    totals = Totals([[0, 1], [1, 2], [2]], least=[0.0, 0.5, 0.25], most=[1.0, 1.0, np.inf], each=each)
    one, _ = declared(name, "pyomo", knapsack, 3.0, totals)
    worker = SpawnedWorker()
    other = worker.call(declared, name, "mathopt", knapsack, 3.0, totals).result[0]
    worker.close()
    last = ("together[0]", "together[1]", "together[2]", *(() if each is None else ("each[0]", "each[2]")))
    assert one.row_names[-len(last) :] == other.row_names[-len(last) :] == last
    for array in (
        "objective",
        "row_ptr",
        "column",
        "coefficient",
        "row_lower",
        "row_upper",
        "lower",
        "upper",
    ):
        assert np.array_equal(getattr(one, array), getattr(other, array)), array
    with pytest.raises(UsageError, match="states no limits on groups"):
        declared("mckp_unit", "pyomo", knapsack, 3.0, totals)


def test_overlapping_limits_that_contradict_each_other():
    curves, people, limits = three_units()
    more = replace(
        limits,
        groups=(
            *limits.groups,
            GroupLimit("ends", states=("one", "three"), least=2.5),
            GroupLimit("two", states=("two",), least=0.1),
        ),
    )
    answer = allocate_overlapping(curves, people, 4.0, more)
    assert answer.outcome.termination is Termination.INFEASIBLE
    message = answer.outcome.message
    for name in ("left", "right", "ends"):
        assert f"group {name}" in message
    assert "group two" not in message
    assert "no budget would do" in message
    less = replace(limits, groups=(*limits.groups, GroupLimit("ends", states=("one", "three"), least=1.5)))
    poor = allocate_overlapping(curves, people, 1.0, less)
    assert "the least feasible budget under these limits is about 1.5" in poor.outcome.message
    for one in (answer, poor):
        assert verify(one).ok and "highs" not in one.outcome.message
        assert not verify(replace(one, multipliers=())).ok
        for k, m in enumerate(one.multipliers):
            for forged in (
                replace(m, value=-1.0),
                replace(m, limit=m.limit - 1),
            ):
                changed = (*one.multipliers[:k], forged, *one.multipliers[k + 1 :])
                assert not verify(replace(one, multipliers=changed)).ok
    assert not verify(replace(poor, budget=1.5)).ok


@pytest.mark.parametrize("seed", range(8))
def test_overlapping_limits_are_proved_impossible_or_kept(seed):
    """Drawn limits of drawn overlapping groups: kept and proved, or impossible and proved; never neither."""
    curves, people, _ = three_units()
    rng = np.random.default_rng(seed)
    seen = set()
    for _ in range(6):
        pairs = (("one", "two"), ("two", "three"), ("one", "three"))
        least = rng.integers(0, 9, 3) / 4
        groups = tuple(
            GroupLimit(
                "".join(states), states=states, least=float(low), most=float(low + rng.integers(0, 4) / 4)
            )
            for states, low in zip(pairs, least, strict=True)
        )
        limits = Limits((UnitLimit(state="two", most=float(rng.integers(1, 8) / 4)),), groups)
        budget = float(rng.integers(1, 16) / 4)
        answer = allocate_overlapping(curves, people, budget, limits)
        assert verify(answer).ok, (limits, budget, answer.outcome)
        seen.add(answer.outcome.termination)
    assert seen <= {Termination.OPTIMAL, Termination.INFEASIBLE}


@pytest.mark.parametrize(
    ("cost", "most", "budget"),
    [
        ((0.1, 0.2, 0.1), (0.3, 0.3), 0.4),
        ((0.8, 0.2, 0.1), (1.0, 0.3), 1.1),
        ((0.6, 0.9, 0.3), (1.5, 1.2), 1.8),
        ((0.8, 0.6, 0.5), (1.4, 1.1), 1.9),
    ],
)
def test_budgets_that_exceed_a_most_by_their_last_digit(cost, most, budget):
    """0.1 + 0.2 > 0.3 as doubles, and all are wanted: a unit draws, almost surely what it would have."""
    problem = replace(three_units()[0].problem, cost=np.array([x for c in cost for x in (0.0, c)]))
    curves = solve(problem, method="exact")
    people = Population.at(problem, {"one": 1, "two": 1, "three": 1})
    groups = (
        GroupLimit("a", states=("one", "two"), most=most[0]),
        GroupLimit("b", states=("two", "three"), most=most[1]),
    )
    answer = allocate_overlapping(curves, people, budget, Limits(groups=groups))
    assert answer.outcome.termination is Termination.OPTIMAL and verify(answer).ok
    assert answer.value == pytest.approx(7.0, rel=1e-14)


def test_a_least_just_above_what_its_units_have_is_kept():
    """One double above the sum of its units' leasts: the exact system has no unknown for it."""
    curves, people, _ = three_units()
    above = float(np.nextafter(0.4, 1.0))
    limits = Limits(
        (UnitLimit(state="one", least=0.1), UnitLimit(state="two", most=0.3, least=0.3)),
        (
            GroupLimit("left", states=("one", "two"), least=above, most=above),
            GroupLimit("right", states=("two", "three"), least=0.5),
        ),
    )
    answer = allocate_overlapping(curves, people, 1.3, limits)
    assert answer.outcome.termination is Termination.OPTIMAL
    assert verify(answer).ok
