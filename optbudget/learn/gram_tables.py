"""Tables of grams made from lists of grams, and added to each other."""

import numpy as np

from optbudget.errors import ProblemError
from optbudget.learn._counting_kernels import add_values, merge, run_together
from optbudget.problems.columns import Codes
from optbudget.problems.history_counts import GramTable, Words


def tabulate(grams: Words, value: Codes) -> GramTable:
    """Distinct grams of a list (N, W) with their counts and the sums of their values."""
    valued = np.flatnonzero(value)
    part, worth = grams[valued], value[valued]
    # Numpy sorts plain vectors of words several times faster than any order of rows.
    plain = grams.shape[1] == 1
    ordered = np.sort(grams[:, 0])[:, None] if plain else grams[_order(grams)]
    words, count = np.empty_like(ordered), np.empty(ordered.shape[0], dtype=np.int64)
    n = run_together(ordered, words, count)
    words, count = words[:n].copy(), count[:n].copy()
    summed = np.zeros(n, dtype=np.int64)
    add_values(words, summed, part, _order(part), worth)
    return GramTable(words, count, summed)


def added(one: GramTable, other: GramTable) -> GramTable:
    """The counts of both."""
    return _merged(one, other, 1)


def taken_away(one: GramTable, other: GramTable) -> GramTable:
    """The counts of the first without those of the second.

    Raises
    ------
    ProblemError
        If the second holds more of a gram than the first.
    """
    return _merged(one, other, -1)


def _merged(one: GramTable, other: GramTable, sign: int) -> GramTable:
    if not len(other):
        return one
    if not len(one) and sign > 0:
        return other
    size = len(one) + len(other)
    words = np.empty((size, one.words.shape[1]), dtype=np.uint64)
    count, value = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    tables = [(table.words, table.count, table.value) for table in (one, other)]
    n = merge(*tables, sign, (words, count, value))
    if n < 0:
        raise ProblemError("the counts and the units' last events do not belong together")
    return GramTable(words[:n].copy(), count[:n].copy(), value[:n].copy())


def _order(grams: Words) -> Codes:
    """Rows in rising order; equal ones in any."""
    if grams.shape[1] == 1:
        return np.argsort(grams[:, 0])
    return np.lexsort(grams.T[::-1])
