"""Holding stored curves against points below them and lines above them.

**From below.** A breakpoint (b, v) is proved up to a *shortfall*: v minus the best value that two
neighbouring points of the checker's own, mixed, achieve at b. Each point counts as
(spend + error, value - error), and a budget may be exceeded by its own rounding, three times that error
and two ulps: no floating-point number need be a feasible budget exactly.

**From above.** A gap g holds for a state if at every budget

.. math:: \\min_i (w_i + p_i b) \\le L(b) + g\\,(1 + |L(b)|) - \\text{shortfall}.

Where L has one sign and one slope, the right side is a line of slope :math:`l_g`. With
:math:`p_i \\ge l_g \\ge p_{i+1}` and :math:`l_g = \\theta p_i + (1-\\theta) p_{i+1}`, the mixture
:math:`\\theta w_i + (1-\\theta) w_{i+1} + l_g b` of two lines is above the minimum at every budget and
parallel to the right side: one number decides. Where the two lines meet outside of the piece, the
line that is lowest at the nearer end decides. Every one of the three is a bound in its own right, so
a bad choice of lines can only make the checker refuse. The least g that holds is found by Dinkelbach's
iteration.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import ROUNDOFF
from optbudget.certify.support import Support
from optbudget.curves import Curves
from optbudget.problems import CurveSet

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

PIECES_AT_ONCE = 1 << 16


@dataclass(frozen=True, eq=False)
class Breakpoints:
    """All breakpoints of some curves in one row: their state, budget and value, and the slopes.

    `slope` is the price of the segment to the right as the quotient of the stored numbers, 0 at the
    last breakpoint of a state.
    """

    state: Indices
    budget: Floats
    value: Floats
    slope: Floats
    ends: NDArray[np.bool_]


def breakpoints(curves: Curves, first: int = 0, last: int | None = None) -> Breakpoints:
    """Breakpoints of the curves first:last, with budgets and values as `Curve` gives them."""
    last = len(curves) if last is None else last
    low, high = int(curves.indptr[first]), int(curves.indptr[last])
    length, gain = curves.length[low:high], curves.gain[low:high]
    start = (curves.start_budget[first:last], curves.start_value[first:last])
    part = Curves(*start, curves.indptr[first : last + 1] - low, length, gain)
    budget, value = part.breakpoints()
    state = np.repeat(np.arange(first, last), part.segments + 1)
    ends = np.append(np.diff(state) > 0, True)
    slope = np.zeros(state.size)
    slope[~ends] = gain / length
    return Breakpoints(state, budget, value, slope, ends)


def in_parts(curves: Curves) -> Iterator[tuple[int, int]]:
    """Ranges of curves whose breakpoints fit into working memory together."""
    total = curves.indptr + np.arange(curves.indptr.size)
    begin = 0
    while begin < len(curves):
        end = int(np.searchsorted(total, total[begin] + PIECES_AT_ONCE, side="right")) - 1
        end = min(len(curves), max(begin + 1, end))
        yield begin, end
        begin = end


def name_of(answer: CurveSet, position: int) -> str:
    """Say which breakpoint a position among all of them is."""
    starts = answer.curves.indptr[:-1] + np.arange(len(answer.curves))
    state = int(np.searchsorted(starts, position, side="right")) - 1
    j = position - int(starts[state])
    curve = answer.curves[state]
    at = f"({curve.budgets[j]:.6g}, {curve.values[j]:.6g})"
    return f"breakpoint {j} of {answer.problem.labels[state]!r} {at}"


def shortfalls(at: Breakpoints, points: Support) -> tuple[Floats, Floats]:
    """How far each breakpoint is above what is proved there, in value, inf where nothing is; and rounding.

    Points are taken by rising spend, whatever their prices are: of a truncated horizon's, those of the
    two ends carry no tail, and may spend less than their neighbours.
    """
    if points.price.size == 0:
        return np.full(at.state.size, np.inf), np.zeros(at.state.size)
    block = slice(int(at.state[0]), int(at.state[-1]) + 1)
    spend, column = _stairs(points, block)
    value = np.take_along_axis(points.value[block], column, axis=1)
    errors = np.take_along_axis(points.value_error[block], column, axis=1)
    row = at.state - at.state[0]
    affordable = _affordable(at, points)
    position = last_at_most(spend, row, affordable)
    i = np.maximum(position, 0)
    j = np.minimum(i + 1, points.price.size - 1)
    low_b, low_v = spend[row, i], value[row, i]
    width = spend[row, j] - low_b
    share = np.clip((affordable - low_b) / np.where(width > 0, width, np.inf), 0.0, 1.0)
    more = share * (value[row, j] - low_v)
    error = errors[row, i]
    error = np.where(share > 0, np.maximum(error, errors[row, j]), error)
    proved = low_v + more - error
    proved -= 2 * ROUNDOFF * (np.abs(low_v) + 3 * more + error)
    return np.where(position < 0, np.inf, at.value - proved), error


def shortfalls_of_mixtures(at: Breakpoints, points: Support, which: Indices) -> Floats:
    """The same for some of the breakpoints against all mixtures of two points, neighbours or not.

    Over a truncated horizon the points between the ends lie lower than their own mixtures with these.
    """
    found = np.empty(which.size)
    for k, (s, budget) in enumerate(zip(at.state[which], _affordable(at, points)[which], strict=True)):
        spend, value = points.spend[s], points.value[s] - points.value_error[s]
        value = value - 2 * ROUNDOFF * np.abs(value)
        low = spend <= budget
        high = ~low
        best = value[low].max(initial=-np.inf)
        if low.any() and high.any():
            begin, level = spend[low][:, None], value[low][:, None]
            share = (budget - begin) / (spend[high] - begin)
            mixed = level + share * (value[high] - level)
            best = max(best, float((mixed - 8 * ROUNDOFF * (np.abs(level) + np.abs(value[high]))).max()))
        found[k] = at.value[which[k]] - best
    return found


def column_below(at: Breakpoints, points: Support) -> Indices:
    """Of the columns that each breakpoint's budget covers the last best one, -1 if there is none."""
    if points.price.size == 0:
        return np.full(at.state.size, -1, dtype=np.int64)
    spend, column = _stairs(points, slice(int(at.state[0]), int(at.state[-1]) + 1))
    row = at.state - at.state[0]
    position = last_at_most(spend, row, _affordable(at, points))
    return np.where(position < 0, -1, column[row, np.maximum(position, 0)])


