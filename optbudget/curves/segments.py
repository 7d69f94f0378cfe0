"""Concave piecewise-linear curves stored as segments, one curve or millions.

A curve is a first point :math:`(b_0, v_0)` and segments :math:`(\\Delta b_j, \\Delta v_j)` in order of
strictly decreasing price :math:`\\Delta v_j / \\Delta b_j > 0`. Its value at a budget is

.. math:: v(b) = v_0 + \\sum_j \\Delta v_j \\min(1, \\max(0, (b - b_j) / \\Delta b_j)),
          \\qquad b_j = b_0 + \\sum_{i<j} \\Delta b_i,

minus infinity below :math:`b_0` (the least feasible budget) and flat past the last breakpoint (the
largest useful budget): money need not be spent. Segments, not cumulative points, are what is
stored, because differences of cumulative sums lose short segments to rounding.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import ProblemError

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def _frozen(array: ArrayLike, dtype: type = np.float64) -> NDArray[Any]:
    """Our own read-only copy, unless the array already is one."""
    owned: NDArray[Any] = np.asarray(array, dtype=dtype)
    if owned.flags.writeable:
        owned = owned.copy()
        owned.flags.writeable = False
    return owned


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Curve:
    """Value as a nondecreasing concave piecewise-linear function of budget.

    Attributes
    ----------
    start_budget : money; the least feasible budget
    start_value : value at the least feasible budget
    length : (k,) array, money, > 0; budget covered by each segment
    gain : (k,) array, value, > 0; value won on each segment; gain/length strictly decreases

    Examples
    --------
    >>> curve = Curve(0.0, 10.0, [2.0, 4.0], [6.0, 2.0])
    >>> curve.value([0, 1, 6, 100])
    array([10., 13., 18., 18.])
    >>> float(curve.price(1.0))
    3.0
    >>> curve
    Curve(2 segments, budget 0 to 6, value 10 to 18)
    """

    start_budget: float
    start_value: float
    length: Floats
    gain: Floats

    def __post_init__(self) -> None:
        for name in ("length", "gain"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        if self.length.ndim != 1 or self.length.shape != self.gain.shape:
            raise ProblemError(
                f"length and gain must be vectors of one length; got shapes "
                f"{self.length.shape} and {self.gain.shape}"
            )

    def __len__(self) -> int:
        return int(self.length.size)

    @property
    def prices(self) -> Floats:
        """Marginal value of money on each segment, (k,), strictly decreasing, > 0."""
        return self.gain / self.length

    @property
    def budgets(self) -> Floats:
        """The useful budgets (breakpoints), (k+1,), increasing, money."""
        return self.start_budget + np.concatenate(([0.0], np.cumsum(self.length)))

    @property
    def values(self) -> Floats:
        """Value at each useful budget, (k+1,), increasing."""
        return self.start_value + np.concatenate(([0.0], np.cumsum(self.gain)))

    @property
    def least_budget(self) -> float:
        """The least feasible budget, money."""
        return self.start_budget

    @property
    def largest_useful_budget(self) -> float:
        """The budget beyond which money is worth nothing, money."""
        return float(self.budgets[-1])

    def value(self, budget: ArrayLike) -> Floats:
        """Value at each budget (same shape): -inf below the least feasible budget, flat at the end."""
        at = np.asarray(budget, dtype=np.float64)
        return np.asarray(np.interp(at, self.budgets, self.values, left=-np.inf))

    def price(self, budget: ArrayLike) -> Floats:
        """Value of one more unit of money at each budget: the slope of the segment to the right.

        0 from the largest useful budget on, NaN below the least feasible budget.
        """
        at = np.asarray(budget, dtype=np.float64)
        position = np.searchsorted(self.budgets, at, side="right") - 1
        slopes = np.concatenate((self.prices, [0.0]))
        return np.where(position < 0, np.nan, slopes[np.clip(position, 0, len(self))])

    def to_arrow(self) -> "pa.Table":
        """Table of breakpoints: budget, value, price (to the right; 0 at the last), length, gain."""
        import pyarrow as pa

        pad = np.zeros(1)
        return pa.table(
            {
                "budget": self.budgets,
                "value": self.values,
                "price": np.concatenate((self.prices, pad)),
                "length": np.concatenate((self.length, pad)),
                "gain": np.concatenate((self.gain, pad)),
            }
        )

    def __repr__(self) -> str:
        noun = "segment" if len(self) == 1 else "segments"
        return (
            f"Curve({len(self)} {noun}, budget {self.start_budget:.6g} to "
            f"{self.largest_useful_budget:.6g}, value {self.start_value:.6g} to {self.values[-1]:.6g})"
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Curves(Sequence[Curve]):
    """Many curves in ragged arrays; `curves[i]` is one `Curve` that shares their memory.

    Attributes
    ----------
    start_budget, start_value : (n,) arrays; first point of each curve
    indptr : (n+1,) int64; segments of curve i are indptr[i]:indptr[i+1]
    length, gain : (N,) arrays; as in `Curve`, all curves one after another
    """

    start_budget: Floats
    start_value: Floats
    indptr: Integers
    length: Floats
    gain: Floats

    def __post_init__(self) -> None:
        for name in ("start_budget", "start_value", "length", "gain"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        object.__setattr__(self, "indptr", _frozen(self.indptr, np.int64))
        if self.indptr.size != self.start_budget.size + 1 or self.indptr[-1] != self.length.size:
            raise ProblemError("indptr must have one entry more than curves and end at the segments")

    def __len__(self) -> int:
        return int(self.start_budget.size)

    def __getitem__(self, index: int) -> Curve:  # type: ignore[override]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        span = slice(int(self.indptr[index]), int(self.indptr[index + 1]))
        return Curve(
            float(self.start_budget[index]),
            float(self.start_value[index]),
            self.length[span],
            self.gain[span],
        )

    def between(self, first: int, last: int) -> "Curves":
        """Curves first, ..., last - 1, sharing their memory."""
        begin, end = int(self.indptr[first]), int(self.indptr[last])
        return Curves(
            self.start_budget[first:last], self.start_value[first:last],
            self.indptr[first : last + 1] - begin, self.length[begin:end], self.gain[begin:end],
        )  # fmt: skip

    @property
    def segments(self) -> Integers:
        """Number of segments of each curve, (n,)."""
        return np.diff(self.indptr)

    @property
    def value_span(self) -> Floats:
        """What money adds to each curve, the last value less the first, (n,).

        Examples
        --------
        >>> Curves.from_curves([Curve(0, 1, [1.0, 2.0], [3.0, 4.0]), Curve(0, 5, [], [])]).value_span
        array([7., 0.])
        """
        owner = np.repeat(np.arange(len(self)), self.segments)
        return np.bincount(owner, self.gain, minlength=len(self)).astype(np.float64)

    def breakpoints(self) -> tuple[Floats, Floats]:
        """Budgets and values of all breakpoints, curve after curve, (N+n,) each, as `Curve` gives them."""
        first = self.indptr[:-1] + np.arange(len(self))
        budgets, values = np.zeros(self.length.size + len(self)), np.zeros(self.length.size + len(self))
        longest_first = np.argsort(-self.segments, kind="stable")
        sizes = -self.segments[longest_first]
        for j in range(-int(sizes[0]) if sizes.size else 0):
            active = longest_first[: np.searchsorted(sizes, -j, side="left")]
            at, segment = first[active] + j, self.indptr[active] + j
            budgets[at + 1] = budgets[at] + self.length[segment]
            values[at + 1] = values[at] + self.gain[segment]
        points = self.segments + 1
        return np.repeat(self.start_budget, points) + budgets, np.repeat(self.start_value, points) + values

    def to_arrow(self) -> "pa.Table":
        """The tables of the single curves, one after another; `self.segments + 1` rows of each curve."""
        import pyarrow as pa

        budget, value = self.breakpoints()
        length, gain, price = np.zeros(budget.size), np.zeros(budget.size), np.zeros(budget.size)
        right = np.arange(self.length.size) + np.repeat(np.arange(len(self)), self.segments)
        length[right], gain[right], price[right] = self.length, self.gain, self.gain / self.length
        return pa.table({"budget": budget, "value": value, "price": price, "length": length, "gain": gain})

    @classmethod
    def from_curves(cls, curves: Iterable[Curve]) -> "Curves":
        """Gather single curves into ragged arrays."""
        parts = list(curves)
        sizes = np.array([len(curve) for curve in parts], dtype=np.int64)
        empty = [np.empty(0)]
        return cls(
            np.array([curve.start_budget for curve in parts], dtype=np.float64),
            np.array([curve.start_value for curve in parts], dtype=np.float64),
            np.concatenate(([0], np.cumsum(sizes))),
            np.concatenate([curve.length for curve in parts] or empty),
            np.concatenate([curve.gain for curve in parts] or empty),
        )

    def __repr__(self) -> str:
        return f"Curves({len(self)} curves, {self.length.size} segments)"
