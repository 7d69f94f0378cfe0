"""What is done today, from disk: a table of state, count, budget."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from optbudget.errors import Issue, ProblemError
from optbudget.files.model_folder import locate, read_table
from optbudget.files.text_tables import Columns
from optbudget.problems.columns import Finding

BASELINE = Columns(("type", "state"), ("count", "budget"), ("state", "count", "budget"))


def load_baseline(path: str | Path) -> pa.Table:
    """Read a baseline, a .csv or .parquet table of state (with type where there are types), count, budget.

    Whether its states and counts are those of a population is for `baseline_comparison` to say.

    Raises
    ------
    ProblemError
        If it is not such a table; the message names file, line and column.
    """
    file = Path(path)
    issues: list[Issue] = []
    if not file.is_file():
        issues.append(Issue("error", "missing-file", "there is no such file", str(file)))
    elif file.suffix not in (".csv", ".parquet"):
        issues.append(Issue("error", "format", "a baseline is a .csv or .parquet table", file.name))
    else:
        table = read_table(file, BASELINE, issues)
        if table is not None:
            return table
    raise ProblemError([issue for issue in issues if issue.severity == "error"])


def located_in_baseline(path: str | Path, found: Iterable[Finding]) -> list[Issue]:
    """Findings in a baseline's rows, each with the file's name and its line."""
    return locate(found, {"baseline": Path(path)}, {})


def kept_baseline(folder: str | Path) -> pa.Table | None:
    """The baseline that an allocation was held against, from its result folder; None if there was none."""
    file = Path(folder) / "baseline.parquet"
    return load_baseline(file) if file.is_file() else None