def _stairs(points: Support, block: slice) -> tuple[Floats, Indices]:
    """The spends of each row, rising, and the last column of most value among those that spend no more."""
    spend, value = points.spend[block], points.value[block]
    place = np.broadcast_to(np.arange(spend.shape[1]), spend.shape)
    if (np.diff(spend, axis=1) < 0).any():
        place = np.argsort(spend, axis=1, kind="stable")
        spend, value = np.take_along_axis(spend, place, axis=1), np.take_along_axis(value, place, axis=1)
    leads = value >= np.maximum.accumulate(value, axis=1)
    best = np.maximum.accumulate(np.where(leads, np.arange(spend.shape[1]), 0), axis=1)
    return spend, np.take_along_axis(place, best, axis=1)


def _affordable(at: Breakpoints, points: Support) -> Floats:
    """The computed spend that a budget certainly covers, with what it may be exceeded by."""
    relative = 2.0 * points.spend_rounding + 4.0 * ROUNDOFF
    return at.budget + (2.0 * points.spend_error[at.state] + relative * np.abs(at.budget))


def proved_least(least: Support) -> Floats:
    """What nobody spends less than, (n,), by the lexicographic pass at an infinite price."""
    relative = 2.0 * least.spend_rounding + 2.0 * ROUNDOFF
    return np.asarray(least.spend[:, 0] * (1.0 - relative) - least.spend_slack)


