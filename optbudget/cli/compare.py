"""`optbudget compare`: the same instance by every route, held against each other."""

import math
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli import exits
from optbudget.cli.compare_models import Asked, fitting, models_of
from optbudget.cli.crews import Cluster, SharedPath, Workers, crew_of
from optbudget.cli.folders import require_apart
from optbudget.cli.run import Run
from optbudget.errors import UsageError
from optbudget.status import Termination

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from optbudget.cli.compare_models import Problem
    from optbudget.problems.comparison import Comparison, RouteResult
    from optbudget.solvers import Options
    from optbudget.workers import Crew, Monitor

FAILURES = (Termination.BACKEND_FAILED,)
LIMITS = (Termination.TIME_LIMIT, Termination.MEMORY_LIMIT)


def command(
    run: Run,
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL|FOLDER", help="A model, or a folder of models.", show_default=False),
    ],
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="B", help="Money; takes the place of a constrained_mdp's own.", show_default=False
        ),
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
    workers: Workers = None,
    cluster: Cluster = None,
    shared_path: SharedPath = None,
) -> None:
    """Solve a model by every route that fits, evaluate every answer again, and say whether all agree.

    Exit 8 if two routes cannot both be right, 9 if every back end that a name or pattern of --routes asks
    for is missing or crashed, 7 if a limit ended them all, 4 if all routes say that there is no answer, 6 if
    a limit came before the last route.
    """
    from optbudget import files, report, study

    if not 0 <= tolerance < math.inf:
        raise UsageError(f"--tolerance is {tolerance}; it must be a finite number >= 0")
    if budget is not None and not budget >= 0:
        raise UsageError(f"--budget is {budget}; it must be a number >= 0")
    wanted = tuple(filter(None, (name.strip() for name in (routes or "").split(","))))
    if routes is not None and not wanted:
        raise UsageError(f"--routes {routes!r} names no route; write for example walk,cmdp_primal/*")
    folders = models_of(model)
    if out is not None:
        require_apart(out, model)
        files.require_free(out, "comparison")
        _ = report.profile_figure  # A missing extra is said before anything is solved.
    run.require_memory_to_read(*folders, *filter(None, (population,)))
    asked = Asked(budget, population, wanted)
    fits, skipped = fitting(folders, asked)
    found, kept = [], []
    with crew_of(run, workers, cluster, shared_path) as crew, run.working("compare") as monitor:
        done = None if crew is None else _by_crew(run, asked, fits, tolerance, crew, monitor)
        for k, (folder, patterns) in enumerate(list(fits.items())[: None if done is None else len(done)]):
            problem, money, people = asked.of(folder)
            part = study.Part(monitor, k, len(fits), folder.name)
            if done is None:
                _say_whose_budget(run, folder, problem, money)
                taken = study.compare(
                    problem, money, population=people, routes=patterns or None, tolerance=tolerance,
                    options=_options(run), monitor=part,
                )  # fmt: skip
            else:
                taken = done[k]
            found.append(replace(taken, name=folder.resolve().name))
            if taken.disagreements and out is not None:
                run.log(f"{found[-1].name}: routes disagree; shrinking the instance")
                kept.append(study.shrink(problem, money, found[-1], population=people, monitor=part))
            if done is None and monitor.stop_reason() is not None:
                break
    if out is not None:
        more = [partial(_draw, found), partial(study.write_shrunk, kept)]
        study.write_study(found, out, skipped=skipped, more=more)
    _show(run, found, skipped, out)
    interrupted = monitor.stop_reason() is Termination.INTERRUPTED
    _end(run, found, wanted, len(fits) - len(found), interrupted=interrupted)


def _by_crew(
    run: Run,
    asked: Asked,
    fits: "Mapping[Path, tuple[str, ...]]",
    tolerance: float,
    crew: "Crew",
    monitor: "Monitor",
) -> "list[Comparison]":
    """The comparisons of all models, or of the first ones if a limit came, by several workers."""
    from optbudget.study.shared import Instance, compare_all

    instances = []
    for folder, patterns in fits.items():
        problem, money, people = asked.of(folder)
        _say_whose_budget(run, folder, problem, money)
        instances.append(Instance(problem, money, people, patterns or None))
    names = [folder.name for folder in fits]
    over = 0

    def said(number: int, found: "Comparison") -> None:
        nonlocal over
        over += 1
        monitor.progress(over / len(names), names[number])

    return compare_all(
        instances, crew, tolerance=tolerance, options=_options(run), monitor=monitor, done=said
    )


def _say_whose_budget(run: Run, folder: Path, problem: "Problem", money: float) -> None:
    from optbudget.problems import ConstrainedMDP

    if isinstance(problem, ConstrainedMDP) and money != problem.budget:
        name = folder.resolve().name
        run.log(f"{name}: --budget {money:g} takes the place of the model's own {problem.budget:g}")


