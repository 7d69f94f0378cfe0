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
def curve_gap(price, intercept, line, kink, start, value, length, gain, open_end):
    """Largest (U - L) / (1 + |L|) of one state over the budgets of its curve.

    U is the lower envelope of the lines, L the curve. Between kinks of U, breakpoints of L and the
    zero of L the ratio is monotone, so it is looked at there. `open_end`: budgets past the
    last breakpoint count too; there U is at most the intercept of the last line, if it is flat.
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
    if open_end:
        flat = line[count - 1]
        worst = max(worst, (intercept[flat] - v) / (1 + abs(v)) if price[flat] == 0 else np.inf)
    return worst


@njit(cache=True, error_model="numpy", parallel=True)
def curve_gaps(price, intercept, start, value, indptr, length, gain, open_end, gap):
    """`curve_gap` of each state: intercept (n, K), curves ragged, open_end (n,), gap (n,) is filled."""
    n = start.shape[0]
    for chunk in prange(CHUNKS):
        line = np.empty(price.shape[0], dtype=np.int64)
        kink = np.empty(price.shape[0])
        for state in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            span = slice(indptr[state], indptr[state + 1])
            gap[state] = curve_gap(
                price, intercept[state], line, kink,
                start[state], value[state], length[span], gain[span], open_end[state],
            )  # fmt: skip
