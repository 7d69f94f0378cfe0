"""Linear and mixed-integer programs as arrays, and what a back end answers.

.. math:: \\max\\ (\\text{or } \\min)\\; f + c \\cdot x
          \\quad\\text{s.t.}\\quad l \\le A x \\le u,\\; \\underline x \\le x \\le \\overline x,\\;
          x_j \\in \\mathbb Z \\text{ for some } j.

**A bound that needs no trust.** For any multipliers y, one per row, and d = c - A'y, every feasible x of
a maximisation obeys

.. math:: f + c \\cdot x \\le f + \\sum_i \\max_{l_i \\le a \\le u_i} y_i a
          + \\sum_j \\max_{\\underline x_j \\le x_j \\le \\overline x_j} d_j x_j,

whatever signs y has (Neumaier & Shcherbina 2004); where a side is infinite and its multiplier points
to it, the bound is infinite.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import Issue, NoAnswerError, ProblemError
from optbudget.status import Outcome, Solution, Termination

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class LinearProgram:
    """A linear or mixed-integer program of n columns, m rows and z entries; validated, it does not solve.

    Attributes
    ----------
    sense : "max" or "min"
    objective : (n,) c
    row_ptr : (m+1,) int64; entries of row i are row_ptr[i]:row_ptr[i+1]
    column, coefficient : (z,) int64 and float64; a column at most once per row
    row_lower, row_upper : (m,); -inf and inf for no limit
    lower, upper : (n,); likewise
    integer : (n,) bool; default none
    offset : constant f of the objective
    name, column_names, row_names : text for files and messages; names default to "x0", "r0", ...

    Raises
    ------
    ProblemError
        Naming the array and the index of everything that is wrong: NaN, an infinite coefficient, a column
        out of range or twice in a row, a lower limit above an upper one of +inf or -inf.

    Examples
    --------
    >>> program = LinearProgram("max", [1.0, 1.0], [0, 2], [0, 1], [1.0, 2.0], [-np.inf], [3.0],
    ...                         [0.0, 0.0], [np.inf, 1.0])
    >>> program
    LinearProgram(max, 2 columns, 1 row, 2 entries)
    >>> program.value([3.0, 0.0]), program.violation([3.0, 0.0]), program.dual_bound([1.0])
    (3.0, 0.0, 3.0)
    """

    sense: Literal["max", "min"]
    objective: Floats
    row_ptr: Integers
    column: Integers
    coefficient: Floats
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    offset: float = 0.0
    name: str = "program"
    column_names: tuple[str, ...] = ()
    row_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if np.size(self.integer) == 0:
            object.__setattr__(self, "integer", np.zeros(np.size(self.objective), dtype=np.bool_))
        for attribute, dtype in _ARRAYS.items():
            array: NDArray[Any] = np.array(getattr(self, attribute), dtype=dtype)
            if array.ndim != 1:
                raise ProblemError(f"{attribute} must be a vector; got shape {array.shape}")
            array.flags.writeable = False
            object.__setattr__(self, attribute, array)
        issues = _shape_issues(self) or _number_issues(self)
        if issues:
            raise ProblemError(issues)

    @property
    def n_columns(self) -> int:
        return int(self.objective.size)

    @property
    def n_rows(self) -> int:
        return int(self.row_lower.size)

    @property
    def is_integer(self) -> bool:
        """Whether some column must be a whole number."""
        return bool(self.integer.any())

    @cached_property
    def entry_row(self) -> Integers:
        """Row of each entry, (z,)."""
        return np.repeat(np.arange(self.n_rows), np.diff(self.row_ptr))

    def activity(self, x: ArrayLike) -> Floats:
        """A x, (m,)."""
        terms = self.coefficient * np.asarray(x, dtype=np.float64)[self.column]
        return np.bincount(self.entry_row, terms, minlength=self.n_rows).astype(np.float64)

    def value(self, x: ArrayLike) -> float:
        """The objective at x."""
        return float(self.offset + self.objective @ np.asarray(x, dtype=np.float64))

    def violation(self, x: ArrayLike) -> float:
        """By how much x breaks its worst row, bound or integrality, relative to 1 + the row's own terms."""
        point = np.asarray(x, dtype=np.float64)
        if point.shape != self.objective.shape or not np.isfinite(point).all():
            return np.inf
        size = 1.0 + np.bincount(
            self.entry_row, np.abs(self.coefficient * point[self.column]), minlength=self.n_rows
        )
        activity = self.activity(point)
        rows = np.maximum(self.row_lower - activity, activity - self.row_upper) / size
        bounds = np.maximum(self.lower - point, point - self.upper) / (1.0 + np.abs(point))
        parts = np.abs(point - np.round(point))[self.integer]
        return float(max(0.0, rows.max(initial=0.0), bounds.max(initial=0.0), parts.max(initial=0.0)))

    def reduced_costs(self, row_price: ArrayLike) -> Floats:
        """c - A'y, (n,)."""
        terms = self.coefficient * np.asarray(row_price, dtype=np.float64)[self.entry_row]
        return self.objective - np.bincount(self.column, terms, minlength=self.n_columns)

    def dual_bound(self, row_price: ArrayLike) -> float:
        """What no feasible x is better than, by any multipliers y (m,): see the module; not rounded.

        `row_price` is the change of the best objective per unit of the row's limit, in both senses. An
        upper bound of a maximisation, a lower bound of a minimisation; infinite where y proves nothing.
        """
        sign = 1.0 if self.sense == "max" else -1.0
        y = sign * np.asarray(row_price, dtype=np.float64)
        d = sign * self.reduced_costs(row_price)
        rows = _support(y, self.row_lower, self.row_upper)
        columns = _support(d, self.lower, self.upper)
        return float(self.offset + sign * (rows.sum() + columns.sum()))

    def column_name(self, j: int) -> str:
        """Name of a column for messages."""
        return self.column_names[j] if self.column_names else f"x{j}"

    def row_name(self, i: int) -> str:
        """Name of a row for messages."""
        return self.row_names[i] if self.row_names else f"r{i}"

    def __repr__(self) -> str:
        def count(k: int, noun: str, plural: str) -> str:
            return f"{k:,} {noun if k == 1 else plural}"

        whole = f" ({int(self.integer.sum()):,} integer)" if self.is_integer else ""
        return (
            f"LinearProgram({self.sense}, {count(self.n_columns, 'column', 'columns')}{whole}, "
            f"{count(self.n_rows, 'row', 'rows')}, {count(self.column.size, 'entry', 'entries')})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class LinearSolution:
    """What a back end said of a program, and what of it was found true.

    Attributes
    ----------
    program : the program as it was given
    outcome : ours: CERTIFIED only where `bound` was recomputed from the multipliers, OPTIMAL only with a
        gap <= 1e-9; FEASIBLE where x was re-evaluated; BACKEND_FAILED with the reason where the answer
        contradicts the program
    claimed : the back end's own word, as it said it
    x : (n,) or None
    row_price : (m,) change of the best objective per unit of a row's limit, or None
    bound : recomputed from `row_price`; NaN where there is none
    claimed_value, claimed_bound : the back end's own numbers; NaN where it gave none
    farkas : (m,) multipliers that prove an INFEASIBLE outcome: with them, `dual_bound` of the objective 0
        misses 0; None where the contradiction is a single row or column, named in the outcome
    ray : (n,) direction that proves an UNBOUNDED outcome: no row or bound forbids it, and it gains
    backend : its name in the table of back ends
    solve_seconds : inside the back end
    memory : largest resident bytes of its process, or NaN

    Raises
    ------
    NoAnswerError
        On reading `value` or `gap` where there is no solution.
    """

    program: LinearProgram
    outcome: Outcome = field(default_factory=Outcome)
    claimed: str = ""
    x: Floats | None = None
    row_price: Floats | None = None
    bound: float = np.nan
    claimed_value: float = np.nan
    claimed_bound: float = np.nan
    farkas: Floats | None = None
    ray: Floats | None = None
    backend: str = ""
    solve_seconds: float = np.nan
    memory: float = np.nan

    @property
    def value(self) -> float:
        """The objective at x, recomputed."""
        if self.x is None or self.outcome.solution is Solution.NONE:
            why = f": {self.outcome.message}" if self.outcome.message else ""
            raise NoAnswerError(f"there is no solution ({self.outcome.termination.name}){why}")
        return self.program.value(self.x)

    @property
    def gap(self) -> float:
        """|bound - value| / (1 + |value|); NaN without a bound."""
        return abs(self.bound - self.value) / (1.0 + abs(self.value))

    def __repr__(self) -> str:
        said = f"{self.outcome.termination.name}, {self.outcome.solution.name}"
        if self.outcome.solution is Solution.NONE or self.outcome.termination is Termination.BACKEND_FAILED:
            return f"LinearSolution({self.backend or 'no back end'}: {said})"
        return f"LinearSolution({self.backend}: {said}, value {self.value:.9g}, bound {self.bound:.9g})"


_ARRAYS: dict[str, type] = {
    "objective": np.float64,
    "row_ptr": np.int64,
    "column": np.int64,
    "coefficient": np.float64,
    "row_lower": np.float64,
    "row_upper": np.float64,
    "lower": np.float64,
    "upper": np.float64,
    "integer": np.bool_,
}


def _support(multiplier: Floats, lower: Floats, upper: Floats) -> Floats:
    """max of multiplier * a over lower <= a <= upper, entry by entry; 0 * inf is 0."""
    side = np.where(multiplier > 0, upper, lower)
    with np.errstate(invalid="ignore"):
        return np.where(multiplier == 0, 0.0, multiplier * side)


def _shape_issues(p: LinearProgram) -> list[Issue]:
    n, m, z = p.objective.size, p.row_lower.size, p.column.size
    wanted = {
        "row_ptr": m + 1, "row_upper": m, "coefficient": z, "lower": n, "upper": n, "integer": n,
    }  # fmt: skip
    wanted |= {name: n if name == "column_names" else m for name in ("column_names", "row_names")}
    found = {name: len(getattr(p, name)) for name in wanted}
    wrong = [
        f"{name} has {found[name]} entries, not {size}"
        for name, size in wanted.items()
        if found[name] != size and not (name.endswith("_names") and found[name] == 0)
    ]
    if p.sense not in ("max", "min"):
        wrong.append(f"sense is {p.sense!r}, not 'max' or 'min'")
    if not wrong and (p.row_ptr[0] != 0 or p.row_ptr[-1] != z or (np.diff(p.row_ptr) < 0).any()):
        wrong.append(f"row_ptr must rise from 0 to {z}")
    if not wrong and z and (p.column.min() < 0 or p.column.max() >= n):
        wrong.append(f"column must be from 0 to {n - 1}; found {p.column.min()} to {p.column.max()}")
    return [Issue("error", "shape", text) for text in wrong]


def _number_issues(p: LinearProgram) -> list[Issue]:
    issues = []
    for name in ("objective", "coefficient"):
        for k in np.flatnonzero(~np.isfinite(getattr(p, name))):
            issues.append(Issue("error", "number", f"{name}[{k}] is {getattr(p, name)[k]}"))
    if not np.isfinite(p.offset):
        issues.append(Issue("error", "number", f"offset is {p.offset}"))
    for low, high in (("row_lower", "row_upper"), ("lower", "upper")):
        for name, never in ((low, np.inf), (high, -np.inf)):
            array = getattr(p, name)
            for k in np.flatnonzero(np.isnan(array) | (array == never)):
                issues.append(Issue("error", "number", f"{name}[{k}] is {array[k]}"))
    key = p.entry_row * max(1, p.n_columns) + p.column
    for k in np.flatnonzero(np.diff(np.sort(key)) == 0)[:20]:
        row, column = divmod(int(np.sort(key)[k]), max(1, p.n_columns))
        text = f"row {p.row_name(row)} has two entries of column {p.column_name(column)}"
        issues.append(Issue("error", "duplicate", text))
    return issues
