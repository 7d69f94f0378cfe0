"""Compiled loops between points and lines: the curve through the points, and how far it is from the lines.

Prices are columns in decreasing order, so spend and value rise from left to right but for rounding.
"""

import numpy as np
from numba import njit, prange

CHUNKS = 256
SLOPE_TIE = 8 * 2.0**-52
"""Slopes that differ by no more than this, relative to the larger, are one."""

COINCIDENT = 32 * 2.0**-53
"""Points closer than this, relative to their coordinates, are one point."""

ADDING = 2.0**-48
"""Relative rounding left to a checker that adds up segments and lines itself."""


@njit(cache=True, error_model="numpy")
def hull(spend, value, kept):
    """Columns of the upper concave hull's vertices into `kept` (K,); returns how many.

    Shapes: spend, value (K,), of one state. The first column is the least feasible budget and is
    always kept; the curve rises strictly in both coordinates and slopes that tie are merged. The last
    column is the largest useful budget: what spends more is worth more by rounding alone.
    """
    kept[0] = 0
    count = 1
    largest = np.float64(spend[-1])
    for k in range(1, spend.shape[0]):
        last = kept[count - 1]
        while count > 1 and spend[k] <= spend[last] and value[k] >= value[last]:
            count -= 1
            last = kept[count - 1]
        if spend[k] - largest > COINCIDENT * spend[k]:
            continue
        more, gain = np.float64(spend[k]) - spend[last], np.float64(value[k]) - value[last]
        if more <= 0 or gain <= 0:
            continue
        if more <= COINCIDENT * spend[k] and gain <= COINCIDENT * abs(value[k]):
            continue
        while count > 1:
            before = kept[count - 2]
            first_more = np.float64(spend[last]) - spend[before]
            first_gain = np.float64(value[last]) - value[before]
            if first_gain * more > gain * first_more * (1 + SLOPE_TIE):
                break
            count -= 1
            last = before
            more, gain = np.float64(spend[k]) - spend[last], np.float64(value[k]) - value[last]
        kept[count] = k
        count += 1
    return count


@njit(cache=True, error_model="numpy", parallel=True)
def hulls(spend, value, kept, count):
    """`hull` of each state: spend, value (n, K); kept (n, K) and count (n,) are filled."""
    n = spend.shape[0]
    for chunk in prange(CHUNKS):
        for state in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            count[state] = hull(spend[state], value[state], kept[state])


@njit(cache=True, error_model="numpy", parallel=True)
def segments(spend, value, variance, action, kept, indptr, length, gain, spend_variance, first_action):
    """Fill the ragged curves from the columns that were kept; indptr (n+1,) counts segments."""
    n = spend.shape[0]
    for chunk in prange(CHUNKS):
        for state in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            start, point = indptr[state], indptr[state] + state
            for j in range(indptr[state + 1] - start + 1):
                here = kept[state, j]
                spend_variance[point + j] = variance[state, here]
                first_action[point + j] = action[state, here]
                if j > 0:
                    before = kept[state, j - 1]
                    length[start + j - 1] = np.float64(spend[state, here]) - spend[state, before]
                    gain[start + j - 1] = np.float64(value[state, here]) - value[state, before]


@njit(cache=True, error_model="numpy")
def lower_envelope(price, intercept, lift, line, kink):
    """Lines of the least of intercept + price b, from small budgets to large; returns how many.

    Shapes: price, intercept, lift (K,), price strictly decreasing, infinite intercepts left out; the
    lines are those of intercept + lift. line (K,) is filled with columns and kink (K,) with the budget
    from which each of them is the least.
    """
    count = 0
    for k in range(price.shape[0]):
        if not np.isfinite(intercept[k]) or not np.isfinite(price[k]):
            continue
        at = -np.inf
        while count > 0:
            last = line[count - 1]
            at = (intercept[k] + lift[k] - intercept[last] - lift[last]) / (price[last] - price[k])
            if at > kink[count - 1]:
                break
            count -= 1
            at = -np.inf
        line[count] = k
        kink[count] = at
        count += 1
    return count


@njit(cache=True, error_model="numpy")
def height(price, intercept, b, size):
    """A line at budget b, and what a checker may lose where it adds up a bracket of values up to `size`."""
    return intercept + price * b + ADDING * (size + abs(intercept) + price * b)


@njit(cache=True, error_model="numpy")
def at_kink(price, intercept, lift, left, right, b, size):
    """The height of two lines where they meet: of the one that a checker adds up less accurately."""
    return max(
        height(price[left], intercept[left] + lift[left], b, size),
        height(price[right], intercept[right] + lift[right], b, size),
    )


