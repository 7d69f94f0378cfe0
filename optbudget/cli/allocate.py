"""`optbudget allocate`: one budget over a population, from curves that were solved before."""

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optbudget.cli.allocate_folders import require_what_is_split
from optbudget.cli.arguments import PopulationFile, budget_or_range
from optbudget.cli.folders import require_apart
from optbudget.cli.outputs import say_how_it_ended
from optbudget.cli.run import Run, finish
from optbudget.errors import ProblemError, UsageError
from optbudget.status import Solution, Termination

if TYPE_CHECKING:
    import pyarrow as pa

    from optbudget.problems import Allocation, BudgetedMDP, CurveSet, Limits, Population, PricePolicy


class Method(StrEnum):
    """How the split is found."""

    greedy = "greedy"
    price = "price"
    uniform = "uniform"
    lp = "lp"
    ip = "ip"


MOST_SHARES = 3
"""Initial states that a message names."""

LARGEST_POLICY = 2_000_000
"""States times stages up to which an allocation is written with its policy."""


def command(
    run: Run,
    result: Annotated[
        Path,
        typer.Argument(
            metavar="RESULT|KNAPSACK", help="A result folder, or a knapsack model.", show_default=False
        ),
    ],
    budget: Annotated[
        str | None,
        typer.Option(metavar="B|LO:HI:N", help="Money for all units together, or N budgets from LO to HI."),
    ] = None,
    population: PopulationFile = None,
    stage: Annotated[
        int, typer.Option(metavar="K", min=0, help="Split at a later stage (solve --keep-stages).")
    ] = 0,
    method: Annotated[
        Method,
        typer.Option(
            help="greedy, price and lp (by a back end) find the optimum; ip that of whole units; "
            "uniform equal shares."
        ),
    ] = Method.greedy,
    limits: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="What units and groups of them must and may have."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What is done today: state, count, budget.")
    ] = None,
    arrivals: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Who is still to come: stage, state, expected (--keep-stages)."),
    ] = None,
    target_value: Annotated[
        float | None, typer.Option(metavar="V", help="The least budget that is worth V in total.")
    ] = None,
    least_roi: Annotated[
        float | None, typer.Option(metavar="R", help="The largest spend that returns R per unit of money.")
    ] = None,
    least_marginal_roi: Annotated[
        float | None, typer.Option(metavar="R", help="The largest spend whose last money returns R per unit.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a result of its own; leave RESULT as it is.")
    ] = None,
) -> None:
    """Split a budget over a population, with a bound that no policy within the budget exceeds."""
    from optbudget import allocation, files

    question = _only_one(
        target_value=target_value, least_roi=least_roi, least_marginal_roi=least_marginal_roi
    )
    if budget is None and question is None:
        raise UsageError("say how much money there is: --budget B, or a range --budget LO:HI:N")
    if question is not None:
        _alone(question[0], budget=budget is not None, method=method, limited=limits is not None)
    money = None if budget is None else budget_or_range(budget)
    if money is not None and not isinstance(money, float):
        _only_shown(out=out, baseline=baseline)
    if files.is_knapsack(result):
        from optbudget.cli.allocate_knapsack import allocate_knapsack

        states: dict[str, object] = {
            "population": population, "stage": stage, "baseline": baseline, "arrivals": arrivals,
            "limits": limits,
        }  # fmt: skip
        if question is not None:
            states[question[0]] = True
        allocate_knapsack(run, result, money, method=method.value, out=out, not_for_it=states)
        return
    require_what_is_split(result)
    if method not in (Method.greedy, Method.price) and money is not None and not isinstance(money, float):
        raise UsageError(
            f"a range of budgets is of the best split: leave out --method {method.value} or give one --budget"
        )
    if out is not None and not (out.exists() and out.samefile(result)):
        require_apart(out, result)
        files.require_free(out)
    run.require_memory_to_read(result, *filter(None, (population, baseline)))
    curves = _curves_of(result, stage if arrivals is None else 0)
    units = population_of(population, curves.problem)
    if arrivals is not None:
        from optbudget.cli.allocate_arrivals import allocate_arrivals

        best = method in (Method.greedy, Method.price)
        others = {"baseline": baseline, "limits": limits, "method": not best}
        others |= {question[0]: True} if question is not None else {}
        allocate_arrivals(run, curves, units, arrivals, money, stage=stage, out=out, not_for_it=others)
        return
    extra: dict[str, object] = {}
    kept = None if limits is None else files.load_limits(limits, curves.problem, units)
    if kept is not None and not (kept.units or kept.groups or kept.least_share):
        run.log(f"warning: {limits} limits nothing")
    if money is not None and not isinstance(money, float):
        from optbudget.cli.allocate_range import show_range

        show_range(run, curves, units, money, kept)
        return
    if question is not None:
        under = {} if kept is None else {"limits": kept}
        answer = getattr(allocation, QUESTIONS[question[0]])(curves, units, question[1], **under)
        extra[question[0]] = {"asked": question[1], "budget": answer.budget}
    if money is not None:
        answer = _split(run, curves, units, money, method, kept)
    if answer.outcome.solution is Solution.NONE:
        run.answer({**_numbers(answer), **extra, "allocation": []})
    else:
        today = None if baseline is None else files.load_baseline(baseline)
        if baseline is not None and (found := allocation.baseline_findings(answer, today)):
            raise ProblemError(files.located_in_baseline(baseline, found))
        extra |= _beside(today, answer)
        _keep(run, answer, out or (result if stage == 0 else None), today)
        _show(run, answer, extra)
        _say_where(run, out, result if stage == 0 else None)
        if question is not None and not run.json:
            answer = replace(answer, outcome=replace(answer.outcome, message=""))  # It was shown.
    _end(run, answer)


