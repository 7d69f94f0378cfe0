"""A wrong optimum that `optbudget compare` found by itself, on a model that ships with the package.

HiGHS (1.12 as OR-Tools carries it, 1.15.1 as highspy; presolve on or off) calls 4.676 the optimum, gap 0,
of the program of one action per state and stage of synthetic_ad at budget 5: 7,500 columns, half of them
binary, coefficients between 0.025 and 1. A point without any violation is worth 15.689; SCIP finds 15.701.
"""

from pathlib import Path

import numpy as np
import pytest

from optbudget.files import load_model
from optbudget.problems import ConstrainedMDP
from optbudget.solvers import Options
from optbudget.study import Stand, compare

MODEL = Path(__file__).parents[2] / "models" / "synthetic_ad"
PRICE = 0.80776
TRUTH = 15.68938888
SEEN = "deterministic_stage/pyomo/highs-mip"


def point_of_a_price(unit, price):
    """Frequencies and choices of the policy that is best at a price, by one backward pass."""
    pairs, n = unit.cost.size, unit.n_states
    leads = np.zeros((pairs, n))
    for a, row in enumerate(unit.pair_row.tolist()):
        span = slice(int(unit.row_ptr[row]), int(unit.row_ptr[row + 1]))
        leads[a, unit.next_state[span]] = unit.probability[span]
    worth, choice = unit.terminal_utility.copy(), np.zeros((unit.horizon, pairs))
    for k in reversed(range(unit.horizon)):
        gain = unit.pair_reward - price * (unit.cost_discount / unit.discount) ** k * unit.cost
        gain = gain + unit.discount * leads @ worth
        worth = np.where(unit.is_terminal, unit.terminal_utility, 0.0)
        for s in np.flatnonzero(~unit.is_terminal).tolist():
            span = slice(int(unit.pair_ptr[s]), int(unit.pair_ptr[s + 1]))
            best = span.start + int(gain[span].argmax())
            choice[k, best], worth[s] = 1.0, gain[best]
    share, frequency = unit.initial.copy(), np.zeros_like(choice)
    for k in range(unit.horizon):
        frequency[k] = share[unit.pair_state] * choice[k]
        share = frequency[k] @ leads
    return np.concatenate([frequency.ravel(), choice.ravel()])


def test_the_truth_is_at_least_this():
    """A point of the program itself, its value added up."""
    problem = ConstrainedMDP(load_model(MODEL), 5.0)
    point = point_of_a_price(problem.problem, PRICE)
    with Stand(Options(time_limit=60.0)) as stand:
        program, _ = stand.program("deterministic_stage", "mathopt", problem, None)
    assert program.violation(point) <= 1e-14
    assert program.value(point) == pytest.approx(TRUTH, rel=1e-8)


def test_right_or_flagged():
    found = compare(load_model(MODEL), 5.0, routes=("vertex", SEEN))
    vertex, program = found.routes
    assert vertex.value == pytest.approx(TRUTH, rel=1e-8)
    wrong = program.claimed_bound < TRUTH
    assert found.agree is not wrong
    if wrong:
        assert "above what highs-mip says to be the most" in found.disagreements[0]
