"""P-values of conditional independence: of normal columns, of categories, and of both together.

A test is a tuple (kind, rows, matrix, starts, codes, sizes, weights) as `optbudget.causal.independence`
makes it; the given set S is the first n entries of an array.
"""

import math

import numpy as np
from numba import njit

NORMAL, CATEGORIES, BLOCKS = 0, 1, 2

DETERMINED = 1e-10
"""Variance left of a standardised column below which the others determine it."""


@njit(cache=True)
def p_value(test, x, y, given, n):
    """Of "x and y are independent given S"."""
    kind, rows, matrix, starts, codes, sizes, weights = test
    if kind == NORMAL:
        return fisher_z(matrix, rows, x, y, given, n)
    if kind == CATEGORIES:
        return g_squared(codes, sizes, weights, x, y, given, n)
    return wilks(matrix, starts, rows, x, y, given, n)


@njit(cache=True)
def cross_products(design, weights, matrix):
    """Add sum_r w_r x_r x_r' to the matrix; one thread, so that the sum is the same everywhere."""
    q = design.shape[1]
    for row in range(len(design)):
        if weights[row] == 0:
            continue
        for i in range(q):
            weighted = weights[row] * design[row, i]
            for j in range(i + 1):
                matrix[i, j] += weighted * design[row, j]
    for i in range(q):
        for j in range(i):
            matrix[j, i] = matrix[i, j]


@njit(cache=True)
def fisher_z(correlation, rows, x, y, given, n):
    """sqrt(m - |S| - 3) artanh(r), r the partial correlation, against the normal law."""
    freedom = rows - n - 3
    if freedom <= 0:
        return 1.0
    r = abs(partial_correlation(correlation, x, y, given, n))
    if r >= 1.0:
        return 0.0
    return math.erfc(math.sqrt(freedom) * math.atanh(r) / math.sqrt(2.0))


@njit(cache=True)
def partial_correlation(correlation, x, y, given, n):
    """Of x and y given S, from the last row of a Cholesky factor; 1 where S determines one of them."""
    if n == 0:
        return correlation[x, y]
    if n == 1:
        s = given[0]
        rest = (1.0 - correlation[x, s] ** 2) * (1.0 - correlation[y, s] ** 2)
        if rest <= DETERMINED**2:
            return 1.0
        return (correlation[x, y] - correlation[x, s] * correlation[y, s]) / math.sqrt(rest)
    order = np.empty(n + 2, np.int64)
    order[:n], order[n], order[n + 1] = given[:n], x, y
    factor = np.zeros((n + 2, n + 2))
    _cholesky(correlation, order, factor)
    beside, own = factor[n + 1, n], factor[n + 1, n + 1]
    if factor[n, n] == 0.0 or beside * beside + own * own <= DETERMINED:
        return 1.0
    return beside / math.sqrt(beside * beside + own * own)


@njit(cache=True)
def _cholesky(matrix, order, factor):
    """Lower factor of the matrix at rows `order`; a column that those before it determine is left out."""
    for i in range(order.size):
        for j in range(i + 1):
            rest = matrix[order[i], order[j]]
            for k in range(j):
                rest -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = math.sqrt(rest) if rest > DETERMINED else 0.0
            else:
                factor[i, j] = rest / factor[j, j] if factor[j, j] > 0.0 else 0.0


@njit(cache=True)
def wilks(matrix, starts, rows, x, y, given, n):
    """The likelihood ratio of two blocks: -(m - 1 - s - (a + b + 1)/2) ln ratio against chi-squared(ab)."""
    with_x, width, without = np.empty(starts[-1], np.int64), 0, np.empty(starts[-1], np.int64)
    for k in range(n):
        for column in range(starts[given[k]], starts[given[k] + 1]):
            with_x[width] = without[width] = column
            width += 1
    a, b = starts[x + 1] - starts[x], starts[y + 1] - starts[y]
    for k in range(a):
        with_x[width + k] = starts[x] + k
    for k in range(b):
        with_x[width + a + k] = without[width + k] = starts[y] + k
    total = width + a + b
    factor, alone = np.zeros((total, total)), np.zeros((width + b, width + b))
    _cholesky(matrix, with_x[:total], factor)
    _cholesky(matrix, without[: width + b], alone)
    freedom_x = freedom_y = 0
    log_ratio = 0.0
    for k in range(a):
        freedom_x += factor[width + k, width + k] > 0.0
    for k in range(b):
        own, left = alone[width + k, width + k], factor[width + a + k, width + a + k]
        if own > 0.0:
            freedom_y += 1
            log_ratio += 2.0 * math.log(max(left, math.sqrt(DETERMINED)) / own)
    scale = rows - 1 - width - 0.5 * (freedom_x + freedom_y + 1)
    if freedom_x == 0 or freedom_y == 0:
        return 0.0 if n > 0 else 1.0
    return chi_square_tail(-scale * log_ratio, freedom_x * freedom_y) if scale > 0 else 1.0


@njit(cache=True)
def g_squared(codes, sizes, weights, x, y, given, n):
    """2 sum n ln(n / expected) over the cells, against chi-squared with the cells' degrees of freedom."""
    m, a, b = codes.shape[0], sizes[x], sizes[y]
    stratum, strata = np.zeros(m, np.int64), 1
    for k in range(n):
        strata = _split(stratum, strata, codes[:, given[k]], sizes[given[k]], weights)
    cell, of_x, of_y = np.zeros((strata, a, b)), np.zeros((strata, a)), np.zeros((strata, b))
    for row in range(m):
        if weights[row] > 0:
            cell[stratum[row], codes[row, x], codes[row, y]] += weights[row]
    statistic, freedom = 0.0, 0
    for s in range(strata):
        total = 0.0
        for i in range(a):
            for j in range(b):
                of_x[s, i] += cell[s, i, j]
                of_y[s, j] += cell[s, i, j]
            total += of_x[s, i]
        for i in range(a):
            for j in range(b):
                if cell[s, i, j] > 0:
                    statistic += cell[s, i, j] * math.log(cell[s, i, j] * total / (of_x[s, i] * of_y[s, j]))
        freedom += ((of_x[s] > 0).sum() - 1) * ((of_y[s] > 0).sum() - 1)
    return chi_square_tail(2.0 * statistic, freedom) if freedom > 0 else 1.0


@njit(cache=True)
def _split(stratum, strata, code, size, weights):
    """Split strata by one more column; those that occur are numbered anew. Returns how many there are."""
    number = np.full(strata * size, -1, np.int64)
    found = 0
    for row in range(stratum.size):
        if weights[row] > 0:
            key = stratum[row] * size + code[row]
            if number[key] < 0:
                number[key] = found
                found += 1
            stratum[row] = number[key]
    return found


@njit(cache=True)
def chi_square_tail(statistic, freedom):
    """P(chi-squared with so many degrees of freedom > statistic): the upper incomplete gamma function."""
    a, x = 0.5 * freedom, 0.5 * statistic
    if x <= 0.0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:  # the series of the lower function
        term = total = 1.0 / a
        step = a
        while term > 1e-17 * total:
            step += 1.0
            term *= x / step
            total += term
        return 1.0 - front * total
    c, d = 1e300, 1.0 / (x + 1.0 - a)  # the continued fraction, by Lentz's method
    value = d
    for k in range(1, 10_000):
        step, even = -k * (k - a), x + 1.0 - a + 2.0 * k
        d = 1.0 / (step * d + even)
        c = even + step / c
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return front * value
