"""What a policy is worth and spends, by backward recursion from the problem's data alone.

Value and spend are expectations. The variance of the spend rides along: with :math:`m = \\sum_j p_j b_j`

.. math:: \\sigma^2 = \\gamma_c^2 \\sum_j p_j \\big(\\sigma_j^2 + (b_j - m)^2\\big),

and drawing at the start with probability q between spends b and b' adds :math:`q (1 - q) (b' - b)^2`
(Boutilier & Lu 2016, section 4.6, corrected).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.fixed_policy import pairs_of
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP, PricePolicy

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a policy is worth and spends, from each state (or from one: then scalars in arrays of size 1).

    Attributes
    ----------
    value, spend : (n,) expected discounted value, and money
    variance : (n,) money^2; variance of the discounted spend
    """

    value: Floats
    spend: Floats
    variance: Floats

    def mixed(self, other: "Evaluation", share: float) -> "Evaluation":
        """This policy with probability 1 - share, the other with probability share, drawn at the start."""
        keep = 1.0 - share
        return Evaluation(
            keep * self.value + share * other.value,
            keep * self.spend + share * other.spend,
            keep * self.variance + share * other.variance + share * keep * (other.spend - self.spend) ** 2,
        )


def evaluate(problem: BudgetedMDP, policy: PricePolicy, *, price: float) -> Evaluation:
    """Exact value, spend and spend variance of a policy at one price, from every state.

    Parameters
    ----------
    problem : the problem the policy acts in; it need not be the one the policy was made for
    policy : by stages
    price : the price that was drawn at the start

    Raises
    ------
    NoAnswerError
        If the policy holds no action, or one that is not possible, for some state and stage.
    UsageError
        If the horizon is infinite.

    Examples
    --------
    >>> from optbudget.budgeted.policies import policy_at
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example(horizon=2)
    >>> evaluate(problem, policy_at(problem, [8.0]), price=8.0)
    Evaluation(value=array([19.]), spend=array([1.9]), variance=array([0.]))
    """
    if problem.horizon is None:
        raise UsageError("evaluation by stages needs a finite horizon")
    n = problem.n_states
    pairs = pairs_of(problem, policy, price)
    acting = np.flatnonzero(~problem.is_terminal)
    found = Evaluation(problem.terminal_utility.copy(), np.zeros(n), np.zeros(n))
    for stage in reversed(range(problem.horizon)):
        pair = pairs[stage, acting]
        future = _expected(problem, found)
        row = problem.pair_row[pair]
        value, spend, variance = found.value.copy(), found.spend.copy(), found.variance.copy()
        value[acting] = problem.pair_reward[pair] + future.value[row]
        spend[acting] = problem.cost[pair] + future.spend[row]
        variance[acting] = future.variance[row]
        found = Evaluation(value, spend, variance)
    return found


def _expected(problem: BudgetedMDP, after: Evaluation) -> Evaluation:
    """Discounted value, spend and variance of what follows each transition row."""
    if problem.row_ptr.size == 1:
        return Evaluation(np.empty(0), np.empty(0), np.empty(0))
    start, p, j = problem.row_ptr[:-1], problem.probability, problem.next_state
    mean = np.add.reduceat(p * after.spend[j], start)
    centred = after.spend[j] - np.repeat(mean, np.diff(problem.row_ptr))
    return Evaluation(
        problem.discount * np.add.reduceat(p * after.value[j], start),
        problem.cost_discount * mean,
        problem.cost_discount**2 * np.add.reduceat(p * (after.variance[j] + centred**2), start),
    )
