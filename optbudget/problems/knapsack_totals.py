"""Limits on what some groups of a knapsack cost together."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import ProblemError

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Totals:
    """For each total: the groups of a knapsack that it is over, and its limits.

    Attributes
    ----------
    members : (t,) arrays of groups; they may overlap
    least, most : (t,) money, 0 <= least <= most, most may be inf
    each : (n,) the most money that one copy of each group may be assigned, >= what its options cost; what
        they cost less is set aside for it, and counts in every total. None: totals are what options cost

    Raises
    ------
    ProblemError
        If a total has no limits, or limits that contradict each other.

    Examples
    --------
    >>> Totals([[0, 1], [1, 2]], least=[0, 0], most=[1, 1]).members[1]
    array([1, 2])
    """

    members: tuple[Integers, ...]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    each: NDArray[np.float64] | None = None

    def __init__(
        self, members: object, least: ArrayLike, most: ArrayLike, each: ArrayLike | None = None
    ) -> None:
        some = tuple(np.asarray(groups, dtype=np.int64) for groups in members)  # type: ignore[attr-defined]
        object.__setattr__(self, "members", some)
        object.__setattr__(self, "least", np.asarray(least, dtype=np.float64))
        object.__setattr__(self, "most", np.asarray(most, dtype=np.float64))
        object.__setattr__(self, "each", None if each is None else np.asarray(each, dtype=np.float64))
        size = (len(some),)
        if self.least.shape != size or self.most.shape != size:
            raise ProblemError(
                f"least and most must have shape {size}; got {self.least.shape}, {self.most.shape}"
            )
        for t, (low, high) in enumerate(zip(self.least.tolist(), self.most.tolist(), strict=True)):
            if not 0 <= low < math.inf or not low <= high:
                raise ProblemError(f"total {t} must be from {low} to {high}: that is no range of money")
