"""`optbudget simulate`: policies acted out over a population, trial by trial, beside the proved bound."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli import exits
from optbudget.cli.allocate import population_of
from optbudget.cli.crews import Cluster, SharedPath, Workers, crew_of
from optbudget.cli.folders import require_apart, require_result
from optbudget.cli.outputs import say_how_it_ended
from optbudget.cli.run import Run, finish
from optbudget.errors import UsageError
from optbudget.status import Outcome, Solution, Termination

if TYPE_CHECKING:
    from optbudget.problems import Allocation, BudgetedMDP, Population, Rollouts

FIGURES = (".svg", ".png", ".pdf")
"""What figures are written as."""

TABLES = (".parquet",)
"""What a table of trials is written as; any other --out is a folder."""

PLAIN = ("greedy", "price", "lp")
"""Methods of `allocate` whose split is the one that bmdp acts out."""


def command(
    run: Run,
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result folder.", show_default=False)],
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="B", help="Money for all units together; without it that of the split in RESULT.", min=0.0
        ),
    ] = None,
    customers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="So many units at the initial state.")
    ] = None,
    population: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table of state, count or of unit, state; without it that of the split in RESULT, else the "
            "model's own, else one unit.",
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Among bmdp, dbra, sub, uba, index, cap (as sub, but no unit exceeds what it was given; the "
            "total is kept in expectation only) and split (that of RESULT as it stands, with its limits). "
            "Default: the first five that the budget suffices for; and split, where it is not the plain one.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[int, typer.Option(metavar="K", min=1, help="How often each is acted out.")] = 100,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Of the draws, the same for all.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|FILE.parquet",
            help="Write every trial of every policy: a folder that verify can check, or the table alone.",
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.svg|.png|.pdf", help="Draw what is spent, stage by stage.")
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    shared_path: SharedPath = None,
) -> None:
    """Act out policies over a population; dbra and sub are quicker on a result of solve --keep-stages."""
    from optbudget import files
    from optbudget.allocation import allocate
    from optbudget.problems import Allocation
    from optbudget.simulate import simulate

    require_result(result, "simulate")
    if customers is not None and population is not None:
        raise UsageError("--customers and --population both say who there is: leave out one of them")
    if out is not None and out.suffix.lower() not in TABLES:
        if out.suffix:
            raise UsageError(
                f"--out {out}: the name of a table must end in .parquet, that of a folder in nothing"
            )
        require_apart(out, result)
        files.require_free(out)
    else:
        require_writable("--out", out, TABLES)
    require_writable("--figure", figure, FIGURES)
    run.require_memory_to_read(result, *filter(None, (population,)))
    answer = files.load_result(result)
    split, curves = (answer, answer.curves) if isinstance(answer, Allocation) else (None, answer)
    if budget is None and split is None:
        raise UsageError("say how much money there is: --budget B")
    if customers is not None:
        units = _at_initial(curves.problem, customers)
    elif population is None and split is not None:
        units = split.population
    else:
        units = population_of(population, curves.problem)
    money = split.budget if budget is None and split is not None else float(budget or 0.0)
    plain = allocate(curves, units, money)
    outcome = plain.outcome
    if outcome.solution is Solution.NONE:
        run.answer({"budget": money, "termination": outcome.termination, "message": outcome.message})
        say_how_it_ended(run, outcome)
        finish(outcome)
    own = split is None or budget is not None or customers is not None or population is not None
    acted = None if own else split
    names = _names(run, policy, plain, acted)
    with crew_of(run, workers, cluster, shared_path) as crew, run.working("simulating") as monitor:
        found = simulate(
            curves, units, money, policies=names, split=acted, trials=trials, seed=seed,
            threads=run.threads, monitor=monitor, crew=crew,
        )  # fmt: skip
    _write(run, found, out, figure)
    _show(run, found, trials)
    if found.stopped is not None:
        said = f"stopped after {found.trials:,} of {trials:,} trials"
        say_how_it_ended(run, Outcome(found.stopped, Solution.FEASIBLE, said))
        raise typer.Exit(exits.INTERRUPTED if found.stopped is Termination.INTERRUPTED else exits.GAP)


def _names(run: Run, given: str | None, plain: "Allocation", split: "Allocation | None") -> list[str]:
    """The policies to act out: those asked for, or all that can be; exit 4 for one that never can be."""
    from optbudget.simulate import POLICIES
    from optbudget.simulate.policies import unplayable

    if given is not None:
        names = [name.strip() for name in given.split(",")]
        if "split" in names and split is None:
            raise UsageError(
                "the policy split acts out the split in RESULT as it stands: first optbudget allocate; and "
                "leave out --budget, --customers and --population"
            )
        for reason in unplayable(plain, names).values():
            outcome = Outcome(Termination.INFEASIBLE, Solution.NONE, reason)
            fields = {"budget": plain.budget, "termination": outcome.termination, "message": reason}
            run.answer(fields)
            say_how_it_ended(run, outcome)
            finish(outcome)
        return names
    left_out = unplayable(plain, POLICIES)
    for reason in left_out.values():
        run.log(f"left out: {reason}")
    names = [name for name in POLICIES if name not in left_out]
    if split is not None and (split.limits is not None or split.method not in PLAIN):
        run.log("split is RESULT's own split; the others divide its budget anew, without its limits")
        names.append("split")
    return names


def require_writable(option: str, path: Path | None, endings: tuple[str, ...]) -> None:
    """Refuse, before any work, a file of a kind that is not written or in a folder that is not there."""
    if path is None:
        return
    if path.suffix.lower() not in endings:
        raise UsageError(f"{option} {path}: the name must end in {' or '.join(endings)}")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}; make it first")


def _at_initial(problem: "BudgetedMDP", units: int) -> "Population":
    """So many units at the initial state; where there are several, shares that must come out whole."""
    from optbudget.problems import Population
    from optbudget.problems.spend_law import as_written

    starts = problem.initial.nonzero()[0].tolist()
    count = {problem.labels[i]: units * as_written(float(problem.initial[i])) for i in starts}
    broken = {label: number for label, number in count.items() if abs(number - round(number)) > units / 10**9}
    if broken:
        shares = ", ".join(f"{float(number):g} in {label}" for label, number in list(broken.items())[:3])
        raise UsageError(
            f"--customers {units} would be {shares}: take a number that comes out whole, or name a table of "
            "state,count with --population"
        )
    return Population.at(problem, {label: round(number) for label, number in count.items()})


def _write(run: Run, found: "Rollouts", out: Path | None, figure: Path | None) -> None:
    if out is not None and out.suffix.lower() in TABLES:
        import pyarrow.parquet as pq

        pq.write_table(found.to_arrow(), out)
        run.show(f"wrote {out}")
    elif out is not None:
        from optbudget import files

        files.save(found, out, command=run.arguments)
        run.show(f"wrote {out}; optbudget verify {out} plays its trials again")
    if figure is not None:
        from optbudget import report

        report.write(report.plot(found), figure)
        run.show(f"wrote {figure}")


def _show(run: Run, found: "Rollouts", asked: int) -> None:
    if run.json:
        answer = found.allocation
        run.answer(
            {
                "budget": found.budget,
                "units": answer.population.size,
                "trials": found.trials,
                "asked": asked,
                "stopped": found.stopped,
                "seed": found.seed,
                "value": answer.value,
                "bound": found.bound,
                "policies": {name: asdict(found.summary(name)) for name in found.policies},
            }
        )
        return
    from optbudget.report.rollouts import rollout_grid

    run.grids(rollout_grid(found))
