"""A small population as one problem: with the budget in expectation it is worth the decomposed optimum.

DESIGN section 5.3: the theorem that the paper's remark after observation 9 denies. Only a budget that no path
may exceed costs something.
"""

import numpy as np
import pytest

from optbudget.allocation import allocate
from optbudget.budgeted import solve
from optbudget.formulations import joint_problem, strict_optimum
from optbudget.problems import Population
from optbudget.solvers import Options
from optbudget.study import Stand, compare, generate

ROUTES = ("walk", "cmdp_primal/mathopt/glop")
INSTANCES = 100


def instance(seed):
    """A unit's problem, 2 to 6 of it in its states, and a budget of whole money."""
    rng = np.random.default_rng([seed, 3])
    units = 2 + seed % 5
    family = ("random", "tied", "funnel")[seed % 3]
    unit = generate(
        family, seed=seed, states=2, actions=2, horizon=int(rng.integers(1, 4 if units < 5 else 3))
    )
    count = rng.multinomial(units, [0.5, 0.5])
    if unit.is_terminal.any():
        count = np.where(unit.is_terminal, 0, units)
    budget = float(rng.uniform(0.1, 0.9)) * units * float(unit.cost.max())
    return unit, Population(unit.labels, count), float(np.floor(4 * budget) / 4)


@pytest.fixture(scope="module")
def answers():
    """(joint by curve, joint by linear program, decomposed, strict, its budget) of every instance."""
    found = []
    with Stand(Options(time_limit=60.0)) as stand:
        for seed in range(INSTANCES):
            unit, people, budget = instance(seed)
            joint, constant = joint_problem(unit, people, budget)
            curve, program = compare(joint, budget, routes=ROUTES, stand=stand).routes
            split = allocate(solve(unit, method="walk"), people, budget)
            strict = strict_optimum(unit, people, budget)
            found.append((curve.value + constant, program.value + constant, split, strict))
    return found


def test_the_joint_optimum_is_the_decomposed_one(answers):
    for curve, program, split, _ in answers:
        assert curve == pytest.approx(split.value, rel=1e-9, abs=1e-9)
        assert program == pytest.approx(split.value, rel=1e-9, abs=1e-9)
        assert max(curve, program) <= split.bound + 1e-9 * (1 + abs(split.bound))


def test_a_strict_budget_never_gains_and_sometimes_loses(answers):
    shares = [float(strict) / split.value for _, _, split, strict in answers if split.value > 1e-6]
    assert len(shares) >= INSTANCES // 2
    assert all(share <= 1 + 1e-9 for share in shares)
    assert sum(share < 1 - 1e-6 for share in shares) >= 20
