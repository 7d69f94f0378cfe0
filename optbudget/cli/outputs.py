"""What commands that write a result folder share."""

import json
from pathlib import Path

from optbudget.cli.run import Run
from optbudget.errors import UsageError
from optbudget.status import Outcome, Termination


def free_folder(path: Path) -> None:
    """Refuse, before any work, a folder that the result may not replace.

    Raises
    ------
    UsageError
        If it is something else than a missing or empty folder, or a result of this program.
    """
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_dir() or (any(path.iterdir()) and not (path / "result.json").is_file()):
        raise UsageError(f"{path} exists and is no result of this program; name another --out")


def fields_of(folder: Path) -> dict[str, object]:
    """What the result folder says about itself."""
    fields: dict[str, object] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return fields


def say_how_it_ended(run: Run, outcome: Outcome, *, kept: Path) -> None:
    """On stderr, whatever is not a plain success; and what to do about it."""
    if outcome.message:
        run.log(outcome.message)
    if outcome.termination in (Termination.OPTIMAL, Termination.TOLERANCE):
        return
    run.log(f"stopped: {outcome.termination.name}, solution {outcome.solution.name}")
    if kept.is_dir():
        run.log(f"{kept} is kept: the same command goes on from there")