def _split(
    run: Run,
    curves: "CurveSet",
    units: "Population",
    money: float,
    method: Method,
    limits: "Limits | None",
) -> "Allocation":
    """The split by the named method; where limits of groups overlap, by a linear program."""
    if method is Method.lp and limits is None:
        from optbudget.cli.allocate_lp import lp_allocation

        return lp_allocation(run, curves, units, money)
    from optbudget import allocation

    if limits is not None and method in (Method.greedy, Method.price, Method.lp):
        from optbudget.planning import allocate_overlapping, overlap

        if method is Method.lp or overlap(curves, units, money, limits):
            return allocate_overlapping(curves, units, money, limits)
    if limits is not None and method is Method.ip:
        from optbudget.planning import allocate_overlapping_whole, overlap

        if overlap(curves, units, money, limits):
            from optbudget.solvers import Options

            within = Options(time_limit=run.time_limit, threads=run.threads or 1, memory_limit=run.max_memory)
            return allocate_overlapping_whole(curves, units, money, limits, options=within)
    with run.working("whole units") if method is Method.ip else nullcontext() as monitor:
        how: Any = method.value
        return allocation.allocate(curves, units, money, method=how, limits=limits, monitor=monitor)


QUESTIONS = {
    "target_value": "least_budget_for",
    "least_roi": "largest_spend_at_roi",
    "least_marginal_roi": "largest_spend_at_marginal_roi",
}
"""Which function of `optbudget.allocation` answers the question that an option asks."""


def _only_one(**questions: float | None) -> tuple[str, float] | None:
    """The question that is asked, or None; two at a time are refused."""
    asked = [(name, value) for name, value in questions.items() if value is not None]
    if len(asked) > 1:
        raise UsageError("ask one of --target-value, --least-roi and --least-marginal-roi at a time")
    for name, value in asked:
        if not math.isfinite(value):
            raise UsageError(f"--{name.replace('_', '-')} is {value}; it must be a finite number")
    return asked[0] if asked else None


def _alone(question: str, *, budget: bool, method: Method, limited: bool) -> None:
    """Refuse what a question, which finds the budget of the best split, does not go with."""
    asked = f"--{question.replace('_', '-')}"
    if budget:
        raise UsageError(f"{asked} finds the budget, and --budget gives one: leave out one of them")
    if limited and question != "target_value":
        raise UsageError(f"{asked} is about a split without limits: leave out it or --limits")
    if method not in (Method.greedy, Method.price):
        raise UsageError(f"{asked} is about the best split: leave out it or --method {method.value}")


def _only_shown(**options: object) -> None:
    """Refuse what a range of budgets, which is shown and not written, does not go with."""
    given = " and ".join(
        f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None
    )
    if given:
        raise UsageError(f"a range of budgets is only shown: leave out {given}, or give one --budget")


def _curves_of(result: Path, stage: int) -> "CurveSet":
    from optbudget import files
    from optbudget.problems import Allocation

    answer = files.load_result(result)
    curves = answer.curves if isinstance(answer, Allocation) else answer
    try:
        return curves.at_stage(stage)
    except KeyError:
        kept = ", ".join(str(kept.stage) for kept in curves.stages)
        have = f"kept are {kept}" if kept else "solve with --keep-stages"
        raise UsageError(f"{result} holds no curves of stage {stage}; {have}") from None


def population_of(path: Path | None, problem: "BudgetedMDP") -> "Population":
    """The given population, else the model's own, else one unit at the initial state."""
    from optbudget import files
    from optbudget.problems import Population

    if path is not None:
        return files.load_population(path, problem)
    folder = problem.folder.path if problem.folder else None
    if folder and any((folder / f"population{end}").is_file() for end in (".csv", ".parquet")):
        return files.load_population(folder, problem)
    starts = problem.initial.nonzero()[0]
    if starts.size > 1:
        shares = ", ".join(f"{problem.labels[i]} {problem.initial[i]:.6g}" for i in starts[:MOST_SHARES])
        more = ", ..." if starts.size > MOST_SHARES else ""
        raise UsageError(
            f"the model begins in {starts.size} states ({shares}{more}), and whole units are split: write a "
            "table state,count of how many begin in each, and name it with --population"
        )
    return Population.at(problem, {problem.labels[starts[0]]: 1})