def _options(run: Run) -> "Options | None":
    """Limits of the back ends, or None where the command line sets none."""
    if run.time_limit is None and run.threads is None and run.max_memory is None:
        return None
    from optbudget.solvers import Options
    from optbudget.study import TIME_LIMIT

    limit = TIME_LIMIT if run.time_limit is None else max(0.1, min(TIME_LIMIT, run.time_limit))
    return Options(time_limit=limit, threads=run.threads or 1, memory_limit=run.max_memory)


def _draw(found: "Sequence[Comparison]", folder: Path) -> None:
    """The figures of a study, in print and on screen; none where no route has an answer."""
    from optbudget import report

    found = [c for c in found if any(r.answered for r in c.routes)]
    drawn = {"routes": report.route_figure(found[0])} if len(found) == 1 else {}
    if len(found) > 1:
        drawn["profile"] = report.profile_figure(found)
    for name, figure in drawn.items():
        for suffix in (".png", ".svg"):
            report.write(figure, folder / f"{name}{suffix}")


def _show(
    run: Run, found: "Sequence[Comparison]", skipped: "Mapping[str, Sequence[str]]", out: Path | None
) -> None:
    from optbudget import report, study

    run.answer(study.fields_of(found, skipped=skipped))
    if run.json:
        return
    taken = [c for c in found if c.routes]
    if len(found) > 1 or skipped:
        run.grids(*([report.study_grid(taken, skipped=skipped)] if taken else []))
    elif taken:
        run.grids(report.route_grid(taken[0]))
    if any(c.disagreements for c in found):
        run.grids(report.disagreement_grid(found))
    silent = [c.name for c in taken if not c.agree and not c.disagreements]
    if silent:
        run.show(f"no route has an answer: {', '.join(silent)}")
    if not taken:
        run.show("nothing was compared: the limit came before the first route")
    elif all(c.agree for c in taken):
        run.show(_agreement([r for c in taken for r in c.routes if r.answered or r.infeasible]))
    if out is not None:
        run.show(f"Written to {out}")


def _agreement(answers: "Sequence[RouteResult]") -> str:
    """Who answered, where nobody contradicts another."""
    from optbudget.report.words import plural

    by = {r.backend for r in answers}
    others = len(by - {""})
    who = ["our own methods"] * ("" in by) + [plural(others, "back end")] * bool(others)
    end = ": all agree" if len(answers) > 1 else "; there is no other to agree with"
    return f"{plural(len(answers), 'answer')}, by {' and '.join(who)}{end}"


def _end(
    run: Run,
    found: "Sequence[Comparison]",
    wanted: tuple[str, ...],
    missing_models: int,
    *,
    interrupted: bool = False,
) -> None:
    """The exit code: disagreement, then an interruption, a back end that failed, and work left undone."""
    from optbudget.report.words import plural

    left = sum(len(c.left_out) for c in found)
    unfinished = bool(left or missing_models)
    if unfinished:
        models = f" and {plural(missing_models, 'model')}" if missing_models else ""
        names = [f"{c.name}: {', '.join(c.left_out)}" for c in found if c.left_out]
        run.log("; ".join([f"stopped early: left out {plural(left, 'route')}{models}", *names]))
    if any(c.disagreements for c in found):
        raise typer.Exit(exits.FAILED)
    if interrupted and unfinished:
        raise typer.Exit(exits.INTERRUPTED)
    for ended, code in ((FAILURES, exits.MISSING), (LIMITS, exits.NOTHING)):
        reasons = _ended_as_asked(found, wanted, ended)
        for reason in reasons:
            run.log(reason)
        if reasons:
            raise typer.Exit(code)
    if not all(c.agree for c in found if c.routes) or not any(c.routes for c in found):
        raise typer.Exit(_without_answer({r.outcome.termination for c in found for r in c.routes}))
    if unfinished:
        raise typer.Exit(exits.GAP)
    if not any(r.answered for c in found for r in c.routes):
        raise typer.Exit(exits.INFEASIBLE)


def _without_answer(ended: set[Termination]) -> int:
    """The exit code where no route has an answer: of problems that have none to give, else of failures."""
    ill_posed = {Termination.ILL_POSED, Termination.UNBOUNDED}
    return exits.ILL_POSED if ended and ended <= ill_posed else exits.NOTHING


def _ended_as_asked(
    found: "Sequence[Comparison]", wanted: tuple[str, ...], ended: "Container[Termination]"
) -> list[str]:
    """Why patterns have no answer of which every route ended without one in such a way, each reason once."""
    reasons: dict[str, None] = {}
    for pattern in wanted:
        matched = [r for c in found for r in c.routes if fnmatchcase(r.route, pattern)]
        if matched and all(r.outcome.termination in ended and not r.answered for r in matched):
            reasons |= {f"{pattern}: {r.outcome.message}": None for r in matched}
    return list(reasons)