@njit(cache=True, error_model="numpy")
def curve_gap(price, intercept, lift, line, kink, start, value, length, gain, limit):
    """Largest (U - L) / (1 + |L|) of one state over the budgets of its curve.

    U is the lower envelope of the lines, L the curve. Between kinks of U, breakpoints of L and the
    zero of L the ratio is monotone, so it is looked at there. Past its last breakpoint L is flat:
    there U is followed to `limit`, which may be inf.
    """
    count = lower_envelope(price, intercept, lift, line, kink)
    if count == 0:
        return np.inf
    size = max(abs(value), abs(value + gain.sum()))
    worst, at = 0.0, 0
    b, v = start, value
    segment = 0
    while True:
        while at + 1 < count and kink[at + 1] <= b:
            at += 1
        k = line[at]
        worst = max(worst, (height(price[k], intercept[k] + lift[k], b, size) - v) / (1 + abs(v)))
        if segment == length.shape[0]:
            break
        slope = gain[segment] / length[segment]
        end_b, end_v = b + length[segment], v + gain[segment]
        if v < 0 and end_v > 0:
            zero = b - v / slope
            seen = at
            while seen + 1 < count and kink[seen + 1] <= zero:
                seen += 1
            k = line[seen]
            worst = max(worst, height(price[k], intercept[k] + lift[k], zero, size))
        while at + 1 < count and kink[at + 1] < end_b:
            at += 1
            k = line[at]
            low = v + slope * (kink[at] - b)
            top = at_kink(price, intercept, lift, line[at - 1], k, kink[at], size)
            worst = max(worst, (top - low) / (1 + abs(low)))
        b, v = end_b, end_v
        segment += 1
    if b < limit:
        while at + 1 < count and kink[at + 1] < limit:
            at += 1
            k = line[at]
            top = at_kink(price, intercept, lift, line[at - 1], k, kink[at], size)
            worst = max(worst, (top - v) / (1 + abs(v)))
        k = line[at]
        if price[k] > 0:
            top = height(price[k], intercept[k] + lift[k], limit, size)
        else:
            top = height(0.0, intercept[k] + lift[k], 0.0, size)
        worst = max(worst, (top - v) / (1 + abs(v)))
    return worst


@njit(cache=True, error_model="numpy", parallel=True)
def curve_gaps(price, intercept, lift, start, value, indptr, length, gain, limit, gap):
    """`curve_gap` of each state: intercept (n, K), lift (K,), curves ragged, gap (n,) is filled."""
    n = start.shape[0]
    for chunk in prange(CHUNKS):
        line = np.empty(price.shape[0], dtype=np.int64)
        kink = np.empty(price.shape[0])
        for state in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            span = slice(indptr[state], indptr[state + 1])
            gap[state] = curve_gap(
                price, intercept[state], lift, line, kink,
                start[state], value[state], length[span], gain[span], limit,
            )  # fmt: skip


@njit(cache=True, error_model="numpy")
def interval_gap(b, v, next_b, next_v, price, intercept, next_price, next_intercept, cap):
    """Largest (U - L) / (1 + |L|) between two points of neighbouring prices, from them alone.

    L is the chord, U the lesser of the two lines; budgets above `cap` do not count, but for the least
    feasible one, where a curve begins even if that is too dear.
    """
    if b > cap and np.isfinite(price):
        return 0.0
    size = max(abs(v), abs(next_v))
    worst = (lesser(price, intercept, next_price, next_intercept, b, size) - v) / (1 + abs(v))
    if next_b <= b or cap <= b:
        return worst
    slope = (next_v - v) / (next_b - b)
    end = min(next_b, cap)
    low = next_v if end == next_b else v + slope * (end - b)
    worst = max(
        worst, (lesser(price, intercept, next_price, next_intercept, end, size) - low) / (1 + abs(low))
    )
    kink = (next_intercept - intercept) / (price - next_price) if np.isfinite(price) else b
    if b < kink < end:
        at_kink = v + slope * (kink - b)
        worst = max(worst, (height(price, intercept, kink, size) - at_kink) / (1 + abs(at_kink)))
    if v < 0 < low:
        zero = b - v / slope
        worst = max(worst, lesser(price, intercept, next_price, next_intercept, zero, size))
    return worst


@njit(cache=True, error_model="numpy")
def lesser(price, intercept, next_price, next_intercept, b, size):
    """The lesser `height` of two lines at a budget; an infinite price has none."""
    top = height(next_price, next_intercept, b, size)
    return min(top, height(price, intercept, b, size)) if np.isfinite(price) else top


@njit(cache=True, error_model="numpy", parallel=True)
def interval_gaps(price, order, spend, value, intercept, lift, tolerance, cap, gap, low, high):
    """The worst `interval_gap` of all states between neighbouring prices, and where to look next.

    Shapes: spend, value, intercept (n, >= K) and lift (>= K,) in any order of prices, of which `order`
    (K,) are the columns by decreasing price (K,); gap, low, high (CHUNKS, K-1) are filled: the largest
    gap, and the least and greatest slope of the chords whose gap exceeds `tolerance`.
    """
    n = spend.shape[0]
    for chunk in prange(CHUNKS):
        gap[chunk] = 0.0
        low[chunk] = np.inf
        high[chunk] = 0.0
        for state in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            for k in range(price.shape[0] - 1):
                i, j = order[k], order[k + 1]
                b, v = np.float64(spend[state, i]), np.float64(value[state, i])
                more, gain = spend[state, j] - b, value[state, j] - v
                here = interval_gap(
                    b, v, b + more, v + gain,
                    price[k], intercept[state, i] + lift[i], price[k + 1], intercept[state, j] + lift[j], cap,
                )  # fmt: skip
                gap[chunk, k] = max(gap[chunk, k], here)
                if here > tolerance and more > 0 and gain > 0:
                    slope = min(max(gain / more, price[k + 1]), price[k])
                    low[chunk, k] = min(low[chunk, k], slope)
                    high[chunk, k] = max(high[chunk, k], slope)


@njit(cache=True, error_model="numpy")
def pick(low, high, table, column, place, found):
    """Columns of some states into places of another table: table (n, >= columns), found (high - low, any)."""
    for state in range(low, high):
        for k in range(column.shape[0]):
            found[state - low, place[k]] = table[state, column[k]]


@njit(cache=True, error_model="numpy", parallel=True)
def pick_all(table, column, place, found):
    """`pick` for all states."""
    n = table.shape[0]
    for chunk in prange(CHUNKS):
        low, high = chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS
        pick(low, high, table, column, place, found[low:high])
