"""The checker's own backward pass: a line above every curve and a point on it, per price.

For a price :math:`\\lambda \\ge 0` let :math:`\\lambda_k = \\lambda (\\gamma_c/\\gamma)^k`, and let k
decisions be past. With :math:`q^v_a = r_a + \\gamma \\sum_j p_{aj} v_{k+1}(j)` and
:math:`q^b_a = c_a + \\gamma_c \\sum_j p_{aj} b_{k+1}(j)` the pass takes the action with the largest
:math:`q^v - \\lambda_k q^b` (then the least spend), and :math:`v_k, b_k` are its two numbers. Because
:math:`\\gamma \\lambda_{k+1} = \\gamma_c \\lambda_k`, the number :math:`w_k = v_k - \\lambda_k b_k` is the
optimal value of the ordinary problem with reward :math:`r - \\lambda_k c`, and by Lagrangian duality

.. math:: V(s, b) \\le w(s) + \\lambda b \\quad \\text{for every } b,

while :math:`(b_0(s), v_0(s))` is achieved by one deterministic policy. An infinite price means least
spend, then most value; the price 0 most value, then least spend.

**Rounding.** Let u = 2^-53, d the widest row, and for each state

.. math:: M_k(s) = \\max_a |r_a| + \\gamma \\sum_j p_{aj} M_{k+1}(j), \\qquad
          E_k(s) = \\max_a \\gamma \\sum_j p_{aj} E_{k+1}(j) + (d + 3) u M_k(s),

M_T = the absolute terminal utility, E_T = 0 (for spend: c in the place of r, :math:`\\gamma_c`, zeros).
A term of a row sum has at most d roundings, the discount, the addition and u - c one each, so the
computed v of *any* policy is within E of its exact value, and likewise its spend.
The choice of the action is rounded too. A score :math:`\\alpha q^v - \\beta q^b` has weights within 3u
(the drift :math:`(\\gamma_c/\\gamma)^k` is computed in decimal arithmetic of 60 digits), a product and a
subtraction, and two scores are compared: what is lost is at most 10 u M_k. With

.. math:: F_k(s) = \\max_a \\gamma \\sum_j p_{aj} F_{k+1}(j) + (d + 13) u M_k(s)

induction over the stages gives :math:`w^*_k \\le v_k - \\lambda_k b_k + F^v_k + \\lambda_k F^b_k`: the
maximum of numbers that are each off by at most e is off by at most e (with one action per state,
nothing is compared, and F = E). These bounds hold at every price, state by state, so that a state of
small numbers keeps a small error beside one of large numbers. A second pair of bounds, DESIGN 5.4's
:math:`E_k`, holds in every state, price by price: it has the largest computed numbers of each stage in
the place of M. A line is raised by the smaller of the two. All bounds are themselves computed in
floating point and raised by a factor above their own rounding.

The row sums used are those of the stored probabilities, which need not be exactly 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.certify.rows import CHUNK, Rows
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]
Ties = Literal["strict", "least", "most"]

ROUNDOFF = 2.0**-53
TINY = 2.0**-900
"""Above everything that underflow or overflow of a weight can lose in one stage."""
BAND = 2.0**-41
"""Scores that differ by less than this share of what a state can be worth count as tied."""
BY_STATE = 1 << 16
"""Up to so many states each has a rounding bound of its own."""
MEMORY = 1 << 28
"""Bytes of working memory that one batch of prices may take."""


@dataclass(frozen=True, eq=False, repr=False)
class Support:
    """Lines above and points on the curves of n states at K prices, with their rounding.

    Attributes
    ----------
    price : (K,) as given; inf and 0 allowed
    intercept : (n, K) value; V(s, b) <= intercept + price * b for every b, in exact arithmetic;
        +inf at an infinite price
    spend, value : (n, K) money and value, of one policy per price, as computed
    spend_error, value_error : (n,) how far a computed spend or value may be from the exact one
    spend_slack : (n,) the least feasible budget is at least `spend - spend_slack` at an infinite price
    least_room : (n,) rounding by which a stated least budget may be above that
    second_moment : (n, K) money^2, of the spend of that policy, or None
    ambiguity : (n, K) probability of meeting a near tie between actions, or None; 0 proves that no
        other policy reaches the same point
    pair : (n, K) int32, the state-action pair that is chosen now, -1 in terminal states
    following_spend, following_value : (n, K) the same points with one decision fewer to go, or None
    """

    price: Floats
    intercept: Floats
    spend: Floats
    value: Floats
    spend_error: Floats
    value_error: Floats
    spend_slack: Floats
    least_room: Floats
    pair: NDArray[np.int32]
    second_moment: Floats | None = None
    ambiguity: Floats | None = None
    following_spend: Floats | None = None
    following_value: Floats | None = None


def support(
    problem: BudgetedMDP,
    prices: ArrayLike,
    *,
    decisions: int | None = None,
    ties: Ties = "strict",
    moments: bool = False,
    following: bool = False,
) -> Support:
    """Lines above and points on every state's curve, by one backward pass of the checker's own.

    Parameters
    ----------
    problem : a problem with a finite horizon
    prices : (K,) value per money, >= 0, in any order; inf and 0 are lexicographic
    decisions : decisions left to go; None is the whole horizon
    ties : "strict" maximises; "least" and "most" spend the least or most among actions that are tied
        to a small share of their value: other points, and no lines (their intercept is +inf)
    moments : also the second moment of spend, and where ties were met
    following : also keep the points with one decision fewer to go

    Raises
    ------
    UsageError
        If the horizon is infinite or a price is negative or not a number.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> lines = support(two_action_example(horizon=1), [10.0, 5.0])
    >>> lines.spend[0].tolist(), lines.value[0].tolist()
    ([0.0, 1.0], [1.0, 10.0])
    >>> bool((1.0 <= lines.intercept[0, 0]) and (lines.intercept[0, 0] < 1.0 + 1e-13))
    True

    Notes
    -----
    O(K T z) for z entries of the distinct rows; working memory is bounded, results take
    28 n K bytes. Source: the price sweep of the design, section 5.2, and its section 5.4.
    """
    price = np.atleast_1d(np.asarray(prices, dtype=np.float64))
    if price.ndim != 1 or not (price >= 0).all():
        raise UsageError("prices must be a vector of numbers >= 0")
    stages = problem.horizon if decisions is None else decisions
    if stages is None:
        raise UsageError("a backward pass needs a finite number of decisions")
    rows = Rows(problem)
    *_, last = (_no_decisions(problem), *magnitudes(problem, rows, stages))
    kept, lost = _collect(problem, rows, price, stages, ties, moments, following)
    slack = _compared(rows, problem) * last.spend_error
    return Support(
        price=price,
        intercept=_raised(rows, problem, price, kept, last, lost, lines=ties == "strict"),
        spend_error=last.spend_error,
        value_error=last.value_error,
        spend_slack=slack,
        least_room=2.0 * slack + 3.0 * last.spend_error,
        **kept,
    )


def _compared(rows: Rows, problem: BudgetedMDP) -> float:
    """F / E: how much more a chosen action may lose than an evaluated one."""
    chosen = 10 if np.diff(problem.pair_ptr).max(initial=0) > 1 else 0
    return (rows.widest + 3 + chosen) / (rows.widest + 3)


def _raised(
    rows: Rows,
    problem: BudgetedMDP,
    price: Floats,
    kept: dict[str, Any],
    last: "Magnitude",
    lost: tuple[Floats, Floats],
    *,
    lines: bool,
) -> Floats:
    """Intercepts that hold: w, and the smaller of the bounds by state and by price. +inf if no lines."""
    finite = np.isfinite(price) & lines
    at = np.where(finite, price, 0.0)
    level = at * kept["spend"]
    by_state = last.value_error[:, None] + at * last.spend_error[:, None]
    room = _compared(rows, problem) * np.minimum(by_state, lost[0] + at * lost[1])
    top = kept["value"] - level + room
    top += 4 * ROUNDOFF * (np.abs(kept["value"]) + np.abs(level) + room)
    top[:, ~finite] = np.inf
    return np.asarray(top)


@dataclass(frozen=True, eq=False)
class Magnitude:
    """What a state can be worth and spend at most, and the rounding of a computed policy, (n,)."""

    value: Floats
    spend: Floats
    value_error: Floats
    spend_error: Floats


def _no_decisions(problem: BudgetedMDP) -> Magnitude:
    zero = np.zeros(problem.n_states)
    return Magnitude(np.abs(problem.terminal_utility), zero, zero, zero)


def magnitudes(problem: BudgetedMDP, rows: Rows, stages: int) -> Iterator[Magnitude]:
    """M_k and E_k of the module's text, from the last stage to the first; of all states at once if many."""
    if problem.n_states > BY_STATE:
        yield from _magnitudes_at_large(problem, rows, stages)
        return
    width = rows.widest
    raised = 1.0 + 4 * (width + 8) * ROUNDOFF
    unit = (width + 3) * ROUNDOFF * raised
    acts = np.flatnonzero(~problem.is_terminal)
    count = np.diff(problem.pair_ptr)[acts]
    first = problem.pair_ptr[:-1][acts]
    discount = np.array([problem.discount, problem.cost_discount] * 2)
    step = np.stack([np.abs(problem.pair_reward), problem.cost], axis=1) * raised
    start = _no_decisions(problem)
    x = np.stack([start.value, start.spend, start.value_error, start.spend_error], axis=1)
    for _ in range(stages):
        expected = rows.expect(x)
        best = np.zeros((acts.size, 4))
        for position in range(int(count.max(initial=0))):
            who = np.flatnonzero(count > position)
            pair = first[who] + position
            q = expected[problem.pair_row[pair]]
            q *= discount
            q[:, :2] += step[pair]
            best[who] = np.maximum(best[who], q)
        best *= raised
        best[:, 2:] = (best[:, 2:] + unit * best[:, :2]) * raised + TINY * (best[:, :2] > 0)
        x = x.copy()
        x[acts] = best
        yield Magnitude(*(np.ascontiguousarray(column) for column in x.T))


