"""From a budgeted MDP to its curves and policies: the fast path."""

from optbudget.budgeted.budget_policy import budget_policy
from optbudget.budgeted.deterministic import deterministic_frontier
from optbudget.budgeted.evaluation import evaluate
from optbudget.budgeted.exact import exact_backup
from optbudget.budgeted.infinite import stationary_solve
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.policies import policy_at
from optbudget.budgeted.price_sweep import passes, price_sweep
from optbudget.budgeted.pruning import PruningPhase, PruningSchedule
from optbudget.budgeted.solve import solve
from optbudget.budgeted.strict import strict_curve
from optbudget.budgeted.walk import walk

__all__ = [
    "PriceLines",
    "PruningPhase",
    "PruningSchedule",
    "budget_policy",
    "deterministic_frontier",
    "evaluate",
    "exact_backup",
    "passes",
    "policy_at",
    "price_sweep",
    "solve",
    "stationary_solve",
    "strict_curve",
    "walk",
]
