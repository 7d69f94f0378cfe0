"""An infinite horizon, one price at a time: stationary policies, and lines that no rounding crosses.

With equal discounts :math:`\\gamma` on rewards and spend, a price :math:`\\lambda` of money is the same
at every stage, so some stationary deterministic policy :math:`\\pi` is best for it. Its value and spend
solve their own equations, and w = v - \\lambda b bounds every policy's value less priced spend,

.. math:: v = r_\\pi + \\gamma P_\\pi v, \\quad b = c_\\pi + \\gamma P_\\pi b, \\quad
          V(s, b') \\le w(s) + \\lambda b'.

Computed numbers satisfy this only nearly. What is handed on is corrected, with the duration m of
`optbudget.budgeted.termination` (1 / (1 - gamma), or the largest expected number of decisions):

* the line is raised by :math:`\\rho m`, :math:`\\rho = \\max_a (r^a - \\lambda c^a + \\gamma P^a w - w)^+`;
* the point is moved to :math:`(b + \\epsilon_b m, v - \\epsilon_v m)`, each :math:`\\epsilon` the largest
  residual of its own equation; where no cost, or no reward, can be reached it is left at exactly 0;
* every residual includes a bound on its own rounding, (d + 8) u times the largest term, for d
  successors and u = 2^-53.

So the point can be achieved and the line holds, however the policy was found. An iterate of value
iteration is never used as a point: its spend leaves out what is spent later.

The price inf asks for the least spend, then the most value; the price 0 for the most value, then
the least spend: one policy iteration each, then a second one among the pairs that tie in the first.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.budgeted import _stationary_kernels as kernels
from optbudget.budgeted._stationary_kernels import Chain
from optbudget.budgeted.lines import PriceLines, falling
from optbudget.budgeted.policy_iteration import (
    UNIT,
    Choice,
    Floats,
    chosen,
    evaluate,
    first_choice,
    largest_row_sum,
    look_ahead,
    policy_iteration,
    restricted,
    widest_row,
)
from optbudget.budgeted.termination import chain_of, longest
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP
from optbudget.problems.curve_set import StationaryWitness

BATCH = 32
"""Prices that travel together; fixed, so that results do not depend on the number of threads."""


@dataclass(frozen=True, eq=False)
class Ongoing:
    """A problem over an infinite horizon, without the states that have ended.

    Attributes
    ----------
    problem : as given
    chain : its pairs, those of ended states left out
    pair : (p,) index of each of these pairs into the problem's
    reward, cost : (p,)
    end_value : (n,) terminal utility in ended states, else 0
    duration, spend_duration : (n,) m for the discount of rewards and for that of spend: bounds on the
        discounted number of decisions to come, 0 in ended states
    """

    problem: BudgetedMDP
    chain: Chain
    pair: NDArray[np.int64]
    reward: Floats
    cost: Floats
    end_value: Floats
    duration: Floats
    spend_duration: Floats

    @classmethod
    def of(cls, problem: BudgetedMDP) -> "Ongoing":
        """Prepare a problem; raises IllPosedError if some policy neither ends nor is discounted."""
        found = {rate: longest(problem, rate) for rate in (problem.discount, problem.cost_discount)}
        ended = np.any([mask for _, mask in found.values()], axis=0)
        durations = {rate: np.where(ended, 0.0, m) for rate, (m, _) in found.items()}
        chain, pair = restricted(chain_of(problem), ~ended[problem.pair_state])
        return cls(
            problem, chain, pair, problem.pair_reward[pair], problem.cost[pair],
            np.where(problem.is_terminal, problem.terminal_utility, 0.0),
            durations[problem.discount], durations[problem.cost_discount],
        )  # fmt: skip

    def start(self, width: int) -> tuple[Choice, Floats, Floats]:
        """First pairs, end values and no spend, for `width` policies: a start for policy iteration."""
        value = np.repeat(self.end_value[:, None], width, axis=1)
        return first_choice(self.chain, width), value, np.zeros_like(value)

    def policy(self, choice: Choice) -> Choice:
        """The pairs of a policy as indices into the problem's pairs; a resting state takes its first."""
        named = self.pair[np.maximum(choice, 0)] if self.pair.size else np.zeros(choice.shape, np.int64)
        first = np.where(self.problem.is_terminal, -1, self.problem.pair_ptr[:-1])
        return np.where(choice >= 0, named, first[:, None]).astype(np.int32)

    def choice(self, policy: Choice) -> Choice:
        """The inverse of `policy`."""
        back = np.full(self.problem.cost.size + 1, -1, dtype=np.int32)
        back[self.pair] = np.arange(self.pair.size)
        return back[policy]


