"""What all departments do: a few Markov policies, of which one is drawn at the start and kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.problems.departments import Departments

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class DepartmentPlan:
    """A lottery over policies of all departments.

    Attributes
    ----------
    departments : whom it is for
    share : (Q,) in (0, 1], the chance that each policy is the one that is kept; their sum is exactly 1
    policy : (Q, T, n) int32; the pair of `departments.held` that is taken at each stage (0 is now) and state,
        -1 in states without actions. T is 1 where the horizon is infinite

    Raises
    ------
    ProblemError
        If the shapes do not fit, a pair is not one of its state, or the shares are no chances.
    """

    departments: Departments
    share: Floats
    policy: NDArray[np.int32]

    def __post_init__(self) -> None:
        held = self.departments.held
        share = np.array(self.share, dtype=np.float64)
        policy = np.array(self.policy, dtype=np.int32)
        wanted = (share.size, 1 if held.horizon is None else held.horizon, held.n_states)
        if policy.shape != wanted:
            raise ProblemError(f"policies must have shape {wanted}; got {policy.shape}")
        if not ((share > 0).all() and share.sum() == 1.0):
            raise ProblemError(f"shares must be above 0 and sum to exactly 1; got {share.tolist()}")
        low, high = held.pair_ptr[:-1], held.pair_ptr[1:]
        wrong = np.argwhere(~((policy >= low) & (policy < high) | held.is_terminal & (policy == -1)))
        if wrong.size:
            which, stage, state = wrong[0].tolist()
            raise ProblemError(
                f"policy {which} takes pair {policy[which, stage, state]} at stage {stage} in "
                f"{held.labels[state]!r}, which has the pairs from {low[state]} to before {high[state]}"
            )
        for name, array in (("share", share), ("policy", policy)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def action(self, which: int, stage: int, label: str) -> str:
        """The name of what a policy does in a state ("department/regime|state").

        Raises
        ------
        ProblemError
            If there is no such policy, stage or state, or the state has no actions.
        """
        held = self.departments.held
        policies, stages, _ = self.policy.shape
        if not (0 <= which < policies and 0 <= stage < stages):
            raise ProblemError(
                f"there are {policies} policies of {stages} stages, numbered from 0; got {which} and {stage}"
            )
        pair = int(self.policy[which, stage, held.index(label)])
        if pair < 0:
            raise ProblemError(f"{label!r} has no actions")
        return held.actions[int(held.pair_action[pair])]

    def __repr__(self) -> str:
        count = len(self.departments.departments)
        shares = ", ".join(f"{share:.3g}" for share in self.share)
        return f"DepartmentPlan({count} departments, shares {shares})"
