"""Compiled loops behind `optbudget.allocation`; arrays in, arrays out, nothing is checked.

Work is cut into a fixed number of chunks, so no result depends on the number of threads.
"""

import numpy as np
from numba import njit, prange

CHUNKS = 64
DIGIT_BITS = 31
DIGITS = 72
"""72 digits of 31 bits: every double times an integer below 2^62."""

_DIGIT = (1 << DIGIT_BITS) - 1
_FRACTION = (1 << 52) - 1


@njit(cache=True, parallel=True, error_model="numpy")
def add_products(count, bits, digits):
    """Add count * x to fixed-point registers, one per chunk.

    Shapes: count, bits (n,) int64, bits the bit patterns of the doubles x; digits (CHUNKS, DIGITS)
    int64, added to. The sum is sum_k digits[:, k] * 2^(31 k - 1074). A digit takes 2^28 terms
    without overflow.
    """
    n = count.shape[0]
    for chunk in prange(CHUNKS):
        register = np.zeros(DIGITS, dtype=np.int64)
        for i in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            exponent = (bits[i] >> 52) & 2047
            whole = bits[i] & _FRACTION
            if exponent > 0:
                whole |= 1 << 52
                exponent -= 1
            first = exponent // DIGIT_BITS
            shift = exponent - first * DIGIT_BITS
            sign = -1 if bits[i] < 0 else 1
            x0 = (whole & (_DIGIT >> shift)) << shift
            rest = whole >> (DIGIT_BITS - shift)
            x1 = rest & _DIGIT
            x2 = rest >> DIGIT_BITS
            n0 = count[i] & _DIGIT
            n1 = count[i] >> DIGIT_BITS
            for k, n_digit in enumerate((n0, n1)):
                if n_digit == 0:
                    continue
                for j, x_digit in enumerate((x0, x1, x2)):
                    product = n_digit * x_digit
                    register[first + k + j] += sign * (product & _DIGIT)
                    register[first + k + j + 1] += sign * (product >> DIGIT_BITS)
        digits[chunk] += register


@njit(cache=True, parallel=True, error_model="numpy")
def place(start, indptr, step, level, point):
    """Where each curve is after `level` segments: point = start + (step_1 + ... + step_level).

    Shapes: start, level, point (n,); indptr (n+1,); step (N,). Sums run in the curve's own order and
    start is added last, as in `Curve.budgets`, so the bits are the same.
    """
    for chunk in prange(CHUNKS):
        n = start.shape[0]
        for i in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            total = 0.0
            for j in range(indptr[i], indptr[i] + level[i]):
                total += step[j]
            point[i] = start[i] + total


@njit(cache=True, parallel=True, error_model="numpy")
def screen(indptr, length, gain, count, low, high, level, spend, found, state, price, size):
    """Take all segments priced above `high` and list those priced from `low` to `high`.

    The price of a segment is the least gain / length up to it in its curve. Segments of empty states
    are left out.

    Shapes: indptr (n+1,); length, gain (N,); count, level (n,), level overwritten; spend (CHUNKS, 2)
    money of the taken and of the listed, as rounded sums; found, state, price (N,) overwritten: each
    chunk lists its segments, in order, from the place of its first; size (CHUNKS,) how many.
    """
    n = count.shape[0]
    for chunk in prange(CHUNKS):
        begin = chunk * n // CHUNKS
        end = (chunk + 1) * n // CHUNKS
        slot = indptr[begin]
        taken = 0.0
        listed = 0.0
        for i in range(begin, end):
            level[i] = 0
            if count[i] == 0:
                continue
            j = indptr[i]
            stop = indptr[i + 1]
            total = 0.0
            least = np.inf
            while j < stop:
                least = min(least, gain[j] / length[j])
                if least <= high:
                    break
                total += length[j]
                j += 1
            level[i] = j - indptr[i]
            taken += total * count[i]
            while j < stop:
                least = min(least, gain[j] / length[j])
                if not least >= low:
                    break
                found[slot] = j
                state[slot] = i
                price[slot] = least
                slot += 1
                listed += length[j] * count[i]
                j += 1
        spend[chunk, 0] = taken
        spend[chunk, 1] = listed
        size[chunk] = slot - indptr[begin]
