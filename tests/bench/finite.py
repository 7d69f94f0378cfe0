"""Rows 1 to 4 of the yardsticks: whole curves over a finite horizon.

`python -m tests.bench 1 2 3 4` prints them. The ceiling of a row is what this machine can do at best
with the same work: for instances in the cache, the multiplications and additions of the passes at
the rate of a loop that does nothing else; for those beyond it, fetching the same pieces of memory
in the same order without computing anything.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from numba import njit, prange

from optbudget.budgeted import price_sweep, solve
from optbudget.budgeted.backward_pass import Sweep
from optbudget.budgeted.batch import aligned
from optbudget.files import load_model
from optbudget.problems import BudgetedMDP
from tests.bench.instances import advertiser

MODELS = Path(__file__).parents[2] / "models"

PAPER_EXACT = 1055.4
PAPER_HYBRID = 2390.0
PAPER_STAGE = 1168.0
"""Seconds of the paper's Python (sections 4.7): exact curves; hybrid pruning; one stage."""


def timed(times: int, work: Callable[[], object]) -> float:
    """Median seconds of several calls; the first, which may compile, is not counted."""
    work()
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return median(seconds)


def row_1() -> dict[str, object]:
    """Every curve of synthetic_ad, exactly, by both ways, after compilation."""
    problem = load_model(MODELS / "synthetic_ad")
    backup = timed(5, lambda: solve(problem, method="exact"))
    walked = timed(5, lambda: solve(problem, method="walk"))
    return {
        "row": 1,
        "work": "synthetic_ad, all 15 states exactly: walk; exact",
        "seconds": max(backup, walked),
        "target": 0.2,
        "walk": walked,
        "exact": backup,
        "gap": max(solve(problem, method=m).gap for m in ("walk", "exact")),
        "ratio": PAPER_EXACT / max(backup, walked),
    }


def row_2() -> dict[str, object]:
    """The same as a whole process, from an empty folder to a result folder; compiled code is cached."""
    with tempfile.TemporaryDirectory() as folder:
        program = [
            sys.executable,
            "-m",
            "optbudget",
            "solve",
            str(MODELS / "synthetic_ad"),
            "--method",
            "exact",
        ]
        count = iter(range(100))

        def run() -> None:
            out = str(Path(folder) / str(next(count)))
            subprocess.run([*program, "--out", out], check=True, capture_output=True)

        seconds = timed(3, run)
    return {
        "row": 2,
        "work": "optbudget solve synthetic_ad --method exact",
        "seconds": seconds,
        "target": 3.0,
    }


def row_3() -> dict[str, object]:
    """1,469 states, every state and budget to 1e-3, and how far from the machine's arithmetic."""
    row: dict[str, object] = {
        "row": 3,
        "work": "1,469 states x 4 x 28, T = 50, every state and budget to 1e-3",
        "target": 0.5,
    }
    for name, hot in (("hot", True), ("uniform", False)):
        problem = advertiser(1469, successors=28, hot=hot)
        seconds = timed(3, lambda p=problem: price_sweep(p, tolerance=1e-3))
        answer = price_sweep(problem, tolerance=1e-3)
        row |= {f"{name}": seconds, f"{name}: prices": answer.prices.size, f"{name}: gap": answer.gap}
        row["seconds"] = max(seconds, float(row.get("seconds", 0.0)))  # type: ignore[arg-type]
        row[f"{name}: fraction of the ceiling"] = arithmetic(problem, answer.prices.size) / seconds
    return row | {"ratio": PAPER_HYBRID / float(row["seconds"])}  # type: ignore[arg-type]


def row_4(states: int = 481_582) -> dict[str, object]:
    """481,582 states to 1e-2 in at most 4 GiB; each kind of instance in a process of its own."""
    row: dict[str, object] = {
        "row": 4,
        "work": f"{states:,} states x 4 x 12, T = 50, every state and budget to 1e-2",
        "target": 60.0,
    }
    for name in ("hot", "uniform"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.finite", name, str(states)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = dict(line.split("=") for line in done.stdout.split())
        row |= {f"{name}: {key}": float(number) for key, number in found.items()}
        row["seconds"] = max(float(found["seconds"]), float(row.get("seconds", 0.0)))  # type: ignore[arg-type]
    return row | {"ratio": 50 * PAPER_STAGE / float(row["seconds"])}  # type: ignore[arg-type]


def large(kind: str, states: int) -> None:
    """One solve of row 4, its numbers as key=value."""
    price_sweep(advertiser(2**15, successors=12, horizon=2), tolerance=1e-2)  # compiles
    problem = advertiser(states, successors=12, hot=kind == "hot")
    begin = time.perf_counter()
    answer = price_sweep(problem, tolerance=1e-2)
    seconds = time.perf_counter() - begin
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    best = fetching(problem, answer.prices.size)
    print(f"seconds={seconds} gap={answer.gap} prices={answer.prices.size} GiB={gib}", end=" ")
    print(f"segments={answer.curves.segments.mean()} fetching={best} fraction={best / seconds}")


def arithmetic(problem: BudgetedMDP, prices: int) -> float:
    """Seconds that the multiplications and additions of so many passes take where nothing else is done."""
    # Spend and value: one of each per entry; variance: one difference, two products, two sums; a
    # choice: two of each for the numbers and for their comparison.
    each = 9 * problem.next_state.size + 12 * problem.cost.size
    assert problem.horizon is not None
    return each * problem.horizon * prices / operations_per_second()


def operations_per_second() -> float:
    """Multiplications and additions that this machine does at best, on all cores."""
    x = np.ones((2, 1024))
    rounds = 20_000
    busy(x, rounds)
    begin = time.perf_counter()
    busy(x, rounds)
    return 4.0 * x.size * rounds / (time.perf_counter() - begin)


@njit(cache=True, parallel=True, error_model="numpy")
def busy(x, rounds):  # type: ignore[no-untyped-def]
    """Four operations per number and round, on all cores, out of the first-level cache."""
    for part in prange(x.shape[0]):
        for _ in range(rounds):
            for i in range(x.shape[1]):
                x[part, i] = (x[part, i] * 0.999 + 0.001) * 1.001 - 0.001


def fetching(problem: BudgetedMDP, prices: int) -> float:
    """Seconds to fetch what so many passes look up, stage by stage, and nothing else."""
    abreast = len(Sweep(problem).abreast)
    tables = aligned((problem.n_states, 3 * abreast), np.float64)
    tables[:] = 1.0
    seconds = min(
        _seconds(lambda: fetch(problem.next_state, tables))
        + _seconds(lambda: fetch(problem.pair_row, tables))
        for _ in range(3)
    )
    assert problem.horizon is not None
    return seconds * problem.horizon * -(-(prices - 2) // abreast)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


@njit(cache=True, parallel=True, error_model="numpy")
def fetch(index, tables):  # type: ignore[no-untyped-def]
    """Add up one number of each cache line of the entries that are pointed at."""
    total = 0.0
    for k in prange(index.size):
        i = index[k]
        total += tables[i, 0] + tables[i, 16] + tables[i, 32]
    return total


if __name__ == "__main__":
    large(sys.argv[1], int(sys.argv[2]))
