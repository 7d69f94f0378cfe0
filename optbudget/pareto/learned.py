"""What was learned of departments: a policy for every scalarisation, and beliefs about it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.pareto.scalarisations import LearningTask, Scalarisations

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Learned:
    """Policies of D departments for W scalarisations, and what the learner believes of them.

    Attributes
    ----------
    task, scalarisations : what was asked; the scalarisations of one weight lie side by side
    policy : for each department (W, T, S) int8, the action at stage t (0 is now) in regime * states + state;
        the first action where none was ever taken
    estimate : (D, W, K + 1) believed value in each objective, and spend, from the start; no certificate
    tried : for each department (S, A), how often each action was taken
    runs, steps : what it was learned from
    """

    task: LearningTask
    scalarisations: Scalarisations
    policy: tuple[NDArray[np.int8], ...]
    estimate: Floats
    tried: tuple[Integers, ...]
    runs: int
    steps: int

    def joined(self, more: "Learned") -> "Learned":
        """These departments, then others of the same runs."""
        return Learned(
            self.task, self.scalarisations, self.policy + more.policy,
            np.concatenate([self.estimate, more.estimate]), self.tried + more.tried, self.runs, self.steps,
        )  # fmt: skip
