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
from typing import Any, NamedTuple

import numpy as np

from optbudget.budgeted import _stationary_walk_kernels as kernels
from optbudget.budgeted._stationary_kernels import fill_matrix
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.policy_iteration import UNIT, Choice, Floats, chosen, evaluate, widest_row
from optbudget.budgeted.remember import Arrays, Packing, remembered
from optbudget.budgeted.stationary import BATCH, Ongoing, end_policy, gather_witnesses, measured
from optbudget.problems.curve_set import StationaryWitness
from optbudget.status import Termination
from optbudget.workers import Checkpoint, Monitor

SWITCHES_PER_INVERSE = 128


class Leg(NamedTuple):
    """Some switches, and where they lead: price (1,), 0 at the end; choice, value and spend (n, 1)."""

    path: kernels.Path
    price: Floats
    choice: Choice
    value: Floats
    spend: Floats


class Legs(Packing[Leg]):
    """A leg as arrays whose last axis counts switches, or 1."""

    def pack(self, found: Leg) -> Arrays:
        rows = {f"path:{name}": table.T for name, table in found.path._asdict().items()}
        return {**rows, **{name: getattr(found, name) for name in Leg._fields[1:]}}

    def unpack(self, arrays: Arrays) -> Leg:
        rows: list[Any] = [
            np.ascontiguousarray(arrays.pop(f"path:{name}").T) for name in kernels.Path._fields
        ]
        return Leg(kernels.Path(*rows), **arrays)


def walk_lines(
    ongoing: Ongoing, *, monitor: Monitor | None = None, checkpoint: Checkpoint | None = None
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
    for part in _path(ongoing, checkpoint):
        parts.append(part)
        stopped = monitor.stop_reason() if monitor is not None else None
        if stopped is not None:
            break
    parts.append(_last(parts[-1]) if stopped is None else _end(ongoing, 0.0))
    path = kernels.Path(*(np.concatenate(tables) for tables in zip(*parts, strict=True)))
    results = []
    for k in range(0, path.price.size, BATCH):
        rows = slice(k, k + BATCH)
        choice = np.ascontiguousarray(path.choice[rows].T)
        value, spend = (np.ascontiguousarray(table[rows].T) for table in (path.value, path.spend))
        results.append(measured(ongoing, path.price[rows], choice, value, spend))
    lines = PriceLines.gather([part for part, _ in results])
    return lines, gather_witnesses([witness for _, witness in results]), stopped


def _path(ongoing: Ongoing, checkpoint: Checkpoint | None) -> Iterator[kernels.Path]:
    """A row for each price at which the policy changes, in blocks; the first row is that of price inf."""
    end = _end(ongoing, np.inf)
    yield end
    here = Leg(end, np.array([np.inf]), end.choice.T.copy(), end.value.T.copy(), end.spend.T.copy())

    def on(price: Floats) -> Leg:
        return _leg(ongoing, here)

    ask = remembered(on, checkpoint, "switched", Legs())
    while here.price[0] > 0:
        found = ask(here.price)
        assert found is not None
        here = found
        if here.path.price.size:
            yield here.path


def _leg(ongoing: Ongoing, before: Leg) -> Leg:
    """As many switches as one inverse is good for."""
    chain, discount = ongoing.chain, ongoing.problem.discount
    n = ongoing.duration.size
    slack = 16 * (widest_row(chain) + 8) * UNIT
    matrix = np.empty((n, n))
    fill_matrix(chain, discount, before.choice[:, 0], matrix)
    inverse: Floats = np.linalg.inv(matrix).astype(np.float64, copy=False)
    here = kernels.Position(
        before.choice[:, 0].copy(), before.value[:, 0].copy(), before.spend[:, 0].copy(), inverse
    )
    room = (SWITCHES_PER_INVERSE, n)
    path = kernels.Path(np.empty(room[0]), np.empty(room, dtype=np.int32), np.empty(room), np.empty(room))
    rows, price = kernels.walk(
        chain, discount, ongoing.reward, ongoing.cost, float(before.price[0]), here, slack, path
    )
    choice, value, spend = here.choice[:, None].copy(), here.value[:, None].copy(), here.spend[:, None].copy()
    evaluate(chain, discount, choice, chosen(ongoing.reward, choice), value, 0.0)
    evaluate(chain, discount, choice, chosen(ongoing.cost, choice), spend, 0.0)
    done = kernels.Path(path.price[:rows], path.choice[:rows], path.value[:rows], path.spend[:rows])
    return Leg(done, np.array([price]), choice, value, spend)


def _end(ongoing: Ongoing, price: float) -> kernels.Path:
    """One row: the lexicographic policy of price inf or 0."""
    choice, value, spend = end_policy(ongoing, price)
    return kernels.Path(np.array([price]), choice.T.copy(), value.T.copy(), spend.T.copy())


def _last(path: kernels.Path) -> kernels.Path:
    """The last row again, at price 0: no pair adds value to it."""
    return kernels.Path(np.zeros(1), path.choice[-1:], path.value[-1:], path.spend[-1:])
