"""`optbudget audit`: a plan that another tool made on its response curves, held against the optimum."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli.folders import require_apart
from optbudget.cli.outputs import say_how_it_ended
from optbudget.cli.run import Run, finish
from optbudget.errors import UsageError

if TYPE_CHECKING:
    from optbudget.problems import Knapsack


def command(
    run: Run,
    curves: Annotated[
        Path,
        typer.Argument(
            metavar="CURVES|KNAPSACK",
            help="A table of group, spend, value (.csv or .parquet), or a knapsack model.",
            show_default=False,
        ),
    ],
    chosen: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="What the plan spends: a table of group, spend.", show_default=False
        ),
    ],
    budget: Annotated[
        float | None, typer.Option(metavar="B", help="The money there was; without it, what the plan spends.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the best spend as a result that can be verified."),
    ] = None,
) -> None:
    """Say how much a plan leaves on the table, with a bound that anyone can check."""
    from optbudget import files
    from optbudget.planning import audit
    from optbudget.report.auditing import audit_grid, audit_sentences

    problem = _curves(run, curves)
    plan = files.load_chosen(chosen, problem)
    if out is not None:
        require_apart(out, curves)
        files.require_free(out)
    with run.working("whole amounts") as monitor:
        found = audit(problem, plan, budget=budget, monitor=monitor)
    sentences = audit_sentences(found)
    numbers = {name: getattr(found, name) for name in ("budget", "value", "bound", "gap", "lost", "over")}
    run.answer({
        **numbers, "spent": float(found.spent), "price": found.relaxed.price, "best_value": found.best.value,
        "termination": found.best.outcome.termination, "sentences": sentences,
        "groups": found.to_arrow().to_pylist(),
    })  # fmt: skip
    run.grids(audit_grid(found))
    for sentence in sentences:
        run.show(sentence)
    if out is not None:
        files.save(found.best, out, command=run.arguments)
        run.show(f"The best spend is written to {out}; optbudget verify {out} proves it")
    say_how_it_ended(run, found.best.outcome)
    finish(found.best.outcome)


def _curves(run: Run, path: Path) -> "Knapsack":
    from optbudget import files

    if not path.is_dir():
        return files.load_response_curves(path)
    if not files.is_knapsack(path):
        raise UsageError(
            f'{path} is no knapsack model: response curves are a table, or a model of kind "knapsack"'
        )
    run.require_memory_to_read(path)
    return files.read_knapsack(path)[0]
