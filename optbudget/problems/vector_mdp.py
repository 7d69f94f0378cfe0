"""A small Markov decision process whose reward is a vector.

In state s action a is worth :math:`R(s, a) \\in \\mathbb R^K`, more being better in every objective, and
leads to s' with probability :math:`p(s' | s, a)`. A policy π is worth its expected discounted reward from the
initial distribution α, a vector: :math:`v^\\pi = E_\\alpha \\sum_t \\gamma^t R(s_t, a_t)`.

Arrays are dense, because what is done with it -- listing all policies, learning sets of vectors -- is for
tens of states. Departments that share money are `Departments`; a problem with one reward is `BudgetedMDP`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import Issue, ProblemError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROW_SUM = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class VectorMDP:
    """States, actions, transitions and a vector of rewards: frozen, validated data; it does not solve.

    Attributes
    ----------
    states : S names
    actions : A names
    objectives : K names; more is better
    transition : (S, A, S) probabilities; the row of an action that is possible sums to 1, of another to 0.
        A state where no action is possible is terminal: nothing follows it
    reward : (S, A, K), expected; 0 where the action is not possible
    discount : in (0, 1)
    initial : (S,) distribution of the first state

    Raises
    ------
    ProblemError
        Naming every state and action found wrong.

    Examples
    --------
    >>> import numpy as np
    >>> walk = VectorMDP(
    ...     states=("here", "there"), actions=("stay", "go"), objectives=("ease", "gain"),
    ...     transition=np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [1.0, 0.0]]]),
    ...     reward=np.array([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 2.0]]]),
    ...     discount=0.9, initial=np.array([1.0, 0.0]))
    >>> walk
    VectorMDP(2 states, 2 actions, objectives ease, gain)
    >>> walk.evaluate(np.array([[0, 0], [1, 0]])).round(3)
    array([[10.   ,  0.   ],
           [ 0.   ,  8.182]])
    """

    states: tuple[str, ...]
    actions: tuple[str, ...]
    objectives: tuple[str, ...]
    transition: Floats
    reward: Floats
    discount: float
    initial: Floats

    def __post_init__(self) -> None:
        s, a, k = len(self.states), len(self.actions), len(self.objectives)
        for name, shape in {"transition": (s, a, s), "reward": (s, a, k), "initial": (s,)}.items():
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != shape or not np.isfinite(array).all():
                raise ProblemError(f"{name} must be finite and have shape {shape}; got {array.shape}")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if not 0 < self.discount < 1:
            raise ProblemError(f"discount is {self.discount}; it must be above 0 and below 1")
        if (self.initial < 0).any() or abs(self.initial.sum() - 1.0) > ROW_SUM:
            raise ProblemError("initial must be a distribution over the states")
        if issues := self._wrong_rows():
            raise ProblemError(issues)

    def _wrong_rows(self) -> list[Issue]:
        """Rows of transitions that are no distributions, and rewards of what cannot be done."""
        total, found = self.transition.sum(axis=2), []
        negative = (self.transition < 0).any(axis=2)
        partial = (total != 0) & (np.abs(total - 1.0) > ROW_SUM)
        paid = (total == 0) & (self.reward != 0).any(axis=2)
        for wrong, what in (
            (negative, "a probability is below 0"),
            (partial & ~negative, "probabilities sum to neither 1 nor 0 (not possible)"),
            (paid, "a reward is given for an action that is not possible"),
        ):
            for s, a in np.argwhere(wrong):
                found.append(Issue("error", "row-sum", what, state=self.states[s], action=self.actions[a]))
        return found

    @cached_property
    def possible(self) -> NDArray[np.bool_]:
        """(S, A): whether the action can be taken in the state."""
        return np.asarray(self.transition.any(axis=2))

    @cached_property
    def is_terminal(self) -> NDArray[np.bool_]:
        """(S,): whether nothing follows the state."""
        return np.asarray(~self.possible.any(axis=1))

    def evaluate(self, policies: NDArray[np.integer]) -> Floats:
        """Exact values of deterministic stationary policies, (P, K), by one linear system each.

        With x the expected discounted visits, :math:`x = α + γ P_π^T x`, a policy is worth
        :math:`\\sum_s x(s) R(s, π(s))` in every objective at once.

        Parameters
        ----------
        policies : (P, S), for each policy the action in every state; anything in terminal states

        Raises
        ------
        ProblemError
            For an action that is not possible, with its state.
        """
        policies = np.asarray(policies)
        every = np.arange(len(self.states))
        if policies.ndim != 2 or policies.shape[1] != every.size:
            raise ProblemError(f"policies must have shape (P, {every.size}); got {policies.shape}")
        known = (policies >= 0) & (policies < len(self.actions))
        chosen = np.where(known, policies, 0)
        wrong = np.argwhere(~((known & self.possible[every, chosen]) | self.is_terminal))
        if wrong.size:
            policy, s = wrong[0]
            raise ProblemError(
                f"policy {policy} takes action {policies[policy, s]} in state {self.states[s]!r}, "
                "where it is not possible"
            )
        system = np.eye(every.size) - self.discount * self.transition[every, chosen]
        start = np.broadcast_to(self.initial[:, None], (*policies.shape, 1))
        visits = np.linalg.solve(system.swapaxes(1, 2), start)[..., 0]
        return np.asarray(np.einsum("ps,psk->pk", visits, self.reward[every, chosen]))

    def __repr__(self) -> str:
        return (
            f"VectorMDP({len(self.states)} states, {len(self.actions)} actions, "
            f"objectives {', '.join(self.objectives)})"
        )
