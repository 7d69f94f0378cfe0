"""What was learned with sets: vectors that are believed, and policies that can be followed.

A vector of a hull is best for some weights ω. Its policy takes in every state the action of the vector that
is best there for ω: deterministic, stationary, and evaluated exactly where the problem is known
(`VectorMDP.evaluate`). A vector of the rule "deterministic" need not be best for any ω; it is *tracked*:
after a step the target is what must still come, and the action is that of the vector nearest to it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import NoAnswerError
from optbudget.pareto import _point_kernels as kernels
from optbudget.pareto._set_kernels import DETERMINISTIC
from optbudget.pareto.arguments import place, whole
from optbudget.pareto.n_step import Environment, Followed, NStepBound, followed_value
from optbudget.pareto.set_tables import START, SetTables

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class LearnedSet:
    """The vectors that a learner expects from the start, each with a policy.

    Attributes
    ----------
    points : (P, K) believed, not proved: sorted by the first objective
    weights : (P, K) for which each is best by the widest margin; 0 if it is tracked
    steps : what it was learned from
    rewards : the lowest and the highest reward seen in each objective, (K,) both
    """

    points: Floats
    weights: Floats
    steps: int
    rewards: tuple[Floats, Floats]
    _tables: SetTables

    @classmethod
    def of(cls, tables: SetTables, *, steps: int, rewards: tuple[Floats, Floats]) -> "LearnedSet":
        """What the tables say of the start. They are read when a policy is followed, not copied."""
        points = tables.start()
        points = points[np.lexsort(points.T[::-1])].copy()
        tracked = tables.settings.rule == DETERMINISTIC
        weights = np.zeros_like(points) if tracked else widest_weights(points)
        return cls(points, weights, steps, rewards, tables)

    def follow(self, point: int) -> Followed:
        """The policy of a point: what to do, and what is expected from each state on."""
        known = place("point", point, len(self.points))
        if self._tables.settings.rule == DETERMINISTIC:
            return TrackedPolicy(self._tables, self.points[known])
        return WeightPolicy(self._tables, self.weights[known])

    def actions(self, observations: Iterable[Any]) -> Integers:
        """The action of every point's policy for each observation, (P, N); -1 where nothing was learned.

        Raises
        ------
        NoAnswerError
            With the rule "deterministic", whose policies depend on more than the observation.
        """
        if self._tables.settings.rule == DETERMINISTIC:
            raise NoAnswerError("a tracked policy is no function of the observation: follow it")
        seen = [self._tables.known(observation) for observation in observations]
        policies = [WeightPolicy(self._tables, weights) for weights in self.weights]
        return np.array([[one.at(s)[0] if s >= 0 else -1 for s in seen] for one in policies], dtype=np.int64)

    def bounds(
        self, env: Environment, *, steps: int, episodes: int, level: float = 0.95, seed: int = 0
    ) -> tuple[NStepBound, ...]:
        """What each point's policy is worth, with an interval: see `optbudget.pareto.n_step`.

        The error of the rest is bounded by the range of the rewards *that were seen*.
        """
        whole("seed", seed)
        return tuple(
            followed_value(
                env,
                self.follow(point),
                steps=steps,
                episodes=episodes,
                discount=self._tables.settings.discount,
                rewards=self.rewards,
                level=level,
                seed=seed + point,
            )
            for point in range(len(self.points))
        )

    def __repr__(self) -> str:
        return f"LearnedSet({len(self.points)} points, {self.steps:,} steps)"


class WeightPolicy:
    """In every state the action of the vector that is best for some weights."""

    def __init__(self, tables: SetTables, weights: Floats) -> None:
        self._tables, self._weights = tables, weights

    def at(self, state: int) -> tuple[int, Floats]:
        """The action in a state by its number, and what is expected."""
        vectors = self._tables.vectors(state)
        best = kernels.best_for(vectors, self._weights, kernels.slack_of(vectors))
        return int(self._tables.arrays.v_action[state, best]), vectors[best]

    def begin(self) -> None:
        """Nothing is remembered."""

    def act(self, observation: Any) -> int:
        """What to do.

        Raises
        ------
        NoAnswerError
            In a state where nothing was learned.
        """
        return known_action(self.at(known_state(self._tables, observation))[0], observation)

    def value(self, observation: Any) -> Floats:
        """What is still expected, (K,)."""
        return self.at(known_state(self._tables, observation))[1]


class TrackedPolicy:
    """In every state the action of the vector nearest to what must still come."""

    def __init__(self, tables: SetTables, target: Floats) -> None:
        self._tables, self._aim = tables, target
        self._target = target

    def begin(self) -> None:
        """Aim at the whole vector again."""
        self._target = self._aim

    def act(self, observation: Any) -> int:
        """What to do; from here on the target is what must come after it.

        Raises
        ------
        NoAnswerError
            In a state where nothing was learned.
        """
        tables, state = self._tables, known_state(self._tables, observation)
        nearest = self._nearest(state)
        action = known_action(int(tables.arrays.v_action[state, nearest]), observation)
        reward = tables.arrays.reward[state, action]
        self._target = (tables.vectors(state)[nearest] - reward) / tables.settings.discount
        return action

    def value(self, observation: Any) -> Floats:
        """What is still expected, (K,): the vector nearest to the target."""
        state = known_state(self._tables, observation)
        return np.asarray(self._tables.vectors(state)[self._nearest(state)])

    def _nearest(self, state: int) -> int:
        return int(np.abs(self._tables.vectors(state) - self._target).max(axis=1).argmin())


def known_state(tables: SetTables, observation: Any) -> int:
    """The number of a state that was seen."""
    state = tables.known(observation)
    if state <= START:
        raise NoAnswerError(f"the state {observation!r} was never seen")
    return state


def known_action(action: int, observation: Any) -> int:
    """An action that was tried."""
    if action < 0:
        raise NoAnswerError(f"nothing was ever tried in the state {observation!r}")
    return action


def widest_weights(points: Floats) -> Floats:
    """For each vertex of a hull the weights for which it beats the others by most, (P, K)."""
    found = np.full(points.shape, 1.0 / points.shape[1])
    if len(points) > 1:
        for i, x in enumerate(points):
            others = np.ascontiguousarray(np.delete(points, i, axis=0))
            kernels.shortfall(others, x, kernels.slack_of(points), np.inf, found[i])
    return found