def stationary_lines(
    problem: BudgetedMDP,
    prices: ArrayLike,
    *,
    warm: StationaryWitness | None = None,
    accuracy: float = 1e-13,
    threads: int | None = None,
) -> tuple[PriceLines, StationaryWitness]:
    """One stationary policy per price, with its point and its supporting line in every state.

    Parameters
    ----------
    prices : (K,) strictly decreasing, >= 0; inf and 0 are the lexicographic ends
    warm : an earlier witness; each price starts from the policies of the prices about it there
    accuracy : where the evaluations stop, relative; what they leave is measured and put in the result
    threads : batches of prices worked on at once; default all cores

    Returns
    -------
    lines : the points are already on the safe side, so their errors are 0
    witness : policy, point and line of each price, from which both are checked in one step

    Raises
    ------
    UsageError
        If the discounts differ and a price is neither inf nor 0: the price of money then changes from
        stage to stage (see `optbudget.budgeted.truncation`).
    IllPosedError
        If value or spend need not be finite.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> lines, _ = stationary_lines(two_action_example(), [float("inf"), 10.0, 8.0])
    >>> lines.spend.round(9), lines.value.round(9)
    (array([[ 0.,  0., 10.]]), array([[ 10.,  10., 100.]]))
    """
    price = np.atleast_1d(np.asarray(prices, dtype=np.float64))
    finite = np.flatnonzero(np.isfinite(price) & (price > 0))
    if finite.size and problem.discount != problem.cost_discount:
        raise UsageError("between the ends, stationary policies need equal discounts on rewards and spend")
    ongoing = Ongoing.of(problem)
    batches = [np.flatnonzero(price == end) for end in (np.inf, 0.0) if (price == end).any()]
    batches += [finite[k : k + BATCH] for k in range(0, finite.size, BATCH)]

    def one(columns: NDArray[np.int64]) -> tuple[PriceLines, StationaryWitness]:
        at = price[columns]
        if not 0 < at[0] < np.inf:
            return measured(ongoing, at, *end_policy(ongoing, float(at[0])))
        choice, value, spend = ongoing.start(columns.size) if warm is None else _neighbours(ongoing, warm, at)
        policy_iteration(
            ongoing.chain, problem.discount, ongoing.reward, ongoing.cost, at, choice, value, spend,
            accuracy=accuracy,
        )  # fmt: skip
        return measured(ongoing, at, choice, value, spend, accuracy=accuracy)

    workers = max(1, min(len(batches), threads or os.cpu_count() or 1))
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(one, batches))
    lines = PriceLines.gather([part for part, _ in parts])
    return lines, gather_witnesses([witness for _, witness in parts])


def lexicographic(
    ongoing: Ongoing, first: Floats, first_discount: float, second: Floats, second_discount: float,
    first_end: Floats, second_end: Floats,
) -> Choice:  # fmt: skip
    """A policy with the largest total of `first`, and among those the largest total of `second`.

    Totals are over pairs (p,), each with its own discount; `*_end` (n,) is what ended states add.
    Pairs tie in `first` if they differ by no more than the rounding of the comparison.
    """
    chain = ongoing.chain
    none, zero = np.zeros_like(first), np.zeros(1)
    choice = first_choice(chain, 1)
    x = first_end[:, None].copy()
    policy_iteration(chain, first_discount, first, none, zero, choice, x, np.zeros_like(x))
    state = np.repeat(np.arange(x.shape[0]), np.diff(chain.pair_ptr))
    short = x[state, 0] - look_ahead(chain, first_discount, first, x[:, 0])
    size = look_ahead(chain, first_discount, np.abs(first), np.abs(x[:, 0])) + np.abs(x[state, 0])
    tied = short <= 8 * (widest_row(chain) + 8) * UNIT * size
    tied[choice[choice >= 0]] = True
    fewer, kept = restricted(chain, tied)
    best = first_choice(fewer, 1)
    y = second_end[:, None].copy()
    policy_iteration(fewer, second_discount, second[kept], none[kept], zero, best, y, np.zeros_like(y))
    return np.where(best >= 0, kept[np.maximum(best, 0)] if kept.size else 0, -1).astype(np.int32)


