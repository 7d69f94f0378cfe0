"""PC-stable's skeleton: which columns are adjacent.

Two columns are adjacent unless a set S of others separates them: :math:`x \\perp y \\mid S`. In round d every
pair that is still adjacent is tested given each set of d columns that were adjacent to x *at the start of the
round* and may cause x; the first p-value above :math:`\\alpha` removes the pair. The result does not depend
on the order of the columns. Where every column may cause every other this is PC-stable (Colombo & Maathuis
2014); columns that cannot cause x need not be in a set that separates it, so no test is spent on them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.causal import _skeleton_kernels as kernels
from optbudget.causal.background import Background
from optbudget.causal.independence import Test
from optbudget.problems.causal_graph import Matrix


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Adjacencies, and the tests that were spent on them.

    Attributes
    ----------
    adjacent : (p, p) bool, symmetric
    tests : (p, p) int64, tests of x and y from the side of x
    deepest : size of the largest set that was tried
    """

    adjacent: Matrix
    tests: NDArray[np.int64]
    deepest: int


def find_skeleton(test: Test, background: Background, alpha: float, deepest: int | None = None) -> Skeleton:
    """The skeleton of a sample, see `optbudget.causal.independence.Sample`.

    Parameters
    ----------
    alpha : level of every test, in (0, 1); a smaller one gives fewer edges
    deepest : size of the largest sets to try; None is any. The work grows with the number of such sets among
        the neighbours of a column.
    """
    p = len(background.names)
    adjacent, tests = np.zeros((p, p), dtype=bool), np.zeros((p, p), dtype=np.int64)
    most = p if deepest is None else deepest
    tried = kernels.skeleton(test, alpha, background.allowed, background.joined, most, (adjacent, tests))
    return Skeleton(adjacent, tests, int(tried))
