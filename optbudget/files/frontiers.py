"""The result folder of a deterministic frontier: its steps, and the model that it answers.

It has no certificate: the error it states is proved by the way it was computed, not by numbers that a
reader could check. So its solution is FEASIBLE, and `load_result` and `verify` refuse it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optbudget.errors import ResultError
from optbudget.files.aside import require_free, resolved, written_aside
from optbudget.files.parquet_tables import write_parquet
from optbudget.files.result_tables import ResultTable
from optbudget.files.result_writer import place_model, ranges
from optbudget.files.stated_fields import read_json
from optbudget.files.stated_models import stated_model
from optbudget.files.statements import head, no_allocation, write_json
from optbudget.problems import BudgetedMDP, DeterministicFrontier
from optbudget.status import Outcome

METHOD = "deterministic"


def save_frontier(
    frontier: DeterministicFrontier,
    path: str | Path,
    *,
    tolerance: float,
    outcome: Outcome,
    command: Sequence[str] = (),
    copy: bool | None = None,
    seconds: float | None = None,
) -> None:
    """Write a result folder that holds a frontier in place of curves, whole or not at all.

    Parameters
    ----------
    tolerance : the most value that trimming was allowed to cost
    outcome : why the computation stopped, and what is in hand
    command, copy : as in `save`
    seconds : how long it took

    Raises
    ------
    UsageError, LimitError
        As `save`.
    """
    target = resolved(Path(path))
    require_free(target)
    steps = np.diff(frontier.indptr)
    with written_aside(target) as folder:
        model = place_model(frontier.problem, folder, target, copy)
        write_parquet(frontier.to_arrow(), folder / "frontier.parquet")
        write_json(
            {
                **head(METHOD, tolerance, model, command, None),
                "termination": outcome.termination.value,
                "solution": outcome.solution.value,
                "message": outcome.message,
                "curves": None,
                "frontier": {
                    "states": len(frontier),
                    "steps_mean": float(steps.mean()),
                    "steps_max": int(steps.max()),
                    "error": [float(error) for error in frontier.error],
                },
                **no_allocation(),
                "warnings": [],
                "ranges": ranges(frontier.problem),
            },
            folder / "result.json",
        )
        write_json({"seconds": {} if seconds is None else {"solve": float(seconds)}}, folder / "timings.json")


def load_frontier(path: str | Path, model: str | Path | BudgetedMDP | None = None) -> DeterministicFrontier:
    """Read the frontier of a result folder.

    Raises
    ------
    ResultError
        If the folder holds none, cannot be read, or answers another model.
    """
    folder = Path(path)
    stated: dict[str, Any] = read_json(folder / "result.json")
    problem = stated_model(folder, stated, model)
    said = stated.get("frontier")
    errors = said.get("error") if isinstance(said, dict) else None
    fits = isinstance(errors, list) and len(errors) == problem.n_states
    if not fits or not all(isinstance(error, float) and error >= 0 for error in errors):  # type: ignore[union-attr]
        raise ResultError("result.json: frontier.error must be one number >= 0 per state")
    table = ResultTable.read(folder / "frontier.parquet", ("type", "state"), folder)
    order, sizes = table.blocks(problem)
    budget, value = table.numbers("budget", low=0.0)[order], table.numbers("value")[order]
    indptr = np.concatenate(([0], np.cumsum(sizes)))
    within = np.ones(budget.size, dtype=bool)
    within[indptr[:-1]] = False
    if not ((np.diff(budget) > 0)[within[1:]].all() and (np.diff(value) > 0)[within[1:]].all()):
        raise ResultError(f"{table.file}: budgets and values must rise within each state")
    return DeterministicFrontier(problem, indptr, budget, value, np.array(errors))
