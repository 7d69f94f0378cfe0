"""Every vertex of every curve over an infinite horizon: policy iteration along a falling price.

Let :math:`\\pi` be best at price :math:`\\lambda`. A pair a of state i adds

.. math:: \\Delta_v = r^a + \\gamma P^a v - v_i, \\qquad \\Delta_b = c^a + \\gamma P^a b - b_i,

and first ties with the policy where the price has fallen to the largest
:math:`\\Delta_v / \\Delta_b` with :math:`\\Delta_b > 0`. Taking it there moves every state along the same
direction, :math:`x = (I - \\gamma P_{\\pi'})^{-1} e_i \\ge 0`:

.. math:: v' = v + \\Delta_v x, \\qquad b' = b + \\Delta_b x,

so one switch gives one segment of that slope to the curve of every state that can reach i, and the
same price of money for all. The spend never falls and rises in i, so no policy comes twice and the
walk ends where no pair adds value. It starts from the policy of price inf.

The inverse is kept by rank-one updates and made anew every 128 switches; value and spend are refined
by their own residual after each. A switch costs O(n^2 + m d). As everywhere, the result is measured
afterwards and does not rest on the walk having been exact.

Source: the parametric simplex method on the dual of the discounted linear programme (Gass & Saaty
1955), in the form of policy iteration.
"""

from collections.abc import Iterator

import numpy as np

from optbudget.budgeted import _stationary_kernels as kernels
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.policy_iteration import UNIT, Choice, Floats, chosen, evaluate, widest_row
from optbudget.budgeted.stationary import BATCH, Ongoing, end_policy, gather_witnesses, measured
from optbudget.problems.curve_set import StationaryWitness
from optbudget.status import Termination
from optbudget.workers import Monitor

SWITCHES_PER_INVERSE = 128


def walk_lines(
    ongoing: Ongoing, *, monitor: Monitor | None = None
) -> tuple[PriceLines, StationaryWitness, Termination | None]:
    """The points and lines of all prices at which the best policy changes, with inf and 0 at the ends.

    Returns
    -------
    lines, witness : as of `stationary_lines`
    stopped : why the walk ended early, or None; the lines hold either way

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> lines, _, _ = walk_lines(Ongoing.of(two_action_example()))
    >>> lines.price, lines.value.round(9)
    (array([inf,  9.,  0.]), array([[ 10., 100., 100.]]))
    """
    stopped = None
    parts = []
    for part in _path(ongoing):
        parts.append(part)
        stopped = monitor.stop_reason() if monitor is not None else None
        if stopped is not None:
            break
    if stopped is None:
        last = (table[-1:] for table in parts[-1][1:])
    else:
        last = (table.T for table in end_policy(ongoing, 0.0))
    parts.append((np.zeros(1), *last))
    prices, choices, values, spends = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    results = []
    for k in range(0, prices.size, BATCH):
        columns = slice(k, k + BATCH)
        tables = (np.ascontiguousarray(table[columns].T) for table in (choices, values, spends))
        results.append(measured(ongoing, prices[columns], *tables))
    lines = PriceLines.gather([part for part, _ in results])
    return lines, gather_witnesses([witness for _, witness in results]), stopped


def _path(ongoing: Ongoing) -> Iterator[tuple[Floats, Choice, Floats, Floats]]:
    """Blocks of (price, choice, value, spend), a row for each price at which the policy changes."""
    chain, discount = ongoing.chain, ongoing.problem.discount
    n = ongoing.duration.size
    choice, value, spend = end_policy(ongoing, np.inf)
    yield np.array([np.inf]), choice.T.copy(), value.T.copy(), spend.T.copy()
    price = np.inf
    slack = 16 * (widest_row(chain) + 8) * UNIT
    while price > 0:
        inverse = np.empty((n, n))
        kernels.fill_matrix(chain, discount, choice[:, 0], inverse)
        here = kernels.Position(
            choice[:, 0].copy(), value[:, 0].copy(), spend[:, 0].copy(), np.linalg.inv(inverse)
        )
        path = kernels.Path(
            np.empty(SWITCHES_PER_INVERSE),
            np.empty((SWITCHES_PER_INVERSE, n), dtype=np.int32),
            np.empty((SWITCHES_PER_INVERSE, n)),
            np.empty((SWITCHES_PER_INVERSE, n)),
        )
        rows, price = kernels.walk(chain, discount, ongoing.reward, ongoing.cost, price, here, slack, path)
        if rows:
            yield path.price[:rows], path.choice[:rows], path.value[:rows], path.spend[:rows]
        choice, value, spend = (table[:, None].copy() for table in (here.choice, here.value, here.spend))
        evaluate(chain, discount, choice, chosen(ongoing.reward, choice), value, 0.0)
        evaluate(chain, discount, choice, chosen(ongoing.cost, choice), spend, 0.0)
