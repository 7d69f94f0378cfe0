"""Lagrangian decomposition of a population over budget lines, by column generation.

The dual function of prices :math:`\\lambda \\ge 0`,

.. math:: D(\\lambda) = \\sum_j \\lambda_j B_j + \\sum_s n_s w_s(\\lambda),

is convex, above the optimum everywhere and equal to it at its minimum (linear duality: the problem is a
linear program in frequencies). Each pass at prices evaluates D and yields one policy; the best mixture of the
policies so far is a lower bound, and its row prices say where to look next (Dantzig & Wolfe 1960; Kelley
1960). Asked only there, the prices jump about; so the passes are made at several points of the segment from
the best prices so far to the master's, all in one batch (in-out separation, Ben-Ameur & Neto 2007, without
its parameter). The master's own point is among them, so the method ends: there are finitely many policies.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optbudget.planning.master import Mixed, line_scale, solve_master
from optbudget.planning.priced_policies import LANES, Columns, PricedPolicies
from optbudget.status import Termination
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

STALLED = 12
"""Rounds without any change of either bound after which rounding is what is left."""
KEPT = 1500
"""Columns that a master keeps; beyond twice as many, those that are priced worst are forgotten."""
FIRST = 4.0 ** np.arange(5, -12, -1)
"""Prices of all lines alike that are tried first, relative to value per money."""


@dataclass(frozen=True, eq=False)
class Aim:
    """What is maximised: `weight` times the value, less `toll` (J,) per unit of each line's use.

    `ceiling` (J,) is the price at which more of a line can be bought; inf where it cannot.
    """

    weight: float
    toll: Floats
    ceiling: Floats

    @classmethod
    def value(cls, lines: int) -> "Aim":
        """The value alone; no line can be bought."""
        return cls(1.0, np.zeros(lines), np.full(lines, np.inf))

    def of(self, columns: Columns) -> Floats:
        """The aim of each column, (N,)."""
        return self.weight * columns.value - columns.spend @ self.toll


@dataclass(frozen=True, eq=False)
class State:
    """Where column generation is after a round.

    Attributes
    ----------
    columns : all that are kept
    mixed : the best mixture of them
    bound : least value of the dual function found, as computed
    price : (J,) where it was found
    stopped : why nothing more can come, or None
    """

    columns: Columns
    mixed: Mixed
    bound: float
    price: Floats
    stopped: Termination | None = field(default=None)

    @property
    def gap(self) -> float:
        """(bound - value) / (1 + |value|)."""
        return (self.bound - self.mixed.value) / (1.0 + abs(self.mixed.value))


def first_columns(passes: PricedPolicies, amount: Floats) -> Columns:
    """No price at all, the least use of all lines, and a spread of prices of all lines alike."""
    lines = amount.size
    free = passes.columns(np.zeros((1, lines)))
    size = line_scale(free.spend, amount)
    frugal = passes.columns((1.0 / size)[None, :], 0.0)
    worth = max(float(free.value[0] - frugal.value[0]), 1e-9 * (1.0 + abs(float(free.value[0]))))
    spread = FIRST[:, None] * (worth / (max(1, lines) * size))[None, :]
    return free.joined(frugal).joined(passes.columns(spread))


def rounds(
    passes: PricedPolicies,
    columns: Columns,
    amount: Floats,
    aim: Aim,
    *,
    monitor: Monitor | None = None,
) -> Iterator[State]:
    """The bounds after each round, ever closer; the caller says when they are close enough.

    Parameters
    ----------
    columns : to begin with; some mixture of them keeps the lines, or money can be bought
    amount : (J,) what each line holds
    """
    best, centre = np.inf, np.zeros(amount.size)
    held = np.where(np.isfinite(amount), amount, 0.0)
    if aim.weight > 0:
        same = (columns.weight == aim.weight) & (columns.price[:, np.isinf(amount)] == 0).all(axis=1)
        dual = columns.top[same] + (columns.price[same] - aim.toll) @ held
        best, centre = float(dual.min()), columns.price[same][int(dual.argmin())] - aim.toll
    last, still = (np.inf, -np.inf), 0
    while True:
        mixed = solve_master(aim.of(columns), columns.spend, amount, aim.ceiling)
        if isinstance(mixed, Termination):
            return
        share = 0.5 ** np.arange(max(2, min(LANES, passes.lanes)))
        asked = centre + share[:, None] * (mixed.price - centre)
        found = passes.columns(asked + aim.toll, aim.weight)
        dual = found.top + asked @ held
        k = int(dual.argmin())
        if dual[k] < best:
            best, centre = float(dual[k]), asked[k]
        still = still + 1 if (best, mixed.value) == last else 0
        last = (best, mixed.value)
        stopped = monitor.stop_reason() if monitor is not None else None
        if stopped is None and still >= STALLED:
            stopped = Termination.NUMERICAL
        yield State(columns, mixed, best, centre, stopped)
        if stopped is not None:
            return
        columns = _kept(columns, aim, mixed).joined(found)


def _kept(columns: Columns, aim: Aim, mixed: Mixed) -> Columns:
    """The columns that are in use, or priced best, where there are too many."""
    if len(columns) <= 2 * KEPT:
        return columns
    gain = aim.of(columns) - columns.spend @ mixed.price
    gain[mixed.share > 0] = np.inf
    return columns.take(np.sort(np.argsort(-gain, kind="stable")[:KEPT]))