def last_at_most(rising: Floats, row: Indices, target: Floats) -> Indices:
    """Last column whose entry in a row is at most `target`, -1 if there is none."""
    low = np.full(row.size, -1, dtype=np.int64)
    high = np.full(row.size, rising.shape[1], dtype=np.int64)
    while (high - low > 1).any():
        middle = (low + high) // 2
        inside = np.clip(middle, 0, rising.shape[1] - 1)
        fits = (rising[row, inside] <= target) & (high - low > 1)
        low = np.where(fits, middle, low)
        high = np.where(fits | (high - low <= 1), high, middle)
    return low


@dataclass(frozen=True, eq=False)
class Pieces:
    """Straight pieces of curves with one sign, the last of each state without end (or up to a cap)."""

    state: Indices
    start_b: Floats
    start_v: Floats
    end_b: Floats
    end_v: Floats
    slope: Floats
    sign: Floats
    slack: Floats


def pieces(at: Breakpoints, shortfall: Floats, cap: float | None) -> Pieces:
    """Cut the curves at their breakpoints and where their value is 0."""
    limit = np.inf if cap is None else cap
    following = np.minimum(np.arange(1, at.state.size + 1), at.state.size - 1)
    end_b = np.where(at.ends, limit, at.budget[following])
    end_v = np.where(at.ends, at.value, at.value[following])
    slack = np.maximum(np.maximum(shortfall, np.where(at.ends, shortfall, shortfall[following])), 0.0)
    crossing = np.flatnonzero((at.value < 0) & (end_v > 0))
    zero = np.clip(
        at.budget[crossing] - at.value[crossing] / at.slope[crossing], at.budget[crossing], end_b[crossing]
    )
    stop_b, stop_v = end_b.copy(), end_v.copy()
    stop_b[crossing], stop_v[crossing] = zero, 0.0
    columns = (
        np.concatenate([at.state, at.state[crossing]]),
        np.concatenate([at.budget, zero]),
        np.concatenate([at.value, np.zeros(crossing.size)]),
        np.concatenate([stop_b, end_b[crossing]]),
        np.concatenate([stop_v, end_v[crossing]]),
        np.concatenate([at.slope, at.slope[crossing]]),
        np.concatenate([np.where(at.value < 0, -1.0, 1.0), np.ones(crossing.size)]),
        np.concatenate([slack, slack[crossing]]),
    )
    kept = columns[1] <= np.where(np.isfinite(columns[3]), columns[3], np.inf)
    return Pieces(*(column[kept] for column in columns))


def excess(piece: Pieces, lines: Support, gap: Floats) -> tuple[Floats, Floats]:
    """By how much the lines rise above L + g (1 + |L|) on each piece, and at which budget.

    `gap` is one number per piece; `lines` is by decreasing finite price.
    """
    price, w, s = lines.price, lines.intercept, piece.state
    last = price.size - 1
    slope = piece.slope * (1.0 + gap * piece.sign)
    start = piece.start_v + gap * (1.0 + np.abs(piece.start_v)) - piece.slack
    end = piece.end_v + gap * (1.0 + np.abs(piece.end_v)) - piece.slack

    above = np.searchsorted(-price, -slope, side="right") - 1
    i, j = np.maximum(above, 0), np.clip(above + 1, 0, last)
    parallel = price[i] == slope
    apart = np.where(price[i] > price[j], price[i] - price[j], 1.0)
    share = np.where(parallel, 1.0, np.clip((slope - price[j]) / apart, 0.0, 1.0))
    between = (above >= 0) & ((above < last) | parallel)
    w_i, w_j = w[s, i], w[s, j]
    mixed = share * w_i + (1.0 - share) * w_j
    size = np.abs(w_i) + np.abs(w_j) + np.abs(slope * piece.start_b) + np.abs(start)
    mixture = np.where(between, mixed + slope * piece.start_b - start + 4 * ROUNDOFF * size, np.inf)
    where = np.where(above < 0, piece.start_b, (w_j - w_i) / apart)
    where = np.where((above >= last) & ~parallel, piece.end_b, where)
    where = np.where(np.isfinite(where), np.clip(where, piece.start_b, piece.end_b), piece.start_b)

    at_start = _along(piece, lines, piece.start_b, start, end)
    at_end = _along(piece, lines, piece.end_b, start, end)
    best = np.minimum(mixture, np.minimum(at_start, at_end))
    where = np.where(best == mixture, where, np.where(best == at_start, piece.start_b, piece.end_b))
    return best, np.where(np.isfinite(where), where, piece.start_b)


