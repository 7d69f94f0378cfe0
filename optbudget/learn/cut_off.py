"""Logs that stop while their units go on.

A log of the customers of a year has a last event of each, after which it tells of no further one. That is
no end: the log was cut off. What followed the history of such a unit is not known, and is not counted.
Ends that the log does tell of are: before a pause, and after an event that nothing ever follows, as a
terminal one, for nothing else is known of it.
"""

import numpy as np

from optbudget.learn.counting import held_out
from optbudget.learn.gram_tables import tabulate, taken_away
from optbudget.learn.units import unit_hashes
from optbudget.problems.history_counts import END, FIRST_EVENT, GramTable, HistoryCounts


def tables_of(counts: HistoryCounts, *, cut_off: bool) -> tuple[GramTable, GramTable]:
    """The grams of the units kept and of those held out; if cut off, without the ends of their histories."""
    both = counts.kept, counts.held
    if not cut_off:
        return both
    packing, units = counts.packing, counts.units
    recent = packing.symbol(units.history, 0)
    followed = np.zeros(len(counts.names) + FIRST_EVENT, dtype=np.bool_)
    for table in both:
        goes_on = packing.symbol(table.words, packing.order) != END
        followed[packing.symbol(table.words, 0)[goes_on]] = True
    word, shift = packing.place(packing.order)
    grams = units.history.copy()
    grams[:, word] |= np.uint64(END << shift)
    out = held_out(unit_hashes(units.id)[0], counts.rule.held_out)
    kept, held = (
        taken_away(table, tabulate(grams[mine], units.value[mine]))
        for table, mine in zip(both, (followed[recent] & ~out, followed[recent] & out), strict=True)
    )
    return kept, held
