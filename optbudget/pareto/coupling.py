"""Learned departments under one budget: which price each acts at, and whose plan is drawn by lot.

For one weighting each department offers its learned plans, one per price, at their *believed* spend and
value. They are the options of a multiple-choice knapsack, and its relaxation (`optbudget.allocation`) takes
one plan of every department and draws between two for at most one: the split that would be best if the
beliefs were true. Nothing here reads a model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import allocate_knapsack
from optbudget.pareto.learned import Learned
from optbudget.pareto.scalarisations import Scalarisations
from optbudget.problems import Knapsack

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

REACH = 8.0
"""Ratio of the dearest to the cheapest of the prices around the one that spends the budget."""


def believed_options(learned: Learned, point: int) -> tuple[Floats, Floats]:
    """(D, L) value at the weights, and spend, of each department's plans of one weighting, as believed."""
    prices = learned.scalarisations.price.shape[1]
    own = learned.estimate[:, point * prices : (point + 1) * prices]
    return own[:, :, :-1] @ learned.scalarisations.weight[point], np.maximum(own[:, :, -1], 0.0)


@dataclass(frozen=True, eq=False)
class Coupled:
    """What the departments do under one weighting.

    Attributes
    ----------
    lower, upper : (D,) the price of each department's plan, a place among the prices; they differ for at most
        one department
    share : the chance of `upper`, in [0, 1)
    believed : (K + 1,) rewards and spend of all departments that the learner expects
    """

    lower: Integers
    upper: Integers
    share: float
    believed: Floats


def couple(learned: Learned, point: int, budget: float) -> Coupled:
    """What is best for one weighting within a budget in expectation, if the beliefs are true.

    Where even the plans of the dearest price are believed to spend more than the budget, they are taken.

    Parameters
    ----------
    point : the number of the weights
    budget : money for all departments together
    """
    value, spend = believed_options(learned, point)
    count, prices = value.shape
    knapsack = Knapsack.from_arrays(
        np.arange(count + 1) * prices, cost=spend.ravel(), value=value.ravel(), count=np.ones(count, int)
    )
    taken = allocate_knapsack(knapsack, budget)
    lower = np.full(count, prices - 1)
    lower[taken.option // prices] = taken.option % prices
    upper, share = lower.copy(), 0.0
    drawn = np.flatnonzero(taken.probability < 1.0)
    if drawn.size:
        cheap, dear = drawn[np.argsort(knapsack.cost[taken.option[drawn]], kind="stable")]
        d = taken.option[dear] // prices
        lower[d], upper[d] = taken.option[cheap] % prices, taken.option[dear] % prices
        share = float(taken.probability[dear])
    own = learned.estimate[:, point * prices : (point + 1) * prices]
    every = np.arange(count)
    believed = (1.0 - share) * own[every, lower] + share * own[every, upper]
    return Coupled(lower, upper, share, believed.sum(axis=0))


def price_of_budget(price: Floats, spend: Floats, budget: float) -> float:
    """Where, between prices (L,) that rise, the spend (L,) falls to a budget: between logarithms.

    Below the first price nothing is known, and above the last: there it is the first or the last. Between 0
    and a price it is half of that.

    Examples
    --------
    >>> price, spend = np.array([0.0, 1.0, 4.0]), np.array([9.0, 8.0, 4.0])
    >>> [price_of_budget(price, spend, budget) for budget in (10.0, 8.5, 6.0, 1.0)]
    [0.0, 0.5, 2.0, 4.0]
    """
    # Beliefs need not fall as prices rise; the least spend so far does.
    falling = np.minimum.accumulate(spend)
    above = int((falling > budget).sum())
    if above == 0 or above == price.size:
        return float(price[0] if above == 0 else price[-1])
    low, high = float(price[above - 1]), float(price[above])
    if low == 0.0:
        return high / 2.0
    part = (falling[above - 1] - budget) / (falling[above - 1] - falling[above])
    return float(low * (high / low) ** part)


def prices_around(learned: Learned, budget: float, count: int) -> Scalarisations:
    """The same weights, with so many prices around the one at which each is believed to spend the budget.

    Where money is worth nothing at the budget the first price is 0, and the others are far below what a
    weight's least price above 0 was.
    """
    old = learned.scalarisations
    steps = np.geomspace(REACH**-0.5, REACH**0.5, count)
    rows = np.empty((len(old.weight), count))
    for point in range(len(rows)):
        _, spend = believed_options(learned, point)
        middle = price_of_budget(old.price[point], spend.sum(axis=0), budget)
        rows[point] = steps * (middle or old.price[point][old.price[point] > 0].min(initial=1.0) / REACH)
        if middle == 0.0:
            rows[point, 0] = 0.0
    return Scalarisations(old.weight, rows)
