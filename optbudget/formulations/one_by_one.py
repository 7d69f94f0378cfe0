"""The units of a knapsack one by one, group after group: the set that `mckp_unit` is stated over."""

import numpy as np

from optbudget.errors import LimitError
from optbudget.problems import Knapsack

MOST_UNITS = 100_000


def unit_groups(problem: Knapsack) -> list[int]:
    """The group of each unit, g(i).

    Raises
    ------
    LimitError
        If there are more than `MOST_UNITS` units: the aggregated statement serves them.

    Examples
    --------
    >>> unit_groups(Knapsack.from_arrays([0, 1, 3], cost=[0, 0, 4], value=[0, 0, 6], count=[1, 2]))
    [0, 1, 1]
    """
    if problem.size > MOST_UNITS:
        raise LimitError(f"{problem.size:,} units one by one; state them by counts with mckp_ip")
    return np.repeat(np.arange(len(problem.groups)), problem.count).tolist()
