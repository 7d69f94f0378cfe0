"""The data of a constrained problem as its linear programs need them: one entry per stage and pair.

Finite horizon T: the frequency :math:`x_{ka}` is the probability of taking pair a at stage k. Infinite
horizon (one discount for rewards and spend): :math:`x_a` is the expected discounted number of times that
a is taken, a single "stage" whose flow returns to itself with the factor :math:`\\gamma`. Terminal states
have no pairs and no flow; what they are worth is earned by the pair that leads there:

.. math:: \\hat r_{ka} = \\gamma^k \\Big( r_a + \\gamma \\sum_{j \\in E_k} p_{aj} u_j \\Big), \\qquad
          \\hat c^r_{ka} = \\gamma_c^k c^r_a,

where :math:`E_k` are the terminal states, and at the last decision all states.

Without discount over an infinite horizon the balance of a state that is never left,
:math:`x_a - x_a = \\alpha_s + \\dots`, has no solution, and values exist only if every policy ends
(`optbudget.problems.endings`). States at rest, where nothing is earned or used any more, are then left out
as terminal ones are, worth 0; a problem in which some policy need not end is refused.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP, ConstrainedMDP
from optbudget.problems.endings import ended_states, require_every_end

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROUNDING = 1e-12
"""Relative excess of a largest frequency that is left to the solvers' tolerances."""


@dataclass(frozen=True, eq=False)
class Flow:
    """Sets and parameters of the linear programs of one constrained problem.

    Sizes: K stages (1 if the horizon is infinite), n states, m pairs, R + 1 resources.

    Attributes
    ----------
    problem : where it comes from
    stages : K
    states : (h,) int64, the states that go on: with actions, and not at rest
    pairs : (p,) int64, their state-action pairs; all of them where something is discounted
    start : (n,) the initial distribution
    reward : (K, m) what a unit of each frequency earns
    cost : (1 + R, K, m) what it uses of each resource
    limit : (1 + R,)
    constant : what units that start in a terminal state are worth
    factor : of the flow into the next stage: 1, or the discount where the flow returns to its own stage
    most : a value that the flow lets no frequency exceed; inf where nothing is discounted
    """

    problem: ConstrainedMDP
    stages: int
    states: Integers
    pairs: Integers
    start: Floats
    reward: Floats
    cost: Floats
    limit: Floats
    constant: float
    factor: float
    most: float

    @property
    def pair_ptr(self) -> Integers:
        """Pairs of state i are pair_ptr[i]:pair_ptr[i+1], (n+1,)."""
        return self.problem.problem.pair_ptr

    @property
    def stationary(self) -> bool:
        """Whether the flow returns to its own stage."""
        return self.problem.problem.horizon is None

    @property
    def limited(self) -> list[int]:
        """The resources that have a limit."""
        return np.flatnonzero(np.isfinite(self.limit)).tolist()

    @cached_property
    def arrivals(self) -> tuple[Integers, Integers, Floats]:
        """Which pairs lead to each state: (n+1,) pointers, then pair and probability of each entry."""
        unit = self.problem.problem
        pointer, entry = unit.pair_entries
        target, pair = unit.next_state[entry], np.repeat(np.arange(unit.cost.size), np.diff(pointer))
        order = np.argsort(target, kind="stable")
        pointer = np.append(0, np.cumsum(np.bincount(target, minlength=unit.n_states)))
        return pointer.astype(np.int64), pair[order], unit.probability[entry][order]

    def arriving(self, state: int) -> list[tuple[int, float]]:
        """The pairs that lead to a state, and their probabilities."""
        return _entries(self.arrivals, state)

    def leading(self, pair: int) -> list[tuple[int, float]]:
        """Where a pair leads, and with which probability."""
        return _entries(self.departures, pair)

    @cached_property
    def departures(self) -> tuple[Integers, Integers, Floats]:
        """Where each pair leads: (m+1,) pointers, then next state and probability of each entry."""
        unit = self.problem.problem
        pointer, entry = unit.pair_entries
        return pointer, unit.next_state[entry].astype(np.int64), unit.probability[entry]


def _entries(rows: tuple[Integers, Integers, Floats], row: int) -> list[tuple[int, float]]:
    pointer, place, number = rows
    span = slice(int(pointer[row]), int(pointer[row + 1]))
    return list(zip(place[span].tolist(), number[span].tolist(), strict=True))


def flow(problem: ConstrainedMDP) -> Flow:
    """The sets and parameters of the linear programs of a constrained problem.

    Raises
    ------
    UsageError
        If the horizon is infinite and the discounts of rewards and spend differ: that is no linear program
        in one set of frequencies.
    IllPosedError
        If the horizon is infinite, nothing is discounted and some policy need not end.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> flow(ConstrainedMDP(two_action_example(horizon=2), 1.9)).reward
    array([[10. ,  1. ],
           [ 9. ,  0.9]])
    """
    unit = problem.problem
    if unit.horizon is None and unit.cost_discount != unit.discount:
        raise UsageError(
            f"an infinite horizon with discount {unit.discount:g} and cost_discount {unit.cost_discount:g} "
            "is no linear program in one set of frequencies; give a finite horizon"
        )
    stages = 1 if unit.horizon is None else unit.horizon
    require_every_end(problem)
    k, going = np.arange(stages), ~ended_states(problem)
    ended = np.where(unit.is_terminal, unit.terminal_utility, 0.0)
    earned = np.repeat((problem.reward + unit.discount * unit.expected(ended))[None, :], stages, axis=0)
    if unit.horizon is not None:
        earned[-1] = problem.reward + unit.discount * unit.expected(unit.terminal_utility)
    return Flow(
        problem=problem,
        stages=stages,
        states=np.flatnonzero(going),
        pairs=np.flatnonzero(going[unit.pair_state]),
        start=unit.initial,
        reward=(unit.discount**k)[:, None] * earned,
        cost=(unit.cost_discount**k)[None, :, None] * problem.cost[:, None, :],
        limit=problem.limit,
        constant=float(unit.initial @ ended),
        factor=unit.discount if unit.horizon is None else 1.0,
        most=_most(unit, stages),
    )


def bounded_flow(problem: ConstrainedMDP) -> Flow:
    """As `flow`, for programs that need a largest frequency.

    Raises
    ------
    UsageError
        Also if the horizon is infinite and nothing is discounted.
    """
    data = flow(problem)
    if data.most == np.inf:
        raise UsageError("without discount over an infinite horizon a frequency has no largest value")
    return data


def _most(unit: BudgetedMDP, stages: int) -> float:
    """What no frequency exceeds: 1, or 1/(1-discount); more where probabilities sum to more than 1.

    A model's rows may exceed 1 by 1e-9. Over a long horizon the flow grows with them, and a bound of 1 would
    make the program infeasible.
    """
    row = np.repeat(np.arange(unit.row_ptr.size - 1), np.diff(unit.row_ptr))
    largest = max(1.0, float(np.bincount(row, unit.probability).max(initial=0.0)))
    plain, grown = 1.0, largest ** (stages - 1)
    if unit.horizon is None:
        plain, grown = (1 / (1 - g) if g < 1 else np.inf for g in (unit.discount, unit.discount * largest))
    grown *= max(1.0, float(unit.initial_probability.sum()))
    return plain if grown <= plain * (1 + ROUNDING) else grown * (1 + ROUNDING)
