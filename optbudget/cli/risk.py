"""`optbudget risk`: how likely the units of a split are to spend more than a budget, all together."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli import exits
from optbudget.cli.allocate import population_of
from optbudget.cli.folders import require_result
from optbudget.cli.outputs import say_how_it_ended
from optbudget.cli.run import Run
from optbudget.cli.simulate import FIGURES, require_writable
from optbudget.errors import LimitError, UsageError
from optbudget.status import Outcome, Solution, Termination

if TYPE_CHECKING:
    from optbudget.problems import Allocation, ChanceAllocation, SpendRisk


def command(
    run: Run,
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result folder.", show_default=False)],
    budget: Annotated[
        float | None,
        typer.Option(metavar="B", min=0.0, help="Money not to exceed; without it that of RESULT's split."),
    ] = None,
    population: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Table of state, count; B is split over it, instead of the split in RESULT."
        ),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(metavar="P", help="Also plan for the most that exceeds B with this probability."),
    ] = None,
    worst: Annotated[
        float, typer.Option(metavar="SHARE", help="Mean spend of this share of worst cases.")
    ] = 0.05,
    trials: Annotated[int, typer.Option(metavar="K", min=1, help="Of the check of a --level.")] = 100_000,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Of these trials.")] = 0,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.svg|.png|.pdf", help="Draw the law of the spend.")
    ] = None,
) -> None:
    """Say how likely an overspend is, by the exact law where costs lie on a grid, and with what is proved."""
    from optbudget import planning

    require_result(result, "risk")
    if not 0 < worst <= 1:
        raise UsageError(f"--worst is {worst}; it must be a share in (0, 1]")
    if level is not None and not 0 < level < 1:
        raise UsageError(f"--level is {level}; it must be a probability between 0 and 1")
    require_writable("--figure", figure, FIGURES)
    run.require_memory_to_read(result, *filter(None, (population,)))
    split, money = _split_of(result, budget, population)
    if level is not None and split.limits is not None:
        run.log("the plan for --level divides the money anew, without the limits of RESULT")
    plan = None
    with run.working("the law of the spend") as monitor:
        risk = planning.spend_risk(split, money, monitor=monitor)
        late = risk.why if risk.why.startswith("stopped") else ""
        if level is not None:
            try:
                plan = planning.chance_constrained(
                    split.curves, split.population, money, level=level, trials=trials, seed=seed,
                    monitor=monitor,
                )  # fmt: skip
            except LimitError as error:
                late = str(error)
    if figure is not None:
        from optbudget import report
        from optbudget.report.risk_figure import spend_figure

        report.write(spend_figure(split, money, risk=risk), figure)
        run.log(f"wrote {figure}")
    _show(run, _Shown(split, risk, plan, worst, late))
    if late:
        say_how_it_ended(run, Outcome(Termination.TIME_LIMIT, Solution.FEASIBLE, late))
        raise typer.Exit(exits.GAP)


@dataclass(frozen=True, eq=False)
class _Shown:
    """What the command found."""

    split: "Allocation"
    risk: "SpendRisk"
    plan: "ChanceAllocation | None"
    worst: float
    late: str = ""


def _split_of(result: Path, budget: float | None, population: Path | None) -> "tuple[Allocation, float]":
    """The split that spends, and the money it should not exceed."""
    from optbudget import allocation, files
    from optbudget.problems import Allocation

    answer = files.load_result(result)
    if isinstance(answer, Allocation) and population is None:
        return answer, answer.budget if budget is None else budget
    if budget is None:
        raise UsageError("say how much money there is: --budget B")
    curves = answer.curves if isinstance(answer, Allocation) else answer
    split = allocation.allocate(curves, population_of(population, curves.problem), budget)
    if split.outcome.solution is Solution.NONE:
        typer.echo(f"optbudget: {split.outcome.message}", err=True)
        raise typer.Exit(exits.of_outcome(split.outcome))
    return split, budget


def _show(run: Run, found: _Shown) -> None:
    if not run.json:
        from optbudget.report.risk_tables import chance_grid, risk_grid

        run.grids(risk_grid(found.risk, found.worst))
        if found.plan is not None:
            run.grids(chance_grid(found.plan))
        return
    risk, plan = found.risk, found.plan
    spend, kind = risk.cvar(found.worst)
    run.answer(
        {
            "budget": risk.budget,
            "planned": found.split.spent,
            "units": risk.units,
            "spend_mean": risk.mean,
            "spend_sd": math.sqrt(risk.variance),
            "overspend": risk.overspend,
            "method": risk.method,
            "proved": risk.proved,
            "normal": risk.normal,
            "saddle_point": risk.saddle_point,
            "chernoff": risk.chernoff,
            "law_error": risk.law.error if risk.exact else None,
            "why_no_law": risk.why or None,
            "worst": {"share": found.worst, "spend": spend, "is": kind},
            "stopped": Termination.TIME_LIMIT if found.late else None,
            "plan": None if plan is None else _plan_fields(plan),
        }
    )


def _plan_fields(plan: "ChanceAllocation") -> dict[str, object]:
    proof = plan.proof_allocation
    return {
        "level": plan.level,
        "budget": plan.budget,
        "value": plan.allocation.value,
        "overspend": plan.risk.overspend,
        "proved": plan.proved,
        "held_by": plan.held_by,
        "trials": plan.trials,
        "exceeded": plan.exceeded,
        "simulated_at_most": plan.simulated_at_most,
        "proved_budget": None if proof is None else proof.spent,
        "proved_at_most": plan.proof_chance,
        "allocation": plan.allocation.to_arrow().to_pylist(),
    }