def end_policy(ongoing: Ongoing, price: float) -> tuple[Choice, Floats, Floats]:
    """The lexicographic policy of price inf or 0, with its value and spend, each (n, 1)."""
    problem = ongoing.problem
    nothing = np.zeros_like(ongoing.end_value)
    spend_less = (-ongoing.cost, problem.cost_discount)
    earn_more = (ongoing.reward, problem.discount)
    if np.isinf(price):
        choice = lexicographic(ongoing, *spend_less, *earn_more, nothing, ongoing.end_value)
    else:
        choice = lexicographic(ongoing, *earn_more, *spend_less, ongoing.end_value, nothing)
    _, value, spend = ongoing.start(1)
    evaluate(ongoing.chain, problem.discount, choice, chosen(ongoing.reward, choice), value, 0.0)
    evaluate(ongoing.chain, problem.cost_discount, choice, chosen(ongoing.cost, choice), spend, 0.0)
    return choice, value, spend


def measured(
    ongoing: Ongoing, price: Floats, choice: Choice, value: Floats, spend: Floats, *, accuracy: float = 1e-10
) -> tuple[PriceLines, StationaryWitness]:
    """Lines and witness of K policies for K prices, corrected by what their equations leave.

    Parameters
    ----------
    price : (K,) decreasing; only inf and 0 where the discounts differ
    choice, value, spend : (n, K) as `policy_iteration` leaves them, overwritten; they may be wrong, at a
        cost in width
    accuracy : of the variance, which nothing rests on
    """
    chain, problem = ongoing.chain, ongoing.problem
    spend_rate = problem.cost_discount
    intercept = raised_lines(ongoing, price, value, spend)
    nothing = np.zeros_like(ongoing.end_value)
    _clear(chain, choice, ongoing.cost, nothing, spend)
    _clear(chain, choice, ongoing.reward, ongoing.end_value, value)
    more = _left(chain, spend_rate, choice, ongoing.cost, spend) * ongoing.spend_duration[:, None]
    less = _left(chain, problem.discount, choice, ongoing.reward, value) * ongoing.duration[:, None]
    safe_spend = np.where(spend != 0, spend + more, 0.0)
    safe_value = np.where((value != 0) & (choice >= 0), value - less, value)
    variance_gain, variance = np.empty_like(spend), np.zeros_like(spend)
    kernels.spread(chain, spend_rate, choice, safe_spend, variance_gain)
    evaluate(chain, spend_rate * spend_rate, choice, variance_gain, variance, max(accuracy, 1e-10))
    policy = ongoing.policy(choice)
    action = problem.pair_action[np.maximum(policy, 0)] if problem.pair_action.size else policy
    exact = np.zeros(price.size)
    lines = PriceLines(
        price, safe_spend, safe_value, np.maximum(variance, 0.0), intercept,
        np.where(policy >= 0, action, -1).astype(np.int32), exact, exact,
    )  # fmt: skip
    witness = StationaryWitness(
        price=price,
        policy=np.ascontiguousarray(policy.T),
        spend=np.ascontiguousarray(safe_spend.T),
        value=np.ascontiguousarray(safe_value.T),
        intercept=np.ascontiguousarray(intercept.T),
        duration=ongoing.duration,
        spend_duration=ongoing.spend_duration,
    )
    return lines, witness


