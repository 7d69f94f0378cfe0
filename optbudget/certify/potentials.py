"""What prices of the budgets prove about a constrained problem, whoever found them.

For prices :math:`\\lambda_r \\ge 0` of the limits and the reward :math:`r_a - \\sum_r \\lambda_r c^r_a` (at
stage k each price counts :math:`(\\gamma_c/\\gamma)^k` times) let w be the optimal value of the ordinary
problem. By Lagrangian duality no policy within the limits is worth more than

.. math:: \\sum_s \\alpha_s w(s) + \\sum_r \\lambda_r B_r .

Over a finite horizon w is computed here, by the checker's own pass at the price 1 of the summed costs.
Over an infinite one any potentials w will do: with :math:`\\rho` the largest amount by which a pair's right
side exceeds w, raising w by :math:`\\rho m` makes it valid for any m with
:math:`m \\ge 1 + \\gamma P_a m`: :math:`1 / (1 - \\gamma\\sigma)`, :math:`\\sigma` the largest row sum, or
without discount the largest expected number of decisions. The sum is exact and rounded up.
"""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.certify.choice import ROUNDOFF
from optbudget.certify.rows import Rows
from optbudget.certify.support import support
from optbudget.errors import ProblemError
from optbudget.problems import BudgetedMDP, ConstrainedMDP
from optbudget.problems.endings import endless_states, resting_states

Floats = NDArray[np.float64]

DENSE_STATES = 500
"""Up to so many states without discount the largest number of decisions is found, by dense solves."""
MOST_ROUNDS = 100
"""Policies that are tried for it."""


def price_bound(problem: ConstrainedMDP, price: ArrayLike, potential: ArrayLike | None = None) -> float:
    """What no policy within the limits is worth more than, by prices of the limits; rounded up.

    Parameters
    ----------
    problem : one unit from its initial distribution
    price : (1 + R,) value of one more unit of each limit, >= 0; inf proves nothing
    potential : (n,) values of the states at these prices, priced money deducted; looked at if the
        horizon is infinite, where any numbers give a bound and the true ones the best

    Returns
    -------
    float
        NaN where nothing is proved: a price is infinite, one of an unlimited resource is positive, or the
        horizon is infinite and there are no potentials, or no discount and a policy that need not end (or
        more than 500 states), or spend is discounted more than rewards are.

    Raises
    ------
    ProblemError
        If there is not one number >= 0 for each limit, naming the limit.

    Examples
    --------
    Money that buys 10 for 1 in the first of two decisions, then half of 9 for half of what it costs:

    >>> from optbudget.problems.examples import two_action_example
    >>> problem = ConstrainedMDP(two_action_example(horizon=2), 1.9)
    >>> round(price_bound(problem, [9.0]), 9)
    19.0
    """
    limit = problem.limit
    prices = _prices(problem, price)
    if not np.isfinite(prices).all() or (prices[np.isinf(limit)] > 0).any():
        return math.nan
    unit = problem.problem
    priced = replace(
        unit, cost=_sum_up(prices, problem.cost), utility=problem.reward, reward="gross", budget_cap=None,
        folder=None,
    )  # fmt: skip
    if unit.horizon is not None:
        line = support(priced, [1.0]).intercept[:, 0]
    elif potential is None or unit.cost_discount < unit.discount:  # Spend then counts less than it is priced.
        return math.nan
    else:
        line = _raised(priced, np.asarray(potential, dtype=np.float64))
    if not np.isfinite(line).all():
        return math.nan
    pairs = [*zip(unit.initial_probability.tolist(), line[unit.initial_state].tolist(), strict=True)]
    pairs += [(p, b) for p, b in zip(prices.tolist(), limit.tolist(), strict=True) if p > 0]
    exact = sum((Fraction(p) * Fraction(x) for p, x in pairs), Fraction(0))
    nearest = float(exact)
    return nearest if nearest >= exact else math.nextafter(nearest, math.inf)


def _prices(problem: ConstrainedMDP, price: ArrayLike) -> Floats:
    """One price per limit, checked."""
    names = ("money", *problem.resources)
    try:
        prices = np.asarray(price, dtype=np.float64)
    except (TypeError, ValueError):
        raise ProblemError(f"prices must be numbers, one for each of {', '.join(names)}") from None
    if prices.shape != (len(names),):
        raise ProblemError(
            f"prices must be {len(names)} numbers, for {', '.join(names)}; got shape {prices.shape}"
        )
    for name, number in zip(names, prices.tolist(), strict=True):
        if not number >= 0:
            raise ProblemError(f"the price of {name} is {number}; it must be a number >= 0")
    return prices


