"""What a policy of all departments is worth in every objective, and spends: exactly, from the model.

For one Markov policy :math:`\\pi` of departments whose regimes move by q, K + 1 columns are carried
backwards together, the K rewards (each so signed that more is better) and the spend:

.. math:: x_k(r, s) = g(r, s, \\pi_k) + \\delta \\sum_{r'} q(r' \\mid r)
          \\sum_{s'} p_d(s' \\mid r, s, \\pi_k)\\, x_{k+1}(r', s'),

δ being the discount of rewards or that of money, and :math:`x_T = 0`. Over an infinite horizon x solves this
equation with itself on the right, department by department. A lottery of policies, drawn once at the start,
is worth the mean of what they are worth, so every point between two evaluated policies is achieved.

The regimes are summed over first, once for each state: a step costs :math:`O(nR + z)` for n pairs of regime
and state, R regimes and z row entries, where the rows of the joined chain would hold zR.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import ProblemError, UsageError
from optbudget.pareto import _front_kernels as kernels
from optbudget.pareto.arguments import floats, number, of_kind
from optbudget.problems import Departments

Floats = NDArray[np.float64]
Policy = NDArray[Any]
"""Pairs (T, n), whole numbers, or chances (T, m)."""


@dataclass(frozen=True, eq=False)
class Worth:
    """What a plan yields and spends, by department.

    Attributes
    ----------
    reward : (D, K) expected discounted reward of each department in each objective; more is better
    spend : (D,) its expected discounted spend, money
    """

    reward: Floats
    spend: Floats

    @property
    def point(self) -> Floats:
        """The rewards of all departments together, (K,)."""
        return np.asarray(self.reward.sum(axis=0))

    @property
    def spent(self) -> float:
        """The spend of all departments together."""
        return float(self.spend.sum())

    @classmethod
    def drawn(cls, worths: "Sequence[Worth]", share: Sequence[float] | Floats) -> "Worth":
        """One of several plans, drawn once at the start with chances `share`."""
        chance = _chances(share, len(worths))
        return cls(
            np.tensordot(chance, np.array([worth.reward for worth in worths]), axes=1),
            np.tensordot(chance, np.array([worth.spend for worth in worths]), axes=1),
        )

    def mixed(self, other: "Worth", share: float) -> "Worth":
        """This plan with chance 1 - share and the other with chance share, drawn once at the start."""
        keep = 1.0 - number("share", share, "[0, 1]")
        return Worth(keep * self.reward + share * other.reward, keep * self.spend + share * other.spend)


def evaluate(departments: Departments, policy: Policy) -> Worth:
    """Expected discounted reward vector and spend of a policy, from where the departments are now.

    Parameters
    ----------
    departments : the model; its horizon T, or "infinite", is the plan's
    policy : (T, n) integers: the pair of `departments.held` that is taken at each stage (0 is now) and state,
        anything where a state has no actions; or (T, m) numbers: the chance of each pair in its state. T is 1
        where the horizon is infinite

    Raises
    ------
    ProblemError
        If the shape does not fit, a pair is not one of its state, or the chances of a state do not sum to 1.

    Examples
    --------
    Improving both departments' state in every of three years:

    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> always = np.tile(two.held.pair_ptr[1:] - 1, (3, 1))
    >>> worth = evaluate(two, always)
    >>> worth.point.round(3), worth.spend
    (array([12.26, -2.71]), array([3., 3.]))
    """
    held = of_kind("departments", departments, Departments).held
    chosen = _checked(departments, policy)
    gain = np.column_stack([departments.signed_reward, held.cost])
    rate = np.append(np.full(len(departments.objectives), held.discount), held.cost_discount)
    start = departments.start_state
    if held.horizon is None:
        worth = _endless(departments, chosen[0], gain, rate, start)
    else:
        worth = _by_stages(departments, chosen, gain, rate)[start]
    return Worth(worth[:, :-1], worth[:, -1])


def evaluate_lottery(departments: Departments, policies: Policy, share: Floats) -> Worth:
    """The mean over policies (Q, T, n or m) of which one is drawn at the start with chances share (Q,).

    Raises
    ------
    ProblemError
        As `evaluate`.
    UsageError
        If the shares are no chances.
    """
    chance = _chances(share, len(policies))
    return Worth.drawn([evaluate(departments, policy) for policy in policies], chance)


def _chances(share: Sequence[float] | Floats, count: int) -> Floats:
    """So many chances, which sum to 1."""
    chance = floats("share", share, (count,), "[0, 1]")
    if abs(chance.sum() - 1.0) > 1e-9:
        raise UsageError(f"share must sum to 1; the sum is {chance.sum():.10g}")
    return chance


def _checked(departments: Departments, given: ArrayLike) -> Policy:
    """The policy, if it says what to do at every stage and state."""
    held = departments.held
    try:
        policy = np.asarray(given)
    except ValueError:
        raise ProblemError(f"a policy must have rows of one length; got {given!r:.60}") from None
    if policy.dtype.kind not in "iuf":
        raise ProblemError(f"a policy must be numbers: pairs or chances; got {given!r:.60}")
    stages = 1 if held.horizon is None else held.horizon
    whole = policy.dtype.kind in "iu"
    wanted = (stages, held.n_states if whole else held.cost.size)
    if policy.shape != wanted:
        said = "pairs" if whole else "chances"
        raise ProblemError(f"a policy of {said} must have shape {wanted}; got {policy.shape}")
    acting = np.flatnonzero(~held.is_terminal)
    if whole:
        low, high = held.pair_ptr[acting], held.pair_ptr[acting + 1]
        wrong = (policy[:, acting] < low) | (policy[:, acting] >= high)
    else:
        total = np.add.reduceat(policy, held.pair_ptr[acting], axis=1)
        least = np.minimum.reduceat(policy, held.pair_ptr[acting], axis=1)
        wrong = ~((least >= 0) & (np.abs(total - 1.0) <= 1e-9))
    if wrong.any():
        stage, place = np.argwhere(wrong)[0]
        said = "takes a pair of another state" if whole else "has chances that are not >= 0 with sum 1"
        raise ProblemError(f"the policy {said} in {held.labels[acting[place]]!r} at stage {stage}")
    return policy


def model_of(departments: Departments) -> kernels.Model:
    """The arrays that a backup reads."""
    held = departments.held
    return kernels.Model(
        held.pair_ptr, held.pair_row, held.row_ptr, held.next_state, held.probability,
        departments.regime_of_state, departments.elsewhere, departments.regime_probability,
    )  # fmt: skip


def _acted(departments: Departments, chosen: Policy, pairs: Floats) -> Floats:
    """What each state has (n, C) of what its pairs have (m, C)."""
    held = departments.held
    acting = np.flatnonzero(~held.is_terminal)
    found = np.zeros((held.n_states, pairs.shape[1]))
    if chosen.dtype.kind in "iu":
        found[acting] = pairs[chosen[acting]]
    else:
        found[acting] = np.add.reduceat(chosen[:, None] * pairs, held.pair_ptr[acting], axis=0)
    return found


def _by_stages(departments: Departments, policy: Policy, gain: Floats, rate: Floats) -> Floats:
    """The columns of every state with all decisions to go, (n, C)."""
    held, model = departments.held, model_of(departments)
    after = np.zeros((held.n_states, rate.size))
    moved, ahead = np.empty_like(after), np.empty((held.row_ptr.size - 1, rate.size))
    for chosen in policy[::-1]:
        kernels.expected(model, after, moved, ahead)
        after = _acted(departments, chosen, gain + rate * ahead[held.pair_row])
    return after


def _endless(
    departments: Departments, chosen: Policy, gain: Floats, rate: Floats, start: NDArray[np.integer]
) -> Floats:
    """The fixed point of the equation at each department's state now, (D, C)."""
    now = _acted(departments, chosen, gain)
    found = np.empty((start.size, rate.size))
    for d, own in enumerate(departments.states_of):
        moves = _chain(departments, chosen, own)
        for one in np.unique(rate):
            columns = np.flatnonzero(rate == one)
            solved = np.linalg.solve(np.eye(own.size) - one * moves, now[np.ix_(own, columns)])
            found[d, columns] = solved[np.searchsorted(own, start[d])]
    return found


def _chain(departments: Departments, chosen: Policy, own: NDArray[np.integer]) -> Floats:
    """Where the policy leads from each state of a department to each, regime included; rows sum to 1."""
    held = departments.held
    place = np.full(held.n_states, -1)
    place[own] = np.arange(own.size)
    if chosen.dtype.kind in "iu":
        pair = chosen[own[~held.is_terminal[own]]]
        chance = np.ones(pair.size)
    else:
        pair = np.flatnonzero(place[held.pair_state] >= 0)
        chance = chosen[pair]
    pointer, entries = held.pair_entries
    width = np.diff(pointer)[pair]
    among = np.concatenate([entries[pointer[k] : pointer[k + 1]] for k in pair.tolist()])
    within, between = np.zeros((2, own.size, own.size))
    where = place[np.repeat(held.pair_state[pair], width)], place[held.next_state[among]]
    np.add.at(within, where, np.repeat(chance, width) * held.probability[among])
    to = departments.elsewhere[own]
    between[np.arange(own.size)[:, None], place[to]] = departments.regime_probability[
        departments.regime_of_state[own]
    ]
    return np.asarray(within @ between)
