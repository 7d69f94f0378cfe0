"""`optbudget report`: one page that shows a result."""

from pathlib import Path
from typing import Annotated

import typer

from optbudget.cli import exits
from optbudget.cli.folders import require_result
from optbudget.cli.run import Run
from optbudget.errors import UsageError


def command(
    run: Run,
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result folder.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="The page to write.", show_default=False)],
) -> None:
    """Write a result as one HTML page that needs nothing else; exit 8 if its certificate fails.

    The certificate is checked first, and the page says what was found.
    """
    from optbudget import allocation, certify, files, report
    from optbudget.problems import Allocation, DepartmentFront, KnapsackAllocation, Rollouts

    require_result(result, "report")
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; name the page to write, e.g. {out / 'report.html'}")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}; make it first")
    run.require_memory_to_read(result)
    page = report.page  # A missing extra is said before anything is checked.
    answer = files.load_answer(result)
    if isinstance(answer, Rollouts):
        answer = answer.allocation
    assert not isinstance(answer, DepartmentFront)
    if isinstance(answer, KnapsackAllocation):
        raise UsageError(f"{result} answers a knapsack, which has no page: optbudget verify checks it")
    today, beside = files.kept_baseline(result), None
    if today is not None and isinstance(answer, Allocation):
        beside = allocation.baseline_comparison(answer, today)
    run.log("checking the certificate")
    found = certify.verify(answer)
    try:
        page(answer, out, verification=found, folder=result.name or "RESULT", baseline=beside)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"--out {out} cannot be written: {reason}") from None
    failed = [check.name for check in found.checks if not check.ok]
    verdict = "the certificate holds" if found.ok else f"the certificate FAILED: {', '.join(failed)}"
    run.show(f"wrote {out}; {verdict}")
    checks = [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in found.checks]
    run.answer({"out": out, "ok": found.ok, "checks": checks})
    if not found.ok:
        raise typer.Exit(exits.FAILED)