def _sum_up(prices: Floats, cost: Floats) -> Floats:
    """Priced cost of each pair, rounded down: a cost that counts too little only raises the bound."""
    total = prices @ cost
    return np.asarray(np.maximum(total * (1.0 - (len(prices) + 2) * 2 * ROUNDOFF), 0.0))


def _raised(priced: BudgetedMDP, w: Floats) -> Floats:
    """Potentials raised until they are above their own right sides; NaN where values need not be finite."""
    if w.shape != (priced.n_states,) or not np.isfinite(w).all():
        return np.full(priced.n_states, np.nan)
    rows = Rows(priced)
    m = _most_decisions(priced, rows)
    if not np.isfinite(m).all():
        return m
    going = m > 0
    w = np.where(going, w, np.where(priced.is_terminal, priced.terminal_utility, 0.0))
    parts = [
        priced.pair_reward, -priced.cost, priced.discount * rows.expect(w[:, None])[priced.pair_row, 0],
        -w[priced.pair_state],
    ]  # fmt: skip
    size = (
        np.abs(parts[0])
        + priced.cost
        + rows.expect(np.abs(w)[:, None])[priced.pair_row, 0]
        + np.abs(parts[3])
    )
    residual = parts[0] + parts[1] + parts[2] + parts[3] + (rows.widest + 8) * ROUNDOFF * 2 * size
    residual = residual[going[priced.pair_state]]
    raised = w + max(0.0, float(residual.max(initial=0.0))) * m * (1.0 + 8 * ROUNDOFF)
    return np.where(going, raised + 2 * ROUNDOFF * np.abs(raised), w)


def _most_decisions(problem: BudgetedMDP, rows: Rows) -> Floats:
    """m >= 1 + discount * P_a m for every pair of states that go on, (n,), 0 in the others; NaN without one.

    Where the discount does not contract it comes from policy iteration, and is divided by what it leaves of
    its own inequality, so that it holds however it was found.
    """
    going, unknown = ~problem.is_terminal, np.full(problem.n_states, np.nan)
    rate = problem.discount * rows.largest_sum * (1.0 + 4 * ROUNDOFF)
    if rate < 1:
        return np.where(going, 1.0 / (1.0 - rate) * (1.0 + 8 * ROUNDOFF), 0.0)
    going &= ~resting_states(problem)
    live = np.flatnonzero(going)
    if live.size > DENSE_STATES or endless_states(problem).any():
        return unknown
    pair = problem.pair_ptr[live]
    m: Floats = np.zeros(problem.n_states)
    of_live = going[problem.pair_state]
    for _ in range(MOST_ROUNDS):
        matrix = np.eye(problem.n_states)
        for state, row in zip(live.tolist(), problem.pair_row[pair].tolist(), strict=True):
            span = slice(int(problem.row_ptr[row]), int(problem.row_ptr[row + 1]))
            np.subtract.at(
                matrix[state], problem.next_state[span], problem.discount * problem.probability[span]
            )
        try:
            m = np.asarray(np.linalg.solve(matrix, going.astype(np.float64)), dtype=np.float64)
        except np.linalg.LinAlgError:
            return unknown
        ahead = 1.0 + problem.discount * rows.expect(m[:, None])[problem.pair_row, 0]
        better = [int(a + ahead[a:b].argmax()) for a, b in _spans(problem, live)]
        if not (ahead[better] > ahead[pair] * (1.0 + 2.0**-40)).any():
            break
        pair = np.where(ahead[better] > ahead[pair] * (1.0 + 2.0**-40), better, pair)
    rounding = (rows.widest + 8) * 2 * ROUNDOFF * (1.0 + 2.0 * np.abs(m).max(initial=0.0))
    short = float((ahead - m[problem.pair_state])[of_live].max(initial=0.0)) + rounding if live.size else 0.0
    if not (short < 0.5 and (m[live] > 0).all()):
        return unknown
    return np.where(going, m / (1.0 - short) * (1.0 + 8 * ROUNDOFF), 0.0)


def _spans(problem: BudgetedMDP, states: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Where the pairs of some states begin and end."""
    first, last = problem.pair_ptr[states], problem.pair_ptr[states + 1]
    return [*zip(first.tolist(), last.tolist(), strict=True)]
