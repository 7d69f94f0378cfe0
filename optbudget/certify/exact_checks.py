"""The checks of `verify(..., exact=True)`: the same statements in rational arithmetic.

The curve is what is stored: a first point and segments, added up without rounding. At sampled prices
two statements that must hold are held against it: it is nowhere above the line of the price by more
than its rounding, and the exact point of the price is not above it by more than the gap. At all prices
the gap itself is recomputed, as a rational. For an allocation the bound is recomputed at its price, and
what its useful budgets are worth from exact policies.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import ROUNDOFF
from optbudget.certify.curve_checks import allowed_shortfall, budget_room, size_at_start
from optbudget.certify.exact import ONE, ExactSupport, exact_support
from optbudget.certify.exact_stationary import stationary_parts
from optbudget.certify.limit_checks import outside
from optbudget.certify.support import Support
from optbudget.problems import Allocation, Check, CurveSet

Floats = NDArray[np.float64]

SPREAD = 8
"""Prices looked at besides those of the allocation."""


@dataclass(frozen=True, eq=False)
class ExactCurve:
    """Breakpoints of one stored curve, added up without rounding."""

    budget: list[Fraction]
    value: list[Fraction]
    slope: list[Fraction]

    @classmethod
    def of(cls, answer: CurveSet, state: int) -> "ExactCurve":
        """The curve of one state."""
        curve = answer.curves[state]
        budget, value, slope = [Fraction(curve.start_budget)], [Fraction(curve.start_value)], []
        for length, gain in zip(curve.length.tolist(), curve.gain.tolist(), strict=True):
            step, rise = Fraction(length), Fraction(gain)
            slope.append(rise / step)
            budget.append(budget[-1] + step)
            value.append(value[-1] + rise)
        return cls(budget, value, slope)

    def at(self, b: Fraction) -> Fraction:
        """Value at a budget not below the first."""
        j = bisect_right(self.budget, b) - 1
        if j >= len(self.slope):
            return self.value[-1]
        return self.value[max(j, 0)] + self.slope[max(j, 0)] * (b - self.budget[max(j, 0)])

    def tangent(self, price: Fraction) -> Fraction:
        """max of value - price * budget over the breakpoints about the one where slopes pass the price."""
        j = bisect_right(self.slope, -price, key=lambda slope: -slope)
        near = range(max(0, j - 2), min(len(self.budget), j + 3))
        return max(self.value[i] - price * self.budget[i] for i in near)


@dataclass(frozen=True, eq=False)
class ExactPoints:
    """Exact points of one state by rising spend, and lines by falling price."""

    spend: list[Fraction]
    value: list[Fraction]
    price: list[Fraction]
    line: list[Fraction]

    def proved(self, b: Fraction) -> Fraction | None:
        """The best value that two neighbouring points, mixed, achieve within a budget; None if none is."""
        i = bisect_right(self.spend, b) - 1
        if i < 0:
            return None
        best = self.value[i]
        if i + 1 < len(self.spend) and self.value[i + 1] > best:
            share = (b - self.spend[i]) / (self.spend[i + 1] - self.spend[i])
            best += share * (self.value[i + 1] - best)
        return best


def points_of(parts: list[ExactSupport], state: int) -> ExactPoints:
    """Points and lines of one state from several passes; points that others dominate are left out."""
    found = sorted(
        (Fraction(int(b), ONE), -Fraction(int(v), ONE))
        for part in parts
        for b, v in zip(part.spend[state], part.value[state], strict=True)
    )
    spend: list[Fraction] = []
    value: list[Fraction] = []
    for b, negative in found:
        if not value or -negative > value[-1]:
            spend.append(b)
            value.append(-negative)
    lines = {
        p: Fraction(int(w), ONE)
        for part in parts
        for p, w in zip(part.price, part.line[state], strict=True)
        if p is not None
    }
    price: list[Fraction] = []
    for p in sorted(lines, reverse=True):
        while len(price) > 1 and _above_chord(lines, price[-2], price[-1], p):
            price.pop()
        price.append(p)
    return ExactPoints(spend, value, price, [lines[p] for p in price])


def _above_chord(lines: dict[Fraction, Fraction], a: Fraction, b: Fraction, c: Fraction) -> bool:
    """Whether the line of price b is nowhere below the mixtures of those of prices a and c."""
    return (lines[b] - lines[a]) * (c - a) <= (lines[c] - lines[a]) * (b - a)


def sample(prices: Floats, near: float | None = None) -> Floats:
    """The ends, a spread of the prices, and those about `near`."""
    count = prices.size
    chosen = set(np.linspace(0, count - 1, min(count, SPREAD)).astype(int).tolist())
    if near is not None:
        place = int(np.searchsorted(-prices, -near))
        chosen |= {k for k in range(place - 2, place + 2) if 0 <= k < count}
    picked = prices[sorted(chosen)]
    if near is not None and np.isfinite(near) and near >= 0:
        picked = np.unique(np.append(picked, near))[::-1]
    return picked


def exact_curve_checks(
    answer: CurveSet, evidence: Support, parts: list[ExactSupport], *, everything: bool, prefix: str = ""
) -> Iterator[Check]:
    """Curves against exact lines and points."""
    held, worst_rise, worst_gap = True, Fraction(0), Fraction(0)
    detail = ""
    cap = answer.problem.budget_cap
    limit = Fraction(cap) if cap is not None else Fraction(1 << 1030)
    for s in range(len(answer.curves)):
        curve, found = ExactCurve.of(answer, s), points_of(parts, s)
        allowed = _allowed(answer, evidence, s, answer.curves[s].values)
        label = answer.problem.labels[s]
        if everything:
            short, gap = _whole_gap(answer, curve, found, evidence, s)
            worst_rise, worst_gap = max(worst_rise, short), max(worst_gap, gap)
            if short > allowed:
                held, detail = False, f"{label!r} is stated {float(short):.3g} above what is achieved"
            elif gap > Fraction(answer.state_gap[s]):
                held, detail = False, f"{label!r} states {answer.state_gap[s]:.6g}, exact {float(gap):.6g}"
            continue
        for p, w in zip(found.price, found.line, strict=True):
            rise = curve.tangent(p) - w
            worst_rise = max(worst_rise, rise)
            if rise > allowed:
                held, detail = False, f"{label!r} is {float(rise):.3g} above the line of price {float(p):.6g}"
        for b, v in zip(found.spend, found.value, strict=True):
            if b < curve.budget[0] or b > limit:
                continue
            level = curve.at(b)
            lack = (v - level) / (1 + abs(level))
            worst_gap = max(worst_gap, lack)
            if lack > Fraction(answer.state_gap[s]):
                held, detail = False, f"{label!r} is {float(lack):.3g} below what {float(b):.6g} achieves"
    if held:
        kind = "gap" if everything else "curves below achieved points by at most"
        detail = (
            f"{parts[0].line.shape[1]:,} prices: {kind} {rational(worst_gap)}, "
            f"above them by at most {float(worst_rise):.2g}"
        )
    yield Check(prefix + ("exact gap" if everything else "exact sample"), held, detail)
    least = next((part.least for part in parts if part.least is not None), None)
    if least is not None:
        relative = Fraction(6.0 * evidence.spend_rounding + 8 * ROUNDOFF)
        room = [Fraction(float(x)) for x in evidence.least_room]
        late = [
            answer.problem.labels[s]
            for s in range(len(answer.curves))
            if Fraction(float(answer.curves.start_budget[s])) * (1 - relative) - room[s]
            > Fraction(int(least[s]), ONE)
        ]
        yield Check(
            prefix + "exact least budgets", not late,
            f"{late[0]!r} begins above its least feasible budget" if late else "no curve begins too late",
        )  # fmt: skip


def rational(x: Fraction) -> str:
    """A rational as itself where it is short, else as a number."""
    text = str(x)
    return text if len(text) <= 24 else f"{float(x):.6g} (a rational of {x.denominator.bit_length()} bits)"


def _allowed(answer: CurveSet, evidence: Support, s: int, value: Floats) -> Fraction:
    """What the largest of some values of a state may exceed the proven one by."""
    error = float(evidence.value_error[s].max(initial=0.0))
    size = np.maximum(np.abs(value), size_at_start(answer, evidence)[s])
    return Fraction(float(allowed_shortfall(answer.rounding, size, error).max()))


def _whole_gap(
    answer: CurveSet, curve: ExactCurve, found: ExactPoints, evidence: Support, s: int
) -> tuple[Fraction, Fraction]:
    """Largest shortfall of the breakpoints of one state, and its exact relative gap over all budgets."""
    shorts = []
    for b, v in zip(curve.budget, curve.value, strict=True):
        proved = found.proved(b + Fraction(float(budget_room(evidence, s, float(b)))))
        shorts.append(Fraction(1 << 1000) if proved is None else max(Fraction(0), v - proved))
    cap = answer.problem.budget_cap
    gap = Fraction(0)
    for _ in range(60):
        wanted = max(
            _wanted(curve, found, j, shorts, gap, None if cap is None else Fraction(cap))
            for j in range(len(curve.budget))
        )
        if wanted <= gap:
            break
        gap = wanted
    return max(shorts), gap


def _wanted(
    curve: ExactCurve, found: ExactPoints, j: int, shorts: list[Fraction], gap: Fraction, cap: Fraction | None
) -> Fraction:
    """The gap that the piece right of breakpoint j asks for, at the budget where `gap` fails most."""
    b0, v0 = curve.budget[j], curve.value[j]
    last = j == len(curve.slope)
    b1 = cap if last else curve.budget[j + 1]
    if last and cap is not None and cap <= b0:
        return gap
    slope = Fraction(0) if last else curve.slope[j]
    slack = shorts[j] if last else max(shorts[j], shorts[j + 1])
    candidates = {b0} | ({b1} if b1 is not None else set())
    if slope > 0 and v0 < 0 < v0 + slope * ((b1 or b0) - b0):
        candidates.add(b0 - v0 / slope)
    for sign in (-1, 1) if gap else (1,):
        kink = _kink(found, slope * (1 + sign * gap))
        if kink is not None and kink > b0 and (b1 is None or kink < b1):
            candidates.add(kink)
    if b1 is None and (not found.price or found.price[-1] > 0):
        return Fraction(1 << 1000)
    worst = gap
    for b in candidates:
        level = v0 + slope * (b - b0)
        height = min(w + p * b for p, w in zip(*_near(found, b), strict=True))
        worst = max(worst, (height - level + slack) / (1 + abs(level)))
    return worst


def _kink(found: ExactPoints, slope: Fraction) -> Fraction | None:
    """Where the lines whose prices are next above and below a slope meet."""
    below = bisect_right(found.price, -slope, key=lambda p: -p)
    if not 0 < below < len(found.price):
        return None
    above = below - 1
    return (found.line[below] - found.line[above]) / (found.price[above] - found.price[below])


def _near(found: ExactPoints, b: Fraction) -> tuple[list[Fraction], list[Fraction]]:
    """The lines about the lowest one at a budget: heights are convex in the price."""
    low, high = 0, len(found.price) - 1
    while low < high:
        middle = (low + high) // 2
        here = found.line[middle] + found.price[middle] * b
        if found.line[middle + 1] + found.price[middle + 1] * b < here:
            low = middle + 1
        else:
            high = middle
    span = slice(max(0, low - 1), low + 2)
    return found.price[span], found.line[span]


def exact_allocation_check(
    answer: Allocation, evidence: Support, parts: list[ExactSupport]
) -> Iterator[Check]:
    """The bound at exact lines, and what the rows are worth at exact points, as rationals."""
    limited = answer.limits is not None
    best = exact_limited_bound(answer, parts) if limited else min(_exact_bounds(answer, parts))
    lack, worst, wrong = Fraction(0), Fraction(0), ""
    cache: dict[int, ExactPoints] = {}
    rows = zip(
        answer.state.tolist(), answer.count.tolist(), answer.probability.tolist(),
        answer.unit_budget.tolist(), answer.unit_value.tolist(), strict=True,
    )  # fmt: skip
    for s, n, chance, b, v in rows:
        found = cache.setdefault(s, points_of(parts, s))
        proved = found.proved(Fraction(b) + Fraction(float(budget_room(evidence, s, b))))
        short = Fraction(1 << 1000) if proved is None else max(Fraction(0), Fraction(v) - proved)
        worst = max(worst, short)
        lack += n * Fraction(chance) * short
        if short > _allowed(answer.curves, evidence, s, np.array([v])):
            label = answer.curves.problem.labels[s]
            wrong = f"({b:.9g}, {v:.9g}) of {label!r} is {float(short):.3g} too high"
    gap = (best - Fraction(answer.value) + lack) / (1 + abs(Fraction(answer.value)))
    yield Check(
        "exact value", not wrong or answer.method == "uniform",
        wrong or f"rows achieved to {float(worst):.2g} each, {float(lack):.2g} in all",
    )  # fmt: skip
    ok = best <= Fraction(answer.bound)
    yield Check(
        "exact bound", ok,
        f"stated {answer.bound:.17g}, exact {float(best):.17g}; exact gap {rational(max(gap, Fraction(0)))}",
    )  # fmt: skip


def _exact_bounds(answer: Allocation, parts: list[ExactSupport]) -> Iterator[Fraction]:
    """The dual bound at every price that gives one, with lines that hold up to the cap of a unit."""
    count, cap = answer.population.count.tolist(), answer.curves.problem.budget_cap
    occupied = [s for s, n in enumerate(count) if n]
    finite = [(p, part.line[:, k]) for part in parts for k, p in enumerate(part.price) if p is not None]
    at_cap: dict[int, int] = {}
    for p, line in sorted(finite, key=lambda found: -found[0]):
        height = {s: int(line[s]) for s in occupied}
        if cap is not None:
            worth = p * Fraction(cap) * ONE
            at_cap = {s: min(at_cap.get(s, w + ceil(worth)), w + ceil(worth)) for s, w in height.items()}
            height = {s: min(w, at_cap[s] - floor(worth)) for s, w in height.items()}
        if p == 0 or not np.isinf(answer.budget):
            money = Fraction(0) if p == 0 else p * Fraction(answer.budget)
            yield money + Fraction(sum(count[s] * w for s, w in height.items()), ONE)


def exact_limited_bound(answer: Allocation, parts: list[ExactSupport]) -> Fraction:
    """The bound of the stated price and multipliers, with exact lines up to the ends that each unit has."""
    units = answer.limited()
    code, prices = units.prices(answer.price, answer.multipliers)
    total = outside(answer)
    for b in np.flatnonzero(units.count).tolist():
        found, p = points_of(parts, int(units.state[b])), prices[code[b]]
        least, most = Fraction(float(units.least[b])), float(units.most[b])
        heights = [
            w + (q - p) * (Fraction(most) if q > p else least)
            for q, w in zip(found.price, found.line, strict=True)
            if q <= p or math.isfinite(most)
        ]
        j = bisect_right(found.price, -p, key=lambda q: -q)
        if 0 < j < len(found.price):
            share = (p - found.price[j]) / (found.price[j - 1] - found.price[j])
            heights.append(found.line[j] + share * (found.line[j - 1] - found.line[j]))
        elif j and found.price[j - 1] == p:
            heights.append(found.line[j - 1])
        if not heights:
            return Fraction(1 << 1030)
        total += int(units.count[b]) * min(heights)
    return total


def exact_parts(answer: CurveSet, prices: Floats) -> list[ExactSupport]:
    """Exact lines and points, with ties to the least and to the most spend."""
    problem = answer.problem
    if problem.horizon is None:
        return stationary_parts(answer, prices)
    decisions = problem.horizon - answer.stage
    return [
        exact_support(problem, prices.tolist(), decisions=decisions, ties=ties) for ties in ("least", "most")
    ]
