"""Compiled loops over departments whose regimes move, C columns together; nothing is checked.

Arrays have the columns as their last, contiguous axis.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, prange


class Model(NamedTuple):
    """The arrays of departments that a backup reads; the rows are those of a regime that stays."""

    pair_ptr: np.ndarray
    pair_row: np.ndarray
    row_ptr: np.ndarray
    next_state: np.ndarray
    probability: np.ndarray
    regime: np.ndarray
    elsewhere: np.ndarray
    regime_probability: np.ndarray


@njit(cache=True, error_model="numpy")
def expected(model, after, moved, ahead):
    """Expectation of columns (n, C) of the next regime and state by transition row, ahead (rows, C).

    moved (n, C) is scratch: the expectation over the regimes alone, of each state that is reached.
    """
    n, columns = after.shape
    for i in range(n):
        moved[i] = 0.0
        for r in range(model.elsewhere.shape[1]):
            q, j = model.regime_probability[model.regime[i], r], model.elsewhere[i, r]
            if q > 0.0:
                for c in range(columns):
                    moved[i, c] += q * after[j, c]
    for row in range(ahead.shape[0]):
        ahead[row] = 0.0
        for e in range(model.row_ptr[row], model.row_ptr[row + 1]):
            p, j = model.probability[e], model.next_state[e]
            for c in range(columns):
                ahead[row, c] += p * moved[j, c]


@njit(cache=True, error_model="numpy")
def choose(model, gain, coefficient, ahead, present, chosen):
    """Best pair of each state for L lanes: present (n, L) and chosen (n, L) are filled, -1 without actions.

    gain (m, C) what a pair yields in each column; coefficient (C, L) what a unit of it counts for a lane.
    Of equally good pairs the first is taken.
    """
    n, lanes = present.shape
    score = np.empty(lanes)
    for i in range(n):
        first = model.pair_ptr[i]
        for lane in range(lanes):
            present[i, lane], chosen[i, lane] = 0.0, -1
        for pair in range(first, model.pair_ptr[i + 1]):
            row = model.pair_row[pair]
            for lane in range(lanes):
                score[lane] = ahead[row, lane]
            for c in range(gain.shape[1]):
                amount = gain[pair, c]
                if amount != 0.0:
                    for lane in range(lanes):
                        score[lane] += coefficient[c, lane] * amount
            for lane in range(lanes):
                better = pair == first or score[lane] > present[i, lane]
                present[i, lane] = score[lane] if better else present[i, lane]
                chosen[i, lane] = pair if better else chosen[i, lane]


@njit(cache=True, error_model="numpy")
def backward(model, gain, coefficient, chosen, peak):
    """Values of all states now (n, L); chosen (T, n, L) and peak (T, L), the largest |value|, are filled.

    coefficient (T, C, L) counts every stage now, so that a backup adds without a discount.
    """
    stages, n, lanes = chosen.shape
    after, present, moved = np.zeros((n, lanes)), np.empty((n, lanes)), np.empty((n, lanes))
    ahead = np.empty((model.row_ptr.shape[0] - 1, lanes))
    for stage in range(stages - 1, -1, -1):
        expected(model, after, moved, ahead)
        choose(model, gain, coefficient[stage], ahead, present, chosen[stage])
        for lane in range(lanes):
            peak[stage, lane] = np.abs(present[:, lane]).max()
        after, present = present, after
    return after


@njit(cache=True, error_model="numpy")
def forward(model, gain, rate, start, owner, chosen, lane, total):
    """What each department does under the policy of a lane: total (D, C) is filled.

    start (D,) the departments' states now; owner (n,) the department of a state; rate (T, C) discounts.
    """
    stages, n = chosen.shape[:2]
    mass, moved = np.zeros(n), np.empty(n)
    total[:] = 0.0
    for d in range(start.shape[0]):
        mass[start[d]] = 1.0
    for stage in range(stages):
        moved[:] = 0.0
        for i in range(n):
            pair = chosen[stage, i, lane]
            if mass[i] == 0.0 or pair < 0:
                continue
            for c in range(gain.shape[1]):
                total[owner[i], c] += mass[i] * rate[stage, c] * gain[pair, c]
            row = model.pair_row[pair]
            for e in range(model.row_ptr[row], model.row_ptr[row + 1]):
                moved[model.next_state[e]] += mass[i] * model.probability[e]
        mass[:] = 0.0
        for i in range(n):
            if moved[i] > 0.0:
                for r in range(model.elsewhere.shape[1]):
                    mass[model.elsewhere[i, r]] += moved[i] * model.regime_probability[model.regime[i], r]


@njit(cache=True, error_model="numpy", parallel=True)
def passes(model, gain, rate, start, owner, coefficient, top, peak, total):
    """Backward and forward for blocks of lanes, one thread per block.

    coefficient (blocks, T, C, L); top (blocks, L), the values of all departments together, peak
    (blocks, T, L) and total (blocks, L, D, C) are filled.
    """
    blocks, stages, _, lanes = coefficient.shape
    for block in prange(blocks):
        chosen = np.empty((stages, owner.shape[0], lanes), dtype=np.int32)
        worth = backward(model, gain, coefficient[block], chosen, peak[block])
        for lane in range(lanes):
            top[block, lane] = 0.0
            for d in range(start.shape[0]):
                top[block, lane] += worth[start[d], lane]
            forward(model, gain, rate, start, owner, chosen, lane, total[block, lane])


@njit(cache=True, error_model="numpy")
def steepest(worth, spent, lavish, i):
    """The lavish column to which the chord from column i is steepest, the first of equals, and its slope."""
    partner, slope = i, -np.inf
    for j in lavish:
        chord = (worth[j] - worth[i]) / (spent[j] - spent[i])
        if chord > slope:
            partner, slope = j, chord
    return partner, slope


@njit(cache=True, error_model="numpy")
def best_chords(worth, spent, left, frugal, lavish, pair, slope):
    """The chord that is highest at the budget, for each row of worth (P, J): pair (P, 2) and slope (P,).

    left (J,) is what a frugal column leaves. From the frugal column of most worth the chord is made as steep
    as it goes; it begins anew at the frugal column that is highest above it, until none is. Slopes fall, so
    it ends. Where no lavish column is worth more the pair is one column twice, of slope 0.
    """
    for p in range(worth.shape[0]):
        first, high = -1, -np.inf
        for i in frugal:
            if worth[p, i] > high:
                first, high = i, worth[p, i]
        second, steep = steepest(worth[p], spent, lavish, first)
        while steep > 0.0:
            higher, high = first, worth[p, first] + steep * left[first]
            for i in frugal:
                if worth[p, i] + steep * left[i] > high:
                    higher, high = i, worth[p, i] + steep * left[i]
            if higher == first:
                break
            partner, falling = steepest(worth[p], spent, lavish, higher)
            if falling >= steep:  # Only rounding said that it was higher.
                break
            first, second, steep = higher, partner, falling
        pair[p, 0], pair[p, 1], slope[p] = first, second if steep > 0.0 else first, max(steep, 0.0)
