"""Everything that is wrong or odd in a folder, as issues; nothing is raised."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import Issue, ProblemError, ResultError
from optbudget.files.answers import load_answer
from optbudget.files.caps import cap_issues
from optbudget.files.models import read_problem
from optbudget.files.populations import read_population
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Departments, Knapsack
from optbudget.problems.history_counts import LEARNED


def check(path: str | Path, *, normalize: bool = False, sum_duplicates: bool = False) -> tuple[Issue, ...]:
    """Errors and warnings of a model folder (or of a result folder), errors first.

    `normalize` and `sum_duplicates` are those of `load_model`; what they mend is a warning.

    Warnings are about what is allowed and seldom meant: unknown columns, transitions of probability
    0, states that cannot be reached, an infinite horizon without discounting, a cap on the budget of one
    unit that some state cannot keep.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     _ = (Path(place) / "model.toml").write_text('discount = 2\\nkind = "budgeted_mdp"')
    ...     for issue in check(place)[-3:]:
    ...         print(issue)
    model.toml:1: discount is 2; it must be a number in (0, 1]
    transitions.csv: neither transitions.csv nor transitions.parquet is there
    actions.csv: neither actions.csv nor actions.parquet is there
    """
    folder = Path(path)
    if (folder / "result.json").is_file() and not (folder / "model.toml").is_file():
        return _result_issues(folder)
    try:
        read, warnings = read_problem(folder, normalize=normalize, sum_duplicates=sum_duplicates)
    except ProblemError as error:
        return error.issues
    if isinstance(read, Knapsack):
        return warnings
    problem = _unit_problem(read)
    issues = list(warnings)
    issues += _horizon_issues(problem)
    issues += cap_issues(problem)
    occupied = problem.initial > 0
    if any((folder / f"population{end}").is_file() for end in (".csv", ".parquet")):
        population = read_population(folder, problem, issues)
        if population is not None:
            occupied = occupied | (population.count > 0)
    issues += _reach_issues(problem, occupied)
    return tuple(sorted(issues, key=lambda issue: issue.severity != "error"))


def _unit_problem(read: BudgetedMDP | ConstrainedMDP | Departments) -> BudgetedMDP:
    """What its units do, the limits or the weights of objectives left aside."""
    if isinstance(read, Departments):
        return read.budgeted()
    return read.problem if isinstance(read, ConstrainedMDP) else read


def _result_issues(folder: Path) -> tuple[Issue, ...]:
    try:
        load_answer(folder)
    except ResultError as error:
        return (Issue("error", "result", str(error)),)
    except ProblemError as error:
        return error.issues
    return ()


def _horizon_issues(problem: BudgetedMDP) -> list[Issue]:
    if problem.horizon is not None:
        return []
    return [
        Issue(
            "warning", "undiscounted",
            f"{name} is 1 and the horizon infinite: there is an answer only if every policy ends in a "
            "state that is worth and costs nothing",
            "model.toml",
        )
        for name in ("discount", "cost_discount")
        if getattr(problem, name) == 1
    ]  # fmt: skip


def _reach_issues(problem: BudgetedMDP, occupied: NDArray[np.bool_]) -> list[Issue]:
    missed = np.flatnonzero(~_reached(problem, occupied))
    if problem.source == LEARNED:  # Nobody stands before the first event unless a population says so.
        missed = missed[[problem.states[i] != "start" for i in missed.tolist()]]
    if missed.size == 0:
        return []
    some = ", ".join(repr(problem.labels[i]) for i in missed[:3]) + (", ..." if missed.size > 3 else "")
    message = f"{missed.size} states cannot be reached from the initial states and the population: {some}"
    return [Issue("warning", "unreachable", message, state=problem.labels[missed[0]])]


def _reached(problem: BudgetedMDP, start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """States that some policy can reach from `start`, (n,)."""
    widths = np.diff(problem.row_ptr)[problem.pair_row]
    source = np.repeat(problem.pair_state, widths)
    begin = problem.row_ptr[:-1][problem.pair_row]
    entry = np.arange(source.size) - np.repeat(np.cumsum(widths) - widths - begin, widths)
    target = problem.next_state[entry]
    reached = start.copy()
    while True:
        new = target[reached[source] & ~reached[target]]
        if new.size == 0:
            return reached
        reached[new] = True
