"""How many threads a problem is worth."""

from collections.abc import Iterator
from contextlib import contextmanager

import numba

from optbudget.problems import BudgetedMDP

SMALL = 2**12
"""Row entries and states up to which one thread does everything.

Handing so little to a second thread costs more than the work itself, on a busy machine above all.
"""


@contextmanager
def at_most(threads: int | None) -> Iterator[None]:
    """Numba's threads limited within the block; None leaves them as they are."""
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads or before, before))
    try:
        yield
    finally:
        numba.set_num_threads(before)


def worth(problem: BudgetedMDP) -> int | None:
    """1 for a small problem, None (all there are) for others."""
    return 1 if problem.next_state.size + problem.n_states <= SMALL else None
