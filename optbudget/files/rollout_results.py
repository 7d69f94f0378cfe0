"""Roll-outs on disk: the result folder of the split that they start from, and a folder `rollouts/` in it.

    rollouts/trials.parquet   policy, trial, value, spend, overspend, stage_spend: every trial of every policy
    rollouts/rollouts.json    policies in order, trials, seed, and why there are fewer trials than asked for

The result folder itself is a whole one: `load_result` and `report` read the split of it.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from optbudget.errors import Issue, ProblemError, ResultError
from optbudget.files.parquet_tables import read_parquet, write_parquet
from optbudget.files.stated_fields import read_json
from optbudget.files.statements import write_json
from optbudget.problems import Allocation, Rollouts
from optbudget.status import Termination

FOLDER = "rollouts"
STATED, TRIALS = f"{FOLDER}/rollouts.json", f"{FOLDER}/trials.parquet"


def write_rollouts(found: Rollouts, folder: Path) -> None:
    """Write what the result folder of the split does not hold."""
    (folder / FOLDER).mkdir()
    write_parquet(found.to_arrow(), folder / TRIALS)
    stopped = None if found.stopped is None else found.stopped.value
    said = {
        "policies": list(found.policies),
        "trials": found.trials,
        "seed": found.seed,
        "stopped": stopped,
    }
    write_json(said, folder / STATED)


def holds_rollouts(folder: Path) -> bool:
    """Whether a result folder is of roll-outs."""
    return (folder / STATED).is_file()


def read_rollouts(folder: Path, split: Allocation) -> Rollouts:
    """The roll-outs beside a split that was read.

    Raises
    ------
    ResultError
        If the folder cannot be read, or does not say what it must.
    """
    stated = read_json(folder / STATED, STATED)
    names, trials, seed = stated.get("policies"), _whole(stated, "trials", 1), _whole(stated, "seed", 0)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not names:
        raise ResultError(f"{STATED}: policies must be a list of names")
    stopped = stated.get("stopped")
    try:
        reason = None if stopped is None else Termination(stopped)
    except ValueError:
        raise ResultError(f"{STATED}: stopped is {stopped!r:.40}, and no such reason is known") from None
    table = _trials(folder, len(names), trials, split.curves.problem.horizon or 0)
    value, spend = (table[name].to_numpy().reshape(len(names), trials) for name in ("value", "spend"))
    by_stage = table["stage_spend"].combine_chunks().flatten().to_numpy()
    expected = np.repeat(names, trials).tolist()
    if table["policy"].to_pylist() != expected or not np.array_equal(
        table["trial"].to_numpy(), np.tile(np.arange(trials), len(names))
    ):
        raise ResultError(f"{TRIALS}: a row for each policy and trial is needed, in their order")
    try:
        return Rollouts(
            split, tuple(names), value, spend, by_stage.reshape(len(names), trials, -1), seed, reason
        )
    except ProblemError as error:
        raise ResultError(f"{TRIALS}: {error}") from None


def _whole(stated: Mapping[str, object], key: str, least: int) -> int:
    found = stated.get(key)
    if isinstance(found, bool) or not isinstance(found, int) or found < least:
        raise ResultError(f"{STATED}: {key} is {found!r:.40}; it must be a whole number >= {least}")
    return found


def _trials(folder: Path, policies: int, trials: int, horizon: int) -> pa.Table:
    """The table of all trials, with the columns, rows and stages that there must be."""
    issues: list[Issue] = []
    table = read_parquet(folder / TRIALS, (), issues)
    if table is None:
        raise ResultError(f"{FOLDER}/{issues[0].file}: {issues[0].message}")
    kinds = {"policy": pa.types.is_string, "trial": pa.types.is_integer, "value": pa.types.is_floating,
             "spend": pa.types.is_floating, "stage_spend": pa.types.is_list}  # fmt: skip
    for name, of_kind in kinds.items():
        if name not in table.column_names or not of_kind(table.schema.field(name).type):
            raise ResultError(f"{TRIALS}: column {name!r} is missing, or of another kind")
        if table[name].null_count:
            raise ResultError(f"{TRIALS}: column {name!r} has empty cells")
    if len(table) != policies * trials:
        raise ResultError(f"{TRIALS} has {len(table):,} rows and should have {policies * trials:,}")
    flat = table["stage_spend"].combine_chunks()
    lengths = np.diff(flat.offsets.to_numpy())
    if (lengths != horizon).any() or not pa.types.is_floating(flat.type.value_type):
        raise ResultError(f"{TRIALS}: stage_spend must hold {horizon} amounts in every row")
    return table
