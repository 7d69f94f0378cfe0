"""`optbudget report`: one page that shows a result."""

from pathlib import Path
from typing import Annotated

import typer

from optbudget.cli.run import Run


def command(
    run: Run,
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result folder.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="The page to write.", show_default=False)],
) -> None:
    """Write a result as one HTML page that needs nothing else."""
    from optbudget import files, report

    report.page(files.load_result(result), out, folder=result.name or "RESULT")
    run.show(f"wrote {out}")
    run.answer({"out": out})
