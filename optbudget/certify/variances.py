"""Checks of the variance of spend that is stated at every breakpoint.

A policy's spend has the second moment

.. math:: m_k(s) = c_a^2 + 2 c_a \\gamma_c \\sum_j p_{aj} b_{k+1}(j) + \\gamma_c^2 \\sum_j p_{aj} m_{k+1}(j),

and the variance :math:`m - b^2`. Several policies may reach one breakpoint and differ in it, so a
variance is compared only where no action on the way is nearly tied with another. Stationary policies
are those of the witness, ties or not: a variance must be that of one of those which reach its
breakpoint. Where a curve is cut at the cap between two points, the spend is that of either of them by
lot, with variance :math:`q(1-q)(b_2-b_1)^2` and the mean of theirs.

Over a truncated horizon a variance is that of the decisions up to the horizon.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from optbudget.certify import bracket
from optbudget.certify.evidence import MOMENTS, Evidence
from optbudget.certify.support import Support, support
from optbudget.problems import Check, CurveSet

Floats = NDArray[np.float64]

TOLERANCE = 1e-8
"""Of the second moment: variances are compared, not proved."""

SAME_POINT = 1e-11
"""Relative difference of two spends, sums of terms >= 0, that are taken for those of one policy."""


def variance_check(answer: CurveSet, evidence: Evidence, decisions: int | None, prefix: str) -> Check:
    """Stored variances are those of the checker's policies where no other policy reaches the point."""
    name, variance = prefix + "spend variance", answer.spend_variance
    if not (np.isfinite(variance).all() and (variance >= 0).all()):
        return Check(name, False, "a stored variance is negative or not finite")
    compared = np.zeros(variance.size, dtype=bool)
    if evidence.moment_room is not None:
        wrong = _compare_stationary(answer, evidence.points, evidence.moment_room, compared)
        if wrong is not None:
            return Check(name, False, wrong)
    else:
        for lines in _passes(answer, evidence.points, compared, decisions):
            wrong = _compare(answer, lines, compared)
            if wrong is not None:
                return Check(name, False, wrong)
    rest = int(variance.size - compared.sum())
    detail = f"{int(compared.sum()):,} of {variance.size:,} recomputed"
    if rest:
        detail += f"; nothing is said about the other {rest:,}"
    if answer.witness is not None and answer.witness.horizon is not None:
        detail += f"; between the ends, of {answer.witness.horizon:,} decisions"
    return Check(name, True, detail)


