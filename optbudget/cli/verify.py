"""`optbudget verify`: the proof of a result, redone from the result folder and the model alone."""

from pathlib import Path
from typing import Annotated

import typer

from optbudget.cli import exits
from optbudget.cli.folders import require_model, require_result
from optbudget.cli.run import Run
from optbudget.errors import UsageError


def command(
    run: Run,
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result folder.", show_default=False)],
    model: Annotated[
        Path | None, typer.Option(metavar="MODEL", help="The model it was made from, if it is not in it.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="In rational arithmetic, rounded outward.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="With --exact: at every price.")] = False,
) -> None:
    """Check a result without trusting the solver that made it; exit 8 if any statement fails."""
    from optbudget import certify, files
    from optbudget.problems import Rollouts, Verification
    from optbudget.report.tables import verification_grid

    if everything and not exact:
        raise UsageError("--all goes with --exact; without it every price is checked anyway")
    require_result(result, "verify")
    given = [] if model is None else [model]
    for folder in given:
        require_model(folder)
    run.require_memory_to_read(result, *given)
    answer = files.load_answer(result, model)
    found = certify.verify(answer, exact=exact, all_prices=everything)
    if isinstance(answer, Rollouts):
        from optbudget.simulate import repeatable, repeated

        with run.working("playing trials again") as monitor:
            again = repeated(answer, every=everything, threads=run.threads, monitor=monitor)
        found = Verification((*found.checks, *again))
        run.log("only the bound of the split is proved: values and spends of trials are estimates")
        unknown = [name for name in answer.policies if not repeatable(name)]
        if unknown:
            run.log(f"not played again, as the trials do not say what it does: {', '.join(unknown)}")
    run.grids(verification_grid(found))
    checks = [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in found.checks]
    run.answer({"ok": found.ok, "checks": checks})
    if not found.ok:
        raise typer.Exit(exits.FAILED)
