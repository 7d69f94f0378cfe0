"""Loops over small sets of points: what is dominated, and what lies under the convex hull.

Points are rows; more is better in every column. Sets are a few tens to a few thousands of points, K is small.
"""

import numpy as np
from numba import njit

ROUNDING = 1e-13
"""Differences of this size, relative to the largest coordinate, are rounding."""
BLAND_AFTER = 200
"""Pivots after which the rule changes to the one that cannot cycle."""


@njit(cache=True, error_model="numpy")
def greater(a, b):
    """Whether row a comes after row b in the order of words."""
    for k in range(a.size):
        if a[k] != b[k]:
            return a[k] > b[k]
    return False


@njit(cache=True, error_model="numpy")
def dot(a, b):
    """The inner product of two short rows; a library call would take longer than its work."""
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@njit(cache=True, error_model="numpy")
def best_for(points, weights, slack):
    """Row with the largest weighted sum; among those within slack, the last in the order of words."""
    best = 0
    value = dot(points[0], weights)
    for i in range(1, points.shape[0]):
        here = dot(points[i], weights)
        if here > value + slack or (here >= value - slack and greater(points[i], points[best])):
            best = i
            value = max(value, here)
    return best


@njit(cache=True, error_model="numpy")
def non_dominated(points, tolerance, kept):
    """Mark rows that no kept row reaches in every column to within the tolerance; returns how many.

    Rows are seen by falling sum, so a row comes after all that dominate it; of equal rows the first stays.
    """
    total = np.empty(points.shape[0])
    for i in range(points.shape[0]):
        total[i] = -points[i].sum()
    order = np.argsort(total, kind="mergesort")
    found = np.empty(points.shape[0], dtype=np.int64)
    number = 0
    for i in order:
        beaten = False
        for j in range(number):
            beaten = True
            for k in range(points.shape[1]):
                if points[found[j], k] < points[i, k] - tolerance:
                    beaten = False
                    break
            if beaten:
                break
        kept[i] = not beaten
        if not beaten:
            found[number] = i
            number += 1
    return number


@njit(cache=True, error_model="numpy")
def column(difference, j, found):
    """Column j of the program in `shortfall`: points, then t, then slacks."""
    n, K = difference.shape
    found[:] = 0.0
    if j < n:
        found[:K] = difference[j]
        found[K] = 1.0
    elif j == n:
        found[:K] = -1.0
    else:
        found[j - n - 1] = -1.0


@njit(cache=True, error_model="numpy")
def entering(difference, weights, level, basis, slack, bland):
    """The column that gains most (by Bland's rule: the first that gains), or -1."""
    n, K = difference.shape
    best, most = -1, slack
    for j in range(n + 1 + K):
        if j < n:
            gain = dot(difference[j], weights) - level
        elif j == n:
            gain = 0.0
        else:
            gain = -weights[j - n - 1]
        if gain > most and not (basis == j).any():
            if bland:
                return j
            best, most = j, gain
    return best


@njit(cache=True, error_model="numpy")
def leaving(inverse, direction, basis, free, slack):
    """The row of the basis that first falls to 0 along a direction, ties to the smallest column; or -1."""
    row, least = -1, np.inf
    for i in range(direction.size):
        if i != free and direction[i] > slack:
            ratio = max(0.0, inverse[i, direction.size - 1]) / direction[i]
            if ratio < least or (ratio == least and basis[i] < basis[row]):
                row, least = i, ratio
    return row


@njit(cache=True, error_model="numpy")
def pivot(inverse, direction, row):
    """The inverse of the basis after the row's column was replaced by the one with this direction."""
    inverse[row] /= direction[row]
    for i in range(direction.size):
        if i != row:
            inverse[i] -= direction[i] * inverse[row]


