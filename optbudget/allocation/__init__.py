"""One budget over many units: curves and a population in, who gets how much out."""

from optbudget.allocation.allocate import allocate
from optbudget.allocation.baseline import BaselineComparison, baseline_comparison, baseline_findings
from optbudget.allocation.inverse import (
    PriceRange,
    largest_spend_at_marginal_roi,
    largest_spend_at_roi,
    least_budget_for,
    stable_range,
)
from optbudget.allocation.knapsack import allocate_knapsack
from optbudget.allocation.limit_worth import LimitWorth, limit_worths, worth_of_more
from optbudget.allocation.reach import Reach, reaches
from optbudget.allocation.split import Split, split
from optbudget.allocation.uniform import equal_shares
from optbudget.allocation.whole import (
    SweetSpot,
    budget_range,
    initial_curve,
    points_of,
    population_curve,
    sweet_spot,
)
from optbudget.problems.assignment import assignment

__all__ = [
    "BaselineComparison",
    "LimitWorth",
    "PriceRange",
    "Reach",
    "Split",
    "SweetSpot",
    "allocate",
    "allocate_knapsack",
    "assignment",
    "baseline_comparison",
    "baseline_findings",
    "budget_range",
    "equal_shares",
    "initial_curve",
    "largest_spend_at_marginal_roi",
    "largest_spend_at_roi",
    "least_budget_for",
    "limit_worths",
    "points_of",
    "population_curve",
    "reaches",
    "split",
    "stable_range",
    "sweet_spot",
    "worth_of_more",
]
