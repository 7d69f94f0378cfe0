"""`optbudget allocate KNAPSACK`: one budget over the groups of a knapsack model."""

from pathlib import Path
from typing import TYPE_CHECKING

from optbudget.cli.folders import require_apart
from optbudget.cli.outputs import SHOWN, say_how_it_ended
from optbudget.cli.run import Run, finish
from optbudget.errors import UsageError
from optbudget.status import Solution

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optbudget.problems import Knapsack, KnapsackAllocation

METHODS = ("greedy", "price", "lp", "ip")
NUMBERS = ("budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent", "why_unspent")


def allocate_knapsack(
    run: Run,
    model: Path,
    budget: "float | NDArray[np.float64] | None",
    *,
    method: str,
    out: Path | None,
    not_for_it: dict[str, object],
) -> None:
    """Solve, show and, with --out, write; the model's folder is never written to."""
    from optbudget import files

    given = [f"--{name.replace('_', '-')}" for name, value in not_for_it.items() if value]
    if given:
        verb, it = ("is", "it") if len(given) == 1 else ("are", "them")
        asked = " and ".join(given)
        raise UsageError(
            f"{model} is a knapsack, and {asked} {verb} for the states of a result; leave {it} out"
        )
    if budget is None:
        raise UsageError("say how much money there is: --budget B, or a range --budget LO:HI:N")
    if method not in METHODS:
        raise UsageError(f"--method {method} is not for a knapsack; it has {', '.join(METHODS)}")
    if out is not None:
        require_apart(out, model)
        files.require_free(out)
        if not isinstance(budget, float):
            raise UsageError("a range of budgets is only shown: leave out --out, or give one --budget")
    run.require_memory_to_read(model)
    problem, issues = files.read_knapsack(model)
    for issue in issues:
        run.log(f"warning: {issue}")
    answers = _answers(run, problem, [budget] if isinstance(budget, float) else budget.tolist(), method)
    if not isinstance(budget, float):
        _show_range(run, answers)
        return
    (answer,) = answers
    if out is not None and answer.outcome.solution is not Solution.NONE:
        files.save(answer, out, command=run.arguments)
    _show(run, problem, answer)
    if out is not None and answer.outcome.solution is not Solution.NONE:
        run.show(f"Written to {out}")
    say_how_it_ended(run, answer.outcome)
    finish(answer.outcome)


def _answers(run: Run, problem: "Knapsack", budgets: list[float], method: str) -> "list[KnapsackAllocation]":
    if method == "lp":
        from optbudget.cli.allocate_lp import lp_knapsack

        return [lp_knapsack(run, problem, money) for money in budgets]
    from optbudget import allocation

    with run.working("options") as monitor:
        return [
            allocation.allocate_knapsack(problem, money, method=method, monitor=monitor)  # type: ignore[arg-type]
            for money in budgets
        ]


def _fields(answer: "KnapsackAllocation") -> dict[str, object]:
    ending = {"termination": answer.outcome.termination, "solution": answer.outcome.solution}
    return {name: getattr(answer, name) for name in NUMBERS} | ending | {"message": answer.outcome.message}


def _show(run: Run, problem: "Knapsack", answer: "KnapsackAllocation") -> None:
    from optbudget.report.tables import Grid
    from optbudget.report.words import number

    rows = answer.to_arrow().to_pylist()
    run.answer({**_fields(answer), "allocation": rows})
    if answer.outcome.solution is Solution.NONE:
        return
    names = ("budget", "value", "bound", "gap", "price", "spent", "unspent")
    summary = tuple((name, number(getattr(answer, name))) for name in names)
    why = answer.why_unspent or ""
    title = f"{problem.title or 'Knapsack'} ({problem.money_unit}), method {answer.method}"
    run.grids(Grid(title, ("", ">"), summary))
    if why:
        run.show(f"Left over because {why}.\n")
    cells = tuple(
        (row["group"], row["option"], f"{row['count']:,}", number(row["probability"]),
         number(float(problem.cost[k])), number(float(problem.value[k])))
        for row, k in zip(rows[:SHOWN], answer.option.tolist(), strict=False)
    )  # fmt: skip
    more = f"and {len(rows) - SHOWN:,} more rows" if len(rows) > SHOWN else ""
    heads = ("group", "option", ">copies", ">probability", ">cost each", ">value each")
    run.grids(Grid("What is taken", heads, cells, more))


def _show_range(run: Run, answers: "list[KnapsackAllocation]") -> None:
    from optbudget.report.tables import Grid
    from optbudget.report.words import number

    run.answer({"points": [_fields(answer) for answer in answers]})
    columns = ("budget", "value", "price", "bound", "spent")
    cells = tuple(tuple(number(getattr(answer, name)) for name in columns) for answer in answers)
    run.grids(Grid("Value by budget", tuple(f">{name}" for name in columns), cells))
