"""Row 15 of the yardsticks: every state and budget of a model learned from ten million events.

`python -m tests.bench 15` prints it: row 9's log, its model of some 400,000 states, and that of 1,469 states'
size by a greater least count. `python -m tests.bench.learned MODEL TOLERANCE` measures a model that is
there already. The ceiling is moving what the passes must move, each table once, at the rate at
which this machine copies.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numba import njit, prange

from optbudget.budgeted import price_sweep
from optbudget.budgeted._sweep_kernels import WIDE
from optbudget.files import load_model
from optbudget.files.learned_models import load_history_counts, save_learned
from optbudget.learn import ModelOptions, learn_model
from optbudget.learn.sources import draw_log, random_source
from optbudget.problems import BudgetedMDP
from tests.bench.finite import timed
from tests.bench.instances import advertiser
from tests.bench.learning import COSTS, learn, write

SMALL_COUNT = 6250
"""The least count that leaves about 1,469 states."""

COPIED = 1 << 25
"""Numbers that are copied to measure the machine."""


def row_15(events: int = 10_250_000) -> dict[str, object]:
    """To 1e-3 in at most 5 minutes, to 1e-2 in at most 60 s, the small model to 1e-3 in at most 0.5 s."""
    row: dict[str, object] = {
        "row": 15,
        "work": "a learned model, T = 50, every state and budget to 1e-2 and 1e-3",
        "target": 300.0,
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        log = draw_log(random_source(), events=events, costs=COSTS)
        write(log, np.ones(len(log.batch), dtype=np.bool_), folder / "log.parquet")
        row["states"] = learn(folder / "log.parquet", folder / "large")
        small(folder / "large", folder / "small")
        for model, tolerance in (("large", "1e-2"), ("large", "1e-3"), ("small", "1e-3")):
            done = subprocess.run(
                [sys.executable, "-m", "tests.bench.learned", str(folder / model), tolerance],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            found = {key: float(number) for key, number in (one.split("=") for one in done.stdout.split())}
            row |= {f"{model} to {tolerance}: {key}": number for key, number in found.items()}
    return row | {"seconds": row["large to 1e-3: seconds"]}


def small(model: Path, out: Path) -> None:
    """The same counts, fewer histories."""
    counts, _ = load_history_counts(model)
    options = ModelOptions(actions=tuple(name for name, _ in COSTS), min_count=SMALL_COUNT)
    save_learned(learn_model(counts, options), out, options={})


def main(model: Path, tolerance: float) -> None:
    """One measurement, its numbers as key=value; a small model's is the median of several."""
    price_sweep(advertiser(2**15, successors=12, horizon=2), tolerance=1e-2)  # compiles
    begin = time.perf_counter()
    problem = load_model(model)
    loading, begin = time.perf_counter() - begin, time.perf_counter()
    answer = price_sweep(problem, tolerance=tolerance)
    seconds = time.perf_counter() - begin
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if seconds < 10:
        seconds = timed(5, lambda: price_sweep(problem, tolerance=tolerance))
    best = moving(problem, answer.prices.size)
    print(f"seconds={seconds} loading={loading} states={problem.n_states} prices={answer.prices.size}")
    print(f"widest={answer.gap} GiB={gib} moving={best} fraction={best / seconds}")


def moving(problem: BudgetedMDP, prices: int) -> float:
    """Seconds to move what so many passes read and write, each table once a stage, float64."""
    table = 3 * 8 * len(WIDE)
    lists = 12 * problem.next_state.size + 28 * problem.cost.size
    stage = 2 * (problem.n_states + problem.row_ptr.size) * table + lists
    assert problem.horizon is not None
    return float(stage) * problem.horizon * -(-(prices - 2) // len(WIDE)) / bandwidth()


def bandwidth() -> float:
    """Bytes a second, read and written, of a copy on all cores; the best of several."""
    source, target = np.ones(COPIED), np.zeros(COPIED)
    seconds = []
    for _ in range(6):
        begin = time.perf_counter()
        copy(source, target)
        seconds.append(time.perf_counter() - begin)
    return 2 * source.nbytes / min(seconds[1:])


@njit(cache=True, parallel=True, error_model="numpy")
def copy(source, target):  # type: ignore[no-untyped-def]
    """Target becomes source."""
    for k in prange(source.size):
        target[k] = source[k]


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
