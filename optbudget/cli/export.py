"""`optbudget export`: a declared program as a file that other solvers read."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli.folders import require_model
from optbudget.cli.run import Run
from optbudget.errors import LimitError, UsageError

if TYPE_CHECKING:
    from optbudget.workers import Monitor


def command(
    run: Run,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.", show_default=False)],
    formulation: Annotated[
        str, typer.Option(metavar="NAME", help="For example cmdp_primal or mckp_ip.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE.mps|FILE.lp", help="The file to write.", show_default=False)
    ],
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="B", help="Money; takes the place of a constrained_mdp's own.", show_default=False
        ),
    ] = None,
) -> None:
    """Write a declared program of a model as MPS or LP; every number comes back as it was."""
    from optbudget import files, study
    from optbudget.formulations import named
    from optbudget.problems import BudgetedMDP, ConstrainedMDP
    from optbudget.solvers import MOST_NAMED, write_program

    if out.suffix.lower() not in (".mps", ".lp"):
        raise UsageError(f"--out {out}: a program is written to a file that ends in .mps or .lp")
    if not out.resolve().parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}; make it first")
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file in it")
    if budget is not None and not 0 <= budget < math.inf:
        raise UsageError(
            f"--budget is {budget}; a program in a file needs a finite amount of money, 0 or more"
        )
    require_model(model)
    run.require_memory_to_read(model)
    problem = files.load_stated(model)
    own = problem.budget if isinstance(problem, ConstrainedMDP) else None
    if isinstance(problem, BudgetedMDP) and budget is not None:
        problem = ConstrainedMDP(problem, budget)
    if isinstance(problem, ConstrainedMDP) and own is not None and budget not in (None, own):
        name = model.resolve().name
        run.log(f"{name}: --budget {budget:g} takes the place of the model's own {own:g}")
    with run.working("export") as monitor:
        _require_time(monitor, "it was stated")
        program = study.stated(formulation, problem, budget)
        small = program.n_columns <= MOST_NAMED
        if small and not isinstance(problem, BudgetedMDP):
            program = named(program, problem)
        _require_time(monitor, "it was written")
    try:
        write_program(program, out)
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written: {error.strerror or error}") from None
    size = {"columns": program.n_columns, "rows": program.n_rows, "entries": int(program.column.size)}
    told = {"integer": program.is_integer, "named": small}
    run.answer({"out": out, "formulation": program.name, **size, **told})
    run.show(f"{program!r}. Written to {out}")
    if not small:
        run.show(
            f"More than {MOST_NAMED:,} columns, so they are called by position, not by the model's words"
        )


def _require_time(monitor: "Monitor", what: str) -> None:
    """Stop before a step that a limit leaves no time for; nothing is written then."""
    stopped = monitor.stop_reason()
    if stopped is not None:
        raise LimitError(f"stopped before {what}: {stopped.name}; no file was written")
