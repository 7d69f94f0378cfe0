"""The models that `optbudget compare` is given, what each is asked, and which routes it has."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from optbudget.cli.folders import require_model
from optbudget.errors import Issue, ProblemError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack, Population

    Problem = BudgetedMDP | ConstrainedMDP | Knapsack


@dataclass(frozen=True)
class Asked:
    """What every model of a study is asked.

    Attributes
    ----------
    budget : money, or None for that of the model
    population : file of the units, or None
    routes : patterns; () for the usual ones
    """

    budget: float | None
    population: Path | None
    routes: tuple[str, ...]

    def of(self, folder: Path) -> "tuple[Problem, float, Population | None]":
        """A model, its money and its units.

        Raises
        ------
        UsageError
            If there is no money, or no such thing as units.
        """
        from optbudget import files
        from optbudget.problems import BudgetedMDP, ConstrainedMDP

        problem = files.load_stated(folder)
        money = self.budget
        if money is None and isinstance(problem, ConstrainedMDP):
            money = problem.budget
        if money is None:
            raise UsageError(f"say how much money there is for {folder.resolve().name}: --budget B")
        if self.population is None:
            return problem, money, None
        if not isinstance(problem, BudgetedMDP):
            raise UsageError(
                f"--population goes with a budgeted_mdp; {folder.resolve().name} is of another kind, "
                "without states to count"
            )
        return problem, money, files.load_population(self.population, problem)


def fitting(
    folders: "Sequence[Path]", asked: Asked
) -> tuple[dict[Path, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The patterns that routes of each model match, and by name of the model those that none does.

    A folder is read whole before anything is solved, so that a wrong model or pattern costs no study.

    Raises
    ------
    UsageError
        For a pattern that no route of any model matches.
    """
    from optbudget import study

    if len(folders) == 1:
        return {folders[0]: asked.routes}, {}
    names: dict[Path, list[str]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # They are said when the model is read to be solved.
        for folder in folders:
            with _naming(folder):
                problem, money, people = asked.of(folder)
            names[folder] = study.route_names(problem, money, population=people, routes=asked.routes or None)
    study.require_known(asked.routes, (name for listed in names.values() for name in listed))
    fits = {folder: study.fitting(asked.routes, listed) for folder, listed in names.items()}
    without = {f.resolve().name: tuple(p for p in asked.routes if p not in fit) for f, fit in fits.items()}
    taken = {folder: fit for folder, fit in fits.items() if fit or not asked.routes}
    return taken, {name: patterns for name, patterns in without.items() if patterns}


def models_of(path: Path) -> list[Path]:
    """The model itself, or the models in a folder, by name.

    Raises
    ------
    ProblemError
        If it is neither.
    """
    require_model(path)
    if (path / "model.toml").is_file() or not path.is_dir():
        return [path]
    found = sorted(folder for folder in path.iterdir() if (folder / "model.toml").is_file())
    if not found:
        raise ProblemError(f"{path} is no model (it has no model.toml), and no folder in it is one")
    return found


@contextmanager
def _naming(folder: Path) -> "Iterator[None]":
    """What is wrong with a model of several says with which."""
    try:
        yield
    except ProblemError as error:
        raise ProblemError([_within(folder, issue) for issue in error.issues]) from None


def _within(folder: Path, issue: Issue) -> Issue:
    if issue.file is None:
        return replace(issue, message=f"{folder.name}: {issue.message}")
    return replace(issue, file=f"{folder.name}/{issue.file}")
