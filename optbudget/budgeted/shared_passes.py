"""Passes at many prices, shared out among workers.

Prices do not depend on one another, so a batch is cut into one part per worker, each a piece of work.
Which prices a batch has is decided by `optbudget.budgeted.refine` from earlier results alone, and no number
depends on how a batch is cut: a sweep gives the same bytes in one process and on many machines.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted._sweep_kernels import NARROW
from optbudget.budgeted.backward_pass import Sweep
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.threads import at_most, worth
from optbudget.problems import BudgetedMDP
from optbudget.workers import Crew, Monitor, Shared, map_pieces

Floats = NDArray[np.float64]

PART = len(NARROW)
"""Prices of one piece are a multiple of this: so many travel together."""


@dataclass(frozen=True, eq=False)
class PassJob:
    """What every part of a sweep needs.

    Attributes
    ----------
    problem : without names, which no pass looks at
    stages : kept besides stage 0
    """

    problem: BudgetedMDP
    stages: tuple[int, ...]

    @classmethod
    def of(cls, sweep: Sweep) -> "PassJob":
        return cls(_nameless(sweep.problem), tuple(sweep.stages))

    @cached_property
    def sweep(self) -> Sweep:
        """Made once by each worker."""
        return Sweep(self.problem, self.stages)


def shared_lines(
    sweep: Sweep, shared: Shared, crew: Crew, monitor: Monitor | None
) -> Callable[[Floats], Mapping[int, PriceLines] | None]:
    """`Sweep.lines`, each batch of prices cut in parts for the crew; `shared` is the sweep's `PassJob`."""

    def lines(prices: Floats) -> Mapping[int, PriceLines] | None:
        share = -(-prices.size // (PART * max(1, len(crew.members())))) * PART
        parts = [prices[k : k + share] for k in range(0, prices.size, share)]
        found = map_pieces(lines_of, parts, shared, crew, monitor=monitor)
        if len(found) < len(parts):
            return None
        return {stage: PriceLines.gather([part[stage] for part in found]) for stage in sweep.stages}

    return lines


def lines_of(job: PassJob, prices: Floats) -> dict[int, PriceLines]:
    """One part of a batch, in a worker."""
    with at_most(worth(job.problem)):
        found = job.sweep.lines(prices)
    assert found is not None
    return found


def _nameless(problem: BudgetedMDP) -> BudgetedMDP:
    """The same numbers, not validated again, and numbers for names: they are most of what would travel."""
    bare = object.__new__(BudgetedMDP)
    for field in fields(BudgetedMDP):
        object.__setattr__(bare, field.name, getattr(problem, field.name))
    object.__setattr__(bare, "states", range(problem.n_states))
    object.__setattr__(bare, "state_type", ())
    object.__setattr__(bare, "folder", None)
    return bare
