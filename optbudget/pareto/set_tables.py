"""What set-valued learning stores, in arrays that grow as states are found and sets become larger."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import LimitError, ProblemError, UsageError
from optbudget.pareto import _set_kernels as kernels
from optbudget.pareto._set_kernels import DONE, FULL, SAMPLED, Settings, Tables
from optbudget.pareto.arguments import as_floats

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

END, START = 0, 1
"""The two states that are not observed: nothing follows the end, and the start is before every episode."""
MOST_VECTORS = 4096
"""A set with more vectors needs a tolerance."""

NOVELTY_SWEEPS = 50
"""Steps ahead, at least, that is looked for what was never taken."""


class SetTables:
    """Counts, means and sets of vectors by state and action; states are named by their observations.

    Parameters
    ----------
    actions, objectives : A and K
    settings : rule, discount, tolerance and learning rate
    """

    def __init__(self, actions: int, objectives: int, settings: Settings) -> None:
        self.settings = settings
        self.observations: list[Floats] = []
        self._place: dict[bytes, int] = {}
        self.arrays = empty_tables(16, actions, objectives, 4, 16, settings.rule)

    def place(self, observation: Any) -> int:
        """The number of the state with this observation; a new one if it was never seen.

        Raises
        ------
        UsageError
            If the observation is no number or array of finite numbers, or of another shape than those before.
        """
        seen = as_floats("observations", observation)
        key = seen.tobytes()
        found = self._place.get(key)
        if found is None:
            like = seen if not self.observations else self.observations[0]
            if seen.shape != like.shape or not np.isfinite(seen).all():
                raise UsageError(
                    f"observations must be finite numbers, all of one shape; got {observation!r:.60}"
                )
            found = 2 + len(self.observations)
            self._place[key] = found
            self.observations.append(seen.copy())
            if found == self.arrays.v_size.size:
                self.arrays = grown(self.arrays, self.settings.rule, states=2 * found)
        return found

    def known(self, observation: Any) -> int:
        """The number of a state that was seen, or -1."""
        return self._place.get(as_floats("observations", observation).tobytes(), -1)

    def observe(self, moments: Integers, rewards: Floats) -> None:
        """Learn from moments (N, 3) -- state, action, what followed -- with rewards (N, K)."""
        if self.settings.rule == SAMPLED:
            self._average(moments, rewards)
        else:
            self.count(moments, rewards)
            self._until_it_fits(lambda: kernels.back_up_seen(self.arrays, moments, self.settings))

    def count(self, moments: Integers, rewards: Floats) -> None:
        """Count what followed and average rewards, without backing anything up."""
        while moments.size:
            at, why = kernels.count_in(self.arrays, moments, rewards, self.settings)
            if why == DONE:
                return
            if why != FULL:
                raise ProblemError(self._not_deterministic(*moments[at]))
            self.arrays = grown(
                self.arrays, self.settings.rule, successors=2 * self.arrays.successor.shape[2]
            )
            moments, rewards = moments[at:], rewards[at:]

    def sweep(self) -> float:
        """Back up every pair that was ever seen; the largest change of a vector."""
        return float(self._until_it_fits(lambda: kernels.sweep(self.arrays, self.settings)))

    def novelty(self) -> Floats:
        """For each action 1 if it was never taken, γ^n where n steps lead to one that was not, (S, A)."""
        found = np.zeros(self.arrays.visits.shape)
        kernels.novelty(self.arrays, self.settings.discount, NOVELTY_SWEEPS, found)
        return found

    def start(self) -> Floats:
        """The vectors that are expected before the first observation, (P, K)."""
        self._until_it_fits(lambda: kernels.back_up(self.arrays, START, 0, self.settings))
        return self.vectors(START)

    def vectors(self, state: int) -> Floats:
        """The vectors that are expected from a state on, (P, K)."""
        return np.asarray(self.arrays.v[state, : self.arrays.v_size[state]])

    def take(self, observations: Floats, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Be what was kept: observations (states, ...) and the fields of `Tables`."""
        self.observations = list(observations)
        self._place = {one.tobytes(): 2 + i for i, one in enumerate(observations)}
        self.arrays = Tables(**{name: arrays[name] for name in Tables._fields})

    def _average(self, moments: Integers, rewards: Floats) -> None:
        while moments.size:
            at, why = kernels.average_in(self.arrays, moments, rewards, self.settings)
            if why == DONE:
                return
            self._more_vectors()
            if at:  # The last state's set may not have fitted.
                last, half = int(moments[at - 1, 0]), self.settings.tolerance / 2.0
                self._until_it_fits(partial(self._join, last, half))
            moments, rewards = moments[at:], rewards[at:]

    def _join(self, state: int, tolerance: float) -> float:
        return float(kernels.join(self.arrays, state, SAMPLED, tolerance))

    def _until_it_fits(self, work: Callable[[], float]) -> float:
        while (found := work()) == FULL:
            self._more_vectors()
        return found

    def _more_vectors(self) -> None:
        now = self.arrays.v.shape[1]
        if now >= MOST_VECTORS:
            raise LimitError(
                f"a set has more than {MOST_VECTORS:,} vectors: give a larger tolerance "
                f"(it is {self.settings.tolerance:g})"
            )
        self.arrays = grown(self.arrays, self.settings.rule, vectors=2 * now)

    def _not_deterministic(self, state: int, action: int, following: int) -> str:
        names = ["the end", "the start", *(one.tolist() for one in self.observations)]
        before = names[self.arrays.successor[state, action, 0]]
        where = "the start" if state == START else f"action {action} in state {names[state]}"
        return (
            f"{where} was followed by {before} and by {names[following]}: sets of deterministic outcomes "
            "do not fit a stochastic environment; learn hulls instead"
        )


def empty_tables(
    states: int, actions: int, objectives: int, successors: int, vectors: int, rule: int
) -> Tables:
    """Tables in which nothing was seen: every state is worth the vector 0, and so, sampled, every action."""
    q_size = np.full((states, actions), 1 if rule == SAMPLED else 0)
    q_size[:2] = 0
    return Tables(
        visits=np.zeros((states, actions), dtype=np.int64),
        reward=np.zeros((states, actions, objectives)),
        successor=np.full((states, actions, successors), -1),
        share=np.zeros((states, actions, successors)),
        q=np.zeros((states, actions, vectors, objectives)),
        q_size=q_size,
        v=np.zeros((states, vectors, objectives)),
        v_size=np.ones(states, dtype=np.int64),
        v_action=np.full((states, vectors), -1),
    )


def grown(tables: Tables, rule: int, *, states: int = 0, successors: int = 0, vectors: int = 0) -> Tables:
    """The same tables with room for more."""
    n, actions, width = tables.successor.shape
    room, objectives = tables.v.shape[1:]
    larger = empty_tables(states or n, actions, objectives, successors or width, vectors or room, rule)
    for old, new in zip(tables, larger, strict=True):
        new[tuple(slice(0, size) for size in old.shape)] = old
    return larger
