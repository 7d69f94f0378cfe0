"""RELIABILITY R4: fast paths, linear and integer programs on drawn instances, by at least four engines.

Own methods, GLOP, HiGHS simplex, HiGHS branch and cut, CP-SAT. No two certified intervals [re-evaluated
value, bound] are disjoint; simplex, greedy and price are equal to 1e-9. Instances are small, so that 500
pass in a minute; 10,000 with `pytest -m nightly`.
"""

import numpy as np
import pytest

from optbudget.problems.families import FAMILIES, knapsack_family
from optbudget.solvers import Options
from optbudget.status import Termination
from optbudget.study import GENERATORS, Stand, compare, generate

PROCESS = (
    "walk", "greedy", "price", "cmdp_primal/mathopt/glop", "cmdp_dual/pyomo/highs-simplex",
    "deterministic_stage/pyomo/highs-mip",
)  # fmt: skip
SPLIT = (
    "greedy", "price", "ip", "mckp_lp/mathopt/glop", "mckp_lp/pyomo/highs-simplex", "mckp_ip/pyomo/highs-mip",
    "mckp_ip/mathopt/cp-sat",
)  # fmt: skip
RATES = (1.0, 0.9, 0.5)
NO_ANSWER = (Termination.NUMERICAL, Termination.BACKEND_FAILED, Termination.UNKNOWN)
"""How a back end ends that calls its numbers imprecise, whose claim is refuted, or that says nothing."""


@pytest.fixture(scope="module")
def stand():
    with Stand(Options(time_limit=30.0, relative_gap=1e-9)) as kept:
        yield kept


def process(seed):
    """A drawn process and a budget, every second one at a multiple of a quarter."""
    rng = np.random.default_rng([seed, 1])
    family = tuple(GENERATORS)[seed % len(GENERATORS)]
    unit = generate(
        family, seed=seed, states=int(rng.integers(2, 4)), actions=2, horizon=int(rng.integers(1, 4)),
        discount=RATES[int(rng.integers(3))], cost_discount=RATES[int(rng.integers(3))],
    )  # fmt: skip
    budget = float(rng.uniform(0, 1.5)) * float(unit.cost.max()) * (unit.horizon or 1) / 2
    return unit, np.floor(4 * budget) / 4 if seed % 2 and family != "badly-scaled" else budget


def split(seed):
    """A drawn knapsack in whole numbers with copies, so that CP-SAT applies, and a budget."""
    rng = np.random.default_rng([seed, 2])
    family = tuple(FAMILIES)[seed % len(FAMILIES)]
    problem, half = knapsack_family(
        family, int(rng.integers(1, 5)), int(rng.integers(1, 4)), seed=seed,
        largest=int(rng.choice([4, 40])), copies=int(rng.integers(1, 4)),
    )  # fmt: skip
    return problem, float(np.floor(half * rng.uniform(0.9, 1.3)))


def assert_no_two_are_disjoint(found, *, exact=True):
    """And equal to 1e-9 where all are exact; on badly scaled instances one route may have no answer, because
    it says so itself or because its claim was refuted, and a wider certified gap excuses. What it claims
    there and nothing proves may be wrong, and is told."""
    told = [] if exact else [words for words in found.disagreements if "says to be the most" in words]
    assert len(told) == len(found.disagreements), (found.disagreements, found.routes)
    for question in {r.question for r in found.routes}:
        routes = [r for r in found.routes if r.question == question]
        infeasible = {r.infeasible for r in routes}
        assert len(infeasible) == 1, routes
        if infeasible == {True}:
            continue
        given_up = [r for r in routes if not r.answered]
        assert all(r.outcome.termination in NO_ANSWER for r in given_up), routes
        assert len(given_up) <= (0 if exact else 1), routes
        best = max(r.value for r in routes)
        room = 1e-12 * (1 + abs(best))
        assert all(not r.bound < best - room for r in routes), routes
        if exact and question in ("randomised", "relaxation"):
            assert best - min(r.value for r in routes) <= 1e-9 * (1 + abs(best)), routes


@pytest.mark.parametrize("block", range(10))
def test_processes_by_every_engine(stand, block):
    for seed in range(25 * block, 25 * (block + 1)):
        problem, budget = process(seed)
        found = compare(problem, budget, routes=PROCESS, stand=stand)
        assert_no_two_are_disjoint(found, exact="badly-scaled" not in problem.title)


@pytest.mark.parametrize("block", range(10))
def test_knapsacks_by_every_engine(stand, block):
    for seed in range(25 * block, 25 * (block + 1)):
        problem, budget = split(seed)
        assert_no_two_are_disjoint(compare(problem, budget, routes=SPLIT, stand=stand))


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(50))
def test_ten_thousand_instances(stand, block):
    for seed in range(1000 + 100 * block, 1000 + 100 * (block + 1)):
        problem, budget = process(seed)
        found = compare(problem, budget, routes=PROCESS, stand=stand)
        assert_no_two_are_disjoint(found, exact="badly-scaled" not in problem.title)
        knapsack, money = split(seed)
        assert_no_two_are_disjoint(compare(knapsack, money, routes=SPLIT, stand=stand))
