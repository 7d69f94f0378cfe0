"""`optbudget budgets`: several budget lines at once, by blocks of stages, by resource, or both."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli.allocate import population_of
from optbudget.cli.arguments import PopulationFile
from optbudget.cli.folders import require_apart, require_model
from optbudget.cli.outputs import say_how_it_ended
from optbudget.cli.run import Run, finish
from optbudget.errors import Issue, ProblemError, UsageError

if TYPE_CHECKING:
    from optbudget.problems import BudgetLines, PolicyMixture


def command(
    run: Run,
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A model folder with a finite horizon.", show_default=False),
    ],
    stage_budgets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Money by block of stages: block, decisions, budget; .csv or .toml."
        ),
    ] = None,
    population: PopulationFile = None,
    tolerance: Annotated[
        float, typer.Option(metavar="E", min=0.0, help="Largest relative gap between value and bound.")
    ] = 1e-6,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the result there.")] = None,
) -> None:
    """Use several budget lines for a population: one price per line, and a bound on every policy."""
    from optbudget import files
    from optbudget.planning import allocate_lines
    from optbudget.report.budget_lines import line_grid, mixture_grid, plan_grid

    require_model(model)
    if out is not None:
        require_apart(out, model)
        files.require_free(out)
    run.require_memory_to_read(model, *filter(None, (population, stage_budgets)))
    lines = _lines(model, stage_budgets)
    units = population_of(population, lines.problem)
    with run.working("budget lines") as monitor:
        answer = allocate_lines(lines, units, tolerance=tolerance, monitor=monitor)
    if out is not None:
        files.save(answer, out, command=run.arguments)
    run.answer(_fields(answer))
    if answer.share.size:
        run.grids(plan_grid(answer), line_grid(answer), mixture_grid(answer))
    elif answer.conflict is not None:
        run.grids(line_grid(answer))
    if out is not None:
        run.show(f"Written to {out}")
    say_how_it_ended(run, answer.outcome)
    finish(answer.outcome)


def _lines(model: Path, stage_budgets: Path | None) -> "BudgetLines":
    from optbudget import files
    from optbudget.problems import BudgetedMDP, BudgetLines, ConstrainedMDP

    problem = files.load_problem(model)
    budgets = None if stage_budgets is None else files.load_stage_budgets(stage_budgets)
    try:
        if isinstance(problem, ConstrainedMDP):
            return BudgetLines.of_resources(problem, budgets)
        if not isinstance(problem, BudgetedMDP):
            raise UsageError(f"{model} is a knapsack, which has no stages: optbudget allocate solves it")
        if budgets is None:
            raise UsageError(
                "say what the lines are: --stage-budgets FILE, or a model of kind constrained_mdp"
            )
        return BudgetLines.of_stages(problem, budgets)
    except ProblemError as error:
        place = (stage_budgets or model).name
        raise ProblemError([Issue(i.severity, i.code, i.message, place) for i in error.issues]) from None


def _fields(answer: "PolicyMixture") -> dict[str, object]:
    """What --json prints."""
    there, names = answer.share.size > 0, answer.lines.names
    numbers = {
        name: getattr(answer, name) if there else None for name in ("value", "bound", "gap", "gap_absolute")
    }
    each = zip(answer.share, answer.policy_value, answer.policy_spend, strict=True)
    least = () if answer.conflict is None else zip(answer.conflict.lines, answer.conflict.least, strict=True)
    return {
        **numbers,
        "lines": [
            {**row, "price_is_bound": bound}
            for row, bound in zip(answer.to_arrow().to_pylist(), answer.price_is_bound.tolist(), strict=True)
        ],
        "policies": [
            {"share": share, "value": value, "spend": dict(zip(names, spend, strict=True))}
            for share, value, spend in each
        ],
        "conflict": [{"line": names[j], "least": money} for j, money in least],
        "termination": answer.outcome.termination,
        "solution": answer.outcome.solution,
        "message": answer.outcome.message,
    }
