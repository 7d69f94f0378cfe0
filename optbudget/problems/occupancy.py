"""The answer to a constrained problem: a policy, how often it uses each action, and what that is worth.

A randomised Markov policy takes pair a in its state at stage k with probability :math:`\\pi_{ka}`. Its
frequencies follow from the initial distribution alone,

.. math:: x_{ka} = \\pi_{ka} d_k(s_a), \\qquad d_{k+1}(j) = \\sum_a p_{aj} x_{ka},

and so do value and spend (occupation measure, Altman 1999; Puterman 1994, section 6.9). A solver's
frequencies break these equations by its tolerance, so they are read as a policy only, and the policy is
evaluated again from the problem's own numbers.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import IllPosedError, ProblemError
from optbudget.problems.constrained_mdp import ConstrainedMDP
from optbudget.problems.endings import ended_states
from optbudget.status import Outcome

Floats = NDArray[np.float64]

DENSE = 2000
"""Up to so many states a stationary policy's equations are solved directly."""
MOST_STEPS = 1_000_000
"""Steps after which a stationary policy that has not spent its probability is called undefined."""


@dataclass(frozen=True, eq=False, repr=False)
class Occupancy:
    """A policy for a constrained problem and its exact consequences, up to rounding.

    Attributes
    ----------
    problem : what it answers
    policy : (K, m) probability of each pair given its state, by stage; one row if the horizon is infinite
    price : (1 + R,) value of one more unit of each limit, >= 0; NaN where nobody said
    bound : no policy within the limits is worth more; NaN without a certificate
    outcome : CERTIFIED only with a bound

    Examples
    --------
    Half a chance of the action that costs 1 and is worth 10, else the one that is free and worth 1:

    >>> from optbudget.problems.examples import two_action_example
    >>> problem = ConstrainedMDP(two_action_example(horizon=1), 0.5)
    >>> answer = Occupancy(problem, [[0.5, 0.5]])
    >>> answer.value, answer.spend, answer.is_feasible
    (5.5, array([0.5]), True)
    """

    problem: ConstrainedMDP
    policy: Floats
    price: Floats = field(default_factory=lambda: np.zeros(0))
    bound: float = np.nan
    outcome: Outcome = field(default_factory=Outcome)

    def __post_init__(self) -> None:
        unit = self.problem.problem
        policy = np.array(self.policy, dtype=np.float64)
        stages = 1 if unit.horizon is None else unit.horizon
        if policy.shape != (stages, unit.cost.size):
            raise ProblemError(f"policy must have shape ({stages}, {unit.cost.size}); got {policy.shape}")
        total = np.add.reduceat(policy, unit.pair_ptr[:-1][~unit.is_terminal], axis=1)
        if not (policy >= 0).all() or (np.abs(total - 1) > 1e-9).any():
            raise ProblemError(
                "the probabilities of a state's actions must be >= 0 and sum to 1 at every stage"
            )
        price = np.array(self.price, dtype=np.float64)
        if price.size == 0:
            price = np.full(self.problem.limit.size, np.nan)
        for name, array in (("policy", policy), ("price", price)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def read(cls, problem: ConstrainedMDP, frequency: ArrayLike) -> "Occupancy":
        """The policy behind a solver's frequencies (K, m); where a state is never met, its cheapest action.

        Raises
        ------
        ProblemError
            If the frequencies are not finite or have another shape.
        """
        unit = problem.problem
        found = np.asarray(frequency, dtype=np.float64)
        if found.ndim != 2 or found.shape[1] != unit.cost.size or not np.isfinite(found).all():
            raise ProblemError(f"frequencies must be finite, one column per pair; got shape {found.shape}")
        used = np.maximum(found, 0.0)
        starts = unit.pair_ptr[:-1][~unit.is_terminal]
        state = np.cumsum(~unit.is_terminal)[unit.pair_state] - 1
        total = np.add.reduceat(used, starts, axis=1)[:, state] if starts.size else used
        share = np.divide(used, total, out=np.zeros_like(used), where=total > 0)
        return cls(problem, np.where(total > 0, share, _cheapest(problem)))

    @cached_property
    def frequency(self) -> Floats:
        """How often each pair is used, (K, m): its probability by stage, or its discounted expected count.

        Without discount over an infinite horizon, pairs of states at rest count as never used.

        Raises
        ------
        IllPosedError
            If the horizon is infinite, nothing is discounted, and the policy goes on for ever.
        """
        unit = self.problem.problem
        if unit.horizon is None:
            return self._stationary_frequency()[None, :]
        found, reached = np.empty_like(self.policy), unit.initial
        for k in range(unit.horizon):
            found[k] = self.policy[k] * reached[unit.pair_state]
            reached = _carried(self.problem, found[k])
        return found

    def _stationary_frequency(self) -> Floats:
        unit, policy = self.problem.problem, self.policy[0]
        going = ~ended_states(self.problem)[unit.pair_state]
        if unit.n_states <= DENSE:
            matrix = np.eye(unit.n_states)
            share = np.repeat(policy * going, np.diff(unit.row_ptr)[unit.pair_row])
            entry = unit.pair_entries[1]
            source = np.repeat(unit.pair_state, np.diff(unit.row_ptr)[unit.pair_row])
            np.add.at(
                matrix, (unit.next_state[entry], source), -unit.discount * share * unit.probability[entry]
            )
            try:
                reached = np.linalg.solve(matrix, unit.initial)
            except np.linalg.LinAlgError:
                reached = np.full(unit.n_states, np.inf)
            if not (np.isfinite(reached).all() and reached.min() > -1e-9):
                raise IllPosedError("the policy goes on for ever without discount: its value is undefined")
            return np.asarray(going * policy * np.maximum(reached, 0.0)[unit.pair_state])
        total, now = np.zeros(unit.cost.size), unit.initial
        for _ in range(MOST_STEPS):
            used = going * policy * now[unit.pair_state]
            total += used
            now = unit.discount * _carried(self.problem, used)
            if now[unit.pair_state[going]].sum() < 1e-18:
                return total
        raise IllPosedError("the policy goes on for too long: its value is undefined")

    @cached_property
    def value(self) -> float:
        """Expected discounted reward and terminal utility of a unit from the initial distribution."""
        unit = self.problem.problem
        rate = unit.discount ** np.arange(self.policy.shape[0])
        return float(
            unit.initial @ np.where(unit.is_terminal, unit.terminal_utility, 0.0)
            + rate @ (self.frequency @ (self.problem.reward + unit.discount * _ended(self.problem)))
            + (rate[-1] * unit.discount * (self._last() @ unit.terminal_utility))
        )

    def _last(self) -> Floats:
        """Probability of each state that goes on, after the last decision, (n,)."""
        unit = self.problem.problem
        if unit.horizon is None:
            return np.zeros(unit.n_states)
        return np.where(unit.is_terminal, 0.0, _carried(self.problem, self.frequency[-1]))

    @cached_property
    def spend(self) -> Floats:
        """Expected spend of money and use of every other resource, discounted, (1 + R,)."""
        unit = self.problem.problem
        rate = unit.cost_discount ** np.arange(self.policy.shape[0])
        return np.asarray(self.problem.cost @ (rate @ self.frequency))

    @property
    def excess(self) -> float:
        """By how much the worst limit is exceeded, relative to 1 + the limit; 0 if none is."""
        over = (self.spend - self.problem.limit) / (1.0 + self.problem.limit)
        return float(np.nanmax(over, initial=0.0))

    @property
    def is_feasible(self) -> bool:
        """Whether every limit holds, in floating point."""
        return bool((self.spend <= self.problem.limit).all())

    @property
    def gap(self) -> float:
        """(bound - value) / (1 + |value|); NaN without a bound."""
        return (self.bound - self.value) / (1.0 + abs(self.value))

    def mixed(self, other: "Occupancy", share: float) -> "Occupancy":
        """The Markov policy with the frequencies of: this one with probability 1 - share, else `other`."""
        both = (1.0 - share) * self.frequency + share * other.frequency
        return Occupancy.read(self.problem, both)

    def __repr__(self) -> str:
        spend = ", ".join(f"{x:.6g}" for x in self.spend)
        return f"Occupancy(value {self.value:.9g}, bound {self.bound:.9g}, spend {spend})"


def cheapest_policy(problem: ConstrainedMDP, weight: ArrayLike) -> Occupancy:
    """The policy that uses least of the resources, weighted (1 + R,), for mixing an answer back inside."""
    unit = problem.problem
    cost = np.asarray(weight, dtype=np.float64) @ problem.cost
    stages = 1 if unit.horizon is None else unit.horizon
    policy, ahead = np.zeros((stages, cost.size)), np.zeros(unit.n_states)
    sweeps = stages if unit.horizon is not None else unit.n_states + 2000
    for k in range(sweeps - 1, -1, -1):
        score = cost + unit.cost_discount * unit.expected(ahead)
        best, ahead = _argmin(problem, score)
        policy[k if unit.horizon is not None else 0] = best
    return Occupancy(problem, policy)


def _cheapest(problem: ConstrainedMDP) -> Floats:
    """The cheapest pair of every state, as probabilities (m,)."""
    return _argmin(problem, problem.problem.cost)[0]


def _argmin(problem: ConstrainedMDP, score: Floats) -> tuple[Floats, Floats]:
    """The first pair of every state with the least score, as probabilities (m,); the least scores (n,)."""
    unit = problem.problem
    least = np.zeros(unit.n_states)
    starts = unit.pair_ptr[:-1][~unit.is_terminal]
    chosen = np.zeros(score.size)
    if starts.size:
        least[~unit.is_terminal] = np.minimum.reduceat(score, starts)
        _, first = np.unique(
            np.where(score == least[unit.pair_state], unit.pair_state, unit.n_states), return_index=True
        )
        chosen[first[: starts.size]] = 1.0
    return chosen, least


def _carried(problem: ConstrainedMDP, used: Floats) -> Floats:
    """Probability of each next state, (n,), of pairs used with probabilities `used` (m,)."""
    unit = problem.problem
    by_row = np.bincount(unit.pair_row, used, minlength=unit.row_ptr.size - 1)
    mass = np.repeat(by_row, np.diff(unit.row_ptr)) * unit.probability
    return np.asarray(np.bincount(unit.next_state, mass, minlength=unit.n_states), dtype=np.float64)


def _ended(problem: ConstrainedMDP) -> Floats:
    """Expected terminal utility of next states that are terminal, per pair, (m,)."""
    unit = problem.problem
    return problem.problem.expected(np.where(unit.is_terminal, unit.terminal_utility, 0.0))
