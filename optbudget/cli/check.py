"""`optbudget check`: everything that is wrong with a model folder, each with its place."""

from pathlib import Path
from typing import Annotated

import typer

from optbudget.cli import exits
from optbudget.cli.arguments import Normalize, SumDuplicates
from optbudget.cli.folders import require_model
from optbudget.cli.run import Run
from optbudget.errors import FIRST_ISSUES


def command(
    run: Run,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.", show_default=False)],
    normalize: Normalize = False,
    sum_duplicates: SumDuplicates = False,
) -> None:
    """Say what is wrong with a model; warnings alone are no failure."""
    from optbudget import files

    require_model(model)
    run.require_memory_to_read(model)
    issues = files.check(model, normalize=normalize, sum_duplicates=sum_duplicates)
    errors = sum(issue.severity == "error" for issue in issues)
    for issue in issues[:FIRST_ISSUES]:
        run.show(str(issue) if issue.severity == "error" else f"warning: {issue}")
    if len(issues) > FIRST_ISSUES:
        run.show(f"... and {len(issues) - FIRST_ISSUES} more")
    if not errors:
        run.show(f"{model}: ok")
    run.answer({"ok": not errors, "issues": [issue.as_dict() for issue in issues]})
    if errors:
        raise typer.Exit(exits.INVALID)
