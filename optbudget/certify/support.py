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

**Rounding.** Let u = 2^-53, d the widest row and T the number of stages. In T stages a term of a
policy's value or spend meets at most :math:`T (d + 3)` roundings: d in each row sum, the discount,
the addition, and u - c. Spends are sums of terms :math:`\\ge 0`, so a computed spend is exact to the
*relative* error :math:`T (d + 3) u`. For values the policy's expected sum of absolute rewards is
carried along as `size`, and :math:`(d + 3) u` times it, discounted and added up over the stages, is
the `error`.

The line is bounded by a number of its own, which no comparison of computed scores enters:

.. math:: t_k(s) = \\max_a \\; r_a - \\lambda_k c_a + \\gamma \\sum_j p_{aj} t_{k+1}(j) + e_a, \\qquad
          e_a = (d + 8) u \\Big(|r_a| + \\lambda_k c_a + \\gamma \\sum_j p_{aj} |t_{k+1}(j)|\\Big),

|t| being carried along too. By induction :math:`t_0` is above the exact w, and an action that is far
from optimal adds nothing, however large its numbers are. (The drift :math:`(\\gamma_c/\\gamma)^k` is
computed in decimal arithmetic of 60 digits; where a price overflows, a smaller one keeps t above.)

Beyond `BY_STATE` states these columns are saved, and DESIGN 5.4's running bound stands in:
:math:`E_k = \\gamma \\sigma E_{k+1} + (d + 3) u M_k` and, for lines, d + 13 in the place of d + 3, with
:math:`M_k = \\max |r| + \\gamma \\sigma \\max |v_{k+1}|`, :math:`\\sigma` the largest row sum, and
likewise for spends: a score has weights within 3u, a product and a subtraction, and two scores are
compared. All bounds are themselves computed in floating point and raised by a factor above their own
rounding.

