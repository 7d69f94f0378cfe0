"""Compiled loops behind `optbudget.curves` and the exact backup; nothing is checked.

A curve is handed over as segments (length, slope) of strictly decreasing slope. The slope travels
with its segment, so equal slopes that come by different ways stay equal to the bit.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

SLOPE_TIE = 8 * 2.0**-52
"""Slopes that differ by no more than this, relative to the larger, are one."""

COINCIDENT = 32 * 2.0**-53
"""Points of two curves closer than this, relative to the largest coordinate, are one point."""


class Segments(NamedTuple):
    """Ragged segments; `variance` and `action` belong to the right end of each segment.

    `doubt` bounds the rounding error of a slope that was found by difference of points; slopes that
    differ by less than their doubts are one.
    """

    length: np.ndarray
    slope: np.ndarray
    doubt: np.ndarray
    variance: np.ndarray
    action: np.ndarray


class Heads(NamedTuple):
    """One entry per curve: where its `number` of segments begin, its first point, and what was lost so far.

    `joined` bounds the value lost by joining equal slopes and points, `pruned` that lost by pruning.
    """

    begin: np.ndarray
    number: np.ndarray
    budget: np.ndarray
    value: np.ndarray
    variance: np.ndarray
    action: np.ndarray
    joined: np.ndarray
    pruned: np.ndarray


@njit(cache=True)
def chain(x, y, kept):
    """Vertices of the upper concave envelope of points into `kept` (n,); returns how many.

    Shapes: x, y (n,), both strictly increasing. A vertex stays only where the slope falls by more than
    a tie.
    """
    count = 0
    for i in range(x.shape[0]):
        while count >= 2:
            a, b = kept[count - 2], kept[count - 1]
            if (y[b] - y[a]) * (x[i] - x[b]) > (y[i] - y[b]) * (x[b] - x[a]) * (1.0 + SLOPE_TIE):
                break
            count -= 1
        kept[count] = i
        count += 1
    return count


@njit(cache=True)
def _sink(heap, slope, position, size):
    """Restore the heap: largest slope first, and at one slope the smaller entry."""
    entry = heap[position]
    while True:
        child = 2 * position + 1
        if child >= size:
            break
        left = heap[child]
        if child + 1 < size:
            right = heap[child + 1]
            if slope[right] > slope[left] or (slope[right] == slope[left] and right < left):
                child, left = child + 1, right
        if slope[left] > slope[entry] or (slope[left] == slope[entry] and left < entry):
            heap[position] = left
            position = child
        else:
            break
    heap[position] = entry


@njit(cache=True)
def merge(which, weight, budget_scale, slope_scale, heads, segments, offset, out):
    """Merge curves `which`, each scaled by its weight, by decreasing slope: O(N log d).

    Lengths are scaled by weight * budget_scale and slopes by slope_scale. Writes to `out` from
    `offset` on. Returns (segments written, mean of the first budgets, mean of the first values,
    variance at the start, value lost by joining equal slopes). The variance at each vertex is that of
    the curves' own spends and of the spread between them; `budget_scale` multiplies it squared.
    """
    d = which.shape[0]
    position = np.empty(d, np.int64)
    budget = np.empty(d)
    inner = np.empty(d)
    top = np.empty(d)
    heap = np.empty(d, np.int64)
    mean, first_value = 0.0, 0.0
    for e in range(d):
        j = which[e]
        budget[e], inner[e] = heads.budget[j], heads.variance[j]
        mean += weight[e] * budget[e]
        first_value += weight[e] * heads.value[j]
        position[e] = heads.begin[j]
        top[e] = segments.slope[position[e]] if heads.number[j] > 0 else 0.0
        heap[e] = e
    first_budget = mean
    spread = 0.0
    for e in range(d):
        spread += weight[e] * (inner[e] + (budget[e] - mean) ** 2)
    scale2 = budget_scale * budget_scale
    first_variance = scale2 * spread
    for start in range(d // 2 - 1, -1, -1):
        _sink(heap, top, start, d)
    count = 0
    error = 0.0
    highest, lowest = 0.0, 0.0
    while top[heap[0]] > 0.0:
        e = heap[0]
        j = which[e]
        at = position[e]
        step = segments.length[at]
        share = weight[e] * step
        spread += share * (2.0 * (budget[e] - mean) + step) - share * share
        spread += weight[e] * (segments.variance[at] - inner[e])
        budget[e] += step
        inner[e] = segments.variance[at]
        mean += share
        slope, length = top[e] * slope_scale, share * budget_scale
        doubt = segments.doubt[at] * slope_scale
        here = offset + count - 1
        if count > 0 and lowest - slope <= SLOPE_TIE * lowest + doubt + out.doubt[here]:
            if slope != out.slope[here]:
                part = length / (out.length[here] + length)
                out.slope[here] += part * (slope - out.slope[here])
                out.doubt[here] += part * (doubt - out.doubt[here])
            out.length[here] += length
            lowest = slope
            error = max(error, (highest - lowest) * out.length[here] / 4)
            out.variance[here] = scale2 * max(spread, 0.0)
        elif length > 0.0:
            highest = lowest = slope
            out.length[here + 1], out.slope[here + 1], out.doubt[here + 1] = length, slope, doubt
            out.variance[here + 1] = scale2 * max(spread, 0.0)
            count += 1
        position[e] = at + 1
        top[e] = segments.slope[at + 1] if at + 1 < heads.begin[j] + heads.number[j] else 0.0
        _sink(heap, top, 0, d)
    return count, first_budget, first_value, first_variance, error


@njit(cache=True)
def envelope(which, add_budget, add_value, label, heads, segments, offset, out):
    """Upper concave envelope of curves `which`, each moved by (add_budget, add_value): O(k N).

    A monotone chain over the curves' points in order of budget (at one budget, best first), where
    neighbours on one curve keep the length and slope of their segment; only a bridge between two curves
    is found by difference of points. Points that coincide to rounding are one vertex, which then
    stands for a point of each of their curves, so a stretch that two curves share keeps its segments.
    Writes segments from `offset` on, with the `label` of the curve that each vertex belongs to. Returns
    (count; budget, value, variance and label of the first point; value lost by joining).
    """
    k = which.shape[0]
    points = 0
    for a in range(k):
        points += heads.number[which[a]] + 1
    step = np.zeros(k, np.int64)
    budget, value = add_budget + heads.budget[which], add_value + heads.value[which]
    budget_rest, value_rest = np.zeros(k), np.zeros(k)
    scale = np.abs(value)
    # Vertex i of the chain is reached by segment i - 1; `serial` tells vertices at one place apart.
    at_budget, at_value, lost = np.empty(points), np.empty(points), np.zeros(points)
    serial = np.empty(points, np.int64)
    stands_at, stands_serial = np.full(k, -1, np.int64), np.full(k, -1, np.int64)
    first_variance, first_label = 0.0, -1
    size = 0
    error = 0.0
    for number in range(points):
        a = _next_point(which, heads.number, step, budget, value)
        row = which[a]
        here = heads.begin[row] + step[a] - 1
        b, v = budget[a] + budget_rest[a], value[a] + value_rest[a]
        scale[a] = max(scale[a], abs(v))
        near_budget, near_value = COINCIDENT * b, COINCIDENT * scale[a]
        follows = size > 0 and stands_at[a] == size - 1 and stands_serial[a] == serial[size - 1]
        dominated = False
        if size > 0 and not follows:
            rise = v - at_value[size - 1]
            dominated = rise <= near_value
            if dominated:
                lost[size - 1] = max(lost[size - 1], rise)
                error = max(error, lost[size - 1])
                if b - at_budget[size - 1] <= near_budget and rise >= -near_value:
                    stands_at[a], stands_serial[a] = size - 1, serial[size - 1]
        if not dominated:
            length, slope, doubt, shed = 0.0, 0.0, 0.0, 0.0
            while size > 0:
                top = size - 1
                if follows:
                    length, slope, doubt = segments.length[here], segments.slope[here], segments.doubt[here]
                else:
                    length = b - at_budget[top]
                    if length <= near_budget:
                        size -= 1  # A free improvement takes the place of the top.
                        continue
                    slope = (v - at_value[top]) / length
                    doubt = (near_value + slope * near_budget) / length
                if size == 1:
                    break
                before = offset + top - 1
                fall = out.slope[before] - slope
                if fall > SLOPE_TIE * out.slope[before] + doubt + out.doubt[before]:
                    break
                height = fall * length * (out.length[before] / (out.length[before] + length))
                shed = max(shed, lost[top] + max(height, 0.0))
                size -= 1
                follows = False
            variance = heads.variance[row] if step[a] == 0 else segments.variance[here]
            if size == 0:
                first_variance, first_label = variance, label[a]
            else:
                before = offset + size - 1
                out.length[before], out.slope[before], out.doubt[before] = length, slope, doubt
                out.variance[before], out.action[before] = variance, label[a]
            at_budget[size], at_value[size], lost[size] = b, v, shed
            error = max(error, shed)
            serial[size] = number
            stands_at[a], stands_serial[a] = size, number
            size += 1
        if step[a] < heads.number[row]:
            length = segments.length[here + 1]
            budget[a], budget_rest[a] = _add(budget[a], budget_rest[a], length)
            value[a], value_rest[a] = _add(value[a], value_rest[a], length * segments.slope[here + 1])
        step[a] += 1
    return size - 1, at_budget[0], at_value[0], first_variance, first_label, error


@njit(cache=True)
def _next_point(which, count, step, budget, value):
    """The curve whose next point has the least budget; at one budget the best value, then the first."""
    best = -1
    for a in range(which.shape[0]):
        if step[a] <= count[which[a]] and (
            best < 0 or budget[a] < budget[best] or (budget[a] == budget[best] and value[a] > value[best])
        ):
            best = a
    return best


@njit(cache=True)
def _add(total, rest, term):
    """Compensated sum of term >= 0 or total of any sign (Neumaier)."""
    new = total + term
    if abs(total) >= abs(term):
        rest += (total - new) + term
    else:
        rest += (term - new) + total
    return new, rest


@njit(cache=True)
def prune(begin, count, rule, segments):
    """Delete vertices of one curve by `rule` = (slope, length, product); in place.

    Returns (segments left, exact largest height of a deleted vertex above what is left). The first
    and the last point stay.
    """
    slope_limit, length_limit, product_limit = rule
    kept = 0
    error = 0.0
    first_deleted = np.empty(count, np.int64)
    kept_length, kept_gain, shed = np.empty(count), np.empty(count), np.empty(count)
    for i in range(count):
        s = begin + i
        length, gain = segments.length[s], segments.length[s] * segments.slope[s]
        first_deleted[kept], kept_length[kept], kept_gain[kept], shed[kept] = i, length, gain, 0.0
        kept += 1
        while kept > 1:
            left, right = kept - 2, kept - 1
            fall = kept_gain[left] / kept_length[left] - kept_gain[right] / kept_length[right]
            product = shed[left] + shed[right] + fall * kept_length[left]
            close = fall <= slope_limit or kept_length[left] <= length_limit
            if not (close or product <= product_limit):
                break
            kept_length[left] += kept_length[right]
            kept_gain[left] += kept_gain[right]
            shed[left] = product
            kept -= 1
    for k in range(kept):
        low = first_deleted[k]
        high = first_deleted[k + 1] if k + 1 < kept else count
        slope = kept_gain[k] / kept_length[k]
        height = 0.0
        for i in range(low, high - 1):
            height += (segments.slope[begin + i] - slope) * segments.length[begin + i]
            error = max(error, height)
    for k in range(kept):
        end = begin + (first_deleted[k + 1] if k + 1 < kept else count) - 1
        here = begin + k
        segments.variance[here], segments.action[here] = segments.variance[end], segments.action[end]
        segments.length[here], segments.doubt[here] = kept_length[k], segments.doubt[end]
        # Segments that were left alone keep their slope to the bit.
        alone = end == begin + first_deleted[k]
        segments.slope[here] = segments.slope[end] if alone else kept_gain[k] / kept_length[k]
    return kept, error
