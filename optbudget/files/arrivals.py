"""Arrivals from disk: a table of stage, state, expected."""

from pathlib import Path

import numpy as np

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.files.model_folder import locate, read_table
from optbudget.files.populations import positions
from optbudget.files.text_tables import Columns
from optbudget.problems import Arrivals, BudgetedMDP
from optbudget.problems.arrivals import Distribution
from optbudget.problems.columns import Codes, Finding, Floats, floats, names, repeats, whole_numbers

ARRIVALS = Columns(("type", "state"), ("stage", "expected"), ("stage", "state", "expected"))


def load_arrivals(
    path: str | Path, problem: BudgetedMDP, *, distribution: Distribution = "poisson"
) -> Arrivals:
    """Read a .csv or .parquet table of stage, state (with type where there are types), expected.

    Raises
    ------
    ProblemError
        With every problem found and its place: a state or stage that the problem does not have, one
        listed twice, a number that is negative or, where it is "fixed", not whole.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from optbudget.problems.examples import two_action_example
    >>> with TemporaryDirectory() as place:
    ...     _ = (Path(place) / "may.csv").write_text("stage,state,expected\\n1,s,2.5\\n2,s,4\\n")
    ...     load_arrivals(Path(place) / "may.csv", two_action_example(horizon=3))
    Arrivals(6.5 units expected at 2 stages, poisson)
    """
    file = Path(path)
    issues: list[Issue] = []
    arrivals = None
    if file.is_dir():
        issues.append(Issue("error", "directory", "it is a directory; give the file", str(file)))
    elif not file.is_file():
        issues.append(Issue("error", "missing-file", "there is no such file", str(file)))
    elif file.suffix not in (".csv", ".parquet"):
        issues.append(Issue("error", "format", "arrivals are a .csv or .parquet table", file.name))
    else:
        arrivals = _read(file, problem, issues, distribution)
    if arrivals is None:
        raise ProblemError([issue for issue in issues if issue.severity == "error"])
    return arrivals


def _read(
    file: Path, problem: BudgetedMDP, issues: list[Issue], distribution: Distribution
) -> Arrivals | None:
    """The arrivals, or None after adding errors to `issues`."""
    table = read_table(file, ARRIVALS, issues)
    if table is None:
        return None
    typed = bool(problem.state_type)
    if typed != ("type" in table.column_names):
        text = "a column 'type' is needed" if typed else "there is a column 'type', and the model has none"
        issues.append(Issue("error", "types", text, file.name, 1))
        return None
    found: list[Finding] = []
    state = names(table, "state", "arrivals", found)
    kind = names(table, "type", "arrivals", found) if typed else None
    stage = whole_numbers(table, "stage", "arrivals", found)
    expected = floats(table, "expected", "arrivals", found)
    if state is not None and stage is not None and expected is not None and not (typed and kind is None):
        where = positions(problem, state, kind, found, "arrivals")
        _refuse(problem, stage, where, expected, distribution, found)
        if not found:
            return Arrivals(problem, stage, where, expected, distribution)
    issues.extend(locate(found, {"arrivals": file}, {}))
    return None


def _refuse(
    problem: BudgetedMDP,
    stage: Codes,
    where: Codes,
    expected: Floats,
    distribution: Distribution,
    found: list[Finding],
) -> None:
    """Findings for stages that there are not, numbers that are none of units, and rows listed twice."""
    last = (problem.horizon or 0) - 1
    if last < 0:
        found.append(Finding("horizon", "arrivals need a model with a finite horizon", "arrivals"))
        return
    for row in np.flatnonzero(stage > last)[:FIRST_ISSUES].tolist():
        text = f"stage is {stage[row]}; the last one is {last}, before the last of {last + 1} decisions"
        found.append(Finding("stage", text, "arrivals", row, "stage"))
    wrong = expected < 0
    if distribution == "fixed":
        wrong |= expected != np.floor(expected)
    must = "it must be >= 0" if distribution == "poisson" else "exactly so many must be a whole number >= 0"
    for row in np.flatnonzero(wrong)[:FIRST_ISSUES].tolist():
        found.append(
            Finding("expected", f"expected is {expected[row]:.17g}; {must}", "arrivals", row, "expected")
        )
    if not found:
        for row, first in repeats(stage * problem.n_states + where):
            text = f"stage {stage[row]} and state {problem.labels[where[row]]!r} are listed twice"
            found.append(Finding("duplicate", text, "arrivals", row, "state", first=first))
