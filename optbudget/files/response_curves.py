"""Response curves of other tools, and the spend that a tool chose on them, from disk."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.files.model_folder import locate, read_table
from optbudget.files.text_tables import Columns
from optbudget.problems import Knapsack
from optbudget.problems.columns import Finding, did_you_mean, floats, names, repeats
from optbudget.problems.response_curves import NUMBERS, TABLE, TEXTS, assemble_response_curves

CURVES = Columns(TEXTS, NUMBERS, (*TEXTS, *NUMBERS))
CHOSEN = Columns(("group",), ("spend",), ("group", "spend"))


def load_response_curves(path: str | Path) -> Knapsack:
    """Read a .csv or .parquet table of group, spend, value.

    Raises
    ------
    ProblemError
        If it is not such a table; the message names file, line and column.
    """
    file, issues = Path(path), list[Issue]()
    table = _table(file, CURVES, issues)
    if table is not None:
        problem, found = assemble_response_curves(table, title=file.stem)
        issues += locate(found, {TABLE: file}, {})
        if problem is not None:
            return problem
    raise ProblemError(issues)


def load_chosen(path: str | Path, knapsack: Knapsack) -> dict[str, float]:
    """Read what was chosen: a .csv or .parquet table of group, spend; money for one copy of each group.

    Raises
    ------
    ProblemError
        If it is not such a table, or a group is unknown or listed twice.
    """
    file, issues = Path(path), list[Issue]()
    table = _table(file, CHOSEN, issues)
    found: list[Finding] = []
    if table is not None:
        group, spend = names(table, "group", "chosen", found), floats(table, "spend", "chosen", found)
        if group is not None and spend is not None:
            found += _unknown(group.code, group.distinct, knapsack)
            if not found:
                return dict(
                    zip([group.distinct[code] for code in group.code.tolist()], spend.tolist(), strict=True)
                )
        issues += locate(found, {"chosen": file}, {})
    raise ProblemError(issues)


def _unknown(code: np.ndarray, distinct: list[str], knapsack: Knapsack) -> list[Finding]:
    """Groups that the curves do not have, and groups listed twice."""
    found, known = [], set(knapsack.groups)
    for row, name in enumerate(distinct[k] for k in code.tolist()):
        if name not in known:
            message = f"no group is called {name!r}{did_you_mean(name, knapsack.groups)}"
            found.append(Finding("unknown-group", message, "chosen", row, "group"))
    for row, first in repeats(code):
        message = f"group {distinct[code[row]]!r} is listed twice"
        found.append(Finding("duplicate", message, "chosen", row, "group", first=first))
    return found[:FIRST_ISSUES]


def _table(file: Path, columns: Columns, issues: list[Issue]) -> pa.Table | None:
    if file.is_dir():
        issues.append(Issue("error", "directory", "it is a directory; give the file", str(file)))
    elif not file.is_file():
        issues.append(Issue("error", "missing-file", "there is no such file", str(file)))
    elif file.suffix not in (".csv", ".parquet"):
        issues.append(Issue("error", "format", "a .csv or .parquet table is wanted", file.name))
    else:
        return read_table(file, columns, issues)
    return None
