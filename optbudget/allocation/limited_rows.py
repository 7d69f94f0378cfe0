"""Rows of an allocation from what units are assigned.

A unit that is assigned x, between the useful budgets :math:`\\beta < \\beta'`, is at :math:`\\beta'` with a
probability of at most :math:`(x - \\beta) / (\\beta' - \\beta)`, else at :math:`\\beta`: its expected spend
is at most x. Probabilities are multiples of 2^-53, so both rows of a unit sum to 1; of many equal units the
two rows have the same count, and every one of them draws for itself.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact
from optbudget.curves import Curves
from optbudget.problems import LimitedPopulation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FEW = 4096
"""Up to so many probabilities are rounded down exactly; more, by a few parts in 2^50 too much."""

SAFE = 1 - 2.0**-50
"""Makes a probability of four roundings too small rather than too large."""


@dataclass(frozen=True, slots=True)
class Marginal:
    """A block whose units share `money` above `low` each; not all of them can be raised to `high`."""

    block: int
    low: float
    high: float
    money: Fraction


@dataclass(frozen=True, eq=False)
class LimitedRows:
    """Rows by state; see `optbudget.allocation.split.Split`. `block` (r,) is where the units are from."""

    block: Integers
    state: Integers
    count: Integers
    level: Integers
    unit_budget: Floats
    unit_value: Floats
    probability: Floats
    spent: Fraction
    value: Fraction


def rows_of(curves: Curves, units: LimitedPopulation, at: Floats, marginal: list[Marginal]) -> LimitedRows:
    """The rows of all blocks: whole units by what they are assigned, those of a marginal block dealt out."""
    share = {part.block: part for part in marginal}
    count = units.count.copy()
    extra: list[tuple[int, int, Fraction]] = []
    for part in share.values():
        step = Fraction(part.high) - Fraction(part.low)
        raised, rest = divmod(part.money, step)
        count[part.block] -= raised + (1 if rest else 0)
        extra += [(part.block, raised, Fraction(part.high))] if raised else []
        extra += [(part.block, 1, Fraction(part.low) + rest)] if rest else []
    kept = np.flatnonzero(count > 0)
    # Raised units stand before the others of their block, the one that is raised in part after them.
    whole = [e[2] == share[e[0]].high for e in extra]
    sides = [
        np.searchsorted(kept, e[0], side="left" if w else "right") for e, w in zip(extra, whole, strict=True)
    ]
    slot = np.array(sides, dtype=np.int64)
    block = np.insert(kept, slot, np.array([e[0] for e in extra], dtype=np.int64))
    number = np.insert(count[kept], slot, np.array([e[1] for e in extra], dtype=np.int64))
    money = np.insert(at[kept], slot, np.array([exact.round_down(e[2]) for e in extra]))
    exactly = dict(
        zip((slot + np.argsort(np.argsort(slot, kind="stable"))).tolist(), (e[2] for e in extra), strict=True)
    )
    return _drawn(curves, units, block, number, money, exactly)


def _drawn(
    curves: Curves,
    units: LimitedPopulation,
    block: Integers,
    number: Integers,
    money: Floats,
    exactly: dict[int, Fraction],
) -> LimitedRows:
    """One row for units at a useful budget, two between two; `exactly` has amounts that are no doubles."""
    from optbudget.allocation import _limit_kernels as kernels

    state, size = units.state[block], block.size
    level = np.empty(size, dtype=np.int64)
    low, low_value, high, high_value = (np.empty(size) for _ in range(4))
    kernels.levels_at(
        curves.indptr, curves.length, curves.gain, curves.start_budget, curves.start_value, state, money,
        level, low, low_value, high, high_value,
    )  # fmt: skip
    share = (money - low) / (high - low) * SAFE
    chance = np.where(np.isnan(high) | (money <= low), 0.0, np.floor(share * 2.0**53) / 2.0**53)
    some = np.flatnonzero(chance > 0)
    if some.size <= FEW:
        exactly = {i: Fraction(float(money[i])) for i in some.tolist()} | exactly
    for i, amount in exactly.items():
        if not math.isnan(high[i]):
            bottom = Fraction(float(low[i]))
            chance[i] = exact.probability_below((amount - bottom) / (Fraction(float(high[i])) - bottom))
    order = np.arange(size)
    if (np.diff(state) < 0).any():
        order = np.argsort(state, kind="stable")
    twice = (chance > 0)[order]
    entry = np.repeat(order, np.where(twice, 2, 1))
    up = np.zeros(entry.size, dtype=np.bool_)
    up[1:] = entry[1:] == entry[:-1]
    probability = np.where(up, chance[entry], 1.0 - chance[entry])
    budget = np.where(up, high[entry], low[entry])
    value = np.where(up, high_value[entry], low_value[entry])
    return LimitedRows(
        block[entry], state[entry], number[entry], level[entry] + up, budget, value, probability,
        weighted(number[entry], probability, budget), weighted(number[entry], probability, value),
    )  # fmt: skip


def weighted(count: Integers, probability: Floats, x: Floats) -> Fraction:
    """Exact sum of count * probability * x, for probabilities that are multiples of 2^-53."""
    drawn = np.flatnonzero(probability < 1)
    whole = np.flatnonzero(probability == 1) if drawn.size else slice(None)
    total = exact.dot(count[whole], x[whole])
    share = (probability[drawn] * 2.0**53).astype(np.int64)
    if float((count[drawn] * share.astype(np.float64)).max(initial=0.0)) < 2.0**62:
        return total + exact.dot(count[drawn] * share, x[drawn]) / 2**53
    terms = zip(count[drawn].tolist(), share.tolist(), x[drawn].tolist(), strict=True)
    return total + sum((Fraction(n * p) * Fraction(b) for n, p, b in terms), Fraction(0)) / 2**53
