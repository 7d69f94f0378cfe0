"""From a budgeted MDP to its curves and policies: the fast path."""

from optbudget.budgeted.exact import exact_backup
from optbudget.budgeted.infinite import stationary_solve
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.price_sweep import passes, price_sweep
from optbudget.budgeted.solve import solve
from optbudget.budgeted.walk import walk

__all__ = ["PriceLines", "exact_backup", "passes", "price_sweep", "solve", "stationary_solve", "walk"]
