"""What follows a history where nobody acts.

In a log that holds actions of ours, the event after a history h may be one of them: somebody decided so.
The row of `none` then mixes what units do with what was decided for them, at no cost. Withheld, it is

.. math:: p(e \\mid h, \\text{not } A) = \\frac{p(e \\mid h)}{1 - \\sum_{a \\in A} p(a \\mid h)},

what followed h where no action a in A did. It is what would have followed without them if, given h, they
were taken by chance or by a rule that knows h alone; if by one that knows more of the unit, it is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.learn.contexts import ROOT, START, ContextTree
from optbudget.problems.columns import Codes, Floats
from optbudget.problems.history_counts import FIRST_EVENT
from optbudget.problems.sharing import spans


@dataclass(frozen=True, eq=False)
class ContextRows:
    """Rows of all nodes of a tree: entries of row i are ptr[i]:ptr[i+1].

    Attributes
    ----------
    ptr : (n+1,)
    symbol, following : (z,) what follows, and the node after that (-1: the end)
    probability : (z,)
    times : (z,) how often it was seen; int64, of a component float64
    """

    ptr: Codes
    symbol: NDArray[np.integer]
    following: Codes
    probability: Floats
    times: NDArray[Any]


def without_actions(rows: ContextRows, tree: ContextTree, actions: Sequence[int]) -> ContextRows:
    """The rows given that no action follows.

    A context that only actions followed has the row of the longest suffix of it that has another.

    Raises
    ------
    ProblemError
        If nothing but actions follows anything.
    """
    n = tree.size
    node = np.repeat(np.arange(n), np.diff(rows.ptr))
    there = ~np.isin(rows.symbol, actions)
    left = np.bincount(node, np.where(there, rows.probability, 0.0), minlength=n)
    if left[ROOT] == 0:
        raise ProblemError("nothing but actions follows anything in the log; name fewer of them")
    of = np.arange(n)
    for i in np.flatnonzero(left == 0).tolist():
        of[i] = of[tree.parent[i]]
    kept = np.flatnonzero(there)
    width = np.bincount(node[kept], minlength=n)
    entry = kept[spans((np.cumsum(width) - width)[of], width[of])]
    left[width == np.diff(rows.ptr)] = 1.0
    share = np.repeat(left[of], width[of])
    return ContextRows(
        np.append(0, np.cumsum(width[of])),
        rows.symbol[entry], rows.following[entry], rows.probability[entry] / share, rows.times[entry],
    )  # fmt: skip


def first_without(tree: ContextTree, actions: Sequence[str]) -> list[str]:
    """First events of histories that are no actions; where there are none, the start has the root's row."""
    row = tree.row_symbol[tree.row_ptr[START] : tree.row_ptr[START + 1]]
    names = [tree.names[k - FIRST_EVENT] for k in row.tolist() if k >= FIRST_EVENT]
    return [name for name in names if name not in actions]
