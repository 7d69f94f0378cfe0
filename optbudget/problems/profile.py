"""Performance profiles: how often a route is within a factor of the fastest.

With :math:`t_{ps}` the seconds of route s on instance p, infinite where it did not find the best value,
or did not prove that there is none,

.. math:: r_{ps} = \\frac{t_{ps}}{\\min_s t_{ps}}, \\qquad
          \\rho_s(\\tau) = \\frac{|\\{p : r_{ps} \\le \\tau\\}|}{\\text{instances}}

(Dolan & Moré 2002, "Benchmarking optimization software with performance profiles", Mathematical Programming
91, 201-213). Only routes to one question are compared.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.comparison import Comparison

Floats = NDArray[np.float64]


def performance_ratios(comparisons: Sequence[Comparison], question: str) -> Mapping[str, Floats]:
    """r of every route to a question: one entry per instance that asks it, inf where it failed.

    Examples
    --------
    >>> from optbudget.problems.comparison import RouteResult
    >>> from optbudget.status import Outcome, Solution, Termination
    >>> done = Outcome(Termination.OPTIMAL, Solution.CERTIFIED)
    >>> fast = RouteResult("walk", "randomised", outcome=done, value=3.0, solve_seconds=1.0)
    >>> slow = RouteResult("glop", "randomised", outcome=done, value=3.0, solve_seconds=4.0)
    >>> dict(performance_ratios([Comparison("one", 1.0, (fast, slow))], "randomised"))
    {'walk': array([1.]), 'glop': array([4.])}
    """
    asked = [c for c in comparisons if any(r.question == question for r in c.routes)]
    names = dict.fromkeys(r.route for c in asked for r in c.routes if r.question == question)
    ratios = {name: np.full(len(asked), math.inf) for name in names}
    for p, comparison in enumerate(asked):
        unanswered = math.isnan(comparison.best(question))
        seconds = {
            r.route: max(r.seconds, 1e-9)
            for r in comparison.routes
            if r.question == question
            and math.isfinite(r.seconds)
            and (r.infeasible if unanswered else comparison.same_value(r))
        }
        for name, taken in seconds.items():
            ratios[name][p] = taken / min(seconds.values())
    return ratios
