"""Checking a policy by price: each of its actions is best, to rounding, where it begins to hold.

An action that holds at prices in [low, high) was best at low, or it was taken for an allocation and is
best at the price of that, from which low and high reach as far as nothing changes that can be met.
There it is held against the checker's own pass: its score :math:`\\alpha q^v - \\beta q^b` must be the
best one up to a share `TOLERANCE` of the sums that scores are made of. It must be so as well at every
price of the certificate that lies within [low, high), other than between the slopes next to the price
of an allocation, and no two rows may speak of one state, stage and price. What a policy is worth is
stated by the curves; this check is about the table of actions itself.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import Choice, Kind, Weights
from optbudget.certify.curve_checks import pair_of_action
from optbudget.certify.rows import Rows
from optbudget.certify.support import expected_numbers, stage_weights, terminal_numbers
from optbudget.problems import BudgetedMDP, Check, PricePolicy, StationaryWitness

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TOLERANCE = 2.0**-30
NUMBERS = 1 << 22
"""States times prices up to which every price of a policy is looked at; beyond, a spread of them."""
KINDS: tuple[Kind, ...] = ("value", "spend", "size", "error")


class Used(NamedTuple):
    """The price of an allocation, and the slopes of curves next to it."""

    price: float
    below: float
    above: float


def policy_check(
    problem: BudgetedMDP,
    policy: PricePolicy,
    known: Floats,
    *,
    decisions: int | None = None,
    witness: StationaryWitness | None = None,
    used: Used | None = None,
) -> Check:
    """Whether the rows of a policy name actions of their states that are best where they hold.

    `known` are the prices of the certificate; `used` is the price of the allocation that the policy was
    kept for, if it was.
    """
    name = "policy"
    pair = pair_of_action(problem, policy.state, policy.action)
    if (pair < 0).any():
        return Check(name, False, f"row {int(np.argmin(pair))} names an action that its state does not have")
    if not (policy.price_low <= policy.price_high).all() or not (policy.price_low >= 0).all():
        return Check(name, False, "prices of a row must rise from price_low >= 0 to price_high")
    twice = _overlap(policy)
    if twice >= 0:
        where = f"{problem.labels[policy.state[twice]]!r}, stage {policy.stage[twice]}"
        return Check(name, False, f"two rows of {where} hold at {policy.price_low[twice]:.9g}")
    if pair.size == 0:
        return Check(name, bool(problem.is_terminal.all()), "no actions")
    price = np.unique(np.concatenate((policy.price_low, known[np.isfinite(known)])))[::-1]
    most = max(1, NUMBERS // problem.n_states)
    if price.size > most:
        price = price[np.unique(np.linspace(0, price.size - 1, most).astype(np.int64))]
    at_use = np.zeros(pair.size, dtype=bool)
    if used is not None:
        at_use = (policy.price_low <= used.price) & (used.price <= policy.price_high)
        price = np.unique(np.append(price, used.price))[::-1]
    looked = np.isin(policy.price_low, price)
    if problem.horizon is None:
        if witness is None or witness.horizon is not None:
            return Check(name, False, "the witness holds no stationary policies")
        strange = ~np.isin(policy.price_low, witness.price) | (policy.stage != -1)
        if strange.any():
            row = int(np.argmax(strange))
            return Check(
                name, False, f"row {row} is of a stage, or begins at a price of no stationary policy"
            )
        worst, row = _stationary(problem, policy, pair, witness)
    else:
        last = decisions or problem.horizon
        outside = (policy.stage < 0) | (policy.stage >= last)
        if outside.any():
            return Check(name, False, f"row {int(np.argmax(outside))} is of a stage that does not exist")
        missed = _by_stages(problem, policy, pair, price, last, known, used, at_use)
        row = int(np.argmax(missed))
        worst, row = (float(missed[row]), row) if missed[row] > TOLERANCE else (0.0, -1)
    if row < 0:
        return Check(name, True, f"{int(looked.sum()):,} of {pair.size:,} actions are best where they hold")
    where = f"{problem.actions[policy.action[row]]!r} in {problem.labels[policy.state[row]]!r}"
    return Check(
        name, False, f"{where}, stage {policy.stage[row]}, is not best at {policy.price_low[row]:.9g} "
        f"(by {worst:.2g} of what it is worth)",
    )  # fmt: skip


def _overlap(policy: PricePolicy) -> int:
    """A row that begins before another one of its state and stage ends, -1 if there is none."""
    order = np.lexsort((policy.price_high, policy.price_low, policy.stage, policy.state))
    state, stage = policy.state[order], policy.stage[order]
    low, high = policy.price_low[order], policy.price_high[order]
    same = (state[1:] == state[:-1]) & (stage[1:] == stage[:-1])
    over = np.flatnonzero(same & ((low[1:] < high[:-1]) | (low[1:] == low[:-1])) & (low[1:] < np.inf))
    return int(order[over[0] + 1]) if over.size else -1


def _by_stages(
    problem: BudgetedMDP,
    policy: PricePolicy,
    pair: Integers,
    price: Floats,
    decisions: int,
    known: Floats,
    used: Used | None,
    at_use: NDArray[np.bool_],
) -> Floats:
    """By what share each row misses the best score at a price that it holds at; 0 where none is looked at.

    A row of which `at_use` is true may be best at the price of the allocation instead of where it begins.
    """
    rows = Rows(problem)
    missed = np.zeros(pair.size)
    x = terminal_numbers(problem, KINDS, price.size)
    order = np.argsort(policy.stage, kind="stable")
    bounds = np.searchsorted(policy.stage[order], np.arange(decisions + 1))
    column = np.clip(np.searchsorted(-price, -policy.price_low), 0, price.size - 1)
    looked = price[column] == policy.price_low
    use = 0 if used is None else int(np.clip(np.searchsorted(-price, -used.price), 0, price.size - 1))
    inner = np.flatnonzero(np.isin(price, known) & np.isfinite(price))
    for k in range(decisions - 1, -1, -1):
        weights = stage_weights(problem, price, k)
        expected = expected_numbers(problem, rows, x, KINDS)
        choice = Choice(problem, expected, slice(0, problem.n_states), x, KINDS, weights, rows.widest)
        choice.take_best()
        here = order[bounds[k] : bounds[k + 1]]
        at = np.where(looked[here], column[here], use)
        share = np.where(looked[here], _missed(choice, policy.state[here], pair[here], at, weights), 0.0)
        there = _missed(choice, policy.state[here], pair[here], np.full(here.size, use), weights)
        missed[here] = np.where(at_use[here], np.minimum(share, there), share)
        for which, where in _held(policy, here, price, inner, used, at_use):
            share = _missed(choice, policy.state[which], pair[which], where, weights)
            np.maximum.at(missed, which, share)
        x = choice.numbers
    return missed


def _held(
    policy: PricePolicy,
    rows: Integers,
    price: Floats,
    inner: Integers,
    used: Used | None,
    at_use: NDArray[np.bool_],
) -> Iterator[tuple[Integers, Integers]]:
    """Rows and the columns of prices that lie inside of them; not those about the price in use."""
    block = max(1, NUMBERS // max(1, rows.size))
    low, high = policy.price_low[rows, None], policy.price_high[rows, None]
    for begin in range(0, inner.size, block):
        part = inner[begin : begin + block]
        inside = (low < price[part]) & (price[part] < high)
        if used is not None:
            about = (used.below <= price[part]) & (price[part] <= used.above)
            inside &= ~(at_use[rows, None] & about)
        which, where = np.nonzero(inside)
        if which.size:
            yield rows[which], part[where]


def _missed(choice: Choice, state: Integers, pair: Integers, column: Integers, weights: Weights) -> Floats:
    """How far each pair's score is below the best of its state, as a share of the sums behind both."""
    p, expected = choice.problem, choice.expected
    row = p.pair_row[pair]
    value = p.pair_reward[pair] + expected[0, row, column]
    spend = p.cost[pair] + expected[1, row, column]
    size = np.abs(p.pair_reward[pair]) + expected[2, row, column]
    alpha, beta = weights.alpha[column], weights.beta[column]
    best = choice.numbers[:, state, column]
    scale = alpha * (size + best[2]) + beta * (spend + best[1])
    lack = choice.score[state, column] - (alpha * value - beta * spend)
    return np.asarray(lack / np.where(scale > 0, scale, 1.0))


