"""`optbudget solve --method deterministic`: what policies that never randomise can do with money."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from optbudget.cli.outputs import SHOWN, fields_of, say_how_it_ended, show_values
from optbudget.cli.run import Run, finish
from optbudget.status import Outcome, Solution, Termination

if TYPE_CHECKING:
    from optbudget.problems import BudgetedMDP


def solve_deterministic(
    run: Run,
    problem: "BudgetedMDP",
    out: Path,
    *,
    tolerance: float,
    budgets: Sequence[float],
    copy: bool | None,
) -> None:
    """Compute, write and show the frontier; `tolerance` is the most value that trimming may cost."""
    import numpy as np

    from optbudget import files
    from optbudget.budgeted.deterministic import deterministic_frontier
    from optbudget.report.tables import Grid
    from optbudget.report.words import number

    start = perf_counter()
    with run.working("solve") as monitor:
        answer = deterministic_frontier(problem, tolerance=tolerance, monitor=monitor)
    outcome = Outcome(
        Termination.UNKNOWN,
        Solution.FEASIBLE,
        f"every step is achieved, and no deterministic policy is worth more than {answer.error.max():.3g} "
        "above it; for this method there is no certificate that a reader could check",
    )
    files.save_frontier(
        answer, out, tolerance=tolerance, outcome=outcome, command=run.arguments, copy=copy,
        seconds=perf_counter() - start,
    )  # fmt: skip
    steps = np.diff(answer.indptr)
    at = {label: answer.value(label, budgets) for label in problem.labels} if budgets else {}
    own = {"states": len(answer), "steps_mean": steps.mean(), "steps_max": steps.max(), "gap": None, "at": at}
    run.answer({**fields_of(out), **own})
    rows = tuple(
        (label, f"{budget.size:,}", number(budget[0]), number(budget[-1]), number(value[-1]))
        for label in problem.labels[:SHOWN]
        for budget, value in [answer.steps(label)]
    )
    columns = ("state", ">useful budgets", ">least", ">largest", ">worth there")
    run.grids(Grid("Deterministic policies", columns, rows))
    show_values(run, at, budgets)
    say_how_it_ended(run, outcome)
    finish(outcome)
