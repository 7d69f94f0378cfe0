"""A model that is to be solved: as it is, or departments with their objectives weighed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.errors import UsageError

if TYPE_CHECKING:
    from optbudget.problems import BudgetedMDP, Population

Weights = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=W,...", help="Weights of a departments model's objectives; 1 for those not named."
    ),
]


@dataclass(frozen=True, slots=True)
class ToSolve:
    """The problem, what it was made of (for checkpoints), and who is split among where the model says so."""

    problem: "BudgetedMDP"
    made_of: object
    population: "Population | None" = None


def to_solve(model: Path, weights: str | None, *, normalize: bool, sum_duplicates: bool) -> ToSolve:
    """What a model folder gives the solver.

    Raises
    ------
    UsageError
        For weights of a model that has no objectives, or that are no list of NAME=W.
    """
    from optbudget import files
    from optbudget.problems import BudgetedMDP, Departments

    read = files.load_problem(model, normalize=normalize, sum_duplicates=sum_duplicates)
    mended = (normalize, sum_duplicates)
    if isinstance(read, Departments):
        chosen = read.weights(weights_of(weights))
        problem = read.budgeted(chosen)
        hashed = read.folder.sha256 if read.folder else files.departments_hash(model)
        return ToSolve(problem, (hashed, *mended, tuple(chosen.items())), read.population(problem))
    if weights is not None:
        raise UsageError("--weights weighs the objectives of a departments model; this model has none")
    if not isinstance(read, BudgetedMDP):
        read = files.load_model(model)  # Says which command it is for.
    # A model that was mended in memory has no hash of its own: what it was made of stands for it.
    return ToSolve(read, read.folder.sha256 if read.folder else (files.model_hash(model), *mended))


def weights_of(text: str | None) -> dict[str, float]:
    """The weights of a list such as efficiency=2,risk=0.5.

    Examples
    --------
    >>> weights_of("efficiency=2,risk=0.5"), weights_of(None)
    ({'efficiency': 2.0, 'risk': 0.5}, {})
    """
    weights: dict[str, float] = {}
    for part in [] if text is None else text.split(","):
        name, _, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            raise UsageError(f"--weights {text!r}: {part!r} is no NAME=W, such as efficiency=2") from None
        if name.strip() in weights:
            raise UsageError(f"--weights {text!r} weighs {name.strip()!r} twice")
        weights[name.strip()] = number
    return weights
