"""Expected values over transition rows, for many columns at once, in numpy.

.. math:: y_{r,k} = \\sum_j p_{rj} x_{j,k}

Rows are taken from widest to narrowest, so that the j-th entries of all rows that have one are a
prefix: one gather, one product and one sum per position, whatever the widths are. A row of d
entries is summed with at most d roundings per term, which is what the error bounds count.
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
        order = np.argsort(-width, kind="stable")
        self._wide = [
            (int(r), slice(int(pointer[r]), int(pointer[r + 1]))) for r in order if width[r] > NARROW
        ]
        self._order = order[len(self._wide) :]
        self._next = problem.next_state.astype(np.intp)
        self._probability = problem.probability
        ordered_width, starts = width[self._order], pointer[:-1][self._order]
        self._slots: list[tuple[NDArray[np.intp], Floats]] = []
        for j in range(int(ordered_width.max(initial=0))):
            entry = starts[: np.searchsorted(-ordered_width, -j, side="left")] + j
            self._slots.append((self._next[entry], self._probability[entry]))

    def expect(self, x: Floats, rate: Floats | float = 1.0, pool: Executor | None = None) -> Floats:
        """(rows, k) expected values, times `rate` (k,), of the contiguous (states, k) array `x`."""
        columns = x.shape[1]
        out = np.empty((self.count, columns))
        step = max(256, CHUNK // max(1, columns))

        def one(begin: int) -> None:
            rows = self._order[begin : begin + step]
            total = np.zeros((rows.size, columns))
            buffer = np.empty_like(total)
            for following, probability in self._slots:
                chosen = following[begin : begin + step]
                if chosen.size == 0:
                    break
                part = np.take(x, chosen, axis=0, out=buffer[: chosen.size], mode="clip")
                part *= probability[begin : begin + step, None]
                total[: chosen.size] += part
            total *= rate
            out[rows] = total

        run(one, range(0, self._order.size, step), pool)
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
