"""A walk over the contexts of a known source: one event after another, unit after unit."""

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def walk(draws, row_ptr, cumulative, following, symbol, start, found):
    """Draw units until the draws are used up; each event takes one.

    Entries of node i: cumulative probability, next node (-1: the unit's end) and symbol. found: unit, symbol
    and log-probability of every event, log-probability of every unit's end, in the order of drawing.
    Returns the numbers of events and of units; a unit that the draws leave unfinished is left out.
    """
    unit, event, likelihood, ending = found
    events = units = at = 0
    while at < draws.size:
        node, begin = start, events
        finished = False
        while at < draws.size:
            low, high = row_ptr[node], row_ptr[node + 1] - 1
            draw = draws[at]
            at += 1
            entry = low
            while entry < high and cumulative[entry] <= draw:
                entry += 1
            p = cumulative[entry] - (cumulative[entry - 1] if entry > low else 0.0)
            if following[entry] < 0:
                ending[units] = np.log(p)
                finished = True
                break
            unit[events], event[events], likelihood[events] = units, symbol[entry], np.log(p)
            events += 1
            node = following[entry]
        if finished:
            units += 1
        else:
            events = begin
    return events, units
