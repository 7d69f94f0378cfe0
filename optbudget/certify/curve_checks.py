"""Checks of value curves over a finite horizon, from the problem and the certificate's prices alone.

The checker makes its own passes at the prices (:mod:`optbudget.certify.support`) and asks of every stored
breakpoint whether it is achieved, of every state whether its stated gap holds at all budgets, of
every least budget whether less would do, and of every first action whether it leads to its
breakpoint. Where a single pass does not explain a breakpoint, because actions tie at a price, two
more passes give both ends of the tie.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optbudget.certify import bracket
from optbudget.certify.choice import ROUNDOFF
from optbudget.certify.evidence import TIES, Evidence, with_ties
from optbudget.certify.support import Support, support
from optbudget.certify.variances import variance_check
from optbudget.problems import BudgetedMDP, Check, CurveSet

Floats = NDArray[np.float64]

SLOPE_RISE = 2.0**-48
"""Rounding that the quotient of a stored gain and length may show against a falling price."""

LARGEST_ROUNDING = 1e-9
"""A stated rounding above this share of 1 + |value| excuses no more than this share."""


def curve_checks(
    answer: CurveSet, evidence: Evidence, *, decisions: int | None = None, prefix: str = ""
) -> Iterator[Check]:
    """All checks of the curves of one stage against the checker's own passes."""
    yield from shape_checks(answer, prefix)
    if not structure_ok(answer):
        return
    points, kind, shortfall, allowed = reached(answer, evidence, decisions=decisions)
    yield _achievable(answer, shortfall, allowed, prefix)
    yield _least_budgets(answer, evidence.least, prefix)
    yield from gap_checks(answer, evidence.lines, shortfall, prefix)
    if answer.pruning_error is not None:
        yield _pruning(answer, points, allowed, prefix)
    yield _first_actions(answer, points, kind, shortfall, allowed, decisions, prefix)
    yield variance_check(answer, evidence, decisions, prefix)


def reached(
    answer: CurveSet, evidence: Evidence, *, decisions: int | None = None
) -> tuple[Support, NDArray[np.int64], Floats, Floats]:
    """How far every breakpoint stands above what the checker's points achieve, and how far it may.

    At the price of an edge both of its ends are best, and a strict pass finds either: where a breakpoint
    is missed, the prices about it are asked again for the least and the most spend among ties.
    Returns the points, which of `TIES` each is from, the shortfalls and what is allowed.
    """
    points = evidence.points
    kind = np.ones(points.price.size, dtype=np.int64)
    shortfall, allowed = all_shortfalls(answer, points)
    if answer.witness is not None and answer.witness.horizon is not None:
        shortfall = _mixed(answer, points, shortfall, allowed)
    if (shortfall > allowed).any() and answer.problem.horizon is not None:
        unproved = _columns_about(answer, points, shortfall > allowed)
        points, kind = with_ties(answer.problem, points, unproved, decisions=decisions)
        again, allowed = all_shortfalls(answer, points)
        shortfall = np.minimum(shortfall, again)
    return points, kind, shortfall, allowed


def structure_ok(answer: CurveSet) -> bool:
    """Whether the arrays fit together, so that the other checks can read them."""
    curves, n = answer.curves, answer.problem.n_states
    size = curves.length.size + n
    return (
        len(curves) == n
        and answer.state_gap.shape == (n,)
        and answer.spend_variance.shape == (size,)
        and answer.first_action.shape == (size,)
        and curves.indptr[0] == 0
        and bool((np.diff(curves.indptr) >= 0).all())
        and curves.length.size == curves.gain.size
        and all(np.isfinite(x).all() for x in (curves.start_budget, curves.start_value))
        and all(np.isfinite(x).all() and (x > 0).all() for x in (curves.length, curves.gain))
    )


def shape_checks(answer: CurveSet, prefix: str) -> Iterator[Check]:
    """Array sizes, finite positive segments, falling prices, and a certificate that can be read."""
    n, curves = answer.problem.n_states, answer.curves
    if not structure_ok(answer):
        yield Check(
            prefix + "curves well formed", False,
            f"{len(curves)} curves for {n} states, or sizes that do not fit, or segments that are not > 0",
        )  # fmt: skip
        return
    price = curves.gain / curves.length
    state = np.repeat(np.arange(n), curves.segments)
    rises = np.flatnonzero((np.diff(state) == 0) & (np.diff(price) > SLOPE_RISE * price[:-1]))
    yield Check(
        prefix + "curves well formed", rises.size == 0,
        f"{n:,} curves, {price.size:,} segments of falling price" if rises.size == 0 else
        f"the price rises from {price[rises[0]]:.17g} to {price[rises[0] + 1]:.17g} in "
        f"{answer.problem.labels[state[rises[0]]]!r}",
    )  # fmt: skip
    prices = answer.prices
    falls = prices.ndim == 1 and prices.size > 0 and bool((prices >= 0).all() and (np.diff(prices) < 0).all())
    span = f"{prices.size:,} falling prices" if falls else "prices must be a falling vector of numbers >= 0"
    yield Check(prefix + "certificate readable", falls, span)


