"""Lines made convex in their price.

If :math:`V \\le w_1 + p_1 b` and :math:`V \\le w_2 + p_2 b`, then every mixture of the two lines is above V
too. So the intercept at a price may be lowered to the lower convex envelope of all (price, intercept).
Exact lines are convex in the price already; rounding, and the tails of a truncated horizon, break that.

Where no unit may have more than a cap c, a steeper line of price q says more about a unit at price p:

.. math:: V(b) - p b \\le w_q + (q - p) b \\le w_q + (q - p) c \\qquad (b \\le c, q \\ge p),

so the intercept at p may be lowered to the least of these: (q - p) is the multiplier of the cap.
Where every unit must have at least l, a flatter line says more in the same way,

.. math:: V(b) - p b \\le w_q - (p - q) b \\le w_q - (p - q) l \\qquad (b \\ge l, q < p).
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import ROUNDOFF

Floats = NDArray[np.float64]

BLOCK = 1 << 14
"""Rows handled at once, so that working memory stays small."""


def convex_intercepts(price: Floats, intercept: Floats) -> Floats:
    """The lower convex envelope of each row over the prices, never above the row, rounded up.

    Parameters
    ----------
    price : (K,) strictly monotone, finite
    intercept : (n, K) finite

    Examples
    --------
    >>> convex_intercepts(np.array([4.0, 2.0, 0.0]), np.array([[0.0, 5.0, 2.0]])).round(9).tolist()
    [[0.0, 1.0, 2.0]]
    """
    n, size = intercept.shape
    if size < 3 or n == 0:
        return intercept
    return np.concatenate([_convex(price, intercept[k : k + BLOCK]) for k in range(0, n, BLOCK)])


def capped_intercepts(price: Floats, intercept: Floats, cap: float) -> Floats:
    """Intercepts of lines that hold up to the budget `cap`, never above those given, rounded up.

    Parameters
    ----------
    price : (K,) strictly falling, finite
    intercept : (n, K) finite
    cap : largest budget of one unit, money, >= 0

    Examples
    --------
    A unit that is worth 3 per unit of money, and may have one of them, is worth 3 at the price 0:

    >>> capped_intercepts(np.array([3.0, 0.0]), np.array([[0.0, 30.0]]), 1.0).round(9).tolist()
    [[0.0, 3.0]]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        worth = price * cap
        at_cap = intercept + worth + 4 * ROUNDOFF * (np.abs(intercept) + worth)
        best = np.fmin.accumulate(at_cap, axis=1)
        capped = best - worth + 4 * ROUNDOFF * (np.abs(best) + worth)
    return np.asarray(np.fmin(intercept, capped))


def limited_intercepts(price: Floats, intercept: Floats, at: Floats, least: Floats, most: Floats) -> Floats:
    """The most that value - at * budget can be over budgets from `least` to `most`, rounded up, (n,).

    Parameters
    ----------
    price : (K,) strictly falling, finite
    intercept : (n, K) finite
    at : (n,) a price of money for each row, >= 0, any
    least, most : (n,) money; most may be inf

    Examples
    --------
    One line of price 3 from 0, one of price 0 from 30; at the price 1 a unit that may have from 1 to 2:

    >>> limits = np.array([1.0]), np.array([2.0])
    >>> limited_intercepts(np.array([3.0, 0.0]), np.array([[0.0, 30.0]]), np.ones(1), *limits).round(9)
    array([4.])
    """
    found = np.full(at.size, np.inf)
    if price.size == 0:
        return found
    bound = (least > 0) | np.isfinite(most)
    for p in np.unique(at).tolist():
        rows = np.flatnonzero(at == p)
        below = int(np.searchsorted(-price, -p, side="right"))  # prices[:below] >= p
        if below:
            exactly = price[below - 1] == p
            if exactly or below < price.size:
                found[rows] = _mixed(price, intercept, rows, p, below)
        else:
            found[rows] = intercept[rows, 0]
        limited = rows[bound[rows]]
        for k in range(0, limited.size, BLOCK):
            some = limited[k : k + BLOCK]
            found[some] = np.fmin(found[some], _at_ends(price, intercept[some], p, least[some], most[some]))
    return found


def _mixed(price: Floats, intercept: Floats, rows: NDArray[np.int64], p: float, below: int) -> Floats:
    """The line of price p, or the mixture of the two lines about it."""
    high = intercept[rows, below - 1]
    if price[below - 1] == p:
        return np.asarray(high)
    low = intercept[rows, below]
    share = (p - price[below]) / (price[below - 1] - price[below])
    return np.asarray(low + share * (high - low) + 8 * ROUNDOFF * (np.abs(low) + np.abs(high)))


def _at_ends(price: Floats, intercept: Floats, p: float, least: Floats, most: Floats) -> Floats:
    """The least over all lines of what they allow at the end that is best for them."""
    steeper = price - p
    with np.errstate(over="ignore", invalid="ignore"):
        end = np.where(steeper > 0, steeper * most[:, None], steeper * least[:, None])
        height = intercept + end + 8 * ROUNDOFF * (np.abs(intercept) + np.abs(end))
    height[:, steeper == 0] = intercept[:, steeper == 0]
    return np.asarray(np.fmin.reduce(height, axis=1))


def _convex(price: Floats, intercept: Floats) -> Floats:
    """The same for a block of rows."""
    n, size = intercept.shape
    hull = np.zeros((n, size), dtype=np.int64)
    count = np.zeros(n, dtype=np.int64)
    for k in range(size):
        rows = np.flatnonzero(count >= 2)
        while rows.size:
            a, b = hull[rows, count[rows] - 2], hull[rows, count[rows] - 1]
            share = (price[b] - price[a]) / (price[k] - price[a])
            chord = intercept[rows, a] + share * (intercept[rows, k] - intercept[rows, a])
            rows = rows[intercept[rows, b] >= chord]
            count[rows] -= 1
            rows = rows[count[rows] >= 2]
        hull[np.arange(n), count] = k
        count += 1
    on = np.zeros((n, size), dtype=bool)
    inside = np.arange(size) < count[:, None]
    on[np.nonzero(inside)[0], hull[inside]] = True
    places = np.arange(size)
    left = np.maximum.accumulate(np.where(on, places, 0), axis=1)
    right = np.minimum.accumulate(np.where(on, places, size - 1)[:, ::-1], axis=1)[:, ::-1]
    low, high = np.take_along_axis(intercept, left, 1), np.take_along_axis(intercept, right, 1)
    width = np.where(right > left, price[right] - price[left], 1.0)
    share = (price - price[left]) / width
    mixed = low + share * (high - low) + 4 * ROUNDOFF * (np.abs(low) + np.abs(high))
    return np.asarray(np.where(on, intercept, np.minimum(mixed, intercept)))
