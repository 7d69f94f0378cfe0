"""Row 11 of the yardsticks: 50 weights of twenty departments at one budget, each to 1e-3.

`python -m tests.bench 11` prints it. The ceiling counts the multiplications and additions of the passes that
were made, at the rate of a loop that does nothing else.
"""

import time

from optbudget import allocate, load, solve
from optbudget.pareto import ExactFront, exact_front
from optbudget.problems import Departments
from tests.bench.finite import MODELS, operations_per_second, timed

FIXED_PRICES = 19.8
"""Seconds of throw-away code: 50 weights, 16 fixed prices each, no bracket of the budget."""


def row_11() -> dict[str, object]:
    """50 weights to 1e-3 at the model's budget, and one of them by its whole curves, as `solve` would."""
    departments = load(MODELS / "departments_20")
    assert isinstance(departments, Departments)
    seconds = timed(3, lambda: exact_front(departments, refine=0, tolerance=1e-3))
    found = exact_front(departments, refine=0, tolerance=1e-3)
    begin = time.perf_counter()
    exact_front(departments, refine=10, tolerance=1e-3)
    refined = time.perf_counter() - begin
    begin = time.perf_counter()
    exact_front(departments, refine=0, tolerance=1e-9)
    to_rounding = time.perf_counter() - begin
    begin = time.perf_counter()
    problem = departments.budgeted()
    allocate(solve(problem, tolerance=1e-3), departments.population(problem), departments.total_budget)
    return {
        "row": 11,
        "work": "50 weights, 20 departments x 360 pairs of regime and state x 5 actions, T = 12, to 1e-3",
        "seconds": seconds,
        "target": 20.0,
        "passes": len(found.columns),
        "largest gap": float(found.front.gap.max()),
        "with 10 more weights where it differs": refined,
        "to 1e-9": to_rounding,
        "one weight by its whole curves": time.perf_counter() - begin,
        "fraction of the ceiling": operations(found) / operations_per_second() / seconds,
        "ratio": FIXED_PRICES / seconds,
    }


def operations(found: ExactFront) -> float:
    """Multiplications and additions of the backward passes: regimes, rows, and scores of the pairs."""
    held = found.departments.held
    assert held.horizon is not None
    columns, regimes = 1 + len(found.departments.objectives), len(found.departments.regimes)
    each = 2 * (held.n_states * regimes + held.next_state.size + held.cost.size * (columns + 1))
    return float(each) * held.horizon * len(found.columns)
