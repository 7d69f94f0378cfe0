"""From any optimum of the relaxation to a basic one: at most one group is split, between neighbours.

A basic optimum of `mckp_lp` splits at most one group, and that between two adjacent useful budgets
(Boutilier & Lu 2016, proposition 10 and corollary 11). An interior point of the optimal face splits many.
Two steps lead from it to a basic one, and neither loses value or spends more:

* in every group, the parts are replaced by the mix of two neighbours on the group's envelope that costs the
  same: concavity;
* while two groups are split, money moves from the one whose step returns less per money to the other, until
  one of the two is whole.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.problems import Knapsack

Floats = NDArray[np.float64]

WHOLE = 1e-9
"""Share of a group's step below which a rest is rounded away, towards less money."""


def purified(problem: Knapsack, x: ArrayLike) -> Floats:
    """Units per option of a basic solution that costs no more than x and is worth no less, to rounding.

    Parameters
    ----------
    x : (N,) units that take each option; each group sums to its copies

    Examples
    --------
    Two groups split by halves cost as much as one of them whole:

    >>> twins = Knapsack.from_arrays([0, 2, 4], cost=[0, 2, 0, 2], value=[0, 3, 0, 3])
    >>> purified(twins, [0.5, 0.5, 0.5, 0.5])
    array([0., 1., 1., 0.])
    """
    part = np.maximum(np.asarray(x, dtype=np.float64), 0.0)
    steps = [_on_the_envelope(problem, part, g) for g in range(len(problem.groups))]
    split = [g for g, (_, _, share) in enumerate(steps) if 0 < share < 1]
    split.sort(key=lambda g: -_price(problem, steps[g]))
    while len(split) > 1:
        best, worst = split[0], split[-1]
        (low, high, gets), (under, over, gives) = steps[best], steps[worst]
        room = (1.0 - gets) * _cost(problem, best, low, high)
        money = gives * _cost(problem, worst, under, over)
        if money <= room:
            share = gets + money / _cost(problem, best, low, high)
            steps[best], steps[worst] = (low, high, min(1.0, share)), (under, over, 0.0)
        else:
            share = gives - room / _cost(problem, worst, under, over)
            steps[best], steps[worst] = (low, high, 1.0), (under, over, max(0.0, share))
        split = [g for g in split if WHOLE < steps[g][2] < 1]
    found = np.zeros(part.size)
    for g, (low, high, share) in enumerate(steps):
        copies = float(problem.count[g])
        kept = share if share > WHOLE else 0.0
        found[low] += (1.0 - kept) * copies
        found[high] += kept * copies
    return found


def envelope(problem: Knapsack, g: int) -> list[int]:
    """The options of a group on its upper concave envelope, by rising cost."""
    span = range(int(problem.ptr[g]), int(problem.ptr[g + 1]))
    cost, value = problem.cost.tolist(), problem.value.tolist()
    kept: list[int] = []
    for k in sorted(span, key=lambda k: (cost[k], -value[k])):
        if kept and value[k] <= value[kept[-1]]:
            continue
        while len(kept) > 1:
            a, b = kept[-2:]
            if (value[b] - value[a]) * (cost[k] - cost[b]) > (value[k] - value[b]) * (cost[b] - cost[a]):
                break
            kept.pop()
        kept.append(k)
    return kept


def _on_the_envelope(problem: Knapsack, part: Floats, g: int) -> tuple[int, int, float]:
    """Two neighbours on a group's envelope and the share of the upper one: the group's mean cost."""
    span = slice(int(problem.ptr[g]), int(problem.ptr[g + 1]))
    total = float(part[span].sum())
    kept = envelope(problem, g)
    if total <= 0:
        return kept[0], kept[0], 0.0
    mean = float(part[span] @ problem.cost[span]) / total
    cost = problem.cost[kept]
    place = int(np.searchsorted(cost, mean, side="right")) - 1
    if place < 0 or place == len(kept) - 1:
        edge = kept[0] if place < 0 else kept[-1]
        return edge, edge, 0.0
    low, high = kept[place], kept[place + 1]
    share = (mean - cost[place]) / (cost[place + 1] - cost[place])
    if share >= 1 - WHOLE:
        return high, high, 0.0
    return low, high, float(share) if share > WHOLE else 0.0


def _cost(problem: Knapsack, g: int, low: int, high: int) -> float:
    return float((problem.cost[high] - problem.cost[low]) * problem.count[g])


def _price(problem: Knapsack, step: tuple[int, int, float]) -> float:
    low, high, _ = step
    return float((problem.value[high] - problem.value[low]) / (problem.cost[high] - problem.cost[low]))
