"""The gaps that the checker itself can prove for curves, for a solver that wants no wider ones.

A fast pass bounds its rounding by the largest numbers of a stage. Where states differ by many orders
of magnitude that is far too much for the small ones, and the checker's bounds, which follow each
state, prove more. What is returned here is what `verify` recomputes.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.certify import bracket
from optbudget.certify.curve_checks import reached
from optbudget.certify.evidence import gather
from optbudget.certify.support import Support
from optbudget.problems import CurveSet

Floats = NDArray[np.float64]

SMALLEST = 1e-16
WIDENINGS = 60


@np.errstate(over="ignore", invalid="ignore")  # Beyond doubles nothing is proved, and the gap is inf.
def proved_gaps(answer: CurveSet, *, decisions: int | None = None) -> tuple[Floats, Floats, bool]:
    """Relative gap of each state, the lines that prove it, and whether the curves are achieved.

    A stated gap that is narrower than the one found here, and proved, is kept.

    Parameters
    ----------
    answer : curves over a finite horizon, with the prices that are to prove them
    decisions : decisions that their stage has left; None is the whole horizon

    Returns
    -------
    gap : (n,) largest (upper - lower) / (1 + |lower|) over all budgets; inf where nothing is proved
    intercept : (n, K) V(s, b) <= intercept + price * b at `answer.prices`; +inf at an infinite price
    achieved : whether no breakpoint lies above what the checker's points achieve by more than it excuses

    Examples
    --------
    >>> from optbudget.budgeted import solve
    >>> from optbudget.problems.examples import two_action_example
    >>> gap, intercept, achieved = proved_gaps(solve(two_action_example(horizon=3), method="walk"))
    >>> bool(gap[0] < 1e-9), achieved
    (True, True)
    """
    evidence = gather(answer.problem, answer.prices, decisions=decisions)
    _, _, shortfall, allowed = reached(answer, evidence, decisions=decisions)
    finite = np.where(np.isfinite(shortfall), shortfall, 1e300)
    starts = answer.curves.indptr[:-1] + np.arange(len(answer))
    gap = np.empty(len(answer))
    for first, last in bracket.in_parts(answer.curves):
        at = bracket.breakpoints(answer.curves, first, last)
        own = finite[int(starts[first]) : int(starts[first]) + at.state.size]
        piece = bracket.pieces(at, own, answer.problem.budget_cap)
        gap[first:last] = _held(piece, evidence.lines, first, last)
        narrow = np.fmin(answer.state_gap[first:last], gap[first:last])
        proved = np.ones(narrow.size, dtype=bool)
        np.logical_and.at(proved, piece.state - first, bracket.holds(piece, evidence.lines, narrow, first))
        gap[first:last][proved] = narrow[proved]
    return gap, evidence.points.intercept, bool((shortfall <= allowed).all())


def _held(piece: bracket.Pieces, lines: Support, first: int, last: int) -> Floats:
    """The least gaps, widened where their own rounding keeps them from being proved."""
    gap = bracket.least_gaps(piece, lines, first, last)
    for _ in range(WIDENINGS):
        wrong = ~bracket.holds(piece, lines, gap, first)
        if not wrong.any():
            return gap
        state = np.unique(piece.state[wrong]) - first
        gap[state] = 1.5 * gap[state] + SMALLEST
    gap[state] = np.inf
    return gap