def allowed_shortfall(stated: float, size: Floats, error: Floats | float) -> Floats:
    """What values may exceed the proven ones by.

    The stated rounding, but no more than `LARGEST_ROUNDING` of 1 + size, and the checker's own; `size` is
    the larger of |value| and of what the curve begins with, since values are added up from there.
    """
    excused = np.minimum(stated if stated >= 0 else 0.0, LARGEST_ROUNDING * (1.0 + size))
    return np.asarray(excused + 4.0 * error + 64 * ROUNDOFF * size)


def size_at_start(answer: CurveSet, points: Support) -> Floats:
    """The |value| that each curve begins with, as far as the checker's own points are of such a size.

    A curve that is stated to begin far below its true value would excuse rounding of that size.
    """
    known = np.abs(points.value).max(axis=1, initial=0.0)
    return np.asarray(np.minimum(np.abs(answer.curves.start_value), 2.0 * known))


def all_shortfalls(answer: CurveSet, points: Support) -> tuple[Floats, Floats]:
    """Shortfall of every breakpoint of every curve, and what it may be."""
    shorts, allowed = [], []
    begins = size_at_start(answer, points)
    for first, last in bracket.in_parts(answer.curves):
        at = bracket.breakpoints(answer.curves, first, last)
        short, error = bracket.shortfalls(at, points)
        shorts.append(short)
        size = np.maximum(np.abs(at.value), begins[at.state])
        allowed.append(allowed_shortfall(answer.rounding, size, error))
    return np.concatenate(shorts), np.concatenate(allowed)


def _mixed(answer: CurveSet, points: Support, shortfall: Floats, allowed: Floats) -> Floats:
    """Shortfalls, those that are too large against all mixtures of two points."""
    found, position = shortfall.copy(), 0
    for first, last in bracket.in_parts(answer.curves):
        at = bracket.breakpoints(answer.curves, first, last)
        span = slice(position, position + at.state.size)
        position += at.state.size
        which = np.flatnonzero(shortfall[span] > allowed[span])
        again = bracket.shortfalls_of_mixtures(at, points, which)
        found[span][which] = np.minimum(shortfall[span][which], again)
    return found