def _passes(
    answer: CurveSet, points: Support, compared: NDArray[np.bool_], decisions: int | None
) -> Iterator[Support]:
    """Passes with moments: the one at hand, and one at prices between where that did not tell."""
    most = max(1, MOMENTS // len(answer.curves))
    if points.second_moment is not None:
        yield points
        between = _between(points.price)[_gaps_about(answer, points, ~compared)]
    else:
        between = np.unique(np.concatenate((points.price, _between(points.price))))[::-1]
    if between.size > most:
        between = between[np.unique(np.linspace(0, between.size - 1, most).astype(np.int64))]
    if between.size:
        yield support(answer.problem, between, decisions=decisions, moments=True)


def _between(price: Floats) -> Floats:
    """A price between each two neighbours, twice the larger one below inf and half the other above 0."""
    high, low = price[:-1], price[1:]
    inner = np.sqrt(np.where(np.isinf(high), 0.0, high)) * np.sqrt(low)
    return np.where(np.isinf(high), 2.0 * low, np.where(low == 0, 0.5 * high, inner))


def _gaps_about(answer: CurveSet, points: Support, unknown: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The gaps between prices on both sides of where the breakpoints in question are met."""
    found, position = [np.empty(0, dtype=np.int64)], 0
    for first, last in bracket.in_parts(answer.curves):
        at = bracket.breakpoints(answer.curves, first, last)
        mine = unknown[position : position + at.state.size]
        position += at.state.size
        if mine.any():
            found.append(np.unique(bracket.column_below(at, points)[mine]))
    column = np.unique(np.concatenate(found))
    gap = np.unique(np.concatenate((column - 1, column)))
    return gap[(gap >= 0) & (gap < points.price.size - 1)]


def _compare(answer: CurveSet, points: Support, compared: NDArray[np.bool_]) -> str | None:
    """Mark the variances that were compared; what is wrong with one of them, or None."""
    assert points.second_moment is not None and points.ambiguity is not None
    position = 0
    for first, last in bracket.in_parts(answer.curves):
        at = bracket.breakpoints(answer.curves, first, last)
        span = slice(position, position + at.state.size)
        position += at.state.size
        column = np.maximum(bracket.column_below(at, points), 0)
        spend, value = points.spend[at.state, column], points.value[at.state, column]
        second, error = points.second_moment[at.state, column], points.value_error[at.state, column]
        same = (
            (points.ambiguity[at.state, column] == 0)
            & (np.abs(spend - at.budget) <= SAME_POINT * at.budget)
            & (np.abs(value - at.value) <= SAME_POINT * np.abs(at.value) + 4 * error)
        )
        mine = np.maximum(second - spend**2, 0.0)
        stored = answer.spend_variance[span]
        off = np.flatnonzero(same & (np.abs(stored - mine) > TOLERANCE * second + 1e-300))
        compared[span] |= same
        if off.size:
            where = bracket.name_of(answer, span.start + int(off[0]))
            return f"{stored[off[0]]:.9g} is stored for {where}, recomputed {mine[off[0]]:.9g}"
    return None


def _compare_stationary(
    answer: CurveSet, points: Support, room: Floats, compared: NDArray[np.bool_]
) -> str | None:
    """The same against every point that is the breakpoint's: one of them must have the stored variance."""
    assert points.second_moment is not None and points.ambiguity is not None
    known = points.ambiguity == 0
    variance = np.where(known, np.maximum(points.second_moment - points.spend**2, 0.0), 0.0)
    allowed = TOLERANCE * points.second_moment + room
    position = 0
    for first, last in bracket.in_parts(answer.curves):
        at = bracket.breakpoints(answer.curves, first, last)
        span = slice(position, position + at.state.size)
        position += at.state.size
        stored = answer.spend_variance[span]
        begins = np.abs(answer.curves.start_value[at.state])
        met, held = np.zeros(at.state.size, dtype=bool), np.zeros(at.state.size, dtype=bool)
        order = np.argsort(points.spend[first:last], axis=1, kind="stable")
        rising = np.take_along_axis(points.spend[first:last], order, axis=1)
        place = bracket.last_at_most(rising, at.state - first, at.budget * (1 + SAME_POINT))
        rows = np.flatnonzero(place >= 0)
        while rows.size:
            s, column = at.state[rows], order[at.state[rows] - first, place[rows]]
            near = np.abs(points.spend[s, column] - at.budget[rows]) <= SAME_POINT * at.budget[rows]
            size = np.maximum(np.abs(at.value[rows]), begins[rows])
            same = known[s, column] & near
            same &= np.abs(points.value[s, column] - at.value[rows]) <= (
                SAME_POINT * size + 4 * points.value_error[s, column]
            )
            met[rows] |= same
            held[rows] |= same & (np.abs(stored[rows] - variance[s, column]) <= allowed[s, column] + 1e-300)
            place[rows] -= 1
            rows = rows[near & ~held[rows] & (place[rows] >= 0)]
        if answer.problem.budget_cap is not None:
            _at_cap(answer.problem.budget_cap, at, points, known, (variance, allowed, stored), met, held)
        compared[span] |= met
        off = np.flatnonzero(met & ~held)
        if off.size:
            where = bracket.name_of(answer, span.start + int(off[0]))
            return f"{stored[off[0]]:.9g} is stored for {where}; no policy of the witness has it"
    return None


def _at_cap(
    cap: float,
    at: bracket.Breakpoints,
    points: Support,
    known: NDArray[np.bool_],
    tables: tuple[Floats, Floats, Floats],
    met: NDArray[np.bool_],
    held: NDArray[np.bool_],
) -> None:
    """Mark last breakpoints that mix the one before with a point beyond the cap."""
    variance, allowed, stored = tables
    inner = np.concatenate(([False], ~at.ends[:-1]))
    for j in np.flatnonzero(~met & at.ends & inner & (at.budget == cap)).tolist():
        s, low_b, low_v = at.state[j], at.budget[j - 1], at.value[j - 1]
        beyond = known[s] & (points.spend[s] > cap)
        width = np.where(beyond, points.spend[s] - low_b, 1.0)
        share = (cap - low_b) / width
        level = low_v + share * (points.value[s] - low_v)
        same = beyond & (np.abs(level - at.value[j]) <= SAME_POINT * (np.abs(low_v) + np.abs(at.value[j])))
        mixed = share * (1 - share) * width**2 + (1 - share) * stored[j - 1] + share * variance[s]
        right = np.abs(stored[j] - mixed) <= allowed[s] + TOLERANCE * width**2
        met[j], held[j] = bool(same.any()), bool((same & right).any())
