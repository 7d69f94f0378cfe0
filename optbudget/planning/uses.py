"""How often every action is taken under an allocation or a mixture of policies, in expectation.

Units that follow a deterministic Markov policy :math:`\\pi` from counts :math:`n_0` are expected to be in

.. math:: n_{k+1}(j) = \\sum_i n_k(i)\\, p_{ij}^{\\pi_k(i)},

and use the pair (i, π_k(i)) so often there; a unit that draws its budget counts with the probability of each.
Then :math:`\\sum_k \\gamma^k \\sum_i n_k(i)\\, r(i, \\pi_k(i))` is the allocation's value but for terminal
utilities, and the same sum of what actions do besides is what an allocation is predicted to do besides.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.fixed_policy import FixedPolicy
from optbudget.errors import NoAnswerError
from optbudget.planning.spenders import SAME, spenders
from optbudget.problems import Allocation, BudgetedMDP, PolicyMixture

Floats = NDArray[np.float64]

NEGLIGIBLE = 1e-15
"""Discount beyond which an endless future is cut off."""


@dataclass(frozen=True, eq=False)
class Uses:
    """How often each state-action pair is used by all units together.

    Attributes
    ----------
    times : (m,) expected number; NaN where it has no end
    discounted : (m,) the same, each use discounted as rewards are
    """

    times: Floats
    discounted: Floats


def problem_of(answer: Allocation | PolicyMixture) -> BudgetedMDP:
    """The problem that is answered."""
    return answer.curves.problem if isinstance(answer, Allocation) else answer.lines.problem


def expected_uses(answer: Allocation | PolicyMixture) -> Uses:
    """How often the units of an answer are expected to use each pair.

    Raises
    ------
    NoAnswerError
        If no policy in hand stands behind a budget of the allocation: curves that were pruned, or an infinite
        horizon whose discounts differ or are 1. If a mixture holds no policy.

    Examples
    --------
    Ten who are warm get an e-mail each, and half a cold one, in one decision:

    >>> from optbudget.allocation import allocate
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.problems import Population
    >>> curves = two_state_curves()
    >>> split = allocate(curves, Population.at(curves.problem, {"warm": 10, "cold": 5}), 11.0)
    >>> expected_uses(split).times      # warm: wait, email; cold: wait, email
    array([ 0. , 10. ,  4.5,  0.5])
    """
    problem = problem_of(answer)
    times, discounted = np.zeros(problem.cost.size), np.zeros(problem.cost.size)
    for policy, start in _followed(answer):
        for stage, (pair, units) in enumerate(_stages(policy, start)):
            np.add.at(times, pair, units)
            np.add.at(discounted, pair, problem.discount**stage * units)
    return Uses(times if problem.horizon is not None else np.full(times.size, np.nan), discounted)


def _stages(policy: FixedPolicy, start: Floats) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """At each stage the pairs in use and the expected number of units that use them."""
    pointer, to, probability, row_of = policy.rows
    entry_row = np.repeat(np.arange(pointer.size - 1), np.diff(pointer))
    here: Floats = start
    for pairs in policy.pairs:
        acting = np.flatnonzero((pairs >= 0) & (here > 0))
        pair = pairs[acting]
        yield pair, here[acting]
        through = np.bincount(row_of[pair], here[acting], minlength=pointer.size - 1)
        here = np.bincount(to, probability * through[entry_row], minlength=here.size).astype(np.float64)


def _followed(answer: Allocation | PolicyMixture) -> Iterator[tuple[FixedPolicy, Floats]]:
    """The policies in use, and how many units are expected to begin with each in every state, (n,)."""
    if isinstance(answer, PolicyMixture):
        if answer.share.size == 0:
            raise NoAnswerError("there is no plan that takes any action")
        for share, policy in zip(answer.share.tolist(), answer.policy, strict=True):
            yield FixedPolicy(answer.lines.problem, policy.astype(np.int64)), share * answer.population.count
        return
    n = answer.curves.problem.n_states
    if answer.curves.problem.horizon is None:
        yield from _stationary(answer)
        return
    units = spenders(answer)
    starts = np.zeros((len(units.policies), n))
    for count, ways in zip(units.count.tolist(), units.ways, strict=True):
        for way in ways:
            starts[way.policy, way.state] += count * way.probability
    yield from zip(units.policies, starts, strict=True)


def _stationary(answer: Allocation) -> Iterator[tuple[FixedPolicy, Floats]]:
    """The same over an infinite horizon, from the policies that prove the curves."""
    problem, witness = answer.curves.problem, answer.curves.witness
    if witness is None or witness.horizon is not None or not problem.discount < 1:
        raise NoAnswerError(
            "over an infinite horizon how often an action is taken is known only where rewards and spend "
            "have the same discount below 1"
        )
    decisions = math.ceil(math.log(NEGLIGIBLE) / math.log(problem.discount)) if problem.discount > 0 else 1
    starts = np.zeros((witness.price.size, problem.n_states))
    weight = answer.count * answer.probability
    for state, budget, units in zip(answer.state.tolist(), answer.unit_budget, weight, strict=True):
        if units > 0:
            near = np.abs(witness.spend[:, state] - budget)
            if near.min() > SAME * abs(budget) + SAME:
                raise NoAnswerError(f"no policy of {problem.labels[state]!r} in hand spends {budget:.9g}")
            starts[int(np.argmin(near)), state] += units
    for k in np.flatnonzero(starts.any(axis=1)).tolist():
        pairs = np.broadcast_to(witness.policy[k].astype(np.int64), (decisions, problem.n_states))
        yield FixedPolicy(problem, pairs), starts[k]
