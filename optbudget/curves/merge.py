"""The curve of a mixture or a population: segments of many curves, dearest price first.

For weights :math:`w_s \\ge 0` the best way to share a budget over curves :math:`V_s` is worth

.. math:: V(b) = \\max \\Big\\{ \\sum_s w_s V_s(b_s) : \\sum_s w_s b_s \\le b \\Big\\},

which is again concave: it starts at :math:`(\\sum w_s b_{s0}, \\sum w_s v_{s0})` and runs through all
segments :math:`(w_s \\Delta b, w_s \\Delta v)` in order of decreasing slope (Boutilier & Lu 2016, section
4.3 for next states, section 5.1 for units). Both coordinates carry the weight, so the slopes stay.

Order: slope, decreasing; then curve; then segment. Slopes equal to 8 units in the last place are one
segment. Joining slopes between :math:`\\beta_1 \\ge \\beta_2` over a length :math:`L` loses at most
:math:`(\\beta_1 - \\beta_2) L / 4` of value, and that error is returned. A free improvement (length 0,
gain above 0) is taken first: it raises the start. Segments that win nothing are left out.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.curves.segments import Curve, Curves
from optbudget.errors import ProblemError

Floats = NDArray[np.float64]

SLOPE_TIE = 8 * np.finfo(np.float64).eps
"""Slopes that differ by no more than this, relative to the larger, are one."""


def weighted_sum(curves: Curves, weight: ArrayLike) -> Curve:
    """Best joint value of curves of which `weight` units each share one budget.

    Parameters
    ----------
    curves : n concave curves
    weight : (n,) array_like, >= 0; units of each curve, or its probability

    Returns
    -------
    Curve
        Budget and value are totals over the weights. A curve of weight 0 takes no part.

    Raises
    ------
    ProblemError
        If a weight is missing, negative or not finite.

    Notes
    -----
    O(N log N) for N segments. `merge_by_price` also returns what joining equal slopes may have cost.

    Examples
    --------
    Two units with slopes 3 and 1, one with slopes 2 and 1; the equal slopes become one segment:

    >>> curves = Curves.from_curves([Curve(0, 5, [1, 1], [3, 1]), Curve(1, 0, [2, 4], [4, 4])])
    >>> total = weighted_sum(curves, [2, 1])
    >>> total.start_budget, total.start_value, total.length, total.gain
    (1.0, 10.0, array([2., 2., 6.]), array([6., 4., 6.]))
    """
    return merge_by_price(curves, weight)[0]


def merge_by_price(curves: Curves, weight: ArrayLike) -> tuple[Curve, float]:
    """`weighted_sum`, and the largest value lost by joining slopes equal to 8 ulps (>= 0).

    Examples
    --------
    >>> curves = Curves.from_curves([Curve(0, 0, [1], [2]), Curve(0, 0, [3], [6])])
    >>> merge_by_price(curves, [1, 1])
    (Curve(1 segment, budget 0 to 4, value 0 to 8), 0.0)
    """
    weights = np.asarray(weight, dtype=np.float64)
    if weights.shape != (len(curves),):
        raise ProblemError(f"weight must have shape ({len(curves)},); got {weights.shape}")
    wrong = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if wrong.size:
        raise ProblemError(f"weight[{wrong[0]}] is {weights[wrong[0]]}; it must be finite and >= 0")
    per_segment = np.repeat(weights, curves.segments)
    length, gain = curves.length * per_segment, curves.gain * per_segment
    free = (length == 0) & (gain > 0)
    start_budget = float(np.sum(weights * curves.start_budget))
    start_value = float(np.sum(weights * curves.start_value) + np.sum(gain[free]))
    length, gain, error = join_equal_slopes(*_dearest_first(length, gain))
    return Curve(start_budget, start_value, length, gain), error


def join_equal_slopes(length: Floats, gain: Floats) -> tuple[Floats, Floats, float]:
    """Make one segment of each run of slopes equal to 8 ulps; length, gain, and the value lost.

    Segments come in order of decreasing slope, with length and gain above 0.
    """
    if length.size == 0:
        return length, gain, 0.0
    slope = _slope(length, gain)
    first = np.flatnonzero(np.r_[True, slope[1:] < slope[:-1] * (1 - SLOPE_TIE)])
    last = np.r_[first[1:], length.size] - 1
    joined_length, joined_gain = np.add.reduceat(length, first), np.add.reduceat(gain, first)
    error = float(np.max((slope[first] - slope[last]) * joined_length) / 4)
    return joined_length, joined_gain, error


def _dearest_first(length: Floats, gain: Floats) -> tuple[Floats, Floats]:
    """Segments that cost and win something, by decreasing slope; equal slopes keep their order."""
    useful = (length > 0) & (gain > 0)
    length, gain = length[useful], gain[useful]
    order = np.argsort(-_slope(length, gain), kind="stable")
    return length[order], gain[order]


def _slope(length: Floats, gain: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.minimum(gain / length, np.finfo(np.float64).max)
