"""One deterministic Markov policy as an array: which state-action pair is used, by stage and state.

Whatever is asked of the spend of a policy -- its moments, its law, how likely it is above a budget -- reads
this array and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import NoAnswerError, UsageError
from optbudget.problems import BudgetedMDP, PricePolicy

Floats = NDArray[np.float64]


def pairs_of(problem: BudgetedMDP, policy: PricePolicy, price: float) -> NDArray[np.int64]:
    """(T, n) pair that the policy uses at a price, at each stage and state; -1 in terminal states.

    Raises
    ------
    NoAnswerError
        If the policy holds no action, or one that is not possible, for some state and stage.
    UsageError
        If the horizon is infinite.
    """
    if problem.horizon is None:
        raise UsageError("a policy by stages needs a finite horizon")
    n = problem.n_states
    holds = (policy.price_low <= price) & ((price < policy.price_high) | np.isinf(policy.price_high))
    rows = np.flatnonzero(holds)[::-1]
    action = np.full((problem.horizon, n), -1, dtype=np.int64)
    action[policy.stage[rows], policy.state[rows]] = policy.action[rows]
    pair_of = np.full((n, len(problem.actions) + 1), -1, dtype=np.int64)
    pair_of[problem.pair_state, problem.pair_action] = np.arange(problem.cost.size)
    pairs: NDArray[np.int64] = pair_of[np.arange(n), action]
    lacking = np.argwhere(((pairs < 0) & ~problem.is_terminal)[::-1])
    if lacking.size:
        stage, state = problem.horizon - 1 - lacking[0, 0], lacking[0, 1]
        raise NoAnswerError(
            f"the policy holds no possible action for {problem.labels[state]!r}, stage {stage}, price {price}"
        )
    return pairs


@dataclass(frozen=True, eq=False)
class FixedPolicy:
    """A deterministic Markov policy over a finite horizon.

    Attributes
    ----------
    problem : the problem; rows of its transitions are divided by their sums here
    pairs : (T, n) int64; index into the problem's pairs, -1 in terminal states
    """

    problem: BudgetedMDP
    pairs: NDArray[np.int64]

    @property
    def horizon(self) -> int:
        """Number of decisions."""
        return int(self.pairs.shape[0])

    @cached_property
    def rows(self) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats, NDArray[np.int32]]:
        """row_ptr, next_state, probability, pair_row, as the kernels take them."""
        p = self.problem
        total = np.add.reduceat(p.probability, p.row_ptr[:-1]) if p.row_ptr.size > 1 else np.empty(0)
        return p.row_ptr, p.next_state, p.probability / np.repeat(total, np.diff(p.row_ptr)), p.pair_row

    def reached(self, states: Sequence[int]) -> NDArray[np.int64]:
        """Pairs that a unit can come to use that is in one of these states now."""
        p = self.problem
        owner = np.repeat(np.arange(p.row_ptr.size - 1), np.diff(p.row_ptr))
        here = np.zeros(p.n_states, dtype=np.bool_)
        here[list(states)] = True
        used = np.zeros(p.cost.size, dtype=np.bool_)
        for k in range(self.horizon):
            pairs = self.pairs[k, here & ~p.is_terminal]
            used[pairs] = True
            leads = np.zeros(p.row_ptr.size - 1, dtype=np.bool_)
            leads[p.pair_row[pairs]] = True
            here = np.zeros(p.n_states, dtype=np.bool_)
            here[p.next_state[leads[owner]]] = True
        return np.flatnonzero(used)


def fixed_policy(problem: BudgetedMDP, policy: PricePolicy, *, price: float) -> FixedPolicy:
    """The policy of one price.

    Examples
    --------
    >>> from optbudget.budgeted.policies import policy_at
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example(horizon=2)
    >>> fixed_policy(problem, policy_at(problem, [8.0]), price=8.0).pairs
    array([[0],
           [0]])
    """
    return FixedPolicy(problem, pairs_of(problem, policy, price))
