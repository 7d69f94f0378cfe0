"""What to do with a budget, by the price of money.

A deterministic Markov policy that is best for the reward :math:`r - \\lambda_k c`,
:math:`\\lambda_k = \\lambda (\\gamma_c / \\gamma)^k` at stage k, has spend and value at a vertex of every
state's curve. A budget between two vertices is used by drawing one of the two neighbouring prices at the
start and keeping it: no money is counted afterwards. `budget_policy` says the same by the budget that is
assigned to each next state.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.budgeted._policy_kernels import choose
from optbudget.budgeted.exact import model_of
from optbudget.curves import Curve
from optbudget.errors import NoAnswerError, ProblemError, UsageError
from optbudget.problems import BudgetedMDP, CurveSet, PricePolicy
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

UNIT_ROUNDOFF = 2.0**-53

TIE = 1e-9
"""Prices closer to a slope than this, relatively, may be the slope itself, where two policies tie."""


def prices_for(answer: CurveSet, label: str, budget: float) -> tuple[tuple[float, float], ...]:
    """The prices whose policies use a budget best, each with its probability; at most two.

    Prices are of stage 0. Of a vertex any price between the slopes about it will do; one of the
    certificate's is taken where it has one there, since a sweep vouches for those alone.

    Raises
    ------
    NoAnswerError
        If the budget is below the state's least feasible one.

    Examples
    --------
    >>> from optbudget.budgeted.exact import exact_backup
    >>> from optbudget.problems.examples import two_action_example
    >>> prices_for(exact_backup(two_action_example(horizon=1)), "s", 0.25)
    ((inf, 0.75), (0.0, 0.25))
    """
    curve = answer[label]
    if not budget >= curve.least_budget:
        raise NoAnswerError(
            f"state {label!r} needs at least {curve.least_budget:.6g}; the budget is {budget:.6g}"
        )
    return neighbouring_prices(curve, budget, answer.prices)


def neighbouring_prices(curve: Curve, budget: float, known: Floats) -> tuple[tuple[float, float], ...]:
    """The same for any curve that the policies of prices lie on: one state's, or that of many units.

    `budget` is at least the curve's least one; `known` are the prices to be preferred.
    """
    budgets = curve.budgets
    left = int(np.searchsorted(budgets, budget, side="right")) - 1
    slopes = np.concatenate(([np.inf], curve.prices, [0.0]))
    low = price_between(slopes[left], slopes[left + 1], known)
    if left == len(curve) or budget == budgets[left]:
        return ((low, 1.0),)
    share = float((budget - budgets[left]) / curve.length[left])
    return (low, 1.0 - share), (price_between(slopes[left + 1], slopes[left + 2], known), share)


def price_between(high: float, low: float, known: Floats) -> float:
    """A price between two slopes, as far from both as can be; one of the `known` prices if any lies there."""
    if np.isinf(high):
        return float("inf")
    if low == 0:
        return 0.0
    middle = float(np.sqrt(high) * np.sqrt(low))
    inside = known[(known < high * (1 - TIE)) & (known > low * (1 + TIE))]
    return float(inside[np.argmin(np.abs(np.log(inside / middle)))]) if inside.size else middle


def policy_at(problem: BudgetedMDP, prices: ArrayLike, *, monitor: Monitor | None = None) -> PricePolicy:
    """What to do in every state and stage at each of the given prices.

    Parameters
    ----------
    problem : a problem with a finite horizon
    prices : (K,) value per money at stage 0, >= 0, any order; inf is "least spend, then most value"
        and 0 "most value, then least spend"; otherwise ties go to the least expected spend
    monitor : progress and limits

    Returns
    -------
    PricePolicy
        The action of a price holds up to the next price above it that was given: between neighbouring
        slopes nothing changes. Prices below the least one given have no action.

    Raises
    ------
    UsageError
        If the horizon is infinite.
    ProblemError
        If a price is negative or NaN.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> policy = policy_at(two_action_example(horizon=2), [20.0, 8.0])
    >>> policy.action_at("s", 0, 8.0), policy.action_at("s", 1, 20.0)
    ('a', 'b')
    """
    if problem.horizon is None:
        raise UsageError("policies by stage need a finite horizon; else solve with keep_policy")
    wanted = np.unique(np.asarray(prices, dtype=np.float64))[::-1]
    if np.isnan(wanted).any() or (wanted < 0).any():
        raise ProblemError("prices must be >= 0 and not NaN")
    monitor = monitor or Monitor()
    n, horizon, count = problem.n_states, problem.horizon, wanted.size
    monitor.require_memory(24.0 * count * (2 * n + problem.row_ptr.size), f"the policies of {count} prices")
    model = model_of(problem)
    width = int(np.diff(problem.row_ptr).max(initial=0))
    future, present = np.zeros((3, n, count)), np.zeros((3, n, count))
    future[0] = problem.terminal_utility[:, None]
    future[2] = np.abs(future[0])
    product = np.empty((3, problem.row_ptr.size - 1, count))
    chosen = np.empty((n, count), dtype=np.int64)
    parts = []
    for stage in reversed(range(horizon)):
        tie = 2 * (width + 8) * (horizon - stage) * UNIT_ROUNDOFF
        choose(model, _weights(problem, wanted, stage), tie, future, present, product, chosen)
        parts.append(_intervals(problem, chosen, wanted, stage))
        future, present = present, future
        monitor.progress((horizon - stage) / horizon, f"policies of stage {stage}")
    columns = [np.concatenate(column) for column in zip(*parts[::-1], strict=True)]
    return PricePolicy(problem, *columns)


def _weights(problem: BudgetedMDP, prices: Floats, stage: int) -> Floats:
    """(2, K): weights of reward and cost at a stage, the larger being 1, so that no power overflows."""
    with np.errstate(divide="ignore"):
        log_price = np.log(prices) + stage * (np.log(problem.cost_discount) - np.log(problem.discount))
    weights: Floats = np.exp(np.stack((np.minimum(0.0, -log_price), np.minimum(0.0, log_price))))
    return weights


def _intervals(
    problem: BudgetedMDP, chosen: NDArray[np.int64], prices: Floats, stage: int
) -> tuple[NDArray[np.generic], ...]:
    """Rows of a PricePolicy: runs of prices with one action, dearest first, state by state."""
    acting = np.flatnonzero(~problem.is_terminal)
    action = problem.pair_action[chosen[acting]]
    begins = np.ones(action.shape, dtype=np.bool_)
    begins[:, 1:] = action[:, 1:] != action[:, :-1]
    ends = np.ones(action.shape, dtype=np.bool_)
    ends[:, :-1] = begins[:, 1:]
    row, first = np.nonzero(begins)
    last = np.nonzero(ends)[1]
    above = np.concatenate(([np.inf], prices[:-1]))
    stages = np.full(row.size, stage, dtype=np.int64)
    return acting[row], stages, prices[last], above[first], action[row, first]
