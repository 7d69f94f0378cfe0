"""The families of multiple-choice knapsacks on which the literature compares solvers.

With R the range of the numbers and every draw a whole number, uniform over [1, R] where nothing else is
said, each of n groups has m options, and the money is half of what lies between the cheapest and the
dearest choice,

.. math:: B = \\tfrac12 \\Big( \\sum_g \\min_k c_{gk} + \\sum_g \\max_k c_{gk} \\Big).

* **uncorrelated**: cost and value drawn apart.
* **weakly correlated**: cost drawn, value in [cost - 10, cost + 10], at least 1.
* **strongly correlated**: pairs (c', v' = c' + 10) drawn and sorted by cost; option k is the sum of the
  first k pairs, so that choosing it is taking k items of an ordinary strongly correlated knapsack.
* **subset-sum**: cost drawn, value = cost; every choice that exhausts the money is optimal.
* **zig-zag**: costs and values drawn apart, each sorted in rising order, as Sinha & Zoltners did: no option
  is dominated, and the points zig-zag about their hull, many of them below it.

The families are those that Pisinger collects; the relaxation is Zemel's. The draws are ours, so instances
have the law of the papers', not their numbers.

References: P. Sinha & A. A. Zoltners (1979), "The multiple-choice knapsack problem", Operations Research
27(3); E. Zemel (1984), "An O(n) algorithm for the linear multiple choice knapsack problem and related
problems", Information Processing Letters 18(3); D. Pisinger (1995), "A minimal algorithm for the
multiple-choice knapsack problem", European Journal of Operational Research 83(2).
"""

from collections.abc import Callable, Mapping

import numpy as np

from optbudget.errors import UsageError
from optbudget.problems.knapsack import Floats, Knapsack

Draw = Callable[[np.random.Generator, int, int, int], tuple[Floats, Floats]]

NEAR = 10
"""Half width of the band of the weakly correlated family, and the bonus of the strongly correlated one."""


def _drawn(rng: np.random.Generator, n: int, m: int, largest: int) -> Floats:
    return rng.integers(1, largest + 1, size=(n, m)).astype(np.float64)


def _uncorrelated(rng: np.random.Generator, n: int, m: int, largest: int) -> tuple[Floats, Floats]:
    return _drawn(rng, n, m, largest), _drawn(rng, n, m, largest)


def _weakly_correlated(rng: np.random.Generator, n: int, m: int, largest: int) -> tuple[Floats, Floats]:
    cost = _drawn(rng, n, m, largest)
    return cost, np.maximum(1.0, cost + rng.integers(-NEAR, NEAR + 1, size=(n, m)))


def _strongly_correlated(rng: np.random.Generator, n: int, m: int, largest: int) -> tuple[Floats, Floats]:
    item = np.sort(_drawn(rng, n, m, largest), axis=1)
    return np.cumsum(item, axis=1), np.cumsum(item + NEAR, axis=1)


def _subset_sum(rng: np.random.Generator, n: int, m: int, largest: int) -> tuple[Floats, Floats]:
    cost = _drawn(rng, n, m, largest)
    return cost, cost.copy()


def _zig_zag(rng: np.random.Generator, n: int, m: int, largest: int) -> tuple[Floats, Floats]:
    return np.sort(_drawn(rng, n, m, largest), axis=1), np.sort(_drawn(rng, n, m, largest), axis=1)


FAMILIES: Mapping[str, Draw] = {
    "uncorrelated": _uncorrelated,
    "weakly-correlated": _weakly_correlated,
    "strongly-correlated": _strongly_correlated,
    "subset-sum": _subset_sum,
    "zig-zag": _zig_zag,
}
"""Name of each family and how its (n, m) costs and values are drawn."""


def knapsack_family(
    family: str, groups: int, options: int, *, seed: int, largest: int = 1000, copies: int = 1
) -> tuple[Knapsack, float]:
    """A drawn knapsack of a family, and its budget.

    Parameters
    ----------
    family : one of `FAMILIES`
    groups, options : n and m, >= 1
    seed : of numpy's default generator; equal seeds give equal instances
    largest : R, the range of the numbers, >= 1
    copies : of each group, >= 1

    Raises
    ------
    UsageError
        If the family is not known, or a size is below 1.

    Examples
    --------
    >>> problem, budget = knapsack_family("subset-sum", 100, 5, seed=1)
    >>> problem, budget, bool((problem.cost == problem.value).all())
    (Knapsack(100 groups, 500 options, 100 copies), 50570.0, True)
    """
    if family not in FAMILIES:
        raise UsageError(f"family is {family!r}; known are {', '.join(FAMILIES)}")
    if min(groups, options, largest, copies) < 1:
        raise UsageError("groups, options, largest and copies must be at least 1")
    cost, value = FAMILIES[family](np.random.default_rng(seed), groups, options, largest)
    budget = float(np.floor(copies * (cost.min(axis=1).sum() + cost.max(axis=1).sum()) / 2))
    problem = Knapsack.from_arrays(
        np.arange(groups + 1) * options, cost.ravel(), value.ravel(),
        count=np.full(groups, copies), title=f"{family}, {groups} groups of {options}, seed {seed}",
    )  # fmt: skip
    return problem, budget
