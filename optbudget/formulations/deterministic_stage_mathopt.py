"""Deterministic policies, one action per state and stage, as an integer program in OR-Tools MathOpt.

The linear program in frequencies with a choice :math:`z_{ka} \\in \\{0, 1\\}` for every pair: a frequency is
zero where its action is not the one chosen (Dolgov & Durfee 2005, for discounted problems),

.. math:: \\sum_{a \\in A(s)} z_{ka} = 1, \\qquad x_{ka} \\le \\bar x \\, z_{ka},

with :math:`\\bar x` the largest frequency: 1, or :math:`1/(1-\\gamma)` if the horizon is infinite
(`optbudget.formulations.flow`).
"""

from typing import TYPE_CHECKING

from optbudget.formulations.cmdp_primal_mathopt import cmdp_primal
from optbudget.formulations.flow import bounded_flow
from optbudget.problems import ConstrainedMDP

if TYPE_CHECKING:
    from ortools.math_opt.python import mathopt


def deterministic_stage(problem: ConstrainedMDP) -> "mathopt.Model":
    """The integer program of a constrained problem; its variables are all x[k, a], then all z[k, a].

    Raises
    ------
    UsageError
        If the horizon is infinite and the discounts differ, or nothing is discounted: a frequency then
        has no largest value.
    MissingExtraError
        If OR-Tools is not installed or cannot be loaded beside highspy.
    """
    from optbudget.formulations._extra import mathopt

    mo = mathopt()
    data = bounded_flow(problem)
    m = cmdp_primal(problem, name="deterministic_stage")
    stages, pairs = range(data.stages), range(problem.problem.cost.size)
    states, first = data.states.tolist(), data.pair_ptr.tolist()
    x = {(k, a): m.get_variable(k * len(pairs) + a) for k in stages for a in pairs}

    # Variables: z[k, a] in {0, 1}.
    z = {(k, a): m.add_binary_variable(name=f"z[{k},{a}]") for k in stages for a in pairs}

    # Constraints: one action per state and stage; no frequency without its choice.
    for k in stages:
        for s in states:
            taken = mo.LinearSum(z[k, a] for a in range(first[s], first[s + 1]))
            m.add_linear_constraint(taken == 1.0, name=f"one_action[{k},{s}]")
        for a in pairs:
            m.add_linear_constraint(x[k, a] - data.most * z[k, a] <= 0.0, name=f"chosen[{k},{a}]")
    return m
