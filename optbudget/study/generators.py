"""Seeded instances of Markov decision processes on which routes are compared.

* **random**: whole costs 0..9 and utilities -5..20, a free action in every state, random rows.
* **funnel**: an advertising funnel: stages of interest that a click leads up and neglect leads down,
  actions that cost more and lead up more often, a sale at the top that ends it.
* **tied**: few different numbers, duplicated actions, equal slopes and free improvements, so that optima are
  many and every tie rule is asked.
* **badly-scaled**: costs from 1e-6 to 1e9, utilities in proportion to a power of them, and probabilities
  down to 1e-9.

The multiple-choice knapsacks of the literature are in `optbudget.problems.families`.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]
Sizes = tuple[int, int, int]
Rows = list[list[tuple[int, float]]]

NEVER = 0.3
"""Share of a funnel's neglected customers that fall back one stage."""


def generate(
    family: str,
    *,
    seed: int,
    states: int = 5,
    actions: int = 3,
    horizon: int | None = 4,
    discount: float = 1.0,
    cost_discount: float | None = None,
) -> BudgetedMDP:
    """A drawn problem of a family.

    Parameters
    ----------
    family : one of `GENERATORS`
    seed : of numpy's default generator; equal seeds give equal problems
    states, actions : sizes, >= 2
    horizon : decisions; None is infinite and needs both discounts below 1
    discount : of rewards
    cost_discount : of spend; None takes that of rewards

    Raises
    ------
    UsageError
        If the family is not known, a size is no whole number >= 2, or the seed none >= 0.

    Examples
    --------
    >>> generate("funnel", seed=1, states=6)
    BudgetedMDP(6 states, 3 actions, 15 transition rows, horizon 4)
    """
    if family not in GENERATORS:
        raise UsageError(f"family is {family!r}; known are {', '.join(GENERATORS)}")
    for name, value, least in (("seed", seed, 0), ("states", states, 2), ("actions", actions, 2)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise UsageError(f"{name} is {value!r:.40}; it must be a whole number >= {least}")
    rng = np.random.default_rng(seed)
    cost, utility, rows, worth = GENERATORS[family](rng, states, actions)
    acting = len(rows) // actions
    return BudgetedMDP(
        states=tuple(f"s{i}" for i in range(states)), actions=tuple(f"a{k}" for k in range(actions)),
        pair_ptr=np.minimum(np.arange(states + 1), acting) * actions,
        pair_action=np.tile(np.arange(actions, dtype=np.int32), acting),
        pair_row=np.arange(len(rows), dtype=np.int32), cost=cost, utility=utility,
        row_ptr=np.cumsum([0, *map(len, rows)]),
        next_state=np.array([j for row in rows for j, _ in row], dtype=np.int32),
        probability=np.array([p for row in rows for _, p in row]),
        terminal_utility=worth, discount=discount,
        cost_discount=discount if cost_discount is None else cost_discount, horizon=horizon,
        reward="gross", title=f"{family}, {states} states of {actions} actions, seed {seed}",
    )  # fmt: skip


Drawn = tuple[Floats, Floats, Rows, Floats]


def _random(rng: np.random.Generator, n: int, m: int) -> Drawn:
    cost = rng.integers(0, 10, size=(n, m)).astype(np.float64)
    cost[:, 0] = 0.0
    utility = rng.integers(-5, 21, size=(n, m)).astype(np.float64)
    rows = [_row(rng, n, rng.integers(1, 17, size=3)) for _ in range(n * m)]
    return cost.ravel(), utility.ravel(), rows, rng.integers(-3, 4, size=n).astype(np.float64)


def _funnel(rng: np.random.Generator, n: int, m: int) -> Drawn:
    """The last state is the sale, which is terminal and worth its terminal utility."""
    stages = n - 1
    price = np.append(0.0, np.cumsum(rng.uniform(0.2, 1.5, size=m - 1)))
    cost, utility, rows = list[float](), list[float](), Rows()
    for s in range(stages):
        ease = rng.uniform(0.03, 0.3)
        for k in range(m):
            up = min(0.6, ease * float(np.sqrt(0.15 + price[k])))
            down = (1.0 - up) * NEVER / (1.0 + float(price[k]))
            cost.append(float(price[k]))
            utility.append(0.0)
            rows.append(_joined([(s + 1, up), (max(0, s - 1), down), (s, 1.0 - up - down)]))
    worth = np.append(np.zeros(stages), rng.uniform(20.0, 60.0))
    return np.array(cost), np.array(utility), rows, worth


def _tied(rng: np.random.Generator, n: int, m: int) -> Drawn:
    cost = rng.integers(0, 3, size=(n, m)).astype(np.float64)
    cost[:, 0] = 0.0
    slope = rng.choice([1.0, 1.0, 2.0], size=(n, 1))
    utility = slope * cost + rng.choice([0.0, 0.0, 0.0, 1.0], size=(n, m))
    row = [_row(rng, n, np.array([1, 1])) for _ in range(2)]
    rows = [row[int(rng.integers(2))] for _ in range(n * m)]
    return cost.ravel(), utility.ravel(), rows, np.zeros(n)


def _badly_scaled(rng: np.random.Generator, n: int, m: int) -> Drawn:
    cost = 10.0 ** rng.uniform(-6.0, 9.0, size=(n, m))
    cost[:, 0] = 0.0
    utility = cost ** rng.uniform(0.3, 1.0, size=(n, m)) * rng.uniform(0.5, 2.0, size=(n, m))
    rows = []
    for _ in range(n * m):
        little = 10.0 ** rng.uniform(-9.0, -1.0)
        a, b = rng.choice(n, size=2, replace=False).tolist()
        rows.append([(a, 1.0 - little), (b, little)])
    return cost.ravel(), utility.ravel(), rows, np.zeros(n)


def _row(rng: np.random.Generator, n: int, weight: NDArray[np.int64]) -> list[tuple[int, float]]:
    """Successors drawn apart, with probabilities in proportion to whole weights."""
    target = rng.choice(n, size=min(n, weight.size), replace=False).tolist()
    share = weight[: len(target)] / weight[: len(target)].sum()
    return [(j, float(p)) for j, p in zip(target, share, strict=True)]


def _joined(entries: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Each successor once, without those of probability 0."""
    total: dict[int, float] = {}
    for j, p in entries:
        total[j] = total.get(j, 0.0) + p
    return [(j, p) for j, p in total.items() if p > 0]


GENERATORS: Mapping[str, Callable[[np.random.Generator, int, int], Drawn]] = {
    "random": _random,
    "funnel": _funnel,
    "tied": _tied,
    "badly-scaled": _badly_scaled,
}
"""Name of each family and how its costs, utilities, rows and terminal utilities are drawn."""
