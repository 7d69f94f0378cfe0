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
def screen(indptr, length, gain, count, low, high, level, near, bought, won, spend, found):
    """Count the segments of each curve priced above `high`, and those from `low` to `high`.

    Every segment is looked at and nothing branches on a price, which costs less than the mispredicted
    branches of an early exit.

    Shapes: indptr (n+1,); length, gain (N,); count (n,). Overwritten: level, near (n,) the two counts,
    bought, won (n,) sums of length and gain over the first of them; spend (CHUNKS, 2) rounded money of
    the units for both; found (CHUNKS, 2) how many are near, and 1 where a price rises along a curve,
    which makes the counts meaningless. States without units have none near.
    """
    n = count.shape[0]
    for chunk in prange(CHUNKS):
        taken = 0.0
        reached = 0.0
        rising = False
        listed = 0
        for i in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            above_count = 0
            within_count = 0
            above_length = 0.0
            above_gain = 0.0
            within_length = 0.0
            before = np.inf
            for j in range(indptr[i], indptr[i + 1]):
                price = gain[j] / length[j]
                above = 1 if price > high else 0
                within = 1 if price >= low else 0
                rising |= price > before
                before = price
                above_count += above
                within_count += within
                above_length += length[j] if above else 0.0
                above_gain += gain[j] if above else 0.0
                within_length += length[j] if within else 0.0
            level[i] = above_count
            near[i] = within_count - above_count if count[i] > 0 else 0
            listed += near[i]
            bought[i] = above_length
            won[i] = above_gain
            taken += above_length * count[i]
            reached += within_length * count[i]
        spend[chunk, 0] = taken
        spend[chunk, 1] = reached
        found[chunk, 0] = listed
        found[chunk, 1] = rising


@njit(cache=True, parallel=True, error_model="numpy")
def list_near(indptr, length, gain, count, level, near, first, segment, state, price, cost):
    """Write out the segments that `screen` counted as near, in the order of the curves.

    Shapes: as in `screen`; first (CHUNKS,) where each chunk begins to write; segment, state, price,
    cost (t,) overwritten, cost being the rounded money of all units.
    """
    n = count.shape[0]
    for chunk in prange(CHUNKS):
        slot = first[chunk]
        for i in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            for j in range(indptr[i] + level[i], indptr[i] + level[i] + near[i]):
                segment[slot] = j
                state[slot] = i
                price[slot] = gain[j] / length[j]
                cost[slot] = count[i] * length[j]
                slot += 1