@njit(cache=True, error_model="numpy")
def shortfall(points, target, slack, stop, weights):
    """How far a mixture of points can be above the target in its worst column; weights prove it.

    max t over mixtures λ: Σ_i λ_i (points_i - target) >= t in every column, by the primal simplex method from
    the best single point; its dual is min over weights w >= 0, Σ w = 1, of max_i w·(points_i - target).
    Ends early, at a feasible t, once t >= stop. `weights` (K,) are the dual solution.
    """
    n, K = points.shape
    difference = points - target
    start, t = 0, -np.inf
    for i in range(n):
        low = difference[i].min()
        if low > t:
            start, t = i, low
    worst = difference[start].argmin()
    basis = np.empty(K + 1, dtype=np.int64)
    for k in range(K):
        basis[k] = n + 1 + k
    basis[worst], basis[K] = n, start
    inverse = np.zeros((K + 1, K + 1))
    for k in range(K):  # Rows of the basis solved for its columns by hand.
        inverse[k, k] = -1.0
        inverse[k, worst] += 1.0
        inverse[k, K] = difference[start, k] - difference[start, worst]
    inverse[worst] = 0.0
    inverse[worst, worst], inverse[worst, K] = -1.0, difference[start, worst]
    inverse[K, K] = 1.0
    entry, direction = np.empty(K + 1), np.empty(K + 1)
    for iteration in range(100 * BLAND_AFTER):
        for k in range(K):
            weights[k] = -inverse[worst, k]
        t = inverse[worst, K]
        if t >= stop:
            break
        j = entering(difference, weights, t, basis, slack, iteration > BLAND_AFTER)
        if j < 0:
            break
        column(difference, j, entry)
        for i in range(K + 1):
            direction[i] = dot(inverse[i], entry)
        row = leaving(inverse, direction, basis, worst, 1e-13)
        if row < 0:
            break
        pivot(inverse, direction, row)
        basis[row] = j
    for k in range(K):
        weights[k] = max(0.0, weights[k])
    weights /= weights.sum()
    return t


@njit(cache=True, error_model="numpy")
def support_points(points, tolerance, slack, kept, weights):
    """Mark rows that no mixture of kept rows reaches to within the tolerance; returns how many.

    Each marked row i has in weights[i] (K,) a weighting for which it is best. Lark's filter: a row not
    reached by a mixture of what is kept has a weighting for which it beats all of it, and the best row for
    this weighting is kept.
    """
    n, K = points.shape
    kept[:] = False
    chosen = np.empty((n, K))
    waiting = np.ones(n, dtype=np.bool_)
    witness = np.empty(K)
    number = 0
    for i in range(n):
        while waiting[i]:
            if number == 0:
                witness[:] = 1.0 / K
            elif shortfall(chosen[:number], points[i], slack, -tolerance, witness) >= -tolerance:
                waiting[i] = False
                break
            best = best_for(points, witness, slack)
            if kept[best]:  # Better than the kept ones by no more than rounding.
                best = i
            kept[best], waiting[best] = True, False
            weights[best] = witness
            chosen[number] = points[best]
            number += 1
    return number


@njit(cache=True, error_model="numpy")
def chain(points, kept):
    """Unmark marked rows that are under the hull in the plane; none of the marked dominates another."""
    rows = np.flatnonzero(kept)
    order = rows[np.argsort(points[rows, 0])]
    stack = np.empty(order.size, dtype=np.int64)
    number = 0
    for i in order:
        while number > 1:
            a, b = stack[number - 2], stack[number - 1]
            rise = (points[b, 1] - points[a, 1]) * (points[i, 0] - points[b, 0])
            if rise > (points[i, 1] - points[b, 1]) * (points[b, 0] - points[a, 0]):
                break
            number -= 1
            kept[b] = False
        stack[number] = i
        number += 1


@njit(cache=True, error_model="numpy")
def slack_of(points):
    """What counts as rounding in sums of these points."""
    return ROUNDING * max(1.0, np.abs(points).max())


@njit(cache=True, error_model="numpy")
def on_hull(points, tolerance, kept, weights):
    """`support_points` of all rows, after those are left out that are quickly seen to be reached."""
    slack = slack_of(points)
    non_dominated(points, 0.0, kept)
    if points.shape[1] == 2:
        chain(points, kept)
    rows = np.flatnonzero(kept)
    here = np.empty(rows.size, dtype=np.bool_)
    witness = np.zeros((rows.size, points.shape[1]))
    number = support_points(points[rows], max(tolerance, slack), slack, here, witness)
    kept[rows] = here
    weights[rows] = witness
    return number