def _stationary(
    problem: BudgetedMDP, policy: PricePolicy, pair: Integers, witness: StationaryWitness
) -> tuple[float, int]:
    """The same against the points of the witness at the rows' own finite prices."""
    rows = Rows(problem)
    worst = (0.0, -1)
    for k, price in enumerate(witness.price.tolist()):
        here = np.flatnonzero(
            (policy.price_low <= price) & ((price < policy.price_high) | (policy.price_low == price))
        )
        if here.size == 0 or np.isinf(price):
            continue
        spend, value = witness.spend[k], witness.value[k]
        ahead = rows.expect(np.stack([value, spend, np.abs(value)], axis=1))[problem.pair_row[pair[here]]]
        mine = problem.pair_reward[pair[here]] + problem.discount * ahead[:, 0]
        mine -= price * (problem.cost[pair[here]] + problem.cost_discount * ahead[:, 1])
        state = policy.state[here]
        scale = np.abs(problem.pair_reward[pair[here]]) + problem.discount * ahead[:, 2]
        scale += np.abs(value[state])
        scale += price * (problem.cost[pair[here]] + spend[state])
        missed = (value[state] - price * spend[state] - mine) / np.where(scale > 0, scale, 1.0)
        if missed.max() > max(TOLERANCE, worst[0]):
            worst = float(missed.max()), int(here[np.argmax(missed)])
    return worst