The row sums used are those of the stored probabilities, which need not be exactly 1.
"""

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.certify.choice import ROUNDOFF, TINY, Choice, Kind, Ties, Weights, rates
from optbudget.certify.rows import CHUNK, Rows, run
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]
BY_STATE = 1 << 16
"""Up to so many states each has rounding bounds of its own."""
LARGEST_PRICE = 2.0**900
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
    value_error : (n, K) how far a computed value may be from the exact one
    spend_rounding : relative error of every computed spend
    spend_error : (n,) money; what a spend may be off by beyond that
    spend_slack : (n,) money; at an infinite price nobody spends less than `spend - spend_slack`, rounded
    least_room : (n,) money; by how much a stated least budget may be above that, beyond rounding
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
    value_error: Floats
    spend_rounding: float
    spend_error: Floats
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
    small = problem.n_states <= BY_STATE
    kinds: tuple[Kind, ...] = ("value", "spend")
    if ties != "strict" or moments or small:
        kinds += ("size", "error")
    if moments:
        kinds += ("second_moment", "ambiguity")
    if ties == "strict" and small:
        kinds += ("top", "absolute_top")
    kept, peaks = _collect(problem, rows, price, stages, kinds, ties, following)
    tiny = np.full(problem.n_states, TINY)
    lost_v, lost_b = _lost_by_price(problem, rows, peaks)
    relative = stages * (rows.widest + 3) * ROUNDOFF * (1.0 + 4 * stages * (rows.widest + 8) * ROUNDOFF)
    error = np.broadcast_to(lost_v, kept["value"].shape)
    if "error" in kept:
        error = kept.pop("error") * (1.0 + 4 * relative) + TINY * (kept.pop("size") > 0)
    top = kept.pop("top", None)
    kept.pop("absolute_top", None)
    if top is None:
        compared = (rows.widest + 13) / (rows.widest + 3)
        top = _raised(price, kept, compared * (lost_v + np.where(np.isinf(price), 0.0, price) * lost_b))
    top[:, np.isinf(price)] = np.inf
    if ties != "strict":
        top[:] = np.inf
    return Support(
        price=price, intercept=top, value_error=error, spend_rounding=relative, spend_error=tiny,
        spend_slack=tiny, least_room=2.0 * tiny, **kept,
    )  # fmt: skip


def _raised(price: Floats, kept: dict[str, Any], room: Floats) -> Floats:
    """w + room at each finite price, rounded up."""
    level = np.where(np.isinf(price), 0.0, price) * kept["spend"]
    top = kept["value"] - level + room
    top += 4 * ROUNDOFF * (np.abs(kept["value"]) + np.abs(level) + room)
    return np.asarray(top)


def _collect(
    problem: BudgetedMDP,
    rows: Rows,
    price: Floats,
    stages: int,
    kinds: tuple[Kind, ...],
    ties: Ties,
    following: bool,
) -> tuple[dict[str, Any], Floats]:
    """The pass in batches of prices that fit into the working memory; and the peaks (T+1, 2, K)."""
    n, size = problem.n_states, price.size
    batch = max(1, min(64, MEMORY // (8 * len(kinds) * (n + rows.count + 1))))
    lines: dict[str, Any] = {name: np.empty((n, size)) for name in kinds}
    lines["pair"] = np.empty((n, size), dtype=np.int32)
    if following:
        lines |= {name: np.empty((n, size)) for name in ("following_value", "following_spend")}
    peaks = np.zeros((stages + 1, 2, size))
    for begin in range(0, size, batch):
        span = slice(begin, begin + batch)
        now, later, pair, peaks[:, :, span] = _backward(problem, rows, price[span], stages, kinds, ties)
        parts: dict[str, NDArray[np.generic]] = {name: now[i] for i, name in enumerate(kinds)}
        parts["pair"] = pair
        if following:
            parts |= {"following_value": later[0], "following_spend": later[1]}
        for name, part in parts.items():
            lines[name][:, span] = part
    return lines, peaks


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
    problem: BudgetedMDP, rows: Rows, price: Floats, stages: int, kinds: tuple[Kind, ...], ties: Ties
) -> tuple[Floats, Floats, NDArray[np.int32], Floats]:
    """All stages for a few prices.

    Returns the numbers (kinds, n, K) now and one decision later, the pairs chosen (n, K), and the
    largest |value| and |spend| of each stage (T+1, 2, K).
    """
    size, n = price.size, problem.n_states
    x = terminal_numbers(problem, kinds, size)
    pair = np.full((n, size), -1, dtype=np.int32)
    later = x
    peaks = np.zeros((stages + 1, 2, size))
    peaks[-1, 0] = np.abs(problem.terminal_utility).max()
    step = max(256, CHUNK // max(1, len(kinds) * size))
    found = np.zeros((-(-n // step), 2, size))
    threads = min(os.cpu_count() or 1, found.shape[0])
    with ThreadPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
        for k in range(stages - 1, -1, -1):
            weights = stage_weights(problem, price, k)
            expected = expected_numbers(problem, rows, x, kinds, pool)
            later, x = x, np.empty_like(x)

            def one(begin: int) -> None:
                states = slice(begin, min(n, begin + step))
                choice = Choice(problem, expected, states, later[:, states], kinds, weights, rows.widest)  # noqa: B023
                choice.take_best()
                if ties != "strict":
                    choice.take_tied(most=ties == "most")
                if "ambiguity" in kinds:
                    choice.add_ambiguity()
                x[:, states], pair[states] = choice.numbers, choice.pair  # noqa: B023
                values, spends = choice.numbers[:2]
                found[begin // step, 0] = np.maximum(values.max(axis=0), -values.min(axis=0))
                found[begin // step, 1] = spends.max(axis=0)

            run(one, range(0, n, step), pool)
            peaks[k] = found.max(axis=0)
    return x, later, pair, peaks


def expected_numbers(
    problem: BudgetedMDP, rows: Rows, x: Floats, kinds: tuple[Kind, ...], pool: Executor | None = None
) -> Floats:
    """Discounted expected numbers (kinds, rows, K) of the numbers (kinds, n, K) one decision later."""
    expected = np.zeros((x.shape[0], rows.count, x.shape[2]))
    at = {kind: i for i, kind in enumerate(kinds)}
    for i, (kind, rate) in enumerate(zip(kinds, rates(problem, kinds).tolist(), strict=True)):
        if kind == "ambiguity":
            met = np.flatnonzero(x[i].any(axis=0))
            if met.size:
                expected[i][:, met] = rows.expect(np.ascontiguousarray(x[i][:, met]), rate, pool)
        elif kind == "absolute_top" and x[at["top"]].min(initial=0.0) >= 0:
            expected[i] = expected[at["top"]]
        else:
            rows.expect(x[i], rate, pool, expected[i])
    return expected


def terminal_numbers(problem: BudgetedMDP, kinds: tuple[Kind, ...], size: int) -> Floats:
    """The numbers (kinds, n, K) after the last decision."""
    x = np.zeros((len(kinds), problem.n_states, size))
    ends = {"value": problem.terminal_utility, "top": problem.terminal_utility}
    ends["size"] = ends["absolute_top"] = np.abs(problem.terminal_utility)
    for i, kind in enumerate(kinds):
        if kind in ends:
            x[i] = ends[kind][:, None]
    return x


def stage_weights(problem: BudgetedMDP, price: Floats, stage: int) -> Weights:
    """The price of the stage, and (alpha, beta) proportional to (1, that price), the larger of them 1."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        drift = price_drift(problem.discount, problem.cost_discount, stage)
        now = np.where(price == 0, 0.0, np.where(np.isinf(price), np.inf, price * drift))
        finite = np.where(np.isinf(price), 0.0, np.minimum(now, LARGEST_PRICE))
        return Weights(np.isinf(price), finite, np.minimum(1.0, 1.0 / now), np.minimum(1.0, now))


@lru_cache(maxsize=4096)
def price_drift(discount: float, cost_discount: float, stage: int) -> float:
    """(cost_discount / discount)^stage, the nearest double; inf or 0 beyond the range of doubles."""
    with localcontext() as digits:
        digits.prec = 60
        digits.Emin, digits.Emax = -(10**9), 10**9
        return float((Decimal(cost_discount) / Decimal(discount)) ** stage)
