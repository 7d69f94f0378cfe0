"""Rows 7 and 8 of the yardsticks: how fast one budget is split, against solvers and against the memory.

Row 13 is row 8 under limits. `python -m tests.bench.allocation` prints the rows by themselves. Times are the
best of several calls after compilation; compare them as ratios within one run.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numba import njit, prange

from optbudget.allocation import split
from optbudget.allocation.greedy import segment_prices
from optbudget.allocation.limited import limited_split
from optbudget.curves import Curves
from optbudget.problems import LimitedPopulation, LinearProgram
from optbudget.solvers import Options, solve_program

LIMIT_SECONDS = 60.0
SOLVERS = ("highs-simplex", "highs-ipm", "glop", "pdlp")


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


def row_13(states: int = 481_582, segments: int = 12, groups: int = 100) -> dict[str, object]:
    """Row 8 with limits on half of the units and 100 groups, each inside the next: at most 1 s."""
    curves, units, budget = under_limits(states, segments, groups)
    seconds = best_of(5, lambda: limited_split(curves, units, Fraction(budget)))
    plain = best_of(5, lambda: split(curves, units.count, budget, method="price"))
    answer = limited_split(curves, units, Fraction(budget))
    again = best_of(2, lambda: replace(units, parent=None, node=None))
    return {
        "row": 13,
        "work": f"one budget, {states:,} states x {segments} segments, {groups} groups one inside the other",
        "seconds": seconds,
        "target": 1.0,
        "without limits": plain,
        "finding how groups are nested": again,
        "groups that bind": int((answer.side != 0).sum()),
        "rows that draw": int((answer.rows.probability < 1).sum()),
        "within the budget": answer.rows.spent <= budget,
    }


def under_limits(states: int, segments: int, groups: int) -> tuple[Curves, LimitedPopulation, float]:
    """Curves as in row 8; half of the units have a least, half a most, and every group some of both."""
    curves, draw = ragged(states, segments), np.random.default_rng(1)
    budget = 0.4 * float(curves.length.sum())
    ends = np.append(np.sort(draw.choice(np.arange(1, states), groups - 1, replace=False)), states)
    share = budget * ends / states
    least = np.where(draw.random(states) < 0.5, draw.random(states) * 0.5, 0.0)
    most = np.where(draw.random(states) < 0.5, 2 + draw.random(states) * 4, np.inf)
    units = LimitedPopulation(
        np.arange(states), np.ones(states, dtype=np.int64), np.full(states, -1), least, most,
        tuple(map(str, range(groups))), share * draw.uniform(0.9, 1.0, groups),
        share * draw.uniform(1.0, 1.1, groups), tuple(np.arange(end) for end in ends),
    )  # fmt: skip
    return curves, units, budget


def row_7(groups: int = 20_000, options: int = 5) -> dict[str, object]:
    """The relaxation of a knapsack of 20,000 groups of 5 options: at least 1,000 times HiGHS' speed."""
    price, simplex, numbers = _against_solvers(groups, options)
    return {
        "row": 7,
        "work": f"relaxation, {groups:,} groups x {options}, and ten times it",
        "seconds": price,
        "target": simplex / 1000,
        "ratio": simplex / price,
        **numbers,
        **_against_solvers(10 * groups, options)[2],
    }


def _against_solvers(groups: int, options: int) -> tuple[float, float, dict[str, object]]:
    """Seconds by price and by HiGHS' simplex, and the numbers of every solver."""
    curves = ragged(groups, options - 1, seed=1)
    count = np.ones(groups, dtype=np.int64)
    budget = 0.4 * float(curves.length.sum())
    price = best_of(9, lambda: split(curves, count, budget, method="price"))
    greedy = best_of(3, lambda: split(curves, count, budget))
    ours = float(split(curves, count, budget).value)
    numbers: dict[str, object] = {f"{groups:,}: price": price, f"{groups:,}: greedy": greedy}
    program, taken = relaxation(curves, budget), dict[str, float]()
    for backend in SOLVERS:
        found = solve_program(program, backend, options=Options(time_limit=LIMIT_SECONDS))
        taken[backend] = min(found.solve_seconds, LIMIT_SECONDS)
        numbers[f"{groups:,}: {backend}, {found.outcome.termination.name}"] = taken[backend]
        if found.x is not None:
            numbers[f"{groups:,}: {backend} differs by, relative"] = abs(found.value - ours) / (1 + abs(ours))
    return price, taken[SOLVERS[0]], numbers


def relaxation(curves: Curves, budget: float) -> LinearProgram:
    """The linear program of a split: one option of every group, within the budget; arrays throughout."""
    cost, worth = curves.breakpoints()
    groups, size = len(curves), cost.size
    first = curves.indptr + np.arange(groups + 1)
    return LinearProgram(
        "max", worth, np.append(first, 2 * size), np.tile(np.arange(size), 2),
        np.concatenate((np.ones(size), cost)), np.append(np.ones(groups), -np.inf),
        np.append(np.ones(groups), budget), np.zeros(size), np.ones(size),
    )  # fmt: skip


ROWS = {7: row_7, 8: row_8, 13: row_13}

if __name__ == "__main__":
    for row in ROWS.values():
        for name, number in row().items():
            print(f"{name:>30}  {number:.6g}" if isinstance(number, float) else f"{name:>30}  {number}")
        print()
