"""The backward pass in integers: lines and points with no rounding left out.

Numbers are multiples of 2^-100. Probabilities, discounts, costs and utilities are the stored doubles,
each an integer over a power of two, so every sum and product is exact; once per stage and pair the
result is rounded to a multiple of 2^-100, *outward*: lines and spends up, values down. What is lost
is at most T 2^-100. For a finite price the line obeys

.. math:: W_k(s) = \\max_a \\lceil r_a \\rceil - \\lfloor \\lambda_k c_a \\rfloor
          + \\lceil \\gamma \\sum_j p_{aj} W_{k+1}(j) \\rceil,

so W_0 is above the optimal value of the priced problem whatever the rounding; the pair that attains
it, with ties to the least or the most spend, gives a policy whose value and spend are carried along.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import Ties
from optbudget.problems import BudgetedMDP

Integers = NDArray[np.object_]

BITS = 100
GUARD = 260
"""Binary digits after the point of a price at a later stage, rounded down."""
ONE = 1 << BITS
BAND_BITS = 41
"""Scores within 2^-41 of the sums they are made of count as tied."""


@dataclass(frozen=True, eq=False)
class ExactSupport:
    """Lines and points of n states at K prices, in units of 2^-100.

    Attributes
    ----------
    price : K exact prices; None stands for infinity
    line : (n, K) V(s, b) <= line + price * b for every b; without meaning at an infinite price
    spend, value : (n, K) the price's policy spends at most and earns at least this
    least : (n,) nobody spends less; None unless infinity is among the prices
    """

    price: tuple[Fraction | None, ...]
    line: Integers
    spend: Integers
    value: Integers
    least: Integers | None


def exact_support(
    problem: BudgetedMDP, prices: Sequence[float], *, decisions: int | None = None, ties: Ties = "strict"
) -> ExactSupport:
    """Lines and points at each price, by one backward pass in integers.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> found = exact_support(two_action_example(horizon=1), [5.0])
    >>> int(found.line[0, 0]) == 5 * ONE, int(found.spend[0, 0]) == ONE, int(found.value[0, 0]) == 10 * ONE
    (True, True, True)
    """
    stages = problem.horizon if decisions is None else decisions
    assert stages is not None
    exact_prices = tuple(None if np.isinf(p) else Fraction(float(p)) for p in prices)
    ready = _Ready.of(problem, exact_prices)
    n, size = problem.n_states, len(exact_prices)
    start = [[_floor(Fraction(u), ONE)] * size for u in problem.terminal_utility.tolist()]
    value = np.array(start, dtype=object).reshape(n, size)
    line = np.array(
        [[_ceil(Fraction(u), ONE)] * size for u in problem.terminal_utility.tolist()], dtype=object
    ).reshape(n, size)
    spend = np.zeros((n, size), dtype=object)
    least = np.zeros((n, 1), dtype=object)
    absolute = np.abs(line)
    for k in range(stages - 1, -1, -1):
        later = (line, spend, value, least, absolute)
        line, spend, value, least, absolute = _stage(ready, k, ties, later)
    return ExactSupport(exact_prices, line, spend, value, least[:, 0] if None in exact_prices else None)


@dataclass(frozen=True, eq=False)
class _Ready:
    """A problem as integers: each list per pair or row."""

    problem: BudgetedMDP
    price: tuple[Fraction | None, ...]
    rows: list[tuple[list[int], list[int]]]
    shift: int
    cost: list[Fraction]
    reward: list[Fraction]
    discount: tuple[int, int]
    cost_discount: tuple[int, int]

    @classmethod
    def of(cls, p: BudgetedMDP, price: tuple[Fraction | None, ...]) -> "_Ready":
        ratios = [x.as_integer_ratio() for x in p.probability.tolist()]
        shift = max([bottom.bit_length() - 1 for _, bottom in ratios] + [0])
        weight = [top << (shift + 1 - bottom.bit_length()) for top, bottom in ratios]
        next_state = p.next_state.tolist()
        spans = list(zip(p.row_ptr[:-1].tolist(), p.row_ptr[1:].tolist(), strict=True))
        cost = [Fraction(c) for c in p.cost.tolist()]
        reward = [Fraction(u) for u in p.utility.tolist()]
        if p.reward == "net":
            reward = [u - c for u, c in zip(reward, cost, strict=True)]
        return cls(
            p, price, [(weight[a:b], next_state[a:b]) for a, b in spans], shift, cost, reward,
            _binary(p.discount), _binary(p.cost_discount),
        )  # fmt: skip

    def stage_price(self, k: int) -> Integers:
        """Prices of stage k in units of 2^-GUARD, rounded down; 0 at infinity."""
        drift = (Fraction(self.problem.cost_discount) / Fraction(self.problem.discount)) ** k
        return np.array([0 if p is None else _floor(p * drift, 1 << GUARD) for p in self.price], dtype=object)

    def expect(self, x: Integers) -> list[Integers]:
        """Sum of weight * x over each row, in units of 2^-(BITS + shift)."""
        out = []
        for weight, to in self.rows:
            total = weight[0] * x[to[0]]
            for w, j in zip(weight[1:], to[1:], strict=True):
                total = total + w * x[j]
            out.append(total)
        return out


def _stage(
    ready: _Ready,
    k: int,
    ties: Ties,
    later: tuple[Integers, Integers, Integers, Integers, Integers],
) -> tuple[Integers, Integers, Integers, Integers, Integers]:
    """One stage earlier: line, spend, value of each price, the least spend, and sums of absolute rewards."""
    p = ready.problem
    price = ready.stage_price(k)
    infinite = np.array([q is None for q in ready.price], dtype=bool)
    zero = np.array([q == 0 for q in ready.price], dtype=bool)
    expected = [ready.expect(x) for x in later]
    (g, g_bits), (h, h_bits) = ready.discount, ready.cost_discount
    now = tuple(x.copy() for x in later)
    for s in np.flatnonzero(~p.is_terminal).tolist():
        pairs = range(int(p.pair_ptr[s]), int(p.pair_ptr[s + 1]))
        lines, spends, values, leasts, sizes = [], [], [], [], []
        for a in pairs:
            row = int(p.pair_row[a])
            c, r = ready.cost[a], ready.reward[a]
            paid = (price * c.numerator) >> (GUARD - BITS + c.denominator.bit_length() - 1)
            up = -((-(g * expected[0][row])) >> (g_bits + ready.shift))
            lines.append(_ceil(r, ONE) - paid + up)
            spends.append(_ceil(c, ONE) - ((-(h * expected[1][row])) >> (h_bits + ready.shift)))
            values.append(_floor(r, ONE) + ((g * expected[2][row]) >> (g_bits + ready.shift)))
            sizes.append(_ceil(abs(r), ONE) + ((g * expected[4][row]) >> (g_bits + ready.shift)))
            leasts.append(_floor(c, ONE) + ((h * expected[3][row]) >> (h_bits + ready.shift)))
        q, b, v, m = (np.array(numbers) for numbers in (lines, spends, values, sizes))
        best = q.max(axis=0)
        now[0][s], now[3][s] = best, np.array(leasts).min(axis=0)
        score = np.where(infinite, -b, np.where(zero, v, q))
        second = np.where(infinite, v, -b)
        column = np.arange(len(ready.price))
        near = score.max(axis=0)
        if ties != "strict":
            best = score.argmax(axis=0)
            money = np.where(infinite, b[best, column], (price * b[best, column]) >> GUARD)
            near = near - ((money + np.where(infinite, 0, m[best, column])) >> BAND_BITS)
            if ties == "most":
                second = np.where(infinite | zero, second, b)
        chosen = _first_of(score >= near, second)
        for table, numbers in ((1, b), (2, v), (4, m)):
            now[table][s] = numbers[chosen, column]
    return now[0], now[1], now[2], now[3], now[4]


def _first_of(eligible: NDArray[np.bool_], second: Integers) -> NDArray[np.int64]:
    """Row of the largest `second` among the eligible rows of each column."""
    chosen = []
    for fits, numbers in zip(eligible.T.tolist(), second.T.tolist(), strict=True):
        rows = [i for i, fit in enumerate(fits) if fit]
        chosen.append(max(rows, key=numbers.__getitem__))
    return np.array(chosen, dtype=np.int64)


def _binary(x: float) -> tuple[int, int]:
    """(m, e) with x = m / 2^e exactly."""
    top, bottom = float(x).as_integer_ratio()
    return top, bottom.bit_length() - 1


def _floor(x: Fraction, scale: int) -> int:
    return (x.numerator * scale) // x.denominator


def _ceil(x: Fraction, scale: int) -> int:
    return -((-x.numerator * scale) // x.denominator)
