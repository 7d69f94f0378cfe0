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

That takes a column generation of its own, slow where there are very many such lines. Then prices are lowered
one line after another, the last to be spent first, each by sections as far as the prices still prove the
bound: none of them could be lower by itself. Such prices too say *at most*.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.planning.column_generation import Aim, State, rounds
from optbudget.planning.master import line_scale
from optbudget.planning.priced_policies import PricedPolicies
from optbudget.workers import Monitor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MORE = 1e-7
"""What is added to such a line, relative to its size."""
USED = 1e-9
"""Share from which on a policy is in use."""
EXACT = 1e-4
"""Share of the worth of the added money to which it is found."""
MANY = 8
"""Lines from which on prices are lowered one by one."""
ROOM = 1e-10
"""Of 1 + |value|, what prices that are lowered may prove less in all."""
NARROW = 1e-7
"""Ratio of the ends, less 1, at which a price is found."""
NEGLIGIBLE = 1e-9
"""Share of the price that proved the bound below which it is tried as 0."""


def least_prices(
    passes: PricedPolicies, state: State, amount: Floats, *, monitor: Monitor | None = None
) -> Floats:
    """Prices (J,), with a little more in each line of which every policy in use spends all."""
    size, used = line_scale(state.columns.spend, amount), state.columns.spend[state.mixed.share > USED]
    fixed = (state.price > 0) & (amount - used.min(axis=0, initial=np.inf) <= MORE * size)
    if not fixed.any() or state.stopped is not None:
        return state.price
    if int(fixed.sum()) > MANY:
        return _lowered(passes, state, amount, np.flatnonzero(fixed), monitor)
    resource, added = passes.lines.resource, np.zeros(amount.size)
    for r in np.unique(resource[fixed]).tolist():
        added[fixed & (resource == r)] = MORE * size[fixed & (resource == r)].max()
    price = state.price
    for now in rounds(passes, state.columns, amount + added, Aim.value(amount.size), monitor=monitor):
        price = now.price
        if now.bound - now.mixed.value <= EXACT * float(price @ added):
            break
    return price


def _lowered(
    passes: PricedPolicies, state: State, amount: Floats, fixed: Integers, monitor: Monitor | None
) -> Floats:
    """Prices (J,) of which none of the `fixed` can be lowered by itself and prove as much."""
    held = np.where(np.isfinite(amount), amount, 0.0)
    price, room = state.price.copy(), ROOM * (1.0 + abs(state.bound))
    last_first = fixed[np.argsort(-passes.lines.end[fixed], kind="stable")]
    for i, j in enumerate(last_first.tolist()):
        most = state.bound + room * (i + 1) / last_first.size
        price[j] = _least_of(passes, price, j, held, most)
        if monitor is not None and monitor.stop_reason() is not None:
            break
    return price


def _least_of(passes: PricedPolicies, price: Floats, j: int, held: Floats, most: float) -> float:
    """The least price of line j at which the dual function is at most `most`.

    The function is convex, so it is so from some price on; that one is found by sections, as many at a time
    as price vectors travel together.
    """
    high, low, nothing = float(price[j]), 0.0, NEGLIGIBLE * float(price[j])
    while high > (1.0 + NARROW) * max(low, nothing):
        sections = np.geomspace(high, max(low, nothing), max(2, passes.lanes) + 1)[1:]
        sections[-1] = low
        asked = np.tile(price, (sections.size, 1))
        asked[:, j] = sections
        fails = np.flatnonzero(passes.columns(asked).top + asked @ held > most)
        if not fails.size:
            return low
        k = int(fails[0])
        low, high = max(float(sections[k]), nothing), float(sections[k - 1]) if k else high
    return high
