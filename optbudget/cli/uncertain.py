"""`optbudget uncertain`: what a policy is worth if the model's rows are others than were estimated."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli import exits
from optbudget.cli.arguments import budget_or_range
from optbudget.cli.crews import Cluster, SharedPath, Workers, crew_of
from optbudget.cli.folders import require_model
from optbudget.cli.run import Run
from optbudget.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optbudget.problems import BudgetedMDP


def command(
    run: Run,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.", show_default=False)],
    budget: Annotated[
        str,
        typer.Option(
            metavar="B|LO:HI:N", help="Money for one unit, or for all of --population.", show_default=False
        ),
    ],
    draws: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Models to draw from the posterior. Default: 200.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="S", min=0, help="Of the draws. Default: 0.", show_default=False)
    ] = None,
    counts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Table state, action, next_state, count; else the model's counts."),
    ] = None,
    prior: Annotated[
        float | None,
        typer.Option(
            metavar="A", help="Pseudo-counts for every possible next state. Default: 0.", show_default=False
        ),
    ] = None,
    intervals: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Instead of draws: table state, action, next_state, low, high."),
    ] = None,
    population: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Units per state; else one unit at the start.")
    ] = None,
    level: Annotated[float, typer.Option(metavar="P", help="Of the intervals over draws.")] = 0.9,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.parquet", help="Write every draw: value, spend, optimum.")
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    shared_path: SharedPath = None,
) -> None:
    """Value and spend of one policy under many possible models, beside what knowing the model is worth."""
    import numpy as np

    from optbudget import files, planning
    from optbudget.report.planning_tables import band_grid

    if not 0 < level < 1:
        raise UsageError(f"--level is {level}; it must be between 0 and 1")
    if out is not None and out.suffix != ".parquet":
        raise UsageError(f"--out {out} must end in .parquet: it is one table")
    require_model(model)
    money = budget_or_range(budget)
    run.require_memory_to_read(model, *filter(None, (counts, intervals, population)))
    if not np.isfinite(money).all():
        raise UsageError(f"--budget {budget}: a finite amount is needed")
    problem = files.load_model(model)
    if intervals is not None:
        drawn = {
            "--draws": draws, "--seed": seed, "--prior": prior, "--counts": counts, "--out": out,
            "--population": population, "--workers": workers, "--cluster": cluster,
        }  # fmt: skip
        extra = [name for name, given in drawn.items() if given is not None]
        if extra:
            raise UsageError(
                f"--intervals is of single units and draws nothing: leave out {' and '.join(extra)}"
            )
        _show_bracket(run, problem, intervals, money)
        return
    known = files.load_counts(counts or model, problem)
    units = None if population is None else files.load_population(population, problem)
    with crew_of(run, workers, cluster, shared_path) as crew, run.working("draws") as monitor:
        band = planning.curve_band(
            known,
            money,
            draws=draws or 200,
            seed=seed or 0,
            prior=prior or 0.0,
            population=units,
            monitor=monitor,
            crew=crew,
        )
    if out is not None:
        import pyarrow.parquet as pq

        pq.write_table(band.to_arrow(), out)
    settings = {"draws": band.draws, "seed": band.seed, "prior": band.prior, "level": level}
    run.answer({**settings, "budgets": band.summary(level)})
    run.grids(band_grid(band, level))


def _show_bracket(run: Run, problem: "BudgetedMDP", path: Path, money: "float | NDArray[np.float64]") -> None:
    import numpy as np

    from optbudget import certify, files, planning
    from optbudget.report.planning_tables import bracket_grid

    with run.working("intervals") as monitor:
        bracket = planning.interval_curves(files.load_intervals(path, problem), monitor=monitor)
    found = certify.verify(bracket)
    budgets = np.atleast_1d(money).tolist()
    names = ("budget", "guaranteed", "bound")
    states = {
        label: [dict(zip(names, (b, *bracket.value(label, b)), strict=True)) for b in budgets]
        for label in problem.labels
    }
    run.answer({"prices": int(bracket.price.size), "verified": found.ok, "states": states})
    run.grids(bracket_grid(bracket, budgets))
    if not found.ok:
        raise typer.Exit(exits.FAILED)
