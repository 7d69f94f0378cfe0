"""Checks of a band: the policy under every draw evaluated again, and every bound by a line of one's own.

The draws themselves are data: that they are distributions where the counts allow mass is checked, not that a
generator made them. Values and spends must agree with this recursion to 1e-9 of their size; bounds
must not be below the line of `optbudget.certify.support` at the price that is named for them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.support import support
from optbudget.problems import BudgetedMDP, Check, CurveBand

Floats = NDArray[np.float64]

SAME = 1e-9
"""Relative difference of two evaluations that are the same."""


def band_checks(answer: CurveBand) -> Iterator[Check]:
    """All statements of a band that follow from its draws and its policy."""
    wrong = _malformed(answer)
    yield Check(
        "draws well formed", not wrong, wrong or f"{answer.draws:,} draws, {answer.budget.size} budgets"
    )
    if wrong:
        return
    value, spend = _of_policy(answer)
    for name, stated, found in (("values", answer.value, value), ("spends", answer.spend, spend)):
        apart = float((np.abs(stated - found) / (1 + np.abs(found))).max())
        yield Check(f"{name} under every draw", apart <= SAME, f"at most {apart:.2g} from those found here")
    height = _heights(answer)
    room = float(np.where(np.isinf(answer.optimal_bound), 0.0, answer.optimal_bound - height).min())
    yield Check("bounds of every draw", room >= 0, f"room at least {room:.2g}")
    order = bool((answer.optimal <= answer.optimal_bound).all())
    widest = float(
        np.max(answer.optimal_bound - answer.optimal, initial=0.0, where=np.isfinite(answer.optimal))
    )
    yield Check("values within the bounds", order, f"at most {widest:.2g} below them")
    yield _worst(answer)


def _malformed(answer: CurveBand) -> str:
    counts, rows = answer.counts, answer.rows
    if counts.problem.horizon is None or counts.problem.budget_cap is not None:
        return "the problem has no finite horizon, or caps the budget of one unit"
    if rows.shape != (answer.draws, counts.count.size) or len(answer.worst) != answer.budget.size:
        return "there must be a row of probabilities for every draw, and a worst case for every budget"
    if answer.price.shape != (answer.budget.size, 2) or not ((answer.share >= 0) & (answer.share <= 1)).all():
        return "every budget needs two prices and a probability"
    if not (np.isfinite(answer.bound_price) & (answer.bound_price >= 0)).all():
        return "a bound names no price"
    sums = np.add.reduceat(rows, counts.ptr[:-1], axis=1)
    if not (rows >= 0).all() or not (np.abs(sums - 1) <= 1e-9).all():
        return "a drawn row is no distribution"
    return (
        ""
        if (rows[:, counts.count + answer.prior == 0] == 0).all()
        else "a draw has mass that no count allows"
    )


def _of_policy(answer: CurveBand) -> tuple[Floats, Floats]:
    """Value and spend of every budget's policy under every draw, (D, N) each."""
    found = np.empty((2, answer.draws, answer.budget.size))
    pairs = {price: _pairs(answer, price) for price in np.unique(answer.price).tolist()}
    for d, row in enumerate(answer.rows):
        problem = answer.counts.with_rows(row)
        ends = {price: _evaluated(problem, pair, answer.weight) for price, pair in pairs.items()}
        for k, (dear, cheap) in enumerate(answer.price.tolist()):
            share = float(answer.share[k])
            found[:, d, k] = (1 - share) * ends[dear] + share * ends[cheap]
    return found[0], found[1]


def _pairs(answer: CurveBand, price: float) -> NDArray[np.int64]:
    """The pair that the policy takes at a price, (T, n), -1 where it says nothing."""
    policy, problem = answer.policy, answer.counts.problem
    pair = np.full((problem.horizon or 0, problem.n_states), -1, dtype=np.int64)
    pair_of = np.full((problem.n_states, len(problem.actions)), -1, dtype=np.int64)
    pair_of[problem.pair_state, problem.pair_action] = np.arange(problem.cost.size)
    held = (policy.price_low <= price) & ((price < policy.price_high) | np.isinf(policy.price_high))
    for row in np.flatnonzero(held)[::-1].tolist():  # of several rows that hold the first counts
        state, stage = int(policy.state[row]), int(policy.stage[row])
        pair[stage, state] = pair_of[state, policy.action[row]]
    return pair


def _evaluated(problem: BudgetedMDP, pair: NDArray[np.int64], weight: Floats) -> Floats:
    """(value, spend) of all units; NaN where the policy says nothing."""
    acting = np.flatnonzero(~problem.is_terminal)
    value, spend = problem.terminal_utility.copy(), np.zeros(problem.n_states)
    for chosen in pair[::-1, acting]:
        ahead, paid = problem.expected(value)[chosen], problem.expected(spend)[chosen]
        value[acting] = np.where(chosen < 0, np.nan, problem.pair_reward[chosen] + problem.discount * ahead)
        spend[acting] = problem.cost[chosen] + problem.cost_discount * paid
    return np.array([value @ weight, spend @ weight])


def _heights(answer: CurveBand) -> Floats:
    """What the named prices prove of every draw and budget, (D, N)."""
    height = np.empty(answer.bound_price.shape)
    for d, row in enumerate(answer.rows):
        prices, place = np.unique(answer.bound_price[d], return_inverse=True)
        lines = answer.weight @ support(answer.counts.with_rows(row), prices).intercept
        height[d] = lines[place] + answer.bound_price[d] * answer.budget
    return height


def _worst(answer: CurveBand) -> Check:
    """The worst draws are those with the least value and the least bound, with their numbers."""
    for k, worst in enumerate(answer.worst):
        budget = float(answer.budget[k])
        if not (0 <= worst.draw < answer.draws and 0 <= worst.bound_draw < answer.draws):
            return Check("worst draws", False, f"at {budget:.6g} a draw is named that there is not")
        least, spent = float(answer.value[:, k].min()), float(answer.spend[worst.draw, k])
        same = abs(worst.value - least) <= SAME * (1 + abs(least)) and worst.bound_price >= 0
        same = same and abs(worst.spend - spent) <= SAME * (1 + abs(spent))
        problem = answer.counts.with_rows(answer.rows[worst.bound_draw])
        line = float(answer.weight @ support(problem, [worst.bound_price]).intercept[:, 0])
        if not same or worst.bound < line + worst.bound_price * budget:
            return Check("worst draws", False, f"at {budget:.6g} the worst case is another one")
    return Check("worst draws", True, "each is the least, and its bound is proved")