def raised_lines(ongoing: Ongoing, price: Floats, value: Floats, spend: Floats) -> Floats:
    """w + rho m for w = value - price * spend: intercepts that hold, (n, K); inf at an infinite price."""
    chain, problem = ongoing.chain, ongoing.problem
    finite = np.isfinite(price)
    at = np.where(finite, price, 0.0)
    w = value - at * spend
    excess = np.empty(price.size)
    kernels.excess(chain, problem.discount, ongoing.reward, ongoing.cost, at, w, excess)
    largest = np.abs(ongoing.reward).max(initial=0.0) + at * ongoing.cost.max(initial=0.0)
    rho = np.maximum(excess, 0.0) + _rounding(chain, problem.discount, largest, w)
    m = ongoing.duration[:, None]
    raised = np.where(m > 0, w + rho * m + 4 * UNIT * (np.abs(w) + rho * m), w)
    return np.where(finite, raised, np.inf)


def _clear(chain: Chain, choice: Choice, gain: Floats, end: Floats, x: Floats) -> None:
    """Set x to exactly 0 in states from which a policy can reach neither a gain nor an end worth one.

    Elsewhere an x that happens to be 0 is made the least number that is not, so that it is moved.
    """
    active = (chosen(gain, choice) != 0) | (end != 0)[:, None]
    kernels.reach(chain, choice, active)
    x[:] = np.where(active, np.where(x == 0, np.nextafter(0, 1), x), 0.0)


def _left(chain: Chain, discount: float, choice: Choice, gain: Floats, x: Floats) -> Floats:
    """Largest residual of x = gain + discount P x under each policy, with room for rounding, (K,)."""
    worst = np.empty(x.shape[1])
    own = chosen(gain, choice)
    kernels.residual(chain, discount, choice, own, x, worst)
    room: Floats = worst + _rounding(chain, discount, np.abs(own).max(axis=0), x)
    return room


def _rounding(chain: Chain, discount: float, gain: Floats, x: Floats) -> Floats:
    """Four times the rounding of a residual, per column: for our own, and for whoever checks it."""
    largest = gain + (1 + discount * largest_row_sum(chain)) * np.abs(x).max(axis=0)
    bound: Floats = 4 * (widest_row(chain) + 8) * UNIT * largest
    return bound


def gather_witnesses(parts: list[StationaryWitness]) -> StationaryWitness:
    """One witness by decreasing price; of equal prices the first is kept."""
    price = np.concatenate([part.price for part in parts])
    order = falling(price)
    policy, spend, value, intercept = (
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("policy", "spend", "value", "intercept")
    )
    return replace(parts[0], price=price[order], policy=policy, spend=spend, value=value, intercept=intercept)


def without_repeats(lines: PriceLines, witness: StationaryWitness) -> tuple[PriceLines, StationaryWitness]:
    """The same with equal numbers where neighbouring prices have the same policy.

    Evaluations that started from different points differ in the last digits; those of the first
    price of each run are taken for all of it, which keeps every proof and leaves fewer points.
    """
    new = np.concatenate(([True], (witness.policy[1:] != witness.policy[:-1]).any(axis=1)))
    first = np.maximum.accumulate(np.where(new, np.arange(new.size), 0))
    lines = replace(
        lines, spend=lines.spend[:, first], value=lines.value[:, first], variance=lines.variance[:, first]
    )
    return lines, replace(witness, spend=witness.spend[first], value=witness.value[first])


def _neighbours(ongoing: Ongoing, warm: StationaryWitness, price: Floats) -> tuple[Choice, Floats, Floats]:
    """In each state the better, for each price, of the policies known for the two prices about it."""
    above = np.clip(np.searchsorted(-warm.price, -price, side="right") - 1, 0, warm.price.size - 1)
    below = np.minimum(above + 1, warm.price.size - 1)
    of_above = warm.value[above] - price[:, None] * warm.spend[above]
    of_below = warm.value[below] - price[:, None] * warm.spend[below]
    better = of_below > of_above
    policy, value, spend = (
        np.ascontiguousarray(np.where(better, table[below], table[above]).T)
        for table in (warm.policy, warm.value, warm.spend)
    )
    return np.ascontiguousarray(ongoing.choice(policy)), value, spend