def _magnitudes_at_large(problem: BudgetedMDP, rows: Rows, stages: int) -> Iterator[Magnitude]:
    """The same with the largest of each number in the place of every state's own."""
    raised = 1.0 + 4 * (rows.widest + 8) * ROUNDOFF
    unit = (rows.widest + 3) * ROUNDOFF * raised
    step = np.array([np.abs(problem.pair_reward).max(initial=0.0), problem.cost.max(initial=0.0)])
    carried = np.array([problem.discount, problem.cost_discount]) * rows.largest_sum * raised
    size, error = np.array([np.abs(problem.terminal_utility).max(), 0.0]), np.zeros(2)
    end = size
    for _ in range(stages):
        size = np.maximum(end, (step + carried * size) * raised)
        error = (carried * error + unit * size) * raised + TINY * (size > 0)
        everywhere = np.ones((4, problem.n_states)) * np.concatenate([size, error])[:, None]
        yield Magnitude(*everywhere)


def _collect(
    problem: BudgetedMDP,
    rows: Rows,
    price: Floats,
    stages: int,
    ties: Ties,
    moments: bool,
    following: bool,
) -> tuple[dict[str, Any], tuple[Floats, Floats]]:
    """The pass in batches of prices that fit into the working memory; and E of value and spend, (K,)."""
    n, size = problem.n_states, price.size
    kinds = ("value", "spend", "second_moment", "ambiguity") if moments else ("value", "spend")
    batch = max(1, min(64, MEMORY // (8 * len(kinds) * (n + rows.count + 1))))
    lines: dict[str, Any] = {name: np.empty((n, size)) for name in kinds}
    lines["pair"] = np.empty((n, size), dtype=np.int32)
    if following:
        lines |= {name: np.empty((n, size)) for name in ("following_value", "following_spend")}
    peaks = np.zeros((stages + 1, 2, size))
    for begin in range(0, size, batch):
        span = slice(begin, begin + batch)
        now, later, pair, peaks[:, :, span] = _backward(problem, rows, price[span], stages, ties, moments)
        parts: dict[str, NDArray[np.generic]] = {name: now[:, i] for i, name in enumerate(kinds)}
        parts["pair"] = pair
        if following:
            parts |= {"following_value": later[:, 0], "following_spend": later[:, 1]}
        for name, part in parts.items():
            lines[name][:, span] = part
    return lines, _lost_by_price(problem, rows, peaks)


def _lost_by_price(problem: BudgetedMDP, rows: Rows, peaks: Floats) -> tuple[Floats, Floats]:
    """E of value and spend from the largest numbers that were met at each price, (K,) each."""
    unit = (rows.widest + 3) * ROUNDOFF
    raised = 1.0 + 4 * (rows.widest + 8) * ROUNDOFF
    largest = np.array([np.abs(problem.pair_reward).max(initial=0.0), problem.cost.max(initial=0.0)])
    carried = np.array([problem.discount, problem.cost_discount]) * rows.largest_sum * raised
    lost = np.zeros(peaks.shape[1:])
    for peak in peaks[1:][::-1]:
        met = largest[:, None] + carried[:, None] * peak
        lost = (carried[:, None] * lost + unit * raised * met) * raised + TINY * (met > 0)
    return lost[0], lost[1]


def _backward(
    problem: BudgetedMDP, rows: Rows, price: Floats, stages: int, ties: Ties, moments: bool
) -> tuple[Floats, Floats, NDArray[np.int32], Floats]:
    """All stages for a few prices.

    Returns the numbers (n, kinds, K) now and one decision later, the pairs chosen (n, K), and the
    largest |value| and |spend| of each stage (T+1, 2, K).
    """
    size, n = price.size, problem.n_states
    x = np.zeros((n, 4 if moments else 2, size))
    x[:, 0] = problem.terminal_utility[:, None]
    pair = np.full((n, size), -1, dtype=np.int32)
    later = x
    peaks = np.zeros((stages + 1, 2, size))
    peaks[-1, 0] = np.abs(problem.terminal_utility).max()
    magnitude = magnitudes(problem, rows, stages) if ties != "strict" or moments else None
    step = max(256, CHUNK // max(1, x.shape[1] * size))
    for k in range(stages - 1, -1, -1):
        width = next(magnitude) if magnitude is not None else None
        alpha, beta = _weights(problem, price, k)
        expected = rows.expect(x.reshape(n, x.shape[1] * size)).reshape(rows.count, x.shape[1], size)
        later, x = x, np.empty_like(x)
        for begin in range(0, n, step):
            states = slice(begin, min(n, begin + step))
            choice = _Choice(problem, expected, states, later[states], price, alpha, beta)
            choice.take_best()
            if width is not None:
                band = BAND * (alpha * width.value[states, None] + beta * width.spend[states, None])
                if ties != "strict":
                    choice.take_tied(band, most=ties == "most")
                if moments:
                    choice.add_ambiguity(band)
            x[states], pair[states] = choice.numbers, choice.pair
            values, spends = choice.numbers[:, 0], choice.numbers[:, 1]
            top = np.maximum(values.max(axis=0), -values.min(axis=0))
            peaks[k] = np.maximum(peaks[k], (top, spends.max(axis=0)))
    return x, later, pair, peaks


def _weights(problem: BudgetedMDP, price: Floats, stage: int) -> tuple[Floats, Floats]:
    """(alpha, beta) proportional to (1, price of the stage), the larger of them 1."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        drift = _drift(problem.discount, problem.cost_discount, stage)
        now = np.where(price == 0, 0.0, np.where(np.isinf(price), np.inf, price * drift))
        return np.minimum(1.0, 1.0 / now), np.minimum(1.0, now)


@lru_cache(maxsize=4096)
def _drift(discount: float, cost_discount: float, stage: int) -> float:
    """(cost_discount / discount)^stage, the nearest double; inf or 0 beyond the range of doubles."""
    with localcontext() as digits:
        digits.prec = 60
        digits.Emin, digits.Emax = -(10**9), 10**9
        return float((Decimal(cost_discount) / Decimal(discount)) ** stage)


class _Choice:
    """The best pair of some states at each price; pairs are looked at one position at a time.

    `numbers` (states, kinds, K) begins as what terminal states keep, and ends as the chosen pairs'.
    """

    def __init__(
        self,
        problem: BudgetedMDP,
        expected: Floats,
        states: slice,
        unchanged: Floats,
        price: Floats,
        alpha: Floats,
        beta: Floats,
    ) -> None:
        self.problem, self.expected = problem, expected
        self.alpha, self.beta = alpha, beta
        self.least_first = np.isinf(price)
        bounds = problem.pair_ptr[states.start : states.stop + 1]
        self.first, self.count = bounds[:-1], np.diff(bounds)
        self.numbers = unchanged.copy()
        shape = (self.first.size, price.size)
        self.score = np.full(shape, -np.inf)
        self.second = np.full(shape, -np.inf)
        self.pair = np.full(shape, -1, dtype=np.int32)

    def _pairs(self) -> Iterator[tuple[slice | NDArray[np.intp], NDArray[np.int64], Floats, Floats]]:
        """Of each position: which states have it, their pairs, the pairs' numbers and scores."""
        p = self.problem
        for position in range(int(self.count.max(initial=0))):
            having = self.count > position
            who = slice(None) if having.all() else np.flatnonzero(having)
            pair = self.first[who] + position
            q = np.take(self.expected, p.pair_row[pair], axis=0)
            cost = p.cost[pair][:, None]
            if q.shape[1] > 2:
                q[:, 2] *= p.cost_discount**2
                q[:, 2] += cost * (cost + 2 * p.cost_discount * q[:, 1])
            q[:, 0] *= p.discount
            q[:, 0] += p.pair_reward[pair][:, None]
            q[:, 1] *= p.cost_discount
            q[:, 1] += cost
            score = self.alpha * q[:, 0]
            score -= self.beta * q[:, 1]
            yield who, pair, q, score

    def take_best(self) -> None:
        """The largest score; of equal ones the least spend (at an infinite price the most value)."""
        for who, pair, q, score in self._pairs():
            second = np.where(self.least_first, q[:, 0], -q[:, 1])
            best = self.score[who]
            better = (score > best) | ((score == best) & (second > self.second[who]))
            self._keep(who, pair, q, second, better)
            self.score[who] = np.maximum(score, best)

    def take_tied(self, band: Floats, *, most: bool) -> None:
        """The least or the most spend among pairs whose score is within `band` of the best."""
        sign = np.where((self.alpha > 0) & (self.beta > 0) & most, 1.0, -1.0)
        self.second[:] = -np.inf
        for who, pair, q, score in self._pairs():
            second = np.where(self.least_first, q[:, 0], sign * q[:, 1])
            better = (score >= self.score[who] - band[who]) & (second > self.second[who])
            self._keep(who, pair, q, second, better)

    def add_ambiguity(self, band: Floats) -> None:
        """Mark the states where another pair is within `band` of the best."""
        tied = np.zeros(self.score.shape, dtype=np.int64)
        for who, _, _, score in self._pairs():
            tied[who] += score >= self.score[who] - band[who]
        self.numbers[:, 3][tied > 1] = 1.0

    def _keep(
        self,
        who: slice | NDArray[np.intp],
        pair: NDArray[np.int64],
        q: Floats,
        second: Floats,
        better: NDArray[np.bool_],
    ) -> None:
        pairs = np.broadcast_to(pair[:, None].astype(np.int32), better.shape)
        for kept, new, where in (
            (self.numbers, q, better[:, None]),
            (self.second, second, better),
            (self.pair, pairs, better),
        ):
            if isinstance(who, slice):
                np.copyto(kept, new, where=where)
            else:
                kept[who] = np.where(where, new, kept[who])
