"""What is known of a model's transition rows, from disk: counts, or intervals."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from optbudget.errors import Issue, ProblemError
from optbudget.files.learned_models import is_learned, require_learned
from optbudget.files.model_folder import TABLES, locate, read_table
from optbudget.files.text_tables import Columns
from optbudget.problems import BudgetedMDP, TransitionCounts, TransitionIntervals
from optbudget.problems.columns import Codes, Finding
from optbudget.problems.pair_rows import pairs_of

NAMES = ("state", "action", "next_state")
COUNTS = Columns(("type", *NAMES), ("count",), (*NAMES, "count"))
INTERVALS = Columns(("type", *NAMES), ("low", "high"), (*NAMES, "low", "high"))

Noun = TypeVar("Noun", TransitionCounts, TransitionIntervals)


def load_counts(path: str | Path, problem: BudgetedMDP) -> TransitionCounts:
    """Read a .csv or .parquet table of state, action, next_state, count, or the one in a model folder.

    Raises
    ------
    ProblemError
        With every problem found and its place: a state or action that the problem does not have, a row
        listed twice, a count that is not a whole number >= 0; of a learned model, other counts than it was
        written with.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from optbudget.problems.examples import two_action_example
    >>> with TemporaryDirectory() as place:
    ...     _ = (Path(place) / "counts.csv").write_text("state,action,next_state,count\\ns,a,s,7\\n")
    ...     load_counts(place, two_action_example(horizon=2))
    TransitionCounts(7 transitions of 2 state-action pairs)
    """
    folder = Path(path)
    owner = row_owners(folder, problem)
    counts = _load(folder, problem, "counts", COUNTS, partial(TransitionCounts.assemble, owner=owner))
    if (folder / "counts.parquet").is_file() and is_learned(folder):
        require_learned(folder, "counts.parquet")
    return counts


def load_intervals(path: str | Path, problem: BudgetedMDP) -> TransitionIntervals:
    """Read a .csv or .parquet table of state, action, next_state, low, high, or the one in a model folder.

    Raises
    ------
    ProblemError
        As `load_counts`, and where an interval is not within 0 to 1, or those of a pair hold no distribution.
    """
    return _load(Path(path), problem, "intervals", INTERVALS, TransitionIntervals.assemble)


def row_owners(path: Path, problem: BudgetedMDP) -> Codes | None:
    """For each pair the one whose row it uses, by a folder's `shared_rows`; None: all have their own."""
    there = [file for end in ("csv", "parquet") if (file := path / f"shared_rows.{end}").is_file()]
    if not there:
        return None
    issues, found = list[Issue](), list[Finding]()
    table = read_table(there[0], TABLES["shared_rows"], issues)
    sides = []
    if table is not None:
        kinds = ["type"] if "type" in table.column_names else []
        for columns in (("state", "action"), ("as_state", "as_action")):
            side = table.select([*kinds, *columns]).rename_columns([*kinds, "state", "action"])
            sides.append(pairs_of(problem, side, "shared_rows", found))
    if len(sides) < 2 or sides[0] is None or sides[1] is None:
        raise ProblemError(issues + locate(found, {"shared_rows": there[0]}, {}))
    owner = np.arange(problem.cost.size)
    owner[sides[0]] = sides[1]
    return owner


def _load(
    path: Path,
    problem: BudgetedMDP,
    what: str,
    columns: Columns,
    assemble: Callable[[BudgetedMDP, pa.Table, list[Finding]], Noun | None],
) -> Noun:
    file, issues = path, list[Issue]()
    if path.is_dir():
        there = [path / name for name in (f"{what}.csv", f"{what}.parquet") if (path / name).is_file()]
        if len(there) != 1:
            said = f"both {what}.csv and {what}.parquet" if there else f"no {what}.csv or {what}.parquet"
            raise ProblemError([Issue("error", "missing-file", f"there is {said}", str(path))])
        file = there[0]
    if not file.is_file():
        raise ProblemError([Issue("error", "missing-file", "there is no such file", str(file))])
    if file.suffix not in (".csv", ".parquet"):
        raise ProblemError([Issue("error", "format", f"{what} are a .csv or .parquet table", file.name)])
    table = read_table(file, columns, issues)
    if table is not None:
        found: list[Finding] = []
        read = assemble(problem, table, found)
        if read is not None:
            return read
        issues += locate(found, {what: file}, {})
    raise ProblemError([issue for issue in issues if issue.severity == "error"])
