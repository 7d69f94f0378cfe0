"""The exact law of what a whole population spends, by convolution of its units' laws.

The law of n equal units is the n-th convolution power of one unit's, by repeated squaring; groups are
convolved one after another. Short laws are convolved by their definition: sums of nonnegative products lose
no digits, so a probability is right to a number of roundings of itself, in the tails too. Long ones are by
fast Fourier transforms, whose rounding is absolute. With F of length N = 2^m computed to a relative error
:math:`\\eta = 8 m u` in the 2-norm (Higham 2002, theorem 24.2, with room), and since no entry of F of a law
is above its mass,

.. math:: \\lVert \\hat{c} - a * b \\rVert_1 \\le \\sqrt{N}\\, \\lVert \\hat{c} - a * b \\rVert_2
          \\le \\sqrt{N}\\, 4 \\eta\\, (\\lVert a \\rVert_2 + \\lVert b \\rVert_2) ,

which is added to the mass that is cut.

Both tails are cut as they become negligible: a cut of mass c at a law of u units enters the whole law of N
units at most N/u times. All of it together stays below the truncation that is asked for, and is part of
the law's `error`.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.fixed_policy import FixedPolicy
from optbudget.budgeted.money_grid import cost_grid
from optbudget.budgeted.spend_law import unit_laws
from optbudget.errors import LimitError, NoAnswerError
from optbudget.planning.spenders import Spenders
from optbudget.problems.spend_law import Rounding, SpendLaw
from optbudget.workers import Monitor
from optbudget.workers.monitor import require_going_on

Floats = NDArray[np.float64]

MOST_PRODUCTS = 3e10
"""Products of all convolutions together, about half a minute."""

LONG = 1024
"""Points of the shorter of two laws from which on they are convolved by fast Fourier transforms."""

UNIT_ROUNDOFF = 2.0**-53


def common_grid(units: Spenders) -> Fraction | str:
    """The step on which every spend of these units lies; or why there is none."""
    reached = [policy.reached(units.starts(k)) for k, policy in enumerate(units.policies)]
    grid = cost_grid(units.problem, np.unique(np.concatenate(reached)))
    return grid if isinstance(grid, str) else grid.step


def total_law(
    units: Spenders,
    *,
    step: Fraction | None = None,
    rounding: Rounding = "none",
    truncation: float = 1e-10,
    most_products: float = MOST_PRODUCTS,
    monitor: Monitor | None = None,
) -> SpendLaw:
    """Law of the total spend of independent units.

    Parameters
    ----------
    units : who spends
    step, rounding : a grid of one's own, for costs that lie on none (see `unit_laws`)
    truncation : largest mass that may be cut off; 0 cuts nothing
    most_products : work that is allowed

    Raises
    ------
    NoAnswerError
        If no step is given and costs lie on no grid.
    LimitError
        If it takes more than `most_products` products of probabilities.

    Examples
    --------
    >>> from optbudget import Population, solve, allocate
    >>> from optbudget.planning.spenders import spenders
    >>> from optbudget.problems.examples import retry_example
    >>> curves = solve(retry_example(horizon=2))
    >>> split = allocate(curves, Population.at(curves.problem, {"open": 1000}), 1500.0)
    >>> law = total_law(spenders(split))
    >>> round(law.mean, 9), round(law.exceeds(1537), 6)
    (1500.0, 0.008831)
    """
    if step is None:
        grid = common_grid(units)
        if isinstance(grid, str):
            raise NoAnswerError(f"there is no exact law of the spend: {grid}")
        step = grid
        rounding = "none"
    work = _Convolutions(units.size, truncation, most_products, monitor)
    alone = _Alone(units, step, rounding, monitor)
    total = _Part(np.ones(1), 0, 0.0, 0.0)
    for count, law in alone.groups():
        total = work.product(total, work.power(law, count), 0)
    error = total.cut + total.relative + 4 * total.mass.size * UNIT_ROUNDOFF
    return SpendLaw(step, total.first, total.mass, error, rounding)


class _Part:
    """A law on the way: its mass, where it begins, what was cut off, and its relative rounding."""

    def __init__(self, mass: Floats, first: int, cut: float, relative: float) -> None:
        self.mass, self.first, self.cut, self.relative = mass, first, cut, relative


class _Alone:
    """Laws of single units on one grid, groups with equal laws counted together."""

    def __init__(self, units: Spenders, step: Fraction, rounding: Rounding, monitor: Monitor | None) -> None:
        self.units, self.step, self.rounding, self.monitor = units, step, rounding, monitor
        self._laws = [self._of(policy, k) for k, policy in enumerate(units.policies)]

    def _of(self, policy: FixedPolicy, k: int) -> dict[int, SpendLaw]:
        states = self.units.starts(k)
        exact = self.rounding == "none"
        laws = unit_laws(
            policy, states, step=None if exact else self.step, rounding=self.rounding, monitor=self.monitor
        )
        return dict(zip(states, laws, strict=True))

    def groups(self) -> list[tuple[int, _Part]]:
        """Number of units and their law, per group."""
        found = []
        for count, ways in zip(self.units.count.tolist(), self.units.ways, strict=True):
            parts = [self._spread(self._laws[way.policy][way.state]) for way in ways]
            mixed = np.zeros(max(part.size for part in parts))
            for way, part in zip(ways, parts, strict=True):
                mixed[: part.size] += way.probability * part
            relative = self._laws[ways[0].policy][ways[0].state].error + 3 * UNIT_ROUNDOFF
            total = sum(way.probability for way in ways)
            found.append((count, _Part(mixed / total, 0, 0.0, relative + 2 * len(ways) * UNIT_ROUNDOFF)))
        return found

    def _spread(self, law: SpendLaw) -> Floats:
        """A law on the common grid, which may be finer than that of its own policy."""
        times = law.step / self.step
        if times == 1 or law.probability.size == 1:
            return law.probability
        out = np.zeros((law.probability.size - 1) * int(times) + 1)
        out[:: int(times)] = law.probability
        return out


class _Convolutions:
    """Convolution with bounded work and bounded loss."""

    def __init__(self, units: int, truncation: float, most: float, monitor: Monitor | None) -> None:
        self.units, self.most, self.monitor = max(1, units), most, monitor
        self.share = truncation / (2 * self.units * (2 + 2 * self.units.bit_length()))
        self.done = 0.0

    def power(self, law: _Part, count: int) -> _Part:
        """The law of `count` independent units."""
        result: _Part | None = None
        base, of = law, 1
        while True:
            if count & 1:
                result = base if result is None else self.product(result, base, of)
            count >>= 1
            if not count:
                assert result is not None
                return result
            base, of = self.product(base, base, 2 * of), 2 * of

    def product(self, one: _Part, other: _Part, of: int) -> _Part:
        """The law of a sum; mass of `share` times `of` units (all, if 0) may be cut at each end."""
        if one.mass.size == 1 and one.mass[0] == 1.0 and one.cut == 0:
            return _Part(other.mass, one.first + other.first, other.cut, other.relative)
        short = min(one.mass.size, other.mass.size)
        size = 1 << (one.mass.size + other.mass.size - 2).bit_length()
        self.done += (
            float(one.mass.size) * other.mass.size if short < LONG else 30.0 * size * size.bit_length()
        )
        if self.done > self.most:
            raise LimitError(
                f"the law of the total spend takes more than {self.most:.0e} products of probabilities; the "
                "saddle-point approximation does not"
            )
        require_going_on(self.monitor, "in the middle of the law of the total spend")
        relative, lost = one.relative + other.relative, 0.0
        if short < LONG:
            mass = np.convolve(one.mass, other.mass)
            relative += (short + 1) * UNIT_ROUNDOFF
        else:
            mass, lost = transformed(one.mass, other.mass, size)
        low, high, cut = _within(mass, self.share * (of or self.units))
        first = one.first + other.first + low
        return _Part(mass[low:high], first, one.cut + other.cut + cut + lost, relative)


def transformed(one: Floats, other: Floats, size: int) -> tuple[Floats, float]:
    """The convolution of two laws by transforms of length `size`, and a bound on its error's 1-norm.

    Examples
    --------
    >>> mass, lost = transformed(np.array([0.5, 0.5]), np.array([0.25, 0.75]), 4)
    >>> mass.round(12), lost < 1e-13
    (array([0.125, 0.5  , 0.375]), True)
    """
    mass = np.fft.irfft(np.fft.rfft(one, size) * np.fft.rfft(other, size), size)
    exponent = max(1, size.bit_length() - 1)
    norms = float(np.linalg.norm(one) + np.linalg.norm(other))
    lost = math.sqrt(size) * 32 * exponent * UNIT_ROUNDOFF * norms
    return np.maximum(mass[: one.size + other.size - 1], 0.0), lost


def _within(mass: Floats, allowed: float) -> tuple[int, int, float]:
    """Where to cut: mass up to `allowed` at each end; and how much that is."""
    below, above = np.cumsum(mass), np.cumsum(mass[::-1])
    low = int(np.searchsorted(below, allowed, side="right"))
    high = mass.size - int(np.searchsorted(above, allowed, side="right"))
    if low >= high:
        return 0, mass.size, 0.0
    cut = (below[low - 1] if low else 0.0) + (above[mass.size - high - 1] if high < mass.size else 0.0)
    return low, high, float(cut) * (1 + 1e-9)
