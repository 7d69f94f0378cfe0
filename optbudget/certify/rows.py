"""Expected values over transition rows, for many columns at once, in numpy.

.. math:: y_{r,k} = \\sum_j p_{rj} x_{j,k}

Rows of one width are taken together, so many at a time that what they gather stays in the cache. A
row of d entries is summed with at most d roundings per term, which is what the error bounds count.
"""

from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]

NARROW = 256
"""Rows with more entries than this are summed one by one."""

CHUNK = 1 << 16
"""Numbers handled at once, so that temporaries stay in the cache."""

TOGETHER = 16
"""Pieces that one thread takes at a time."""


class Rows:
    """The distinct transition rows of a problem, laid out for :meth:`expect`."""

    def __init__(self, problem: BudgetedMDP) -> None:
        pointer = problem.row_ptr
        width = np.diff(pointer)
        self.count = int(width.size)
        self.widest = int(width.max(initial=0))
        owner = np.repeat(np.arange(self.count), width)
        sums = np.bincount(owner, problem.probability, minlength=1)
        self.largest_sum = float(sums.max(initial=0.0)) * (1.0 + self.widest * 2.0**-52)
        self._next = problem.next_state.astype(np.intp)
        self._probability = problem.probability
        self._wide = [
            (int(r), slice(int(pointer[r]), int(pointer[r + 1]))) for r in np.flatnonzero(width > NARROW)
        ]
        self._equal: list[tuple[NDArray[np.intp], NDArray[np.intp], Floats]] = []
        for d in np.unique(width[width <= NARROW]).tolist():
            of_width = np.flatnonzero(width == d)
            entry = pointer[of_width][:, None] + np.arange(d)
            self._equal.append((of_width, self._next[entry], self._probability[entry]))

    def expect(
        self, x: Floats, rate: float = 1.0, pool: Executor | None = None, out: Floats | None = None
    ) -> Floats:
        """(rows, k) expected values, times `rate`, of the contiguous (states, k) array `x`."""
        columns = x.shape[1]
        out = np.empty((self.count, columns)) if out is None else out
        pieces = []
        for rows, following, probability in self._equal:
            step = max(8, CHUNK // max(1, columns * following.shape[1]))
            pieces += [(rows, following, probability, slice(k, k + step)) for k in range(0, rows.size, step)]

        def one(first: int) -> None:
            together = pieces[first : first + TOGETHER]
            memory = np.empty(max(following[part].size for _, following, _, part in together) * columns)
            for rows, following, probability, part in together:
                entries = following[part]
                gathered = memory[: entries.size * columns].reshape(*entries.shape, columns)
                np.take(x, entries, axis=0, out=gathered, mode="clip")
                total = np.einsum("rd,rdk->rk", probability[part], gathered)
                total *= rate
                out[rows[part]] = total

        run(one, range(0, len(pieces), TOGETHER), pool)
        for row, entries in self._wide:
            out[row] = rate * (self._probability[entries] @ x[self._next[entries]])
        return out


def run(work: Callable[[int], None], items: range, pool: Executor | None) -> None:
    """Do independent pieces of work, in order or on the threads of a pool."""
    if pool is None:
        for item in items:
            work(item)
    else:
        list(pool.map(work, items))
