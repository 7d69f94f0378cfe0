"""Stability: how much of the money goes elsewhere when what a plan was made from is a little different.

An allocation is the expected spend of each department, :math:`b_d`. Of two of them the share of the money
that goes elsewhere is :math:`\\sum_d |b'_d - b_d| / (2 \\sum_d b_d)` where both spend alike: 0 if nothing
moves, 1 if no department gets any of what it had. Three disturbances, each of size known:

* *resampled*: every transition row, and the regimes' chain, estimated again from so many draws of itself;
* *rewards*: every department's outcomes in each objective count more or less by a factor
  :math:`1 + \\varepsilon z`, z standard normal;
* *budget*: the total is larger by the factor :math:`1 + \\varepsilon`.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.pareto.arguments import floats, of_kind, whole
from optbudget.pareto.metrics.metric import Metric
from optbudget.problems import Departments

Floats = NDArray[np.float64]
Allocate = Callable[[Departments], Floats]
"""Of a model the expected spend of each department, (D,), under the plan that a rule makes of it."""

METRIC = Metric(
    "stability",
    "share of the money that goes to other departments when transitions are estimated again from 1,000 draws "
    "each, outcomes' worth changes by 1 %, or the budget by 1 %",
    "% of the money",
    "framework, section 4, 4 (Simba); the measure is half the total variation of the allocation",
    more_is_better=False,
)
DRAWS = 1000
SIZE = 0.01


def share_moved(before: ArrayLike, after: ArrayLike) -> float:
    """The share of the money that goes elsewhere, in %.

    Examples
    --------
    >>> share_moved([3.0, 1.0], [2.0, 2.0]), share_moved([3.0, 1.0], [3.0, 1.0])
    (25.0, 0.0)
    """
    old = floats("before", before, ("D",), "[0, inf)")
    new = floats("after", after, old.shape, "[0, inf)")
    return float(50.0 * np.abs(new - old).sum() / old.sum()) if old.sum() > 0 else 0.0


def stability(departments: Departments, allocate: Allocate, *, seed: int) -> dict[str, float]:
    """The share that moves, in %, at each of the three disturbances; the seed draws them.

    Examples
    --------
    A rule that looks at the budget alone moves by half of what the budget does:

    >>> from optbudget.problems.examples import two_departments
    >>> found = stability(two_departments(), lambda model: np.full(2, model.total_budget), seed=1)
    >>> found["resampled"], found["rewards"], round(found["budget"], 9)
    (0.0, 0.0, 0.5)
    """
    size = (len(of_kind("departments", departments, Departments).departments),)
    draws = np.random.default_rng(whole("seed", seed))
    before = floats("what allocate returns", allocate(departments), size, "[0, inf)")
    changed = {
        "resampled": resampled(departments, draws),
        "rewards": reweighed(departments, draws),
        "budget": replace(departments, total_budget=departments.total_budget * (1.0 + SIZE)),
    }
    return {name: share_moved(before, allocate(model)) for name, model in changed.items()}


def resampled(departments: Departments, draws: np.random.Generator, *, count: int = DRAWS) -> Departments:
    """The model as it is estimated from `count` transitions of every row; what never came is left out."""
    held = departments.held
    width = np.diff(held.row_ptr)
    table = np.zeros((width.size, int(width.max())))
    here = np.arange(table.shape[1]) < width[:, None]
    table[here] = held.probability
    seen = draws.multinomial(count, table / table.sum(axis=1, keepdims=True))[here]
    kept = seen > 0
    size = np.add.reduceat(kept.astype(np.int64), held.row_ptr[:-1])
    chain = departments.regime_probability
    regimes = draws.multinomial(count, chain / chain.sum(axis=1, keepdims=True)) / count
    rows = replace(
        held, row_ptr=np.append(0, size.cumsum()), next_state=held.next_state[kept],
        probability=seen[kept] / count,
    )  # fmt: skip
    return replace(departments, held=rows, regime_probability=regimes)


def reweighed(departments: Departments, draws: np.random.Generator, *, size: float = SIZE) -> Departments:
    """The model with outcomes of each department and objective worth more or less by a factor of its own."""
    shape = (len(departments.departments), len(departments.objectives))
    factor = 1.0 + size * draws.standard_normal(shape)
    owner = departments.department_of_state[departments.held.pair_state]
    return replace(departments, reward=departments.reward * factor[owner])
