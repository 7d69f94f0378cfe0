"""`optbudget allocate RESULT --arrivals FILE`: money for those here, money set aside for others."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from optbudget.cli.outputs import say_how_it_ended
from optbudget.cli.run import Run, finish
from optbudget.errors import UsageError
from optbudget.status import Solution

if TYPE_CHECKING:
    from optbudget.problems import ArrivalAllocation, CurveSet, Population

NUMBERS = (
    "budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent", "why_unspent",
    "set_aside",
)  # fmt: skip


def allocate_arrivals(
    run: Run,
    curves: "CurveSet",
    population: "Population",
    arrivals: Path,
    budget: object,
    *,
    stage: int,
    out: Path | None,
    not_for_it: Mapping[str, object],
) -> None:
    """Split one budget over those here and those in the file; written only where a folder is named."""
    from optbudget import files
    from optbudget.planning import allocate_with_arrivals

    given = [f"--{name.replace('_', '-')}" for name, value in not_for_it.items() if value]
    if given:
        raise UsageError(f"--arrivals does not go with {' and '.join(given)}: leave out one of them")
    if not isinstance(budget, float):
        raise UsageError("--arrivals needs one budget: --budget B")
    if out is not None and stage > 0:
        raise UsageError("a plan with arrivals of a later --stage is only shown: leave out --out")
    run.require_memory_to_read(arrivals)
    expected = files.load_arrivals(arrivals, curves.problem)
    answer = allocate_with_arrivals(curves, population, expected, budget, stage=stage)
    if answer.outcome.solution is Solution.NONE:
        run.answer({**_numbers(answer), "set_aside": None, "allocation": [], "arrivals": []})
    else:
        if out is not None:
            files.save(answer, out, command=run.arguments)
        _show(run, answer)
        run.show("Not written: name a folder with --out" if out is None else f"Written to {out}")
    say_how_it_ended(run, answer.outcome)
    finish(answer.outcome)


def _numbers(answer: "ArrivalAllocation") -> dict[str, object]:
    ending = {"termination": answer.outcome.termination, "solution": answer.outcome.solution}
    return {**{name: getattr(answer, name) for name in NUMBERS}, **ending, "message": answer.outcome.message}


def _show(run: Run, answer: "ArrivalAllocation") -> None:
    from optbudget.report.planning_tables import arrivals_grid, arrivals_summary_grid
    from optbudget.report.tables import allocation_grid

    run.answer(
        {
            **_numbers(answer),
            "allocation": answer.here.to_arrow().to_pylist(),
            "arrivals": answer.to_arrow().to_pylist(),
        }
    )
    run.grids(arrivals_summary_grid(answer), allocation_grid(answer.here), arrivals_grid(answer))
