"""Row 14: price batches shared out to one and to two workers (R8's speed-up and overhead)."""

import time

import numpy as np

from optbudget import BudgetedMDP
from optbudget.budgeted.price_sweep import price_sweep
from optbudget.budgeted.threads import at_most
from optbudget.workers.local import LocalCrew

STATES, SUCCESSORS, HORIZON, TOLERANCE = 130_000, 8, 50, 3e-3
LEAST = 60.0
"""Seconds that every run must take, or the start and the end of the work would count for too much."""


def row_14() -> dict[str, object]:
    """Seconds of a sweep of a minute or more, one thread per process; some minutes, on an idle machine."""
    problem = spread_out(STATES, SUCCESSORS, HORIZON)
    with at_most(1):
        alone, gains = _seconds(problem, 0)
        one, with_one = _seconds(problem, 1)
        two, with_two = _seconds(problem, 2)
    assert np.array_equal(gains, with_one) and np.array_equal(gains, with_two)
    return {
        "row": 14,
        "work": f"{STATES:,} states, {HORIZON} stages, to {TOLERANCE:g}: two workers of one thread",
        "seconds": two,
        "target": one / 1.6,
        "in process": alone,
        "one worker": one,
        "speed-up from one to two workers": one / two,
        "target of the speed-up": 1.6,
        "overhead of one worker": one / alone - 1,
        "target of the overhead": 0.15,
        "shortest run": min(alone, one, two),
        "target of the shortest run, at least": LEAST,
    }


def _seconds(problem: BudgetedMDP, workers: int) -> tuple[float, np.ndarray]:
    """Of the sweep itself; workers are there and have loaded their code before."""
    if workers == 0:
        begin = time.perf_counter()
        found = price_sweep(problem, tolerance=TOLERANCE)
        return time.perf_counter() - begin, found.curves.gain
    with LocalCrew(workers, threads=1) as crew:
        price_sweep(spread_out(64 * 4096, 2, 2), tolerance=0.5, crew=crew)
        begin = time.perf_counter()
        found = price_sweep(problem, tolerance=TOLERANCE, crew=crew)
        return time.perf_counter() - begin, found.curves.gain


def spread_out(states: int, successors: int, horizon: int) -> BudgetedMDP:
    """A random problem with three actions per state, whose successors lie anywhere."""
    draw = np.random.default_rng(5)
    step = states // successors
    following = np.arange(successors) * step + draw.integers(step, size=(states, successors))
    return BudgetedMDP(
        states=tuple(f"s{i}" for i in range(states)), actions=("none", "some", "much"),
        pair_ptr=np.arange(states + 1) * 3, pair_action=np.tile([0, 1, 2], states),
        pair_row=draw.integers(states, size=3 * states), cost=np.tile([0.0, 1.0, 3.0], states),
        utility=np.repeat(draw.lognormal(0, 2, states), 3) * draw.uniform(0.5, 1.5, 3 * states),
        row_ptr=np.arange(states + 1) * successors, next_state=following.ravel(),
        probability=np.full(states * successors, 1 / successors), terminal_utility=np.zeros(states),
        discount=0.97, cost_discount=1.0, horizon=horizon,
    )  # fmt: skip
