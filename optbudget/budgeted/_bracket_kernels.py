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


@njit(cache=True, error_model="numpy")
def hull(spend, value, kept):
    """Columns of the upper concave hull's vertices into `kept` (K,); returns how many.

    Shapes: spend, value (K,), of one state. The first column is the least feasible budget and is
    always kept; the curve rises strictly in both coordinates and slopes that tie are merged.
    """
    kept[0] = 0
    count = 1
    for k in range(1, spend.shape[0]):
        last = kept[count - 1]
        while count > 1 and spend[k] <= spend[last] and value[k] >= value[last]:
            count -= 1
            last = kept[count - 1]
        more, gain = spend[k] - spend[last], value[k] - value[last]
        if more <= 0 or gain <= 0:
            continue
        if more <= COINCIDENT * spend[k] and gain <= COINCIDENT * abs(value[k]):
            continue
        while count > 1:
            before = kept[count - 2]
            first_more, first_gain = spend[last] - spend[before], value[last] - value[before]
            if first_gain * more > gain * first_more * (1 + SLOPE_TIE):
                break
            count -= 1
            last = before
            more, gain = spend[k] - spend[last], value[k] - value[last]
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
                    length[start + j - 1] = spend[state, here] - spend[state, before]
                    gain[start + j - 1] = value[state, here] - value[state, before]


@njit(cache=True, error_model="numpy")
def lower_envelope(price, intercept, line, kink):
    """Lines of the least of intercept + price b, from small budgets to large; returns how many.

    Shapes: price, intercept (K,), price strictly decreasing, infinite intercepts left out; line (K,)
    is filled with columns and kink (K,) with the budget from which each of them is the least.
    """
    count = 0
    for k in range(price.shape[0]):
        if not np.isfinite(intercept[k]) or not np.isfinite(price[k]):
            continue
        at = -np.inf
        while count > 0:
            last = line[count - 1]
            at = (intercept[k] - intercept[last]) / (price[last] - price[k])
            if at > kink[count - 1]:
                break
            count -= 1
            at = -np.inf
        line[count] = k
        kink[count] = at
        count += 1
    return count


@njit(cache=True, error_model="numpy")
def curve_gap(price, intercept, line, kink, start, value, length, gain, limit):
    """Largest (U - L) / (1 + |L|) of one state over the budgets of its curve.

    U is the lower envelope of the lines, L the curve. Between kinks of U, breakpoints of L and the
    zero of L the ratio is monotone, so it is looked at there. Past its last breakpoint L is flat:
    there U is followed to `limit`, which may be inf.
    """
    count = lower_envelope(price, intercept, line, kink)
    if count == 0:
        return np.inf
    worst, at = 0.0, 0
    b, v = start, value
    segment = 0
    while True:
        while at + 1 < count and kink[at + 1] <= b:
            at += 1
        top = intercept[line[at]] + price[line[at]] * b
        worst = max(worst, (top - v) / (1 + abs(v)))
        if segment == length.shape[0]:
            break
        slope = gain[segment] / length[segment]
        end_b, end_v = b + length[segment], v + gain[segment]
        if v < 0 and end_v > 0:
            zero = b - v / slope
            seen = at
            while seen + 1 < count and kink[seen + 1] <= zero:
                seen += 1
            worst = max(worst, intercept[line[seen]] + price[line[seen]] * zero)
        while at + 1 < count and kink[at + 1] < end_b:
            at += 1
            top = intercept[line[at]] + price[line[at]] * kink[at]
            low = v + slope * (kink[at] - b)
            worst = max(worst, (top - low) / (1 + abs(low)))
        b, v = end_b, end_v
        segment += 1
    if b < limit:
        while at + 1 < count and kink[at + 1] < limit:
            at += 1
            worst = max(worst, (intercept[line[at]] + price[line[at]] * kink[at] - v) / (1 + abs(v)))
        rise = price[line[at]] * limit if price[line[at]] > 0 else 0.0
        worst = max(worst, (intercept[line[at]] + rise - v) / (1 + abs(v)))
    return worst


@njit(cache=True, error_model="numpy", parallel=True)
def curve_gaps(price, intercept, start, value, indptr, length, gain, limit, gap):
    """`curve_gap` of each state: intercept (n, K), curves ragged, `limit` of budgets, gap (n,) is filled."""
    n = start.shape[0]
    for chunk in prange(CHUNKS):
        line = np.empty(price.shape[0], dtype=np.int64)
        kink = np.empty(price.shape[0])
        for state in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            span = slice(indptr[state], indptr[state + 1])
            gap[state] = curve_gap(
                price, intercept[state], line, kink,
                start[state], value[state], length[span], gain[span], limit,
            )  # fmt: skip


@njit(cache=True, error_model="numpy")
def interval_gap(spend, value, next_spend, next_value, price, intercept, next_price, next_intercept, cap):
    """Largest (U - L) / (1 + |L|) between two points of neighbouring prices, from them alone.

    L is the chord, U the lesser of the two lines; budgets above `cap` do not count.
    """
    if spend >= cap:
        return 0.0
    top = min(
        intercept + price * spend if np.isfinite(price) else np.inf, next_intercept + next_price * spend
    )
    worst = (top - value) / (1 + abs(value))
    if next_spend <= spend:
        return worst
    slope = (next_value - value) / (next_spend - spend)
    if np.isfinite(price):
        kink = (next_intercept - intercept) / (price - next_price)
        if spend < kink < next_spend:
            low = value + slope * (kink - spend)
            worst = max(worst, (intercept + price * kink - low) / (1 + abs(low)))
    top = next_intercept + next_price * next_spend
    worst = max(worst, (top - next_value) / (1 + abs(next_value)))
    if value < 0 < next_value:
        zero = spend - value / slope
        top = next_intercept + next_price * zero
        worst = max(worst, min(top, intercept + price * zero) if np.isfinite(price) else top)
    return worst


@njit(cache=True, error_model="numpy", parallel=True)
def interval_gaps(price, spend, value, intercept, tolerance, cap, gap, low, high):
    """The worst `interval_gap` of all states between neighbouring prices, and where to look next.

    Shapes: spend, value, intercept (n, K); gap, low, high (CHUNKS, K-1) are filled: the largest gap,
    and the least and greatest slope of the chords whose gap exceeds `tolerance`.
    """
    n = spend.shape[0]
    for chunk in prange(CHUNKS):
        gap[chunk] = 0.0
        low[chunk] = np.inf
        high[chunk] = 0.0
        for state in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            for k in range(price.shape[0] - 1):
                here = interval_gap(
                    spend[state, k], value[state, k], spend[state, k + 1], value[state, k + 1],
                    price[k], intercept[state, k], price[k + 1], intercept[state, k + 1], cap,
                )  # fmt: skip
                gap[chunk, k] = max(gap[chunk, k], here)
                more, gain = spend[state, k + 1] - spend[state, k], value[state, k + 1] - value[state, k]
                if here > tolerance and more > 0 and gain > 0:
                    slope = min(max(gain / more, price[k + 1]), price[k])
                    low[chunk, k] = min(low[chunk, k], slope)
                    high[chunk, k] = max(high[chunk, k], slope)