def _along(piece: Pieces, lines: Support, at: Floats, start: Floats, end: Floats) -> Floats:
    """The excess, over a whole piece, of the single line that is lowest at budget `at`."""
    finite = np.where(np.isfinite(at), at, 0.0)
    i = np.where(np.isfinite(at), _lowest_line(lines, piece.state, finite), lines.price.size - 1)
    p, w = lines.price[i], lines.intercept[piece.state, i]
    with np.errstate(invalid="ignore"):
        run = np.where(p == 0, 0.0, p * piece.end_b)
    first = w + p * piece.start_b - start
    first += 4 * ROUNDOFF * (np.abs(w) + np.abs(p * piece.start_b) + np.abs(start))
    second = w + run - end
    second += 4 * ROUNDOFF * (np.abs(w) + np.abs(run) + np.abs(end))
    return np.maximum(first, second)


def _lowest_line(lines: Support, state: Indices, budget: Floats) -> Indices:
    """Index of the line that is lowest at each budget: their heights are convex in the price."""
    price, w = lines.price, lines.intercept
    low = np.zeros(state.size, dtype=np.int64)
    high = np.full(state.size, price.size - 1, dtype=np.int64)
    while (low < high).any():
        middle = np.minimum((low + high) // 2, price.size - 2)
        here = w[state, middle] + price[middle] * budget
        falls = w[state, middle + 1] + price[middle + 1] * budget < here
        searching = low < high
        low = np.where(searching & falls, middle + 1, low)
        high = np.where(searching & ~falls, middle, high)
    return low


def least_gaps(piece: Pieces, lines: Support, first: int, last: int) -> Floats:
    """The least relative gap that is proved for each of the states first:last; inf if none is."""
    gap = np.zeros(last - first)
    if lines.price.size == 0:
        return np.full(last - first, np.inf)
    for _ in range(30):
        over, where = excess(piece, lines, gap[piece.state - first])
        level = np.abs(np.where(piece.sign > 0, piece.start_v, piece.end_v))
        distance = np.where(piece.sign > 0, where - piece.start_b, piece.end_b - where)
        with np.errstate(invalid="ignore"):
            level = level + np.where(piece.slope > 0, piece.slope * np.maximum(distance, 0.0), 0.0)
        wanted = np.maximum(over, 0.0) / (1.0 + level)
        risen = gap.copy()
        np.maximum.at(risen, piece.state - first, gap[piece.state - first] + wanted)
        if not (risen > gap * (1.0 + 1e-6) + 1e-18).any():
            return np.asarray(risen * (1.0 + 1e-6))
        gap = risen
        if np.isinf(gap).any():
            gap = np.where(np.isinf(gap), 1e300, gap)
    return np.where(gap >= 1e299, np.inf, gap)


def holds(piece: Pieces, lines: Support, gap: Floats, first: int) -> NDArray[np.bool_]:
    """Whether the gap stated for each state (the states from `first` on) is proved on each piece."""
    if lines.price.size == 0:
        return np.isinf(gap[piece.state - first])
    over, _ = excess(piece, lines, gap[piece.state - first])
    return np.asarray((over <= 0.0) | np.isinf(gap[piece.state - first]))
