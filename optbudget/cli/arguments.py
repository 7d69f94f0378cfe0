"""Arguments that are more than one word: lists of budgets, ranges, sizes, schedules."""

import math
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.errors import Issue, ProblemError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optbudget.budgeted.pruning import PruningSchedule

Normalize = Annotated[
    bool, typer.Option("--normalize", help="Divide rows that do not sum to 1 by their sum, and say so.")
]
SumDuplicates = Annotated[
    bool, typer.Option("--sum-duplicates", help="Add up probabilities listed twice, and say so.")
]

PopulationFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Table of state, count or of unit, state; without it the model's own, else one unit.",
    ),
]

_DECIMAL = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS = {
    "": 1,
    "B": 1,
    **_DECIMAL,
    **{f"{letter}B": size for letter, size in _DECIMAL.items()},
    **{f"{letter}IB": 2 ** (10 * power) for power, letter in enumerate(_DECIMAL, 1)},
}


def size_in_bytes(text: str | None) -> int | None:
    """Bytes of a size such as 500M (10^6) or 4GiB (2^30).

    Examples
    --------
    >>> size_in_bytes("4GiB"), size_in_bytes("500 MB"), size_in_bytes(None)
    (4294967296, 500000000, None)
    """
    if text is None:
        return None
    compact = text.strip().upper()
    number = compact.rstrip("BKMGTI")
    unit = _UNITS.get(compact[len(number) :])
    size = None if unit is None else _number(number) * unit
    if size is None or not 1 <= size < 2**63:
        raise UsageError(f"--max-memory {text!r} is no size; write for example 500MB or 4GiB")
    return int(size)


def list_of_budgets(text: str | None) -> tuple[float, ...]:
    """The amounts of a list such as 1,2.5,10.

    Examples
    --------
    >>> list_of_budgets("1,2.5"), list_of_budgets(None)
    ((1.0, 2.5), ())
    """
    if text is None:
        return ()
    budgets = tuple(map(_number, text.split(",")))
    if not all(map(math.isfinite, budgets)):
        raise UsageError(f"--at {text!r} is no list of budgets; write for example 1,2.5,10")
    return budgets


def budget_or_range(text: str) -> "float | NDArray[np.float64]":
    """One budget, which may be inf, or the (N,) budgets of a range LO:HI:N.

    Examples
    --------
    >>> budget_or_range("1000"), budget_or_range("0:10:3")
    (1000.0, array([ 0.,  5., 10.]))
    """
    if ":" in text:
        from optbudget.allocation import budget_range

        return budget_range(text)
    budget = _number(text)
    if not budget >= 0:
        raise UsageError(f"--budget {text!r} is no amount >= 0; write for example 1000, inf, or 0:10000:21")
    return budget


def pruning_schedule(path: Path | None) -> "PruningSchedule | None":
    """A schedule from a TOML file; what is wrong with it names the file."""
    if path is None:
        return None
    from optbudget.budgeted.pruning import PruningSchedule

    try:
        return PruningSchedule.parse(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProblemError([Issue("error", "toml", str(error), file=str(path))]) from None
    except ProblemError as error:
        raise ProblemError([Issue("error", "pruning", str(error), file=str(path))]) from None


def _number(text: str) -> float:
    """The number that a text is, NaN if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
