"""How many units are in each state, and, where they are known one by one, which unit is where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import Issue, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP

MOST_UNITS = 2**62
"""Units a population may have; sums of so many stay within 64 bits."""


@dataclass(frozen=True, eq=False, repr=False)
class Population:
    """Counts of units per state of a problem; optionally the units themselves.

    Attributes
    ----------
    labels : n state labels of the problem it belongs to
    count : (n,) int64, >= 0; units in each state
    unit : (M,) array of unit names (text or integers) in the order given, or None
    unit_state : (M,) int64, state of each unit, or None

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> Population.at(two_action_example(), {"s": 1000})
    Population(1,000 units in 1 state)
    """

    labels: tuple[str, ...]
    count: NDArray[np.int64]
    unit: NDArray[np.generic] | None = None
    unit_state: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        count = np.asarray(self.count)
        if count.shape != (len(self.labels),):
            raise ProblemError(f"count must have shape ({len(self.labels)},); got {count.shape}")
        whole, wrong = _whole(count)
        if wrong.size:
            raise ProblemError(
                [
                    Issue(
                        "error", "count",
                        f"count is {count[i]!s:.40}; it must be a whole number from 0 to 2^62",
                        state=self.labels[i],
                    )
                    for i in wrong
                ]
            )  # fmt: skip
        if sum(whole.tolist()) > MOST_UNITS:
            raise ProblemError("the counts sum to more than 2^62 units, the most a population may have")
        whole.flags.writeable = False
        object.__setattr__(self, "count", whole)

    @property
    def size(self) -> int:
        """Number of units."""
        return int(self.count.sum())

    @classmethod
    def at(cls, problem: BudgetedMDP, counts: Mapping[str, int]) -> "Population":
        """So many units in each named state ("state", or "type/state"); none elsewhere."""
        if not isinstance(counts, Mapping):
            raise ProblemError(f"counts must be a dict from state to number of units; got {counts!r:.40}")
        count = np.zeros(problem.n_states, dtype=object)
        for label, number in counts.items():
            count[problem.index(label)] = number
        return cls(problem.labels, count)

    @classmethod
    def of_units(cls, problem: BudgetedMDP, unit: ArrayLike, state: ArrayLike) -> "Population":
        """One entry per unit: its name and the label of its state; a unit may appear once."""
        names, labels = np.asarray(unit), np.asarray(state)
        if names.ndim != 1 or names.shape != labels.shape:
            shapes = f"{names.shape}, {labels.shape}"
            raise ProblemError(f"unit and state must be vectors of one length; got {shapes}")
        distinct, repeats = np.unique(names, return_counts=True)
        if distinct.size != names.size:
            raise ProblemError(f"unit {distinct[repeats > 1][0]} is listed more than once")
        known, inverse = np.unique(labels, return_inverse=True)
        position = np.array([problem.index(str(label)) for label in known], dtype=np.int64)
        where = position[inverse] if names.size else np.empty(0, dtype=np.int64)
        return cls(problem.labels, np.bincount(where, minlength=problem.n_states), names, where)

    def __repr__(self) -> str:
        occupied = int((self.count > 0).sum())
        units = f"{self.size:,} unit" + ("" if self.size == 1 else "s")
        return f"Population({units} in {occupied:,} state" + ("" if occupied == 1 else "s") + ")"


def _whole(count: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The counts as int64, 0 where one is no whole number from 0 to MOST_UNITS, and the indices of those."""
    if count.dtype.kind in "iuf":
        fits = (count >= 0) & (count <= MOST_UNITS)
        whole = np.where(fits, count, 0).astype(np.int64)
        return whole, np.flatnonzero(whole != count)
    fits = np.array([_is_whole(number) for number in count.tolist()], dtype=np.bool_)
    return np.where(fits, count, 0).astype(np.int64), np.flatnonzero(~fits)


def _is_whole(number: object) -> bool:
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, float, np.integer, np.floating)):
        return False
    return bool(0 <= number <= MOST_UNITS and number == int(number))
