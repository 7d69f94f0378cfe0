"""A budget history: what was decided and what followed, one row per period and unit."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.problems.causal_question import CausalQuestion
from optbudget.problems.columns import Codes, Floats, did_you_mean, exponents


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """m rows of the columns that a question asks about.

    Whether there is enough in the rows to learn from (no constant column, no collinear ones) is what
    `optbudget.problems.history_checks.require_variation` says: a resample may lack it.

    Attributes
    ----------
    question : names of the columns and their roles
    values : (m, p) finite float64, columns in the order of `question.columns`; codes where discrete
    levels : discrete column -> its labels, by code; a column that is not in it is continuous
    unit : (m,) int64, index into `units`; None where the question names no column of units
    units : names of the units
    time : (m,) int64, the period, or its rank where periods are not whole numbers; None where there is none

    Raises
    ------
    ProblemError
        Where shapes do not fit, a value is not finite, a code has no label, or a name is unknown.

    Examples
    --------
    >>> question = CausalQuestion((), ("spend",), ("sales",))
    >>> history = History(question, [[1.0, 2.0], [2.0, 5.0], [4.0, 6.0]])
    >>> history, history.column("sales").tolist()
    (History(3 rows, 2 columns), [2.0, 5.0, 6.0])
    """

    question: CausalQuestion
    values: Floats
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unit: Codes | None = None
    units: tuple[str, ...] = ()
    time: Codes | None = None

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64, order="F")
        columns = self.question.columns
        if values.ndim != 2 or values.shape[1] != len(columns):
            raise ProblemError(f"values must be (rows, {len(columns)}); got shape {values.shape}")
        _refuse_not_finite(values, columns)
        for name in ("unit", "time"):
            given: ArrayLike | None = getattr(self, name)
            if given is not None:
                code = np.array(given, dtype=np.int64)
                if code.shape != (values.shape[0],):
                    raise ProblemError(f"{name} must be a vector of {values.shape[0]} entries, one per row")
                code.flags.writeable = False
                object.__setattr__(self, name, code)
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        levels = {name: tuple(labels) for name, labels in self.levels.items()}
        object.__setattr__(self, "levels", MappingProxyType(levels))
        self._check_codes()

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def __repr__(self) -> str:
        rows = "1 row" if len(self) == 1 else f"{len(self):,} rows"
        parts = [rows, f"{len(self.columns)} columns"]
        parts += [f"{len(self.levels)} discrete"] * bool(self.levels)
        parts += [f"{len(self.units):,} units"] * (self.unit is not None)
        return f"History({', '.join(parts)})"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order of `values`."""
        return self.question.columns

    @property
    def discrete(self) -> NDArray[np.bool_]:
        """(p,) whether a column is discrete."""
        return np.array([name in self.levels for name in self.columns], dtype=bool)

    def position(self, name: str) -> int:
        """The place of a column among `columns`.

        Raises
        ------
        ProblemError
            If there is no such column.
        """
        if name not in self.columns:
            raise ProblemError(f"no column is called {name!r}{did_you_mean(name, self.columns)}")
        return self.columns.index(name)

    def column(self, name: str) -> Floats:
        """(m,) a column by its name; codes where it is discrete."""
        return self.values[:, self.position(name)]

    def standardised(self) -> Floats:
        """(m, p) every column with mean 0 and variance 1 (divided by m); 0 where it is constant."""
        scaled = np.ldexp(self.values, -exponents(self.values))
        centred = scaled - scaled.mean(axis=0)
        deviation = np.sqrt(np.mean(centred**2, axis=0))
        constant = (self.values == self.values[:1]).all(axis=0)
        return np.where(constant, 0.0, centred / np.where(constant, 1.0, deviation))

    def rows(self, index: NDArray[Any]) -> "History":
        """The history of some of its rows, by index (rows may repeat: a resample) or mask."""
        return replace(
            self,
            values=self.values[index],
            unit=None if self.unit is None else self.unit[index],
            time=None if self.time is None else self.time[index],
        )

    def _check_codes(self) -> None:
        if self.unit is not None and self.unit.size:
            least, most = int(self.unit.min()), int(self.unit.max())
            if least < 0 or most >= len(self.units):
                raise ProblemError(f"unit holds codes that are not in 0..{len(self.units) - 1}")
        for name, labels in self.levels.items():
            code = self.column(name)
            wrong = (code != np.floor(code)) | (code < 0) | (code >= len(labels))
            if wrong.any():
                row = int(np.argmax(wrong))
                held = f"row {row} holds the code {code[row]:g}"
                raise ProblemError(f"column {name!r} is discrete with {len(labels)} levels; {held}")


def _refuse_not_finite(values: Floats, columns: tuple[str, ...]) -> None:
    wrong = np.argwhere(~np.isfinite(values))[:FIRST_ISSUES].tolist()
    if wrong:
        raise ProblemError(
            [
                Issue(
                    "error", "not-finite", f"{columns[k]} is {values[row, k]} in row {row}; it must be finite"
                )
                for row, k in wrong
            ]
        )
