"""How often a plan comes to each state, and what it decides there.

From where the departments are now, the chance of each state at stage k is carried forward,

.. math:: \\mu_{k+1}(r', s') = \\sum_{r, s} \\mu_k(r, s)\\, p_d(s' \\mid r, s, \\pi_k(r, s))\\, q(r' \\mid r).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.pareto.trials import Act
from optbudget.problems import DepartmentPlan, Departments

Floats = NDArray[np.float64]
Policy = NDArray[Any]


def visits(departments: Departments, policy: Policy) -> Floats:
    """(T, n) chance that a department is in each of its states at each stage; each stage sums to D.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> visits(two, np.tile(two.held.pair_ptr[:-1], (3, 1)))[1].round(3)
    array([0.5  , 0.   , 0.5  , 0.   , 0.125, 0.375, 0.125, 0.375])
    """
    stages, n = len(policy), departments.held.n_states
    found = np.zeros((stages, n))
    found[0] = np.bincount(departments.start_state, minlength=n)
    for stage in range(stages - 1):
        _, to, chance = moves(departments, policy[stage], found[stage])
        found[stage + 1] = np.bincount(to, chance, minlength=n)
    return found


def decisions(plan: DepartmentPlan) -> Floats:
    """(T, n, A) how often each action is taken at each stage and state, expected; each stage sums to D."""
    departments = plan.departments
    found = np.zeros((*plan.policy.shape[1:], len(departments.held.actions)))
    for share, policy in zip(plan.share, plan.policy, strict=True):
        here = visits(departments, policy)
        stage, state = np.nonzero(here)
        action = departments.held.pair_action[policy[stage, state]]
        found[stage, state, action] += share * here[stage, state]
    return found


class Recorded:
    """A rule that is played (`trials.play`), and what it decides.

    Attributes
    ----------
    taken : (T, n, A) how often each action was taken at each stage and state, in all runs
    changed : how many decisions were not those of the same department a period before
    """

    def __init__(self, departments: Departments, act: Act, periods: int) -> None:
        self.act, self.action = act, departments.held.pair_action
        self.taken = np.zeros((periods, departments.held.n_states, len(departments.held.actions)))
        self.changed = 0
        self._last: NDArray[np.integer] | None = None

    def __call__(self, stage: int, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """What the rule takes."""
        pairs = self.act(stage, states)
        action = self.action[pairs]
        np.add.at(self.taken[stage], (states, action), 1.0)
        if stage > 0:
            self.changed += int((action != self._last).sum())
        self._last = action
        return pairs


def moves(
    departments: Departments, pairs: NDArray[np.integer], mass: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Every move that the pairs (n,) make from states of some chance: from, to, and its chance."""
    held = departments.held
    source = np.flatnonzero((mass > 0) & (pairs >= 0))
    row = held.pair_row[pairs[source]]
    width = np.diff(held.row_ptr)[row]
    entry = np.repeat(held.row_ptr[row] - np.append(0, width.cumsum()[:-1]), width) + np.arange(width.sum())
    source = np.repeat(source, width)
    within = held.next_state[entry]
    chain = departments.regime_probability[departments.regime_of_state[within]]
    chance = (mass[source] * held.probability[entry])[:, None] * chain
    number = len(departments.regimes)
    return np.repeat(source, number), departments.elsewhere[within].ravel(), chance.ravel()
