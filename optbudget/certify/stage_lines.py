"""Lines above the curves of every stage, from one backward pass at one price.

Let :math:`\\lambda_k = \\lambda (\\gamma_c / \\gamma)^k`. One pass at :math:`\\lambda` goes through the
optimal values :math:`w_k` of the ordinary problem with reward :math:`r - \\lambda_j c` from stage k on, and

.. math:: V_k(s, b) \\le w_k(s) + \\lambda_k b, \\qquad
          \\gamma^k V_k(s, b) \\le \\gamma^k w_k(s) + \\lambda \\gamma_c^k b,

so one price bounds what a unit can win for money of now, at whatever stage it comes. The numbers are
the bounds t of `optbudget.certify.support`, which are above the exact w in exact arithmetic.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import Choice, Kind
from optbudget.certify.rows import Rows
from optbudget.certify.support import expected_numbers, stage_weights, terminal_numbers
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]
KINDS: tuple[Kind, ...] = ("value", "spend", "top", "absolute_top")
LEAST: tuple[Kind, ...] = ("value", "spend")


def stage_lines(
    problem: BudgetedMDP, price: float, stages: Iterable[int], *, decisions: int | None = None
) -> dict[int, Floats]:
    """Intercepts w_k, (n,), rounding included, at each of some stages; stage 0 has `decisions` left.

    Parameters
    ----------
    price : value per money of stage 0, finite, >= 0
    decisions : how many there are from stage 0 on; None is the whole horizon

    Raises
    ------
    UsageError
        If the horizon is infinite, the price is not such a number, or there is no such stage.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> lines = stage_lines(two_action_example(horizon=3), 5.0, [0, 2])
    >>> {k: round(float(w[0]), 9) for k, w in lines.items()}
    {2: 5.0, 0: 13.55}
    """
    if not 0 <= price < np.inf:
        raise UsageError(f"the price is {price}; it must be a finite number >= 0")
    return {k: x[KINDS.index("top"), :, 0] for k, x in _stages(problem, price, stages, decisions, KINDS)}


def stage_least_spend(
    problem: BudgetedMDP, stages: Iterable[int], *, decisions: int | None = None
) -> dict[int, Floats]:
    """The least expected spend from each state, (n,), as computed, at each of some stages."""
    return {k: x[1, :, 0] for k, x in _stages(problem, np.inf, stages, decisions, LEAST)}


def _stages(
    problem: BudgetedMDP,
    price: float,
    stages: Iterable[int],
    decisions: int | None,
    kinds: tuple[Kind, ...],
) -> list[tuple[int, Floats]]:
    last = problem.horizon if decisions is None else decisions
    wanted = set(stages)
    if last is None:
        raise UsageError("lines of stages need a finite number of decisions")
    if not all(0 <= k < last for k in wanted):
        raise UsageError(f"stages must be in 0..{last - 1}")
    rows, prices = Rows(problem), np.array([float(price)])
    x = terminal_numbers(problem, kinds, 1)
    found = []
    for k in range(last - 1, min(wanted, default=last) - 1, -1):
        weights = stage_weights(problem, prices, k)
        expected = expected_numbers(problem, rows, x, kinds)
        choice = Choice(problem, expected, slice(0, problem.n_states), x, kinds, weights, rows.widest)
        choice.take_best()
        x = choice.numbers
        if k in wanted:
            found.append((k, x))
    return found
