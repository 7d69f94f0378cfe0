"""The curves of all states at one stage, as a backup makes them: segments that carry their slopes."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import _exact_kernels as kernels
from optbudget.curves import Curves

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StageCurves:
    """The curves of all states at one stage, as the backup made them.

    Attributes
    ----------
    stage : 0 is now
    heads, segments : ragged arrays of `optbudget.curves._kernels`; only `size` segments are in use
    size : number of segments
    """

    stage: int
    heads: kernels.Heads
    segments: kernels.Segments
    size: int

    def copy(self) -> "StageCurves":
        """The same with memory of its own, which later stages do not overwrite."""
        heads = kernels.Heads(*(part.copy() for part in self.heads))
        segments = kernels.Segments(*(part[: self.size].copy() for part in self.segments))
        return replace(self, heads=heads, segments=segments)

    @property
    def curves(self) -> Curves:
        """The curves as a noun of their own, with their own memory."""
        used = slice(0, self.size)
        length = self.segments.length[used]
        return Curves(
            self.heads.budget,
            self.heads.value,
            np.concatenate(([0], np.cumsum(self.heads.number))),
            length,
            length * self.segments.slope[used],
        )

    @property
    def spend_variance(self) -> Floats:
        """Variance of spend at each breakpoint, curve after curve."""
        return np.insert(self.segments.variance[: self.size], self._first(), self.heads.variance)

    @property
    def first_action(self) -> NDArray[np.int32]:
        """Action at each breakpoint, curve after curve; -1 in terminal states."""
        return np.insert(self.segments.action[: self.size], self._first(), self.heads.action)

    def _first(self) -> NDArray[np.int64]:
        first: NDArray[np.int64] = np.cumsum(self.heads.number) - self.heads.number
        return first
