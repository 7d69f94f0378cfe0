"""Power-of-two scaling of a program for a back end that would drop or misread some of its numbers.

HiGHS drops matrix entries up to 1e-9 (1e-12 at the least) and takes limits of 1e20 for infinite; it then
answers another program, "optimally". Where a program has such numbers, rows and columns are scaled,

.. math:: x_j = s_j x'_j, \\quad a'_{ij} = r_i a_{ij} s_j, \\quad c'_j = c_j s_j, \\quad y_i = r_i y'_i,

with r and s powers of two (s = 1 for whole columns), so that every product and the way back are exact.
The exponents alternate between rows and columns towards a geometric mean of 1 of each one's smallest and
largest entry (Curtis & Reid's aim by Fulkerson & Wolfe's sweeps). What is still too small is refused, by
name; a program without such numbers is handed over as it is.
"""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import Issue, ProblemError
from optbudget.problems.linear_program import Floats, LinearProgram
from optbudget.solvers.answer import RawAnswer

SUSPECT = 1e-9
"""A program with a coefficient up to this is scaled before it is handed over."""
LIMITS = ("lower", "upper", "row_lower", "row_upper")
MOST_NAMED = 3
"""Numbers that a refusal names."""
FAR = 15.0
"""Orders of magnitude from 1 beyond which a number may be why a back end refuses a program."""
_SWEEPS = 10
_LIMIT = 900  # Exponents beyond this would overflow in products.


@dataclass(frozen=True, eq=False)
class Scaled:
    """A program as a back end gets it, with the way back.

    Attributes
    ----------
    program : the scaled program
    row, column : (m,) and (n,) powers of two
    """

    program: LinearProgram
    row: Floats
    column: Floats

    def unscale(self, raw: object) -> object:
        """A back end's answer to the scaled program as one to the given program; exact, unchecked."""
        if not isinstance(raw, RawAnswer) or self.is_plain:
            return raw
        with suppress(TypeError, ValueError):
            return replace(raw, x=_times(raw.x, self.column), row_price=_times(raw.row_price, self.row))
        return raw

    @property
    def is_plain(self) -> bool:
        """Whether nothing was scaled."""
        return bool((self.row == 1.0).all() and (self.column == 1.0).all())


def _times(vector: Any, factors: Floats) -> Any:
    return None if vector is None else np.asarray(vector, dtype=np.float64) * factors


def prepare(program: LinearProgram, *, smallest: float, infinite: float, backend: str) -> Scaled:
    """The program, scaled if a back end would drop an entry or misread a limit.

    Parameters
    ----------
    smallest, infinite : what the back end keeps, and takes for infinite

    Raises
    ------
    ProblemError
        Naming the row, column and number that scaling does not mend.

    Examples
    --------
    >>> program = LinearProgram("max", [1.0], [0, 1], [0], [1e-10], [-np.inf], [1e-3], [0.0], [1e9])
    >>> prepare(program, smallest=1e-12, infinite=1e20, backend="highs").program.coefficient
    array([0.85899346])
    """
    found = _found(program, max(smallest, SUSPECT) if smallest else 0.0, infinite)
    if not found:
        return Scaled(program, np.ones(program.n_rows), np.ones(program.n_columns))
    scaled = _scaled(program)
    if _found(scaled.program, smallest, infinite):
        raise ProblemError(_issues(program, found, backend))
    return scaled


@dataclass(frozen=True, slots=True)
class _Extreme:
    """A number that a back end would drop or misread: an entry of the matrix, or a limit."""

    what: str
    place: int
    number: float

    @property
    def orders(self) -> float:
        """Its distance from 1 in orders of magnitude."""
        return abs(math.log10(abs(self.number)))


