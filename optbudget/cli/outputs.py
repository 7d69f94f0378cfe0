"""What commands that write a result folder share."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optbudget.cli.run import Run
from optbudget.status import Outcome, Termination

SHOWN = 30
"""Rows of a table that a person is shown."""


def fields_of(folder: Path) -> dict[str, object]:
    """What the result folder says about itself."""
    fields: dict[str, object] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return fields


def show_values(run: Run, at: Mapping[str, Any], budgets: Sequence[float]) -> None:
    """The table of --at: value of the first states at each budget; nothing without budgets."""
    if not budgets or run.json:
        return
    from optbudget.report.tables import Grid
    from optbudget.report.words import number

    def cell(value: float) -> str:
        return number(value) if math.isfinite(value) else "infeasible"

    rows = tuple((label, *map(cell, values)) for label, values in list(at.items())[:SHOWN])
    run.grids(Grid("Value at", ("state", *(f">{number(budget)}" for budget in budgets)), rows))


def say_why_it_fails(run: Run, outcome: Outcome) -> None:
    """One line on stderr for an answer whose exit code is no success, also with --quiet."""
    if run.quiet:
        reason = outcome.message or f"stopped: {outcome.termination.name}, solution {outcome.solution.name}"
        print(f"optbudget: {reason}", file=sys.stderr, flush=True)


def say_how_it_ended(run: Run, outcome: Outcome, *, kept: Path | None = None) -> None:
    """On stderr, whatever is not a plain success; and what to do about it."""
    if outcome.message:
        run.log(outcome.message)
    if outcome.termination in (Termination.OPTIMAL, Termination.TOLERANCE):
        return
    say_why_it_fails(run, outcome)
    run.log(f"stopped: {outcome.termination.name}, solution {outcome.solution.name}")
    if kept is not None and kept.is_dir():
        run.log(f"{kept} is kept: the same command goes on from there")
