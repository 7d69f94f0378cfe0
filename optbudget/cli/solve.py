"""`optbudget solve`: value as a function of money, for every state of a model."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from optbudget.cli.arguments import Normalize, SumDuplicates, list_of_budgets, pruning_schedule
from optbudget.cli.crews import Cluster, SharedPath, Workers, crew_of
from optbudget.cli.folders import require_apart, require_model
from optbudget.cli.frontier import solve_deterministic
from optbudget.cli.held_risk import Risk, RiskWeight, holding
from optbudget.cli.outputs import SHOWN, fields_of, say_how_it_ended, show_values
from optbudget.cli.run import Run, finish
from optbudget.cli.solve_parts import Parts, require_sweep, solve_in_parts
from optbudget.cli.weighted import ToSolve, Weights, to_solve
from optbudget.errors import InterruptedWork, LimitError, UsageError, WorkersError
from optbudget.status import Solution, Termination

if TYPE_CHECKING:
    from optbudget.budgeted.solve import Method as Route
    from optbudget.problems import CurveSet
    from optbudget.workers import Checkpoint


class Method(StrEnum):
    """How the curves are found."""

    auto = "auto"
    exact = "exact"
    walk = "walk"
    sweep = "sweep"
    deterministic = "deterministic"


def command(
    run: Run,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="The result folder to make; an earlier result there is replaced.",
            show_default=False,
        ),
    ],
    method: Annotated[
        Method,
        typer.Option(
            help="exact: the paper's backup. walk: every vertex by walking prices. sweep: to the tolerance. "
            "deterministic: policies that never randomise. auto: walk where the model is small, else sweep."
        ),
    ] = Method.auto,
    tolerance: Annotated[
        float, typer.Option(metavar="GAP", help="Largest gap to certify, relative to 1 + |value|.")
    ] = 1e-4,
    at: Annotated[
        str | None, typer.Option(metavar="B1,B2", help="Show the value of every state at these budgets.")
    ] = None,
    prune: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML schedule of what an exact backup may give up.")
    ] = None,
    keep_stages: Annotated[
        bool, typer.Option("--keep-stages", help="Keep the curves of fewer decisions to go.")
    ] = False,
    keep_policy: Annotated[
        bool, typer.Option("--keep-policy", help="Keep what to do at every price.")
    ] = False,
    copy: Annotated[
        bool | None,
        typer.Option("--copy/--no-copy", help="Copy the model into the result; up to 64 MiB, if not given."),
    ] = None,
    weights: Weights = None,
    risk: Risk = None,
    risk_weight: RiskWeight = None,
    normalize: Normalize = False,
    sum_duplicates: SumDuplicates = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore the checkpoint of an earlier try.")] = False,
    workers: Workers = None,
    cluster: Cluster = None,
    shared_path: SharedPath = None,
    parts: Parts = None,
    batch: Annotated[
        int,
        typer.Option(
            metavar="K", min=1, max=4096, help="Prices that a sweep asks for at a time, 8 per worker."
        ),
    ] = 16,
) -> None:
    """Compute the value of money in every state, for all budgets at once, and the proof of it."""
    from optbudget import budgeted, files
    from optbudget.workers import Checkpoint

    if not 0 <= tolerance < math.inf:
        raise UsageError(f"--tolerance is {tolerance}; it must be >= 0")
    budgets = list_of_budgets(at)
    require_model(model)
    require_apart(out, model)
    files.require_free(out)
    schedule = pruning_schedule(prune)
    if schedule is not None and method is not Method.exact:
        raise UsageError("--prune goes with --method exact; no other method prunes")
    if method is Method.deterministic and (keep_stages or keep_policy):
        option = "--keep-stages" if keep_stages else "--keep-policy"
        raise UsageError(
            f"{option} goes with curves; --method deterministic keeps its steps and nothing else"
        )
    require_sweep(
        parts, method.value,
        {"--keep-stages": keep_stages, "--keep-policy": keep_policy, "--fresh": fresh},
    )  # fmt: skip
    run.require_memory_to_read(model)
    given = to_solve(model, weights, normalize=normalize, sum_duplicates=sum_duplicates)
    given = holding(run, given, risk, risk_weight)
    problem = given.problem
    if method is Method.deterministic:
        solve_deterministic(run, problem, out, tolerance=tolerance, budgets=budgets, copy=copy)
        return
    checkpoint = Checkpoint(
        out.with_name(out.name + ".checkpoint"),
        _key(given.made_of, method, tolerance, schedule, keep_stages, batch),
        fresh=fresh,
    )
    if parts is not None:
        with run.working("solve") as monitor:
            answer = solve_in_parts(
                run, problem, parts, monitor,
                workers=workers, cluster=cluster, shared_path=shared_path, folder=out.resolve().parent,
                tolerance=tolerance, batch=batch,
            )  # fmt: skip
        _conclude(run, given, answer, out, checkpoint, copy=copy, budgets=budgets)
        return
    with (
        _saying_what_is_kept(run, checkpoint),
        crew_of(run, workers, cluster, shared_path) as crew,
        run.working("solve") as monitor,
    ):
        answer = budgeted.solve(
            problem,
            method=cast("Route", method.value),
            tolerance=tolerance,
            pruning=schedule,
            keep_stages=keep_stages,
            keep_policy=keep_policy,
            monitor=monitor,
            checkpoint=checkpoint,
            threads=run.threads,
            crew=crew,
            batch=batch,
        )
    if crew is not None and (answer.method != "sweep" or problem.horizon is None):
        run.log(f"{crew.where} had nothing to do: only a sweep over a finite horizon is shared out")
    _conclude(run, given, answer, out, checkpoint, copy=copy, budgets=budgets)


def _conclude(
    run: Run,
    given: ToSolve,
    answer: "CurveSet",
    out: Path,
    checkpoint: "Checkpoint",
    *,
    copy: bool | None,
    budgets: tuple[float, ...],
) -> None:
    """Write and show an answer, let the checkpoint go where it is good enough, and end the command."""
    from optbudget import files

    if answer.outcome.termination is Termination.INTERRUPTED or answer.outcome.solution is Solution.NONE:
        say_how_it_ended(run, answer.outcome, kept=checkpoint.folder)
        run.answer({"termination": answer.outcome.termination, "solution": answer.outcome.solution})
        finish(answer.outcome)
    warned = [str(issue) for issue in files.cap_issues(given.problem, answer.curves.start_budget)]
    for text in warned:
        run.log(f"warning: {text}")
    files.save(answer, out, command=run.arguments, copy=copy, warnings=warned, population=given.population)
    if answer.outcome.termination in (Termination.OPTIMAL, Termination.TOLERANCE):
        checkpoint.discard()
    _show(run, answer, out, budgets)
    say_how_it_ended(run, answer.outcome, kept=checkpoint.folder)
    finish(answer.outcome)


@contextmanager
def _saying_what_is_kept(run: Run, checkpoint: "Checkpoint") -> Iterator[None]:
    """Whoever is stopped without an answer is told where the work goes on."""
    try:
        yield
    except (InterruptedWork, LimitError, WorkersError):
        if checkpoint.folder.is_dir():
            run.log(f"{checkpoint.folder} is kept: the same command goes on from there")
        raise


def _key(*parts: object) -> str:
    from optbudget import __version__

    return sha256(repr((__version__, *parts)).encode()).hexdigest()


def _show(run: Run, answer: "CurveSet", out: Path, budgets: tuple[float, ...]) -> None:
    from optbudget.report.tables import curve_grid

    segments = answer.curves.segments
    at = {label: answer.value(label, budgets) for label in answer.problem.labels} if budgets else {}
    own = {"states": len(answer), "segments_mean": segments.mean(), "segments_max": segments.max()}
    run.answer({**fields_of(out), **own, "gap": answer.gap, "at": at})
    if not run.json:
        run.grids(curve_grid(answer, limit=SHOWN))
        show_values(run, at, budgets)
        gap = "not certified" if math.isnan(answer.gap) else f"certified gap {answer.gap:.1e}"
        run.show(
            f"{answer.method}: {len(answer):,} states, {segments.mean():,.1f} segments on average and "
            f"{segments.max():,} at most, {gap}. Written to {out}"
        )
