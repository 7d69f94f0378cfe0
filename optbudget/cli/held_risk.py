"""--risk and --risk-weight: side effects of actions, held against the reward before anything is solved."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from optbudget.cli.run import Run
from optbudget.cli.weighted import ToSolve
from optbudget.errors import UsageError

Risk = Annotated[
    Path | None,
    typer.Option(
        "--risk", metavar="DIR", help="Side effects of actions: what optbudget causal wrote.",
        show_default=False,
    ),
]  # fmt: skip
RiskWeight = Annotated[
    float | None,
    typer.Option(
        "--risk-weight", metavar="K", help="With --risk: the reward is R - K times the risk; 1 if not given.",
        show_default=False,
    ),
]  # fmt: skip
WEIGHT_ALONE = "--risk-weight weighs the risk of --risk DIR; name that folder too"


def holding(run: Run, given: ToSolve, risk: Path | None, weight: float | None) -> ToSolve:
    """What is to be solved, with the risk held against its reward.

    Raises
    ------
    UsageError
        For a weight without a risk, or one that is no number >= 0.
    ProblemError
        If the side effects do not fit the model, or one that it needs is not identified.
    """
    if risk is None:
        if weight is not None:
            raise UsageError(WEIGHT_ALONE)
        return given
    weight = weight_of(weight)
    from optbudget import files

    problem = files.with_risk(given.problem, risk, weight)
    run.log(f"R - {weight:g} x risk: what is proved is the optimisation given these effects, not the effects")
    made_of = (given.made_of, problem.utility.tobytes())
    return replace(given, problem=problem, made_of=made_of)


def weight_of(weight: float | None) -> float:
    """A weight, 1 where none is given; UsageError where it is no number >= 0."""
    if weight is None:
        return 1.0
    if not 0 <= weight < float("inf"):
        raise UsageError(f"--risk-weight is {weight}; it must be a number >= 0")
    return weight
