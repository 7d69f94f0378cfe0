"""Money and value summed without rounding.

A double is an integer times a power of two, so a sum of whole numbers times doubles,

.. math:: \\sum_s n_s x_s, \\qquad 0 \\le n_s \\le 2^{62},

is an integer times :math:`2^{-1074}`. Few terms are added as Python integers; many go through a fixed-point
register of 31-bit digits wide enough for every double (Kulisch 1971), where addition is exact and
therefore gives the same bits in any order and on any number of threads.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.rounding import round_down as round_down
from optbudget.problems.rounding import round_up as round_up

FEW = 4096
"""Up to so many states the plain loops are used, and numba is not imported."""

SMALLEST = 1074
"""Every double is a multiple of 2^-SMALLEST."""


def dot(count: NDArray[np.int64], x: NDArray[np.float64]) -> Fraction:
    """Exact sum of count * x.

    Parameters
    ----------
    count : (n,) int64, 0 to 2^62
    x : (n,) finite

    Examples
    --------
    >>> dot(np.array([10, 1]), np.array([0.1, -1.0])) == 10 * Fraction(0.1) - 1
    True
    """
    if not x.any():
        return Fraction(0)
    if count.size <= FEW:
        return Fraction(_add_up(count, x), 1 << SMALLEST)
    from optbudget.allocation import _kernels

    digits = np.zeros((_kernels.CHUNKS, _kernels.DIGITS), dtype=np.int64)
    _kernels.add_products(count, np.ascontiguousarray(x).view(np.int64), digits)
    register = digits.astype(object).sum(axis=0)
    total = sum(int(digit) << (_kernels.DIGIT_BITS * k) for k, digit in enumerate(register))
    return Fraction(total, 1 << SMALLEST)


def _add_up(count: NDArray[np.int64], x: NDArray[np.float64]) -> int:
    """The same in units of 2^-1074, one Python integer at a time."""
    total = 0
    for n, (top, bottom) in zip(count.tolist(), map(float.as_integer_ratio, x.tolist()), strict=True):
        total += (n * top) << (SMALLEST + 1 - bottom.bit_length())
    return total


def probability_below(share: Fraction) -> float:
    """The largest multiple of 2^-53 that is not above `share`, in [0, 1].

    The complement of such a number is a double too, so the two probabilities of a randomised unit
    sum to 1 exactly.
    """
    return math.floor(share * 2**53) / 2**53
