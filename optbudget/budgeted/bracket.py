"""Curves from points, and the proof of how far they can be from the truth.

The points of a state, one per price, can be achieved, and so can every mixture of two of them: the
curve L is their upper concave hull. The lines of the same prices lie above every achievable point:
U(b) = min over prices of w + price b. The truth is between, so

.. math:: \\text{gap}(s) = \\max_b \\frac{U_s(b) - L_s(b)}{1 + |L_s(b)|}

bounds the relative error of the curve at every budget at once. U and L are piecewise linear, and
between the kinks of U, the breakpoints of L and the zero of L the quotient is monotone: looking
there is enough. At the left end the curve begins at the least feasible budget, which price infinity
proves; past the right end the truth is at most the line of price 0.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import _bracket_kernels as kernels
from optbudget.budgeted.lines import PriceLines
from optbudget.curves import Curves

Floats = NDArray[np.float64]

OUTWARD = 2.0
"""How many more times their rounding bound the lines are raised before a gap is stated.

Once covers the rounding of the points below; once more leaves room for a checker that makes its own
passes and is as careful as we are.
"""


def curves_from_lines(
    lines: PriceLines, *, cap: float | None = None
) -> tuple[Curves, Floats, NDArray[np.int32]]:
    """The concave hull of each state's points, with what happens at each of its breakpoints.

    Parameters
    ----------
    lines : their first price must be the largest; inf for the curve to begin at the least budget
    cap : money; budgets above it are cut off

    Returns
    -------
    curves : n curves; a curve's segments strictly fall in price, prices within 8 ulps are one
    spend_variance : (N+n,) money^2, at each breakpoint, curve after curve
    first_action : (N+n,) int32, likewise; -1 in terminal states

    Notes
    -----
    O(n K). Points that are equal to rounding are one; the curve's breakpoints are a subset of the
    points, but for a breakpoint at the cap, which mixes the two about it: its variance is the
    mixture's, q(1-q)(b2-b1)^2 plus the weighted variances, and its action that of the cheaper one.

    Examples
    --------
    >>> from optbudget.budgeted.price_sweep import passes
    >>> from optbudget.problems.examples import two_action_example
    >>> lines = passes(two_action_example(horizon=1), [np.inf, 0.0])[0]
    >>> curves, variance, action = curves_from_lines(lines)
    >>> curves[0]
    Curve(1 segment, budget 0 to 1, value 1 to 10)
    >>> action
    array([1, 0], dtype=int32)
    """
    n, count = lines.n_states, len(lines)
    kept = np.empty((n, count), dtype=np.int32)
    points = np.empty(n, dtype=np.int64)
    kernels.hulls(lines.spend, lines.value, kept, points)
    indptr = np.concatenate(([0], np.cumsum(points - 1)))
    length, gain = np.empty(indptr[-1]), np.empty(indptr[-1])
    variance, action = np.empty(indptr[-1] + n), np.empty(indptr[-1] + n, dtype=np.int32)
    kernels.segments(
        lines.spend, lines.value, lines.variance, lines.action, kept, indptr,
        length, gain, variance, action,
    )  # fmt: skip
    start = (lines.spend[:, 0].astype(np.float64), lines.value[:, 0].astype(np.float64))
    for array in (length, gain):
        array.flags.writeable = False  # Else they would be copied.
    curves = Curves(*start, indptr, length, gain)
    return (curves, variance, action) if cap is None else cut(curves, variance, action, cap)


def state_gaps(curves: Curves, lines: PriceLines, *, cap: float | None = None) -> Floats:
    """Certified relative gap of each state, (n,) >= 0: max over budgets of (U - L) / (1 + |L|).

    Parameters
    ----------
    curves : achievable curves, one per state, that begin at the least feasible budget
    lines : from price infinity, which proves that beginning, to price 0, which bounds the far end
    cap : money; where it is given, budgets above it do not count

    Returns
    -------
    array
        inf where the lines prove nothing: no price infinity, a curve that begins above what it
        says is least, or no price 0 and an end that is not cut at the cap.

    Notes
    -----
    The lines are raised by `OUTWARD` times their rounding bound beyond what they carry. O(n (K + segments)).
    """
    gap = np.empty(len(curves))
    kernels.curve_gaps(
        lines.price, lines.intercept, lift(lines), curves.start_budget, curves.start_value,
        curves.indptr, curves.length, curves.gain, np.inf if cap is None else cap, gap,
    )  # fmt: skip
    if not len(lines) or not np.isinf(lines.price[0]):
        gap[:] = np.inf
    else:
        gap[curves.start_budget > lines.spend[:, 0] + OUTWARD * lines.spend_error[0]] = np.inf
    return gap


def lift(lines: PriceLines) -> Floats:
    """`OUTWARD` times the rounding bound of each price's lines, (K,), by which they are raised once more."""
    return lift_of(lines.price, lines.spend_error, lines.value_error)


def lift_of(price: Floats, spend_error: Floats, value_error: Floats) -> Floats:
    """`lift` of lines with these bounds, wherever they are."""
    finite = np.where(np.isinf(price), 0.0, price)
    return OUTWARD * (value_error + finite * spend_error)


def cut(
    curves: Curves, variance: Floats, action: NDArray[np.int32], cap: float
) -> tuple[Curves, Floats, NDArray[np.int32]]:
    """The curves up to a budget; a curve that begins above it keeps its first point."""
    n = len(curves)
    state = np.repeat(np.arange(n), curves.segments)
    left = np.arange(curves.length.size) + state
    share = np.clip((cap - curves.breakpoints()[0][left]) / curves.length, 0.0, 1.0)
    keep = share > 0
    mixed = share * (1 - share) * curves.length**2 + (1 - share) * variance[left] + share * variance[left + 1]
    first = curves.indptr[:-1] + np.arange(n)
    point = np.zeros(variance.size, dtype=np.bool_)
    point[first] = True
    point[left + 1] = keep
    variance, action = variance.copy(), action.copy()
    variance[left + 1] = np.where(share < 1, mixed, variance[left + 1])
    action[left + 1] = np.where(share < 1, action[left], action[left + 1])
    indptr = np.concatenate(([0], np.cumsum(np.bincount(state[keep], minlength=n))))
    cut = Curves(
        curves.start_budget, curves.start_value, indptr,
        (curves.length * share)[keep], (curves.gain * share)[keep],
    )  # fmt: skip
    return cut, variance[point], action[point]
