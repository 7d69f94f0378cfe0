"""A model folder read whole, whatever its kind: every problem in it located, or the problem it describes."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from optbudget.errors import Issue, ProblemError
from optbudget.files.constrained_folder import read_constrained
from optbudget.files.departments_folder import read_departments
from optbudget.files.knapsack_folder import KIND as KNAPSACK
from optbudget.files.knapsack_folder import read_knapsack
from optbudget.files.model_folder import DataWarning, read_budgeted
from optbudget.files.model_toml import ModelToml, read_model_toml, read_toml, stated_kind
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Departments, Knapsack

Problem = BudgetedMDP | ConstrainedMDP | Departments | Knapsack

_Reader = Callable[[Path, ModelToml | None, list[Issue], bool, bool], Problem | None]

READERS: Mapping[str, _Reader] = {
    "budgeted_mdp": read_budgeted,
    "constrained_mdp": read_constrained,
    "departments": read_departments,
}
"""How a folder of each kind is read."""

STATED = ("budgeted_mdp", "constrained_mdp", KNAPSACK)
"""The kinds that declared programs state as they are: one objective."""

OTHER_COMMANDS = {
    "budgeted_mdp": "it has one objective: `optbudget solve` solves it",
    KNAPSACK: "it has options instead of states: `optbudget allocate` solves it",
    "constrained_mdp": "its budgets are fixed: `optbudget compare` solves it, `optbudget export` states it",
    "departments": "it has several objectives: `optbudget solve --weights` weighs them",
}
"""For each kind: what takes it where another one is needed."""


def load_problem(path: str | Path, *, normalize: bool = False, sum_duplicates: bool = False) -> Problem:
    """Read a model folder of any kind.

    Parameters
    ----------
    path : the folder that holds model.toml
    normalize : divide transition rows that do not sum to 1 by their sum, instead of refusing them
    sum_duplicates : add up probabilities listed twice for one next state, instead of refusing them

    Raises
    ------
    ProblemError
        With every problem of every file, each with its file, line and column.

    Warns
    -----
    DataWarning
        For each oddity that does not stop the reading, such as an unknown column.
    """
    problem, issues = read_problem(path, normalize=normalize, sum_duplicates=sum_duplicates)
    for issue in issues:
        warnings.warn(str(issue), DataWarning, stacklevel=2)
    return problem


def load_stated(
    path: str | Path, *, normalize: bool = False, sum_duplicates: bool = False
) -> BudgetedMDP | ConstrainedMDP | Knapsack:
    """As `load_problem`, where a problem is needed that programs state: any but departments."""
    problem, issues = _read(Path(path), normalize, sum_duplicates, STATED)
    for issue in issues:
        warnings.warn(str(issue), DataWarning, stacklevel=2)
    assert not isinstance(problem, Departments)
    return problem


def load_departments(path: str | Path) -> Departments:
    """As `load_problem`, where several objectives are needed: kind "departments"."""
    problem, issues = _read(Path(path), False, False, ("departments",))
    for issue in issues:
        warnings.warn(str(issue), DataWarning, stacklevel=2)
    assert isinstance(problem, Departments)
    return problem


def load_model(path: str | Path, *, normalize: bool = False, sum_duplicates: bool = False) -> BudgetedMDP:
    """As `load_problem`, where a problem is needed that has curves: kind "budgeted_mdp"."""
    problem, issues = read_model(path, normalize=normalize, sum_duplicates=sum_duplicates)
    for issue in issues:
        warnings.warn(str(issue), DataWarning, stacklevel=2)
    return problem


def read_problem(
    path: str | Path, *, normalize: bool = False, sum_duplicates: bool = False
) -> tuple[Problem, tuple[Issue, ...]]:
    """As `load_problem`, giving the warnings instead of issuing them."""
    return _read(Path(path), normalize, sum_duplicates, (*READERS, KNAPSACK))


def read_model(
    path: str | Path, *, normalize: bool = False, sum_duplicates: bool = False
) -> tuple[BudgetedMDP, tuple[Issue, ...]]:
    """As `load_model`, giving the warnings instead of issuing them."""
    problem, issues = _read(Path(path), normalize, sum_duplicates, ("budgeted_mdp",))
    assert isinstance(problem, BudgetedMDP)
    return problem, issues


def _read(
    folder: Path, normalize: bool, sum_duplicates: bool, kinds: tuple[str, ...]
) -> tuple[Problem, tuple[Issue, ...]]:
    if not folder.is_dir():
        raise ProblemError([Issue("error", "no-folder", f"{folder} is not a folder")])
    if not (folder / "model.toml").is_file():
        issue = Issue("error", "missing-file", "the folder has no model.toml", "model.toml")
        raise ProblemError([issue])
    kind = stated_kind(folder / "model.toml")
    if kind is not None and kind not in kinds:
        raise ProblemError([_other_kind(folder, kind, kinds[0])])
    if kind == KNAPSACK:
        return read_knapsack(folder)
    issues: list[Issue] = []
    stated = read_model_toml(folder / "model.toml", issues)
    if kind is None:  # What its tables should hold is not known.
        raise ProblemError(issues)
    problem = READERS[kind](folder, stated, issues, normalize, sum_duplicates)
    errors = [issue for issue in issues if issue.severity == "error"]
    if problem is None or errors:
        raise ProblemError(errors)
    return problem, tuple(issues)


def _other_kind(folder: Path, kind: str, needed: str) -> Issue:
    """That a folder is of another kind, and what takes that kind."""
    read = read_toml(folder / "model.toml", [])
    message = f"kind is {kind!r}, and {needed!r} is needed here; {OTHER_COMMANDS[kind]}"
    return Issue("error", "kind", message, "model.toml", None if read is None else read[1].get("kind"))
