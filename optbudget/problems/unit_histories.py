"""Which event followed which history, unit by unit: what cannot be read off counts alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.columns import Codes
from optbudget.problems.history_counts import HistoryCounts, Words


@dataclass(frozen=True, eq=False, repr=False)
class UnitHistories:
    """The grams of every unit of a log, N in all, "end" of each history among them.

    Attributes
    ----------
    counts : the same grams counted; units go in the order of `counts.units`
    ptr : (U+1,) grams of unit u are ptr[u]:ptr[u+1], in the order of its events
    words : (N, W) uint64, packed as `counts.packing` says
    valued, value : (v,) positions whose history ends in an event of value, and that value in millionths
    held : (U,) units held out
    """

    counts: HistoryCounts
    ptr: Codes
    words: Words
    valued: Codes
    value: Codes
    held: NDArray[np.bool_]

    def __repr__(self) -> str:
        return f"UnitHistories({self.words.shape[0]:,} grams of {self.ptr.size - 1:,} units)"
