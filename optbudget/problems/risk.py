"""What decisions do besides what they are meant to do, as a number per state and action."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import Issue, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP


@dataclass(frozen=True, eq=False)
class RiskTerm:
    """Expected harm of each state-action pair, and the weight at which it is held against the reward.

    Attributes
    ----------
    amount : (m,) expected harm of each pair, value, >= 0
    weight : >= 0; the reward becomes R - weight * amount

    Raises
    ------
    ProblemError
        Naming the pair whose amount is not a finite number >= 0.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> RiskTerm([3.0, 0.0], weight=2.0).applied(two_action_example()).utility
    array([4., 1.])
    """

    amount: NDArray[np.float64]
    weight: float = 1.0

    def __post_init__(self) -> None:
        amount = np.array(self.amount, dtype=np.float64)
        wrong = np.flatnonzero(~(np.isfinite(amount) & (amount >= 0)))
        issues = [
            Issue(
                "error", "risk", f"the risk of pair {k} is {amount.flat[k]}; it must be a finite number >= 0"
            )
            for k in wrong
        ]
        if amount.ndim != 1:
            issues = [Issue("error", "risk", f"amount must be a vector; got shape {amount.shape}")]
        if not (np.isfinite(self.weight) and self.weight >= 0):
            issues.append(Issue("error", "risk", f"the risk weight is {self.weight}; it must be >= 0"))
        if issues:
            raise ProblemError(issues)
        amount.flags.writeable = False
        object.__setattr__(self, "amount", amount)

    def applied(self, problem: BudgetedMDP) -> BudgetedMDP:
        """The problem with the reward R - weight * amount; no longer that of its folder.

        Raises
        ------
        ProblemError
            If the term has not one amount per state-action pair.
        """
        if self.amount.shape != problem.cost.shape:
            raise ProblemError(
                f"the risk term has {self.amount.size} amounts, the problem {problem.cost.size} pairs"
            )
        return replace(problem, utility=problem.utility - self.weight * self.amount, folder=None)