def _columns_about(answer: CurveSet, points: Support, unproved: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The prices on both sides of breakpoints that are not explained."""
    found, position = [], 0
    for first, last in bracket.in_parts(answer.curves):
        at = bracket.breakpoints(answer.curves, first, last)
        column = bracket.column_below(at, points)[unproved[position : position + at.state.size]]
        found.append(np.unique(column))
        position += at.state.size
    columns = np.unique(np.concatenate(found))
    return np.unique(np.clip(np.concatenate((columns, columns + 1)), 0, points.price.size - 1))


def _achievable(answer: CurveSet, shortfall: Floats, allowed: Floats, prefix: str) -> Check:
    over = shortfall - allowed
    worst = int(np.argmax(over))
    ok = bool(over[worst] <= 0)
    where = bracket.name_of(answer, worst)
    detail = (
        f"{shortfall.size:,} breakpoints achieved to {max(0.0, float(shortfall.max())):.2g} in value"
        if ok
        else f"{where} is stated {shortfall[worst]:.3g} above what is achieved (allowed {allowed[worst]:.2g})"
    )
    return Check(prefix + "curves achievable", ok, detail)


def _least_budgets(answer: CurveSet, least: Support, prefix: str) -> Check:
    """No curve begins above the least feasible budget."""
    start, proved = answer.curves.start_budget, bracket.proved_least(least)
    room = least.least_room + (6.0 * least.spend_rounding + 8.0 * ROUNDOFF) * np.abs(start)
    over = start - proved - room
    worst = int(np.argmax(over))
    ok = bool(over[worst] <= 0)
    detail = (
        f"every curve begins at the least feasible budget to {float(np.max(room)):.2g}"
        if ok
        else f"{answer.problem.labels[worst]!r} begins at {start[worst]:.17g}; "
        f"only budgets below {proved[worst]:.17g} are excluded"
    )
    return Check(prefix + "least budgets", ok, detail)


def gap_checks(answer: CurveSet, lines: Support, shortfall: Floats, prefix: str) -> Iterator[Check]:
    """The stated gap of every state holds at all budgets, and the stated gap is the largest of them."""
    curves, problem = answer.curves, answer.problem
    starts = curves.indptr[:-1] + np.arange(len(curves))
    least, held = np.zeros(len(curves)), np.ones(len(curves), dtype=bool)
    for first, last in bracket.in_parts(curves):
        at = bracket.breakpoints(curves, first, last)
        span = slice(int(starts[first]), int(starts[first]) + at.state.size)
        finite = np.where(np.isfinite(shortfall[span]), shortfall[span], 1e300)
        piece = bracket.pieces(at, finite, problem.budget_cap)
        stated = np.where(answer.state_gap[first:last] >= 0, answer.state_gap[first:last], 0.0)
        proved = bracket.holds(piece, lines, stated, first)
        np.logical_and.at(held, piece.state, proved)
        least[first:last] = bracket.least_gaps(piece, lines, first, last)
    wrong = np.flatnonzero(~held | np.isnan(answer.state_gap))
    worst = int(np.argmax(least))
    yield Check(
        prefix + "gap of every state", wrong.size == 0,
        f"recomputed over all budgets: at most {least[worst]:.3g}, in {problem.labels[worst]!r}"
        if wrong.size == 0 else
        f"{problem.labels[wrong[0]]!r} states {answer.state_gap[wrong[0]]:.6g}, "
        f"recomputed {least[wrong[0]]:.6g}" + (f"; {wrong.size - 1:,} more" if wrong.size > 1 else ""),
    )  # fmt: skip
    largest = float(answer.state_gap.max())
    ok = answer.gap >= largest
    yield Check(prefix + "gap", bool(ok), f"stated {answer.gap:.6g}, largest of the states {largest:.6g}")


def _pruning(answer: CurveSet, points: Support, allowed: Floats, prefix: str) -> Check:
    """No point of the checker's own shows that pruning cost a curve more value than it says."""
    name, stated = prefix + "pruning error", answer.pruning_error
    assert stated is not None
    if stated.shape != answer.state_gap.shape or not (np.isfinite(stated) & (stated >= 0)).all():
        return Check(name, False, "there must be a number >= 0 for every state")
    starts = answer.curves.indptr[:-1] + np.arange(len(answer.curves))
    cap = np.inf if answer.problem.budget_cap is None else answer.problem.budget_cap
    excused = np.maximum.reduceat(allowed, starts)
    for s, curve in enumerate(answer.curves):
        room = budget_room(points, s, points.spend[s])
        inside = (points.spend[s] >= curve.start_budget) & (points.spend[s] + room <= cap)
        level = np.interp(points.spend[s] + room, curve.budgets, curve.values)
        lost = points.value[s] - 2.0 * points.value_error[s] - level - excused[s]
        lost = np.where(inside, lost, 0.0)
        k = int(np.argmax(lost))
        if lost[k] > stated[s]:
            where = f"{answer.problem.labels[s]!r} at {points.spend[s, k]:.9g}"
            return Check(name, False, f"{where}: {lost[k]:.6g} is lost, {stated[s]:.6g} is stated")
    return Check(name, True, f"no curve is seen to have lost more; at most {float(stated.max()):.3g}")


def pair_of_action(
    problem: BudgetedMDP, state: NDArray[np.int64], action: NDArray[np.int32]
) -> NDArray[np.int64]:
    """The pair of each state and action, -1 where the state does not have the action."""
    found = np.full(state.size, -1, dtype=np.int64)
    first, count = problem.pair_ptr[state], np.diff(problem.pair_ptr)[state]
    for position in range(int(count.max(initial=0))):
        has = np.flatnonzero(count > position)
        pair = first[has] + position
        found[has] = np.where(problem.pair_action[pair] == action[has], pair, found[has])
    return found


class _Doubt(NamedTuple):
    """A breakpoint whose stored action is not the checker's: where, what, and what it may fall short by."""

    position: int
    state: int
    pair: int
    column: int
    budget: float
    value: float
    excused: float


def budget_room(points: Support, state: NDArray[np.int64] | int, budget: Floats | float) -> Floats:
    """How much a stored budget may be exceeded by: four times the rounding of a spend, and four ulps."""
    relative = 4.0 * points.spend_rounding + 8.0 * ROUNDOFF
    return np.asarray(4.0 * points.spend_error[state] + relative * np.abs(budget))


def _steepness(at: bracket.Breakpoints) -> Floats:
    """The steeper slope at each breakpoint: that of the segment to its left where there is one."""
    left = np.concatenate(([0.0], at.slope[:-1]))
    return np.where(np.concatenate(([True], at.ends[:-1])), at.slope, left)


def _first_actions(
    answer: CurveSet,
    points: Support,
    kind: NDArray[np.int64],
    shortfall: Floats,
    allowed: Floats,
    decisions: int | None,
    prefix: str,
) -> Check:
    """Taking the stored action now leads to the breakpoint; where ours differs, it is evaluated."""
    problem, curves = answer.problem, answer.curves
    doubtful: list[_Doubt] = []
    name = prefix + "first actions"
    position = 0
    cap = -1.0 if problem.budget_cap is None else problem.budget_cap
    for first, last in bracket.in_parts(curves):
        at = bracket.breakpoints(curves, first, last)
        span = slice(position, position + at.state.size)
        position += at.state.size
        action = answer.first_action[span]
        terminal = problem.is_terminal[at.state]
        pair = pair_of_action(problem, at.state, action)
        bad = np.flatnonzero(np.where(terminal, action != -1, pair < 0))
        if bad.size:
            where = bracket.name_of(answer, span.start + int(bad[0]))
            return Check(name, False, f"action index {action[bad[0]]} does not exist at {where}")
        column = bracket.column_below(at, points)
        same = points.pair[at.state, np.maximum(column, 0)] == pair
        inner = np.concatenate(([False], ~at.ends[:-1]))
        mixed = at.ends & inner & (at.budget == cap) & (action == np.roll(action, 1))
        excused = allowed[span] + _steepness(at) * budget_room(points, at.state, at.budget)
        for j in np.flatnonzero(~same & ~terminal & ~mixed & np.isfinite(shortfall[span])).tolist():
            doubtful.append(
                _Doubt(
                    span.start + j, int(at.state[j]), int(pair[j]), int(column[j]),
                    float(at.budget[j]), float(at.value[j]), float(excused[j]),
                )
            )  # fmt: skip
    count = curves.length.size + len(curves)
    checked = f"{count:,} actions, {len(doubtful):,} of them other than the checker's"
    if not doubtful:
        return Check(name, True, checked)
    short = _lead_to(problem, points, kind, doubtful, decisions)
    over = short - np.array([doubt.excused for doubt in doubtful])
    worst = int(np.argmax(over))
    if over[worst] <= 0:
        return Check(name, True, checked + f", which lead to the same points to {max(0.0, short.max()):.2g}")
    action_name = problem.actions[problem.pair_action[doubtful[worst].pair]]
    where = bracket.name_of(answer, doubtful[worst].position)
    return Check(name, False, f"{action_name!r} falls {short[worst]:.3g} short of {where}")


def _lead_to(
    problem: BudgetedMDP,
    points: Support,
    kind: NDArray[np.int64],
    doubtful: list["_Doubt"],
    decisions: int | None,
) -> Floats:
    """How far, in value, each breakpoint is above what its pair achieves."""
    short = np.full(len(doubtful), np.inf)
    column = np.array([doubt.column for doubt in doubtful])
    if points.following_spend is not None:
        for k, doubt in enumerate(doubtful):
            short[k] = _pair_shortfall(problem, points, doubt, doubt.column)
        return short
    price = points.price[column]
    for which, ties in enumerate(TIES):
        mine = np.flatnonzero(kind[column] == which)
        wanted, place = np.unique(price[mine], return_inverse=True)
        for begin in range(0, wanted.size, 64):
            here = np.flatnonzero((place >= begin) & (place < begin + 64))
            batch = wanted[begin : begin + 64]
            lines = support(problem, batch, decisions=decisions, ties=ties, following=True)
            for j in here.tolist():
                at = int(place[j]) - begin
                short[mine[j]] = _pair_shortfall(problem, lines, doubtful[mine[j]], at)
    return short


def _pair_shortfall(problem: BudgetedMDP, lines: Support, doubt: _Doubt, column: int) -> float:
    """Value minus what the pair achieves, inf where its spend is above the budget beyond rounding."""
    row = problem.pair_row[doubt.pair]
    entries = slice(problem.row_ptr[row], problem.row_ptr[row + 1])
    p, to = problem.probability[entries], problem.next_state[entries]
    assert lines.following_spend is not None and lines.following_value is not None
    spend = problem.cost[doubt.pair] + problem.cost_discount * float(p @ lines.following_spend[to, column])
    worth = problem.pair_reward[doubt.pair] + problem.discount * float(p @ lines.following_value[to, column])
    if spend > doubt.budget + float(budget_room(lines, doubt.state, doubt.budget)):
        return float("inf")
    return float(doubt.value - worth + lines.value_error[doubt.state, column])
