"""Harm as a resource with a budget of its own, in place of a price on it.

.. math:: \\max_\\pi \\mathbb E \\sum_k \\gamma^k r \\quad\\text{s.t.}\\quad
          \\mathbb E \\sum_k \\gamma_c^k c \\le B, \\quad
          \\mathbb E \\sum_k \\gamma_c^k\\, \\text{CausalRisk} \\le h .

Resources are discounted as money is. Where :math:`\\gamma_c = \\gamma` this is the frontier of the trade-off
over the risk weight, :math:`\\min_\\kappa f(\\kappa) + \\kappa h` (`problems.risk_trade_off`); where
they differ, harm held against the reward is discounted otherwise than harm on a budget.
"""

from dataclasses import replace

import numpy as np

from optbudget.errors import ProblemError
from optbudget.problems.constrained_mdp import ConstrainedMDP
from optbudget.problems.side_effects import End, SideEffects

RESOURCE = "risk"


def with_risk_budget(
    constrained: ConstrainedMDP, side_effects: SideEffects, limit: float, *, end: End = "expected"
) -> ConstrainedMDP:
    """The problem with one more resource, "risk", of which at most `limit` may be used in expectation.

    Parameters
    ----------
    constrained : one unit's problem at fixed budgets
    side_effects : of its actions
    limit : most expected harm, value, >= 0
    end : whether harm is as expected, or at the less or more harmful ends of the intervals

    Raises
    ------
    ProblemError
        If the side effects do not fit the problem, one that it needs is not identified, the limit is no
        number >= 0, or the problem has a resource "risk".

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> from optbudget.problems.side_effects import SideEffect
    >>> harm = SideEffects(("a",), (SideEffect("a", None, "waiting time", 3.0, 0.0, 8.0, 0.9, 1.5),))
    >>> with_risk_budget(ConstrainedMDP(two_action_example(horizon=2), 1.9), harm, 3.0)
    ConstrainedMDP(1 state, horizon 2, budget 1.9, risk 3)
    """
    if RESOURCE in constrained.resources:
        raise ProblemError(f"the problem has a resource {RESOURCE!r} already")
    amounts = side_effects.amounts(constrained.problem, end=end)
    rows = constrained.resource_cost.reshape(len(constrained.resources), amounts.size)
    return replace(
        constrained,
        resources=(*constrained.resources, RESOURCE),
        resource_cost=np.vstack([rows, amounts]),
        resource_limit=np.append(constrained.resource_limit, limit),
    )
