"""Row 9 of the yardsticks: ten million events of a known source of order 10 to a saved model.

`python -m tests.bench 9` prints it. The log is written first; reading, counting, the model and all files are
then measured in a process of their own, after a small log has compiled the kernels.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from optbudget.files.events import open_events
from optbudget.files.learned_models import load_history_counts, save_learned
from optbudget.learn import (
    ModelOptions,
    context_tree,
    count_histories,
    held_out_score,
    learn_model,
    update,
)
from optbudget.learn.counting import held_out
from optbudget.learn.sources import DrawnLog, draw_log, random_source
from optbudget.learn.units import unit_hashes

ORDER, MIN_COUNT, SHARE = 10, 10, 0.1
COSTS = (("email", 0.1), ("search", 1.0), ("display", 0.5))
OPTIONS = ModelOptions(actions=tuple(name for name, _ in COSTS), min_count=MIN_COUNT)
MORE = 0.01
"""Share of the log that an update adds."""


def row_9(events: int = 10_250_000) -> dict[str, object]:
    """A log of ten million events: at most 20 s and 6 GiB; 1 % more in at most 3 s."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        log = draw_log(random_source(), events=events, costs=COSTS)
        rows = len(log.batch)
        write(log, np.arange(rows) < rows * (1 - MORE), folder / "log.parquet")
        write(log, np.arange(rows) >= rows * (1 - MORE), folder / "more.parquet")
        write(log, np.arange(rows) < rows // 50, folder / "small.parquet")
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.learning", place],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        ratio = against_source(log)
    found = {key: float(number) for key, number in (line.split("=") for line in done.stdout.split())}
    return {
        "row": 9,
        "work": f"{rows:,} events, 28 kinds, order {ORDER}, min-count {MIN_COUNT}: Parquet to a saved model",
        "seconds": found.pop("seconds"),
        "target": 20.0,
        **found,
        "update target": 3.0,
        "held-out log-likelihood, against the source's": ratio,
    }


def write(log: DrawnLog, chosen: np.ndarray, path: Path) -> None:
    """Some rows of a log as a Parquet file."""
    part = log.batch.take(chosen)
    event = pa.DictionaryArray.from_arrays(pa.array(part.event), pa.array(part.names))
    columns = {"unit": part.unit, "time": part.time, "event": event, "value": part.value, "cost": part.cost}
    pq.write_table(pa.table(columns), path)


def against_source(log: DrawnLog) -> float:
    """Log-likelihood of the model's order on held-out units over that of the source itself."""
    counts = count_histories([log.batch], order=ORDER, held_out=SHARE)
    tree = context_tree(counts.kept, counts.names, counts.packing, min_count=MIN_COUNT)
    score = held_out_score(tree, counts.held, counts.packing)
    unit_hash, _ = unit_hashes(pa.array(np.arange(log.ending.size)))
    out = held_out(unit_hash, SHARE)
    own = log.likelihood[out[log.unit]].sum() + log.ending[out].sum()
    return float(score.log_likelihood[ORDER] * score.events / own)


def learn(events: Path, out: Path) -> int:
    """Learn and save; the number of states."""
    counts = count_histories(open_events(events).batches(), order=ORDER)
    learned = learn_model(counts, OPTIONS)
    save_learned(learned, out, options={})
    return learned.problem.n_states


def add(events: Path, out: Path) -> int:
    """Update and save; the number of states."""
    known, _ = load_history_counts(out)
    learned = learn_model(update(known, open_events(events).batches()), OPTIONS)
    save_learned(learned, out, options={})
    return learned.problem.n_states


def main(folder: Path) -> None:
    """One measurement, its numbers as key=value."""
    learn(folder / "small.parquet", folder / "small")
    add(folder / "more.parquet", folder / "small")
    begin, busy = time.perf_counter(), time.process_time()
    states = learn(folder / "log.parquet", folder / "model")
    print(f"seconds={time.perf_counter() - begin} states={states} cpu={time.process_time() - busy}")
    print(f"GiB={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}")
    begin, busy = time.perf_counter(), time.process_time()
    more = add(folder / "more.parquet", folder / "model")
    print(f"update={time.perf_counter() - begin} update_cpu={time.process_time() - busy} states_then={more}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
