"""Compiled loops over departments whose regimes move, C columns together; nothing is checked.

Arrays have the columns as their last, contiguous axis.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


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
