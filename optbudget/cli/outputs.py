"""What commands that write a result folder share."""

import json
from pathlib import Path

from optbudget.cli.run import Run
from optbudget.status import Outcome, Termination


def fields_of(folder: Path) -> dict[str, object]:
    """What the result folder says about itself."""
    fields: dict[str, object] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return fields


def say_how_it_ended(run: Run, outcome: Outcome, *, kept: Path | None = None) -> None:
    """On stderr, whatever is not a plain success; and what to do about it."""
    if outcome.message:
        run.log(outcome.message)
    if outcome.termination in (Termination.OPTIMAL, Termination.TOLERANCE):
        return
    run.log(f"stopped: {outcome.termination.name}, solution {outcome.solution.name}")
    if kept is not None and kept.is_dir():
        run.log(f"{kept} is kept: the same command goes on from there")
