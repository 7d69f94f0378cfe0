"""Rows 7 and 8 of the yardsticks: how fast one budget is split, against HiGHS and against the memory.

`python -m tests.bench.allocation` prints both rows by themselves. Times are the best of several calls
after compilation; compare them as ratios within one run.
"""

import time
from collections.abc import Callable

import numpy as np
from numba import njit, prange

from optbudget.allocation import split
from optbudget.allocation.greedy import segment_prices
from optbudget.curves import Curves

HIGHS_SECONDS = 60.0


def ragged(states: int, segments: int, *, seed: int = 0) -> Curves:
    """Curves of equally many segments, with values over orders of magnitude so that states compete."""
    draw = np.random.default_rng(seed)
    length = draw.random((states, segments)) + 0.01
    slope = -np.sort(-draw.random((states, segments)) * 10, axis=1) * draw.lognormal(size=(states, 1))
    return Curves(
        np.zeros(states), draw.random(states), np.arange(states + 1) * segments,
        length.ravel(), (length * slope).ravel(),
    )  # fmt: skip


def best_of(times: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest of several calls; the first, which compiles, is not counted."""
    work()
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


@njit(cache=True, parallel=True, fastmath=True)
def read_through(a, b):
    """Read two arrays once, on all cores: what memory can deliver."""
    total = 0.0
    for i in prange(a.shape[0]):
        total += a[i] + b[i]
    return total


def row_8(states: int = 481_582, segments: int = 12) -> dict[str, object]:
    """Allocate one budget over 481,582 states of 12 segments, in memory: at most 40 ms."""
    curves = ragged(states, segments)
    count = np.ones(states, dtype=np.int64)
    budget = 0.4 * float(curves.length.sum())
    seconds = best_of(15, lambda: split(curves, count, budget, method="price"))
    reading = best_of(15, lambda: read_through(curves.length, curves.gain))
    sorting = best_of(1, lambda: np.argsort(-segment_prices(curves), kind="stable"))
    one, other = (split(curves, count, budget, method=method) for method in ("greedy", "price"))
    size = curves.length.nbytes + curves.gain.nbytes
    return {
        "row": 8,
        "work": f"one budget, {states:,} states x {segments} segments",
        "seconds": seconds,
        "target": 0.040,
        "global sort alone": sorting,
        "reading all segments once": reading,
        "bandwidth GB/s": size / reading / 1e9,
        "fraction of the ceiling": reading / seconds,
        "equal to greedy": one.value == other.value and one.spent == other.spent,
    }


def row_7(groups: int = 20_000, options: int = 5) -> dict[str, object]:
    """The relaxation of a knapsack of 20,000 groups of 5 options: at least 1,000 times HiGHS' speed."""
    curves = ragged(groups, options - 1, seed=1)
    count = np.ones(groups, dtype=np.int64)
    budget = 0.4 * float(curves.length.sum())
    price, greedy = (
        best_of(9, lambda m=m: split(curves, count, budget, method=m)) for m in ("price", "greedy")
    )
    highs, value, ended = by_highs(curves, budget)
    ours = float(split(curves, count, budget).value)
    return {
        "row": 7,
        "work": f"relaxation, {groups:,} groups x {options}",
        "seconds": price,
        "greedy": greedy,
        "HiGHS": highs,
        "HiGHS ended": ended,
        "target": highs / 1000,
        "ratio": highs / price,
        "relative difference of value": abs(value - ours) / (1 + abs(ours)) if ended == "Optimal" else "",
    }


def by_highs(curves: Curves, budget: float) -> tuple[float, float, str]:
    """Seconds to solve, value and status of the linear program, from arrays."""
    import highspy

    cost, worth = curves.breakpoints()
    groups, size = len(curves), cost.size
    per_group = int(size / groups)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = size, groups + 1
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = worth
    model.col_lower_, model.col_upper_ = np.zeros(size), np.full(size, np.inf)
    model.row_lower_ = np.append(np.ones(groups), -np.inf)
    model.row_upper_ = np.append(np.ones(groups), budget)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.arange(size + 1, dtype=np.int32) * 2
    rows = np.stack([np.repeat(np.arange(groups), per_group), np.full(size, groups)], axis=1)
    model.a_matrix_.index_ = rows.ravel().astype(np.int32)
    model.a_matrix_.value_ = np.stack([np.ones(size), cost], axis=1).ravel()
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("time_limit", HIGHS_SECONDS)
    highs.passModel(model)
    begin = time.perf_counter()
    highs.run()
    seconds = time.perf_counter() - begin
    return seconds, highs.getObjectiveValue(), highs.modelStatusToString(highs.getModelStatus())


ROWS = {7: row_7, 8: row_8}

if __name__ == "__main__":
    for row in ROWS.values():
        for name, number in row().items():
            print(f"{name:>30}  {number:.6g}" if isinstance(number, float) else f"{name:>30}  {number}")
        print()