def _found(program: LinearProgram, smallest: float, infinite: float) -> list[_Extreme]:
    """What a back end would drop or misread, the farthest from 1 first."""
    size = np.abs(program.coefficient)
    small = np.flatnonzero((size > 0) & (size <= smallest)).tolist()
    found = [_Extreme("coefficient", k, float(program.coefficient[k])) for k in small]
    for attribute in LIMITS:
        array = getattr(program, attribute)
        large = np.flatnonzero(np.isfinite(array) & (np.abs(array) >= infinite)).tolist()
        found += [_Extreme(attribute, k, float(array[k])) for k in large]
    return sorted(found, key=lambda one: -one.orders)


def _issues(program: LinearProgram, found: list[_Extreme], backend: str) -> list[Issue]:
    """The numbers that no scaling mends, in the program's own units: the farthest from 1, a few of them.

    In the scaled program others look as bad, which a number far from 1 has pushed there.
    """
    guilty = [one for one in found if one.orders >= found[0].orders / 2]
    issues = []
    for k, one in enumerate(guilty[:MOST_NAMED]):
        small = one.what == "coefficient"
        said = f"drops coefficients as small as {one.number:g}"
        if not small:
            said = f"takes the limit {one.number:g} for infinite"
        more = len(guilty) - MOST_NAMED
        rest = f"; and so for {more} more" if k == MOST_NAMED - 1 and more > 0 else ""
        text = f"{place(program, one.what, one.place)}: {backend} {said}{rest}"
        issues.append(Issue("error", "small-coefficient" if small else "large-limit", text))
    return issues


def place(program: LinearProgram, what: str, k: int) -> str:
    """Where a number of a program stands: `what` it is, an attribute of the program, and its position."""
    if what == "coefficient":
        row = program.row_name(int(program.entry_row[k]))
        return f"row {row}, column {program.column_name(int(program.column[k]))}"
    if what.startswith("row"):
        return f"row {program.row_name(k)}"
    return f"column {program.column_name(k)}"


def farthest(program: LinearProgram) -> str:
    """The number of a program that is farthest from 1, and where it stands; "" if none is far."""
    worst, said = FAR, ""
    for what in ("coefficient", "objective", *LIMITS):
        size = np.abs(getattr(program, what))
        used = np.flatnonzero(np.isfinite(size) & (size > 0))
        orders = np.abs(np.log10(size[used]))
        if used.size and orders.max() > worst:
            worst, k = float(orders.max()), int(used[orders.argmax()])
            noun = "limit" if what in LIMITS else "coefficient"
            where = place(program, what, k) + ", objective" * (what == "objective")
            said = f"{where}: {noun} {getattr(program, what)[k]:g}"
    return said


def _scaled(program: LinearProgram) -> Scaled:
    used = program.coefficient != 0
    row, column = program.entry_row[used], program.column[used]
    _, exponent = np.frexp(program.coefficient[used])
    r: NDArray[np.int64] = np.zeros(program.n_rows, dtype=np.int64)
    s: NDArray[np.int64] = np.zeros(program.n_columns, dtype=np.int64)
    for _ in range(_SWEEPS):
        r = -_middle(exponent + s[column], row, program.n_rows)
        s = np.where(program.integer, 0, -_middle(exponent + r[row], column, program.n_columns))
    r, s = np.clip(r, -_LIMIT, _LIMIT), np.clip(s, -_LIMIT, _LIMIT)
    by_row, by_column = np.ldexp(1.0, r), np.ldexp(1.0, s)
    changed = replace(
        program,
        objective=program.objective * by_column,
        coefficient=program.coefficient * by_row[program.entry_row] * by_column[program.column],
        row_lower=program.row_lower * by_row,
        row_upper=program.row_upper * by_row,
        lower=program.lower / by_column,
        upper=program.upper / by_column,
    )
    return Scaled(changed, by_row, by_column)


def _middle(exponent: NDArray[np.int64], group: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Per group, the middle of its smallest and largest exponent; 0 for a group without entries."""
    high = np.full(count, np.iinfo(np.int32).min, dtype=np.int64)
    low = np.full(count, np.iinfo(np.int32).max, dtype=np.int64)
    np.maximum.at(high, group, exponent)
    np.minimum.at(low, group, exponent)
    return np.where(high >= low, (high + low) // 2, 0)
