"""Walks that make logs: over the contexts of a known source, and over a model that a rule acts on."""

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


@njit(cache=True, inline="always")
def drawn(probability, begin, end, draw):
    """The entry that a number in [0, 1) falls on."""
    total = 0.0
    for i in range(begin, end - 1):
        total += probability[i]
        if draw < total:
            return i
    return end - 1


@njit(cache=True, error_model="numpy")
def act(draws, wanted, first_unit, starts, rule, moves, found):
    """Units logged one after another, a row of draws for each, until so many events are there.

    starts: initial states, their probabilities, and which states are not left. rule: pair_ptr, propensity,
    row and event of each pair. moves: row_ptr, next_state, probability. found: unit, time, event and pair (-1
    for the event of a state) of every row. Returns how many there are.
    """
    initial, share, stays = starts
    pair_ptr, propensity, pair_row, done = rule
    row_ptr, next_state, probability = moves
    unit, time, event, pair = found
    m = 0
    for u in range(draws.shape[0]):
        if m >= wanted:
            break
        state = initial[drawn(share, 0, initial.size, draws[u, 0])]
        for k in range((draws.shape[1] - 1) // 2):
            unit[m], time[m], event[m], pair[m] = first_unit + u, 2 * k, state, -1
            m += 1
            if stays[state]:
                break
            a = drawn(propensity, pair_ptr[state], pair_ptr[state + 1], draws[u, 1 + 2 * k])
            unit[m], time[m], event[m], pair[m] = first_unit + u, 2 * k + 1, done[a], a
            m += 1
            row = pair_row[a]
            state = next_state[drawn(probability, row_ptr[row], row_ptr[row + 1], draws[u, 2 + 2 * k])]
    return m
