"""Random draws as a pure function of where they are used; nothing is stored, nothing has an order.

The generator is Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011): ten rounds that mix a key of 64 bits
(seed, trial) with a counter of 128 bits (stage, state, group of units, attempt). Whoever asks for one place
gets one number, whatever else was drawn before, so policies, threads and the number of trials do not disturb
one another. All arithmetic is on integers below 2^32 in 64 bits, masked after every product, so that
compiled and plain Python agree to the bit.

Binomial counts: sequential inversion of one uniform where n min(p, 1-p) < 10, else transformed rejection
(BTRS, Hoermann 1993): the time does not depend on n.
"""

import math

from numba import njit

MASK = 0xFFFFFFFF
FEW = 10.0
"""Expected successes up to which a binomial count is found by inversion."""


@njit(cache=True, nogil=True)
def philox(key, place, stage, state, group):
    """Four random words of 32 bits for a key (seed word, trial) and a counter of four words."""
    a, b, c, d = int(place) & MASK, int(group) & MASK, int(state) & MASK, int(stage) & MASK
    high, low = int(key[0]) & MASK, int(key[1]) & MASK
    for _ in range(10):
        left, right = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (
            ((right >> 32) & MASK) ^ b ^ high,
            right & MASK,
            ((left >> 32) & MASK) ^ d ^ low,
            left & MASK,
        )
        high, low = (high + 0x9E3779B9) & MASK, (low + 0xBB67AE85) & MASK
    return a, b, c, d


@njit(cache=True, nogil=True)
def uniforms(key, place, stage, state, group):
    """Two numbers in [0, 1), multiples of 2^-53."""
    a, b, c, d = philox(key, place, stage, state, group)
    one = ((a >> 5) * 67108864 + (b >> 6)) / 9007199254740992.0
    other = ((c >> 5) * 67108864 + (d >> 6)) / 9007199254740992.0
    return one, other


@njit(cache=True, nogil=True)
def binomial(n, p, key, entry, stage, state, group):
    """Successes among n units, each with probability p; `entry` tells draws of one group apart."""
    if n == 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    less = min(p, 1.0 - p)
    if n * less < FEW:
        found = _by_inversion(n, less, uniforms(key, entry << 8, stage, state, group)[0])
    else:
        found = _by_rejection(n, less, key, entry, stage, state, group)
    return found if p <= 0.5 else n - found


@njit(cache=True, nogil=True)
def _by_inversion(n, p, u):
    chance = math.exp(n * math.log1p(-p))
    odds = p / (1.0 - p)
    k = 0
    while u > chance and k < n:
        u -= chance
        k += 1
        chance *= (n - k + 1) / k * odds
        if chance < 1e-300:
            break
    return k


@njit(cache=True, nogil=True)
def _by_rejection(n, p, key, entry, stage, state, group):
    q = 1.0 - p
    spread = math.sqrt(n * p * q)
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre, quick = n * p + 0.5, 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spread
    mode = math.floor((n + 1) * p)
    log_odds = math.log(p / q)
    peak = math.lgamma(mode + 1.0) + math.lgamma(n - mode + 1.0)
    attempt = 0
    while True:
        u, v = uniforms(key, (entry << 8) + attempt, stage, state, group)
        attempt += 1
        u -= 0.5
        edge = 0.5 - abs(u)
        if edge == 0.0 or v == 0.0:
            continue
        k = math.floor((2.0 * a / edge + b) * u + centre)
        if k < 0 or k > n:
            continue
        if edge >= 0.07 and v <= quick:
            return k
        v = math.log(v * alpha / (a / (edge * edge) + b))
        if v <= peak - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0) + (k - mode) * log_odds:
            return k
