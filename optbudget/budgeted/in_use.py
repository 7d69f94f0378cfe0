"""What to do at the prices that an allocation uses, and at no others.

All units of an allocation are best served at its price :math:`\\lambda`; those raised to the upper of the two
useful budgets tied there follow the policy of a price just below, the others that of a price just
above. "Just" means nearer than any other slope of a curve, so both policies are the same for every
price up to the neighbouring slopes, :math:`[\\lambda_-, \\lambda)` and :math:`[\\lambda, \\lambda_+)`.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.policies import TIE, policy_at
from optbudget.problems import Allocation, PricePolicy
from optbudget.workers import Monitor

Floats = NDArray[np.float64]


def policy_in_use(answer: Allocation, *, monitor: Monitor | None = None) -> PricePolicy | None:
    """The policy of the one or two prices that an allocation uses, for every state and stage.

    Parameters
    ----------
    answer : an optimal allocation over a finite horizon

    Returns
    -------
    PricePolicy or None
        None where no price explains the allocation (equal shares), or the horizon is infinite.
        Stages count from the stage of the allocation's curves.

    Examples
    --------
    >>> from optbudget.budgeted.exact import exact_backup
    >>> from optbudget.problems import Population
    >>> from optbudget.problems.examples import two_action_example
    >>> import optbudget
    >>> curves = exact_backup(two_action_example(horizon=1))
    >>> answer = optbudget.allocate(curves, Population.at(curves.problem, {"s": 10}), 5.0)
    >>> policy = policy_in_use(answer)
    >>> policy.action_at("s", 0, 9.0), policy.action_at("s", 0, 8.0)
    ('b', 'a')
    """
    curves, price = answer.curves, answer.price
    horizon = curves.problem.horizon
    if horizon is None or answer.method in ("uniform", "ip") or not price >= 0:
        return None
    problem = curves.problem if curves.stage == 0 else replace(curves.problem, horizon=horizon - curves.stage)
    slopes = curves.curves.gain / curves.curves.length
    above = float(slopes[slopes > price * (1 + TIE)].min(initial=np.inf))
    below = float(slopes[slopes < price * (1 - TIE)].max(initial=0.0))
    if price == 0:
        policy = policy_at(problem, [0.0], monitor=monitor)
        return replace(policy, price_high=np.minimum(policy.price_high, above))
    upper, lower = _inside(above, price, curves.prices), _inside(price, below, curves.prices)
    policy = policy_at(problem, [upper, lower], monitor=monitor)
    low = np.where(policy.price_low == upper, price, below)
    high = np.where(policy.price_high == upper, price, above)
    return replace(policy, price_low=low, price_high=high)


def _inside(high: float, low: float, known: Floats) -> float:
    """A price between two slopes: one that the certificate vouches for, where it has one there."""
    middle = 2 * low if np.isinf(high) else float(np.sqrt(high) * np.sqrt(low)) or high / 2
    between = known[(known < high * (1 - TIE)) & (known > low * (1 + TIE))]
    return float(between[np.argmin(np.abs(between - middle))]) if between.size else middle
