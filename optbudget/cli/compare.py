"""`optbudget compare`: the same instance by every route, held against each other."""

import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli import exits
from optbudget.cli.folders import require_apart, require_model
from optbudget.cli.run import Run
from optbudget.errors import UsageError
from optbudget.status import Termination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack, Population
    from optbudget.problems.comparison import Comparison
    from optbudget.solvers import Options


def command(
    run: Run,
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL|FOLDER", help="A model, or a folder of models.", show_default=False),
    ],
    budget: Annotated[
        float | None,
        typer.Option(metavar="B", help="Money; a constrained_mdp has its own.", show_default=False),
    ] = None,
    population: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Split the budget over these units: table of state, count."),
    ] = None,
    routes: Annotated[
        str | None,
        typer.Option(
            metavar="R1,R2",
            help="Only these, by name or pattern, e.g. walk,cmdp_primal/*,*/pyomo:gurobi.",
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(metavar="GAP", help="Largest relative difference of values that are the same.")
    ] = 1e-7,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write comparison.json, tables, figures and disagreements here."),
    ] = None,
) -> None:
    """Solve a model by every route that fits, evaluate every answer again, and say whether all agree.

    Exit 8 if two routes cannot both be right, 9 if a route that was asked for by name is missing or
    crashed.
    """
    from optbudget import files, report, study

    if not 0 <= tolerance < math.inf:
        raise UsageError(f"--tolerance is {tolerance}; it must be >= 0")
    if budget is not None and not budget >= 0:
        raise UsageError(f"--budget is {budget}; it must be a number >= 0")
    wanted = tuple(filter(None, (routes or "").split(",")))
    if routes is not None and not wanted:
        raise UsageError(f"--routes {routes!r} names no route; write for example walk,cmdp_primal/*")
    folders = _models(model)
    if out is not None:
        require_apart(out, model)
        files.require_free(out.resolve(), "comparison")
        _ = report.profile_figure  # A missing extra is said before anything is solved.
    run.require_memory_to_read(*folders, *filter(None, (population,)))
    found, kept = [], []
    with run.working("compare") as monitor:
        for k, folder in enumerate(folders):
            problem = files.load_problem(folder)
            money = _budget_of(run, problem, budget)
            people = _population_of(population, problem)
            part = study.Part(monitor, k, len(folders), folder.name)
            taken = study.compare(
                problem, money, population=people, routes=wanted, tolerance=tolerance,
                options=_options(run), monitor=part,
            )  # fmt: skip
            found.append(replace(taken, name=folder.resolve().name))
            if taken.disagreements and out is not None:
                run.log(f"{found[-1].name}: routes disagree; shrinking the instance")
                kept.append(study.shrink(problem, money, found[-1], population=people, monitor=part))
            if monitor.stop_reason() is not None:
                break
    if out is not None:
        more = [partial(_draw, found), partial(study.write_shrunk, kept)]
        study.write_study(found, out, more=more)
    _show(run, found, out)
    interrupted = monitor.stop_reason() is Termination.INTERRUPTED
    _end(run, found, wanted, len(folders) - len(found), interrupted=interrupted)


def _models(path: Path) -> list[Path]:
    """The model itself, or the models in a folder, by name."""
    require_model(path)
    if (path / "model.toml").is_file() or not path.is_dir():
        return [path]
    found = sorted(folder for folder in path.iterdir() if (folder / "model.toml").is_file())
    return found or [path]


def _budget_of(run: Run, problem: "BudgetedMDP | ConstrainedMDP | Knapsack", budget: float | None) -> float:
    from optbudget.problems import ConstrainedMDP

    if isinstance(problem, ConstrainedMDP) and budget is not None and budget != problem.budget:
        run.log(f"--budget {budget:g} takes the place of the model's own {problem.budget:g}")
    if budget is not None:
        return budget
    if isinstance(problem, ConstrainedMDP):
        return problem.budget
    raise UsageError("say how much money there is: --budget B")


def _population_of(
    path: Path | None, problem: "BudgetedMDP | ConstrainedMDP | Knapsack"
) -> "Population | None":
    from optbudget import files
    from optbudget.problems import BudgetedMDP

    if path is None:
        return None
    if not isinstance(problem, BudgetedMDP):
        raise UsageError("--population goes with a budgeted_mdp; other kinds have no states to count")
    return files.load_population(path, problem)


def _options(run: Run) -> "Options | None":
    """Limits of the back ends, or None where the command line sets none."""
    if run.time_limit is None and run.threads is None and run.max_memory is None:
        return None
    from optbudget.solvers import Options
    from optbudget.study import TIME_LIMIT

    limit = TIME_LIMIT if run.time_limit is None else max(0.1, min(TIME_LIMIT, run.time_limit))
    return Options(time_limit=limit, threads=run.threads or 1, memory_limit=run.max_memory)


def _draw(found: "Sequence[Comparison]", folder: Path) -> None:
    """The figures of a study, in print and on screen."""
    from optbudget import report

    drawn = {"routes": report.route_figure(found[0])} if len(found) == 1 else {}
    if len(found) > 1:
        drawn["profile"] = report.profile_figure(found)
    for name, figure in drawn.items():
        for suffix in (".png", ".svg"):
            report.write(figure, folder / f"{name}{suffix}")


def _show(run: Run, found: "Sequence[Comparison]", out: Path | None) -> None:
    from optbudget import report, study

    run.answer(study.fields_of(found))
    if run.json:
        return
    run.grids(report.route_grid(found[0]) if len(found) == 1 else report.study_grid(found))
    if not all(c.agree for c in found):
        if any(c.disagreements for c in found):
            run.grids(report.disagreement_grid(found))
        silent = [c.name for c in found if not c.agree and not c.disagreements]
        if silent:
            run.show(f"no route has an answer: {', '.join(silent)}")
    else:
        taken = [r for c in found for r in c.routes if r.answered or r.infeasible]
        by = {r.backend for r in taken}
        others = len(by - {""})
        who = ["our own methods"] * ("" in by) + [_counted(others, "back end")] * bool(others)
        run.show(f"{_counted(len(taken), 'answer')}, by {' and '.join(who)}: all agree")
    if out is not None:
        run.show(f"Written to {out}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _end(
    run: Run,
    found: "Sequence[Comparison]",
    wanted: tuple[str, ...],
    missing_models: int,
    *,
    interrupted: bool = False,
) -> None:
    """The exit code: disagreement, then an interruption, a route that failed, and work left undone."""
    left = [name for c in found for name in c.left_out]
    if left or missing_models:
        run.log(f"stopped early: left out {len(left)} routes and {missing_models} models")
    if any(c.disagreements for c in found):
        raise typer.Exit(exits.FAILED)
    if interrupted and (left or missing_models):
        raise typer.Exit(exits.INTERRUPTED)
    failed = [
        r for c in found for r in c.routes
        if r.route in wanted and r.outcome.termination is Termination.BACKEND_FAILED
    ]  # fmt: skip
    for route in failed:
        run.log(f"{route.route}: {route.outcome.message}")
    if failed:
        raise typer.Exit(exits.MISSING)
    if not all(c.agree for c in found):
        raise typer.Exit(exits.NOTHING)
    if left or missing_models:
        raise typer.Exit(exits.GAP)
