"""The result folder of a deterministic frontier: its steps, and the model that it answers.

It has no certificate: the error it states is proved by the way it was computed, not by numbers that a
reader could check. So its solution is FEASIBLE, and `load_result` and `verify` refuse it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from optbudget import __version__
from optbudget.files.aside import written_aside
from optbudget.files.folders import require_free
from optbudget.files.model_writer import write_parquet
from optbudget.files.result_writer import SCHEMA, place_model, ranges, recorded, write_json
from optbudget.problems import DeterministicFrontier
from optbudget.status import Outcome


def save_frontier(
    frontier: DeterministicFrontier,
    path: str | Path,
    *,
    tolerance: float,
    outcome: Outcome,
    command: Sequence[str] = (),
    copy: bool | None = None,
    seconds: float = 0.0,
) -> None:
    """Write result.json, frontier.parquet (state, budget, value) and the model, whole or not at all.

    Raises
    ------
    UsageError
        If `path` holds something else than a result, or cannot be written.
    LimitError
        If the disk is full.
    """
    target = Path(path).resolve()
    require_free(target)
    steps = np.diff(frontier.indptr)
    with written_aside(target) as aside:
        model = place_model(frontier.problem, aside, target, copy)
        write_parquet(frontier.to_arrow(), aside / "frontier.parquet")
        said = {
            "schema": SCHEMA,
            "version": __version__,
            "command": recorded(command),
            "method": "deterministic",
            "seed": None,
            "tolerance": tolerance,
            "model": model,
            "termination": outcome.termination.value,
            "solution": outcome.solution.value,
            "message": outcome.message,
            "frontier": {
                "states": len(frontier),
                "steps_mean": float(steps.mean()),
                "steps_max": int(steps.max()),
                "error": float(frontier.error.max()),
            },
            "warnings": [],
            "ranges": ranges(frontier.problem),
        }
        write_json(said, aside / "result.json")
        write_json({"seconds": {"solve": seconds}}, aside / "timings.json")