def _beside(baseline: "pa.Table | None", answer: "Allocation") -> dict[str, object]:
    """The baseline held against the answer: {"baseline": totals and rows}, or nothing."""
    if baseline is None:
        return {}
    from optbudget import allocation

    today = allocation.baseline_comparison(answer, baseline)
    return {
        "baseline": {
            "budget": today.total_budget,
            "value": today.total_value,
            "change": today.change,
            "rows": today.to_arrow().to_pylist(),
        }
    }


def _keep(run: Run, answer: "Allocation", folder: Path | None, baseline: "pa.Table | None") -> None:
    """Write the result whole; a split of a later stage replaces nothing unless a folder is named."""
    from optbudget import files

    if folder is None:
        run.log("not written, because it is of a later stage than the result: name a folder with --out")
        return
    answer, policy = _with_policy(run, answer)
    files.save(answer, folder, command=run.arguments, policy=policy, baseline=baseline)


def _say_where(run: Run, out: Path | None, result: Path | None) -> None:
    """Where the split was written, and how to leave the result as it is."""
    if out is not None:
        run.show(f"Written to {out}")
    elif result is not None:
        run.show(f"Written into {result}, in place of any split before it; --out DIR leaves it as it is")


def _with_policy(run: Run, answer: "Allocation") -> "tuple[Allocation, PricePolicy | None]":
    """The allocation, and what to do at its prices; a policy kept for all prices stays as it is."""
    from optbudget.budgeted.in_use import policy_in_use

    curves, kept = answer.curves, answer.curves.policy
    if kept is not None and kept.price_low.min(initial=1) == 0 and kept.price_high.max(initial=1) == math.inf:
        return answer, kept
    answer = replace(answer, curves=replace(curves, policy=None))
    if answer.multipliers or (answer.limits is not None and answer.limits.units):
        run.log(
            "policy.parquet is left out: units under limits have several prices; solve --keep-policy keeps it"
        )
        return answer, None
    rows = curves.problem.n_states * ((curves.problem.horizon or 0) - curves.stage)
    if rows > LARGEST_POLICY:
        run.log(f"policy.parquet is left out: it would have {rows:,} rows; solve --keep-policy writes it")
        return answer, None
    return answer, policy_in_use(answer)


def _end(run: Run, answer: "Allocation") -> None:
    """Say how it ended; equal shares with a bound are the answer asked for, however wide their gap."""
    outcome = answer.outcome
    dealt = outcome.termination is Termination.UNKNOWN and outcome.solution is Solution.CERTIFIED
    if answer.method == "uniform" and dealt:
        run.log(outcome.message)
        return
    say_how_it_ended(run, outcome)
    finish(outcome)


def _numbers(answer: "Allocation") -> dict[str, object]:
    names = ("budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent", "why_unspent")
    ending = {"termination": answer.outcome.termination, "solution": answer.outcome.solution}
    limited: dict[str, object] = {}
    if answer.limits is not None and answer.outcome.solution is not Solution.NONE:
        from optbudget.allocation import limit_worths

        limited["multipliers"] = [asdict(one) for one in answer.multipliers]
        limited["limits"] = [asdict(one) for one in limit_worths(answer)]
    numbers = {name: getattr(answer, name) for name in names}
    return {**numbers, **limited, **ending, "message": answer.outcome.message}


def _show(run: Run, answer: "Allocation", extra: Mapping[str, Any]) -> None:
    from optbudget.report.tables import NOTHING, Grid, allocation_grid, limits_grid, summary_grid
    from optbudget.report.words import number

    if run.json:
        run.answer({**_numbers(answer), **extra, "allocation": answer.to_arrow().to_pylist()})
        return
    run.grids(replace(summary_grid(answer), note=""))
    if answer.why_unspent and answer.unspent > NOTHING * answer.budget:
        run.show(f"Left over because {answer.why_unspent}.\n")
    run.grids(allocation_grid(answer))
    if answer.limits is not None:
        run.grids(limits_grid(answer))
    for name in QUESTIONS.keys() & extra.keys():
        asked = name.replace("_", " ")
        run.show(f"{asked} {number(extra[name]['asked'])}: budget {number(extra[name]['budget'], 10)}")
        if answer.outcome.message:
            run.show(answer.outcome.message)
    if "baseline" in extra:
        today = extra["baseline"]
        rows = (
            ("today", number(today["budget"]), number(today["value"])),
            ("this split", number(answer.spent), number(answer.value)),
            ("change", number(answer.spent - today["budget"]), number(today["change"])),
        )
        run.grids(Grid("Beside what is done today", ("", ">spend", ">value"), rows))
        run.show("Today's value takes every unit to use its money as well as possible.")
