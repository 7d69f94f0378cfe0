"""The master program of column generation: the best mixture of the policies that are known.

.. math:: \\max_{x, e \\ge 0} \\sum_q f_q x_q - \\sum_j u_j e_j
          \\quad\\text{s.t.}\\quad \\sum_q b_{qj} x_q - e_j \\le B_j, \\quad \\sum_q x_q = 1.

Its row prices are prices of the lines; where money may be bought at :math:`u_j` they are at most that. The
program is small and dense, and a back end of `optbudget.solvers` solves it in a process that is kept: about
five milliseconds. Nothing of the answer is stated to anybody before it has been evaluated again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import LinearProgram, LinearSolution
from optbudget.solvers import Options, find, missing, solve_program
from optbudget.status import Termination

Floats = NDArray[np.float64]

TRIED = (("highs-simplex", 1e-9), ("highs-simplex", None), ("glop", None))
"""Back ends and their tolerances, one after another until one has an answer."""
LONGEST = 600.0
"""Seconds that one master may take."""
NOTHING = 1e-12
"""Use of a line, relative to the most of any column, that is left out: solvers stumble over it."""


@dataclass(frozen=True, eq=False)
class Mixed:
    """The best mixture of known columns.

    Attributes
    ----------
    value : of the objective
    share : (N,) of each column
    price : (J,) of each line, >= 0; 0 where it holds infinitely much
    """

    value: float
    share: Floats
    price: Floats


def solve_master(objective: Floats, spend: Floats, amount: Floats, ceiling: Floats) -> Mixed | Termination:
    """The best mixture, or why there is none.

    Parameters
    ----------
    objective : (N,) of each column
    spend : (N, J) of each column, by line
    amount : (J,) of each line, inf for no limit
    ceiling : (J,) price at which more money of a line can be bought; inf where it cannot

    Raises
    ------
    MissingExtraError
        If no back end is installed; the message is the command that installs one.
    """
    lines, bought = np.flatnonzero(np.isfinite(amount)), np.isfinite(ceiling) & np.isfinite(amount)
    size = line_scale(spend, amount)
    low = float(objective.min())
    scale = float(objective.max()) - low or 1.0
    matrix = np.vstack([spend[:, lines].T / size[lines, None], np.ones(objective.size)])
    extra = np.vstack([-np.eye(lines.size)[:, bought[lines]], np.zeros(int(bought.sum()))])
    full = np.hstack([np.where(matrix < NOTHING, 0.0, matrix), extra])
    program = LinearProgram(
        "max",
        np.append((objective - low) / scale, -(ceiling * size)[bought] / scale),
        np.arange(full.shape[0] + 1) * full.shape[1],
        np.tile(np.arange(full.shape[1]), full.shape[0]),
        full.ravel(),
        np.append(np.full(lines.size, -np.inf), 1.0),
        np.append(amount[lines] / size[lines], 1.0),
        np.zeros(full.shape[1]),
        np.full(full.shape[1], np.inf),
    )  # fmt: skip
    solution = _solved(program)
    if solution.x is None or solution.row_price is None:
        return solution.outcome.termination
    price = np.zeros(amount.size)
    price[lines] = np.maximum(solution.row_price[:-1], 0.0) * scale / size[lines]
    return Mixed(low + scale * solution.value, solution.x[: objective.size], price)


def _solved(program: LinearProgram) -> LinearSolution:
    """The answer of the first back end that is installed and has one, else that of the last."""
    installed = [tried for tried in TRIED if not missing(find(tried[0]))] or [TRIED[0]]
    for backend, feasibility in installed:
        options = Options(time_limit=LONGEST, feasibility=feasibility)
        solution = solve_program(program, backend, options=options)
        if solution.x is not None and solution.row_price is not None:
            break
    return solution


def line_scale(spend: Floats, amount: Floats) -> Floats:
    """A size of each line's numbers, (J,) > 0: the most that a column uses, else what it holds, else 1."""
    most = spend.max(axis=0, initial=0.0)
    held = np.where(np.isfinite(amount), amount, 0.0)
    return np.where(most > 0, most, np.where(held > 0, held, 1.0))
