"""Sums of money that are never rounded in favour of the one who spends.

Each operation returns the nearest double where that is exact or on the safe side, else its neighbour. The
error of a sum is exact (Knuth's two-sum), and so is that of a product (Dekker 1971, Veltkamp's splitting),
for magnitudes between 1e-140 and 1e140; infinite money stays infinite.
"""

import math

import numpy as np
from numba import njit

SPLITTER = 134217729.0


@njit(cache=True, nogil=True)
def product_error(a, b, product):
    """a * b - product, exactly."""
    high_a = SPLITTER * a
    high_a = high_a - (high_a - a)
    high_b = SPLITTER * b
    high_b = high_b - (high_b - b)
    low_a, low_b = a - high_a, b - high_b
    return low_a * low_b - (((product - high_a * high_b) - low_a * high_b) - high_a * low_b)


@njit(cache=True, nogil=True)
def times_up(units, cost):
    """units * cost, rounded up; units a whole number below 2^53."""
    many = float(units)
    product = many * cost
    if product_error(many, cost, product) > 0.0:
        return np.nextafter(product, math.inf)
    return product


@njit(cache=True, nogil=True)
def minus_down(money, spent):
    """money - spent, rounded down."""
    rest = money - spent
    if math.isinf(rest):
        return rest
    back = rest - money
    error = (money - (rest - back)) + (-spent - back)
    return np.nextafter(rest, -math.inf) if error < 0.0 else rest


@njit(cache=True, nogil=True)
def over_down(money, rate):
    """money / rate, rounded down; rate in (0, 1]."""
    if rate == 1.0 or math.isinf(money):
        return money
    quotient = money / rate
    product = quotient * rate
    if product > money or (product == money and product_error(quotient, rate, product) > 0.0):
        return np.nextafter(quotient, -math.inf)
    return quotient
