"""A wrong optimum that `optbudget compare` found by itself, on a model that ships with the package.

HiGHS (1.12 as OR-Tools carries it, 1.15.1 as highspy; presolve on or off) calls 4.676 the optimum, gap 0,
of the program of one action per state and stage of synthetic_ad at budget 5: 7,500 columns, half of them
binary, coefficients between 0.025 and 1. A point without any violation is worth 15.689; SCIP finds 15.701.
`study.shrink` made four states and six actions of it (`one_action_per_stage/`, 288 columns): HiGHS 1.15.1
says -4.518, a point without any violation is worth -4.49772. Tolerances only add points, so no tolerance
excuses a bound below a point that there is.
"""

from pathlib import Path

import numpy as np
import pytest

from optbudget.files import load_model
from optbudget.problems import ConstrainedMDP
from optbudget.solvers import Options
from optbudget.study import Stand, compare

MODELS = Path(__file__).parents[2] / "models"
HERE = Path(__file__).parent
SEEN = "deterministic_stage/pyomo/highs-mip"
FOUND = {
    "as it was met": (MODELS / "synthetic_ad", 0.80776, 15.689388883),
    "shrunk": (HERE / "one_action_per_stage", None, -4.497721198),
}
"""The model, a price whose policy is the point (None: the best of many), and what it is worth."""


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


@pytest.mark.parametrize("case", FOUND)
def test_the_truth_is_at_least_this(case):
    """A point of the program itself, its value added up."""
    place, price, truth = FOUND[case]
    problem = ConstrainedMDP(load_model(place), 5.0)
    with Stand(Options(time_limit=60.0)) as stand:
        program, _ = stand.program("deterministic_stage", "mathopt", problem, None)
    prices = np.geomspace(1e-3, 1e3, 400).tolist() if price is None else [price]
    points = [point_of_a_price(problem.problem, p) for p in prices]
    assert max(program.value(x) for x in points if program.violation(x) <= 1e-14) == pytest.approx(
        truth, rel=1e-8
    )


@pytest.mark.parametrize("case", FOUND)
def test_right_or_flagged(case):
    place, _, truth = FOUND[case]
    found = compare(load_model(place), 5.0, routes=("vertex", SEEN))
    vertex, program = found.routes
    assert vertex.value == pytest.approx(truth, rel=1e-8)
    wrong = program.claimed_bound < truth - 1e-5 * (1 + abs(truth))
    assert found.agree is not wrong
    if wrong:
        assert "above what highs-mip says to be the most" in found.disagreements[0]
