"""`optbudget export`: a declared program as a file that other solvers read."""

import math
from pathlib import Path
from typing import Annotated

import typer

from optbudget.cli.folders import require_model
from optbudget.cli.run import Run
from optbudget.errors import UsageError


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
        typer.Option(metavar="B", help="Money; a constrained_mdp has its own.", show_default=False),
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
    problem = files.load_problem(model)
    if isinstance(problem, BudgetedMDP) and budget is not None:
        problem = ConstrainedMDP(problem, budget)
    program = study.stated(formulation, problem, budget)
    small = program.n_columns <= MOST_NAMED
    if small and not isinstance(problem, BudgetedMDP):
        program = named(program, problem)
    write_program(program, out)
    size = {"columns": program.n_columns, "rows": program.n_rows, "entries": int(program.column.size)}
    told = {"integer": program.is_integer, "named": small}
    run.answer({"out": out, "formulation": program.name, **size, **told})
    run.show(f"{program!r}. Written to {out}")
    if not small:
        run.show(
            f"More than {MOST_NAMED:,} columns, so they are called by position, not by the model's words"
        )
