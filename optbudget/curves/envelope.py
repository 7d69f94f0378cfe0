"""The least concave curve above points or above other curves.

Mixing two points :math:`(b_1, v_1)` and :math:`(b_2, v_2)` achieves everything between them, and money need
not be spent, so what a set of points (or curves, which may begin at different budgets) can achieve is

.. math:: V(b) = \\max \\Big\\{ \\sum_i w_i v_i : \\sum_i w_i b_i \\le b,
          \\; w \\ge 0,\\; \\sum_i w_i = 1 \\Big\\},

the nondecreasing upper concave envelope. It begins at the least budget of all, with the best value to be
had there: a free improvement is taken first. At one budget and value the first curve counts.

Slopes are compared by cross-multiplication; slopes equal to 8 ulps make one segment. Monotone chain:
A. M. Andrew (1979), "Another efficient algorithm for convex hulls in two dimensions", Information
Processing Letters 9(5); Boutilier & Lu 2016, section 4.3.
"""

import numpy as np
from numpy.typing import ArrayLike

from optbudget.curves import _kernels
from optbudget.curves.segments import Curve, Curves
from optbudget.errors import ProblemError


def concave_envelope(budget: ArrayLike, value: ArrayLike) -> Curve:
    """Least nondecreasing concave curve on or above the given points; its breakpoints are some of them.

    Parameters
    ----------
    budget : (n,) array_like, money, in any order
    value : (n,) array_like, value at each budget

    Raises
    ------
    ProblemError
        If there is no point, the lengths differ, or a number is not finite.

    Examples
    --------
    The point (1, 0) lies below the chord, and (3, 5) buys nothing more:

    >>> concave_envelope([0, 1, 2, 3], [0, 0, 6, 5])
    Curve(1 segment, budget 0 to 2, value 0 to 6)
    """
    x, y = np.asarray(budget, dtype=np.float64), np.asarray(value, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise ProblemError(
            f"budget and value must be vectors of one length, at least 1; got shapes {x.shape} and {y.shape}"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ProblemError("budget and value must be finite")
    order = np.lexsort((-y, x))
    x, y = x[order], y[order]
    improves = np.concatenate(([True], y[1:] > np.maximum.accumulate(y)[:-1]))
    x, y = x[improves], y[improves]
    kept = np.empty(x.size, dtype=np.int64)
    kept = kept[: _kernels.chain(x, y, kept)]
    return Curve(float(x[0]), float(y[0]), np.diff(x[kept]), np.diff(y[kept]))


def envelope_of_curves(curves: Curves) -> tuple[Curve, float]:
    """Least concave curve on or above several concave curves, and the value lost by joining slopes.

    Parameters
    ----------
    curves : n >= 1 concave curves; each may begin at a budget of its own, such as the cost of an action

    Returns
    -------
    (Curve, float)
        Segments of one curve that stay neighbours keep their length and slope: only bridges between
        curves are found by difference of points. The loss is >= 0, of the size of rounding.

    Raises
    ------
    ProblemError
        If there is no curve.

    Notes
    -----
    O(n N) for N segments in all.

    Examples
    --------
    Doing nothing is worth 1; an action that costs 2 begins at 3 and can gain 4 more:

    >>> envelope_of_curves(Curves.from_curves([Curve(0, 1, [], []), Curve(2, 3, [1, 3], [3, 1])]))[0]
    Curve(2 segments, budget 0 to 6, value 1 to 7)
    """
    n = len(curves)
    if n == 0:
        raise ProblemError("the envelope needs at least one curve")
    length, size = curves.length, curves.length.size
    slope = curves.gain / length
    label = np.zeros(n, dtype=np.int32)
    nothing, none = np.zeros(n), np.zeros(size)
    heads = _kernels.Heads(
        curves.indptr[:-1], curves.segments, curves.start_budget, curves.start_value,
        nothing, label, nothing, nothing,
    )  # fmt: skip
    segments = _kernels.Segments(length, slope, none, none, np.zeros(size, dtype=np.int32))
    out_length, out_slope, out_doubt, out_variance = (np.empty(size + n) for _ in range(4))
    out_action = np.empty(size + n, dtype=np.int32)
    out = _kernels.Segments(out_length, out_slope, out_doubt, out_variance, out_action)
    count, budget, value, _, _, lost = _kernels.envelope(
        np.arange(n), nothing, nothing, label, heads, segments, 0, out
    )
    used = slice(0, count)
    return Curve(budget, value, out.length[used], out.length[used] * out.slope[used]), lost
