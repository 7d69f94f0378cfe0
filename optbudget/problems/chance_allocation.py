"""The answer to a chance constraint: how much to plan for, so that the spend rarely exceeds the budget."""

import math
from dataclasses import dataclass

from optbudget.problems.allocation import Allocation
from optbudget.problems.spend_risk import SpendRisk


@dataclass(frozen=True, eq=False, repr=False)
class ChanceAllocation:
    """Plans whose total spend exceeds `limit` with probability at most `level`.

    Attributes
    ----------
    limit : money that the realised spend should not exceed
    level : largest probability of exceeding it
    allocation : the plan of the largest expected budget found to hold the level
    risk : its spend beside the limit
    proved : whether the exact law of the spend proves that `allocation` holds the level
    proof_allocation : the largest plan found for which that is proved (`allocation` itself if `proved`, else
        by Chernoff's bound); None if not even the least spend is proved to hold it
    proof_chance : a proved bound on the probability that it exceeds the limit
    trials, exceeded : simulated totals of `allocation`, and how many were above the limit; 0 trials where
        the law is exact
    simulated_at_most : with confidence 99 % the probability is at most this, by those trials; else NaN
    """

    limit: float
    level: float
    allocation: Allocation
    risk: SpendRisk
    proved: bool
    proof_allocation: Allocation | None
    proof_chance: float
    trials: int = 0
    exceeded: int = 0
    simulated_at_most: float = math.nan

    @property
    def budget(self) -> float:
        """Expected spend that is planned."""
        return self.allocation.spent

    @property
    def held_by(self) -> str:
        """What says that the level holds."""
        if self.proved:
            return "proved by the law of the spend"
        checked = "confirmed" if self.simulated_at_most <= self.level else "not contradicted"
        return f"{self.risk.method}, an approximation, {checked} by {self.trials:,} trials"

    def __repr__(self) -> str:
        return (
            f"ChanceAllocation(plan {self.budget:.6g} for a limit of {self.limit:.6g}: "
            f"P(spend > limit) = {self.risk.overspend:.4g} <= {self.level:g}, {self.held_by})"
        )
