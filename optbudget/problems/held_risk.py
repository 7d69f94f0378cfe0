"""A problem whose reward has the harm of its actions held against it, and what that harm is.

The harm enters once, before anything is solved,

.. math:: R'(s, a) = R(s, a) - \\kappa \\, \\text{CausalRisk}(s, a),

so no solver, allocation or simulation knows of it. What is proved about an answer is proved of R': the
optimisation *given* the effects. The effects themselves are estimates.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.side_effects import SideEffects


@dataclass(frozen=True, eq=False)
class HeldRisk:
    """What is held against the reward of a problem.

    Attributes
    ----------
    side_effects : of the problem's actions
    weight : κ >= 0, the risk weight; at 0 the problem is as it was, to the bit
    utility : (m,) the utilities before
    name : what the folder of the side effects is called
    """

    side_effects: SideEffects
    weight: float
    utility: NDArray[np.float64]
    name: str = "risk"


def hold_risk(
    problem: BudgetedMDP, side_effects: SideEffects, weight: float, *, name: str = "risk"
) -> BudgetedMDP:
    """The problem with the reward R', which knows what was held against it (`problem.risk`).

    Raises
    ------
    ProblemError
        If the side effects do not fit the problem, one that it needs is not identified, the weight is no
        number >= 0, or the problem has a risk already.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> from optbudget.problems.side_effects import SideEffect
    >>> harm = SideEffects(("a",), (SideEffect("a", None, "waiting time", 3.0, 0.0, 8.0, 0.9, 1.5),))
    >>> held = hold_risk(two_action_example(), harm, 2.0)
    >>> held.utility, without_risk(held).utility
    (array([4., 1.]), array([10.,  1.]))
    """
    if problem.risk is not None:
        raise ProblemError(
            f"the risk of {problem.risk.name!r} is held against the reward already; begin without it"
        )
    less = side_effects.risk_term(problem, weight).applied(problem).utility
    return replace(problem, utility=less, risk=HeldRisk(side_effects, float(weight), problem.utility, name))


def without_risk(problem: BudgetedMDP) -> BudgetedMDP:
    """The problem as it was before a risk was held against it; itself where none is."""
    return problem if problem.risk is None else replace(problem, utility=problem.risk.utility, risk=None)
