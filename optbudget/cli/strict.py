"""`optbudget strict`: what one unit is worth if its budget is never exceeded, and what that costs."""

import math
from pathlib import Path
from typing import Annotated

import typer

from optbudget.cli import exits
from optbudget.cli.arguments import list_of_budgets
from optbudget.cli.folders import require_result
from optbudget.cli.outputs import SHOWN
from optbudget.cli.run import Run
from optbudget.errors import UsageError


def command(
    run: Run,
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result folder.", show_default=False)],
    at: Annotated[
        str, typer.Option(metavar="B1,B2", help="Budgets of one unit to show.", show_default=False)
    ],
    state: Annotated[
        str | None, typer.Option(metavar="S", help="Only this state; without it all, 30 at most in print.")
    ] = None,
    step: Annotated[
        float | None,
        typer.Option(metavar="H", help="Count money in steps of H; without it exactly, where costs allow."),
    ] = None,
) -> None:
    """Value of a budget that no path exceeds, beside that of one kept in expectation."""
    from optbudget import budgeted, files
    from optbudget.problems import Allocation

    require_result(result, "strict")
    budgets = list_of_budgets(at)
    if not all(budget >= 0 for budget in budgets):
        raise UsageError(f"--at {at!r}: a strict budget must be a number >= 0")
    run.require_memory_to_read(result)
    answer = files.load_result(result)
    curves = answer.curves if isinstance(answer, Allocation) else answer
    problem = curves.problem
    labels = problem.labels if state is None else (problem.labels[problem.index(state)],)
    with run.working("strict budgets") as monitor:
        strict = budgeted.strict_curve(problem, max(budgets), step=step, monitor=monitor)
    found = {label: strict.value(label, budgets) for label in labels}
    run.answer(
        {
            "budgets": budgets,
            "exact": strict.exact,
            "step": float(strict.step),
            "error": strict.error,
            "why_not_exact": strict.why or None,
            "states": {
                label: {
                    "expected": curves.value(label, budgets),
                    "strict": found[label],
                    "bound": strict.bound(label, budgets),
                    "cost": strict.cost_of_never_overspending(curves, label, budgets),
                }
                for label in labels
            },
        }
    )
    if not run.json:
        from optbudget.report.risk_tables import strict_grid

        run.grids(strict_grid(strict, curves, budgets, labels[:SHOWN]))
    if not any(math.isfinite(value) for values in found.values() for value in values.tolist()):
        run.log("every budget must be exceeded on some path")
        raise typer.Exit(exits.INFEASIBLE)
