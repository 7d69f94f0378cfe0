"""Caps on one unit's budget that some state cannot keep: said before any curve is computed.

Least budgets are bounded from below by passes over the problem that start at 0,

.. math:: m^{t+1}(i) = \\min_a c_i^a + \\gamma_c \\sum_j p_{ij}^a m^t(j),

which over a horizon of T decisions end at the least budget and over an infinite one never exceed it.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import Issue
from optbudget.files.model_toml import read_toml
from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]

WORK = 20_000_000
"""Transitions looked at before the passes over a longer horizon, or a larger model, are given up."""

SHOWN = 3


def cap_issues(problem: BudgetedMDP, least: Floats | None = None) -> list[Issue]:
    """A warning if the cap of one unit is below the least feasible budget of some states, at its line.

    `least` are the least feasible budgets, (n,) money, where they are known; else they are bounded.
    """
    cap = problem.budget_cap
    if cap is None:
        return []
    needed = _least_budgets(problem) if least is None else least
    dear = np.flatnonzero(needed > cap * (1 + 1e-9))
    if dear.size == 0:
        return []
    named = ", ".join(f"{problem.labels[i]!r} (at least {needed[i]:.10g})" for i in dear[:SHOWN].tolist())
    more = f" and {dear.size - SHOWN:,} more" if dear.size > SHOWN else ""
    message = (
        f"budget_cap is {cap:.10g}, below the least feasible budget of {named}{more}: "
        "no allocation is possible with a unit there"
    )
    read = read_toml(problem.folder.path / "model.toml", []) if problem.folder else None
    line = None if read is None else read[1].get("budget_cap")
    return [Issue("warning", "budget-cap", message, "model.toml", line)]


def _least_budgets(problem: BudgetedMDP) -> Floats:
    """Lower bounds of the least feasible budgets, (n,) money; the passes end where they change no more."""
    acting = np.flatnonzero(~problem.is_terminal)
    least = np.zeros(problem.n_states)
    if acting.size == 0:
        return least
    size = problem.next_state.size + problem.cost.size
    passes = WORK // size if problem.horizon is None else min(problem.horizon, WORK // size)
    for _ in range(passes):
        with np.errstate(over="ignore", invalid="ignore"):
            rows = np.add.reduceat(problem.probability * least[problem.next_state], problem.row_ptr[:-1])
            needed = problem.cost + problem.cost_discount * rows[problem.pair_row]
        new = np.zeros(problem.n_states)
        new[acting] = np.minimum.reduceat(needed, problem.pair_ptr[acting])
        if np.allclose(new, least, rtol=1e-12, atol=0):
            break
        least = new
    return least
