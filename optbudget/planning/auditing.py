"""What another tool's plan leaves on the table, with a bound that needs no trust in either tool.

For concave curves the optimum is that of the relaxation: the amounts between measured ones are bought as
they stand. For the others the best choice among the measured amounts is found exactly, by branch and bound,
and the relaxation's price proves a bound on every amount between them as well:

.. math:: V \\le p B + \\sum_g n_g \\max_k (v_{gk} - p\\,c_{gk}),

because on a straight line between two points the maximum is at one of them.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.allocation import allocate_knapsack, exact
from optbudget.errors import Issue, ProblemError, UsageError
from optbudget.problems import Knapsack
from optbudget.problems.audit import Audit
from optbudget.problems.columns import as_number, did_you_mean
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

SAME_SLOPE = 1e-12
"""By how much a slope may rise, relatively, and be called falling: a few roundings of measured numbers."""


def audit(
    knapsack: Knapsack,
    chosen: Mapping[str, float] | ArrayLike,
    *,
    budget: float | None = None,
    monitor: Monitor | None = None,
) -> Audit:
    """Hold a chosen spend per group against the optimum and its bound.

    Parameters
    ----------
    knapsack : response curves as groups of measured amounts (`response_curves`)
    chosen : money for one copy of each group, by name, or (n,) in the order of the groups; between the
        least and the largest amount that was measured
    budget : money, >= 0; default: what was chosen. A plan that spends more than the budget is audited at
        what it spends, and `over` says by how much
    monitor : may end the search for the best whole amounts

    Raises
    ------
    ProblemError
        Naming every group without a spend, and every spend outside of what was measured.
    UsageError
        If it is no knapsack, or the budget is not a number >= 0.

    Examples
    --------
    Search has falling returns, 4 then 1; social has 2. A tool put 20 into search and 10 into social:

    >>> from optbudget.problems.response_curves import response_curves
    >>> curves = response_curves({"group": ["search"] * 3 + ["social"] * 2,
    ...                           "spend": [0, 10, 30, 0, 40], "value": [0, 40, 60, 0, 80]})
    >>> found = audit(curves, {"search": 20, "social": 10})
    >>> found
    Audit(2 groups, chosen 70, best 80, bound 80)
    >>> found.best_spend, found.lost
    (array([10., 20.]), 10.0)
    """
    if not isinstance(knapsack, Knapsack):
        raise UsageError(f"response curves are needed, as response_curves() makes; got {knapsack!r:.40}")
    spend = _chosen(knapsack, chosen)
    points = [_points(knapsack, g) for g in range(len(knapsack.groups))]
    _require_measured(knapsack, spend, points)
    money = exact.round_up(exact.dot(knapsack.count, spend))
    if budget is not None:
        budget = as_number(budget, "the budget")
        if not budget >= 0:
            raise UsageError(f"the budget is {budget}; it must be a number >= 0")
        money = max(budget, money)
    worth = np.array([np.interp(x, *at) for x, at in zip(spend, points, strict=True)])
    slopes = np.array([_slopes(x, *at) for x, at in zip(spend, points, strict=True)]).reshape(-1, 2)
    concave = np.array([_falling(*at) for at in points])
    relaxed = allocate_knapsack(knapsack, money)
    whole = None
    if not concave.all():
        measured = replace(knapsack, interpolate=False, folder=None)
        whole = allocate_knapsack(measured, money, method="ip", monitor=monitor)
    return Audit(
        knapsack, money if budget is None else budget, spend, worth, slopes[:, 1], slopes[:, 0], concave,
        relaxed, whole,
    )  # fmt: skip


def _chosen(knapsack: Knapsack, chosen: Mapping[str, float] | ArrayLike) -> Floats:
    """Money for one copy of each group, (n,)."""
    if isinstance(chosen, Mapping):
        issues = [
            Issue(
                "error", "unknown-group", f"no group is called {name!r}{did_you_mean(name, knapsack.groups)}"
            )
            for name in chosen
            if name not in knapsack.groups
        ]
        issues += [
            Issue("error", "no-spend", f"no spend is given for group {name!r}")
            for name in knapsack.groups
            if name not in chosen
        ]
        if issues:
            raise ProblemError(issues)
        return np.array([as_number(chosen[name], f"the spend of {name!r}") for name in knapsack.groups])
    spend = np.asarray(chosen, dtype=np.float64)
    if spend.shape != (len(knapsack.groups),):
        raise ProblemError(f"chosen must have shape ({len(knapsack.groups)},); got {spend.shape}")
    return spend


def _points(knapsack: Knapsack, group: int) -> tuple[Floats, Floats]:
    """The measured amounts of a group, rising, and the most value at each."""
    span = slice(int(knapsack.ptr[group]), int(knapsack.ptr[group + 1]))
    cost, value = knapsack.cost[span], knapsack.value[span]
    amounts, place = np.unique(cost, return_inverse=True)
    best = np.full(amounts.size, -np.inf)
    np.maximum.at(best, place, value)
    return amounts, best


def _require_measured(knapsack: Knapsack, spend: Floats, points: list[tuple[Floats, Floats]]) -> None:
    issues = []
    for name, x, (amounts, _) in zip(knapsack.groups, spend.tolist(), points, strict=True):
        if not amounts[0] <= x <= amounts[-1]:
            message = (
                f"a spend of {x:g} on {name!r} lies outside of what was measured, {amounts[0]:g} to "
                f"{amounts[-1]:g}: the curve says nothing there"
            )
            issues.append(Issue("error", "not-measured", message))
    if issues:
        raise ProblemError(issues)


def _slopes(spend: float, amounts: Floats, values: Floats) -> tuple[float, float]:
    """Value of the last and of the next unit of money at an amount; NaN where the curve ends."""
    slope = np.concatenate(([np.nan], np.diff(values) / np.diff(amounts), [np.nan]))
    left, right = (int(np.searchsorted(amounts, spend, side=side)) for side in ("left", "right"))
    return float(slope[left]), float(slope[right])


def _falling(amounts: Floats, values: Floats) -> bool:
    """Whether slopes never rise, but for rounding."""
    slope = np.diff(values) / np.diff(amounts)
    return bool((np.diff(slope) <= SAME_SLOPE * np.abs(slope[:-1])).all())
