"""The least prices that prove the bound, for lines of which every policy in use spends all.

Let V(B) be the optimum for lines that hold B; it is concave, and the prices that prove it are its
supergradients at B. Where every policy of the mixture spends just what a line holds, V has a kink, or ends,
as at 0: many prices prove the bound, and only the least one says what more money is worth. Prices
:math:`\\lambda` of lines that hold :math:`B' = B + \\varepsilon d`, with d the same for all those of one
resource, satisfy

.. math:: D_B(\\lambda) = V(B') - \\varepsilon \\lambda^\\top d
          \\;\\le\\; V(B) + \\varepsilon V'(B; d), \\qquad \\lambda^\\top d \\le V'(B; d)

by concavity: they prove the bound up to next to nothing, and in sum they are no more than the lines are
worth if all of them get a little at once. Of one such line that is the price; of several that help each
other, each alone may be worth less.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.planning.column_generation import Aim, State, rounds
from optbudget.planning.master import line_scale
from optbudget.planning.priced_policies import PricedPolicies
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

MORE = 1e-7
"""What is added to such a line, relative to its size."""
USED = 1e-9
"""Share from which on a policy is in use."""
EXACT = 1e-4
"""Share of the worth of the added money to which it is found."""


def least_prices(
    passes: PricedPolicies, state: State, amount: Floats, *, monitor: Monitor | None = None
) -> Floats:
    """Prices (J,), with a little more in each line of which every policy in use spends all."""
    size, used = line_scale(state.columns.spend, amount), state.columns.spend[state.mixed.share > USED]
    fixed = (state.price > 0) & (amount - used.min(axis=0, initial=np.inf) <= MORE * size)
    if not fixed.any() or state.stopped is not None:
        return state.price
    resource, added = passes.lines.resource, np.zeros(amount.size)
    for r in np.unique(resource[fixed]).tolist():
        added[fixed & (resource == r)] = MORE * size[fixed & (resource == r)].max()
    price = state.price
    for now in rounds(passes, state.columns, amount + added, Aim.value(amount.size), monitor=monitor):
        price = now.price
        if now.bound - now.mixed.value <= EXACT * float(price @ added):
            break
    return price
