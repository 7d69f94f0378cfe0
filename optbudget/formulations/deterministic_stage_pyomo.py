"""Deterministic policies, one action per state and stage, as an integer program in Pyomo.

The linear program in frequencies with a choice :math:`z_{ka} \\in \\{0, 1\\}` for every pair: a frequency is
zero where its action is not the one chosen (Dolgov & Durfee 2005, for discounted problems),

.. math:: \\sum_{a \\in A(s)} z_{ka} = 1, \\qquad x_{ka} \\le \\bar x \\, z_{ka},

with :math:`\\bar x` the largest frequency: 1, or :math:`1/(1-\\gamma)` if the horizon is infinite
(`optbudget.formulations.flow`).
"""

from typing import TYPE_CHECKING

from optbudget.formulations.cmdp_primal_pyomo import cmdp_primal
from optbudget.formulations.flow import bounded_flow
from optbudget.problems import ConstrainedMDP

if TYPE_CHECKING:
    import pyomo.environ as pyo


def deterministic_stage(problem: ConstrainedMDP) -> "pyo.ConcreteModel":
    """The integer program of a constrained problem; `m.x[k, a]` frequencies, `m.z[k, a]` choices.

    Raises
    ------
    UsageError
        If the horizon is infinite and the discounts differ, or nothing is discounted: a frequency then
        has no largest value.
    MissingExtraError
        If Pyomo is not installed.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> m = deterministic_stage(ConstrainedMDP(two_action_example(horizon=2), 1.9))
    >>> len(m.z), len(m.one_action), len(m.chosen)
    (4, 2, 4)
    """
    from optbudget.formulations._extra import pyomo_environ

    pyo = pyomo_environ()
    data = bounded_flow(problem)
    m = cmdp_primal(problem, name="deterministic_stage")
    first = data.pair_ptr.tolist()

    # Variables: z[k, a] in {0, 1}.
    m.z = pyo.Var(m.K, m.A, domain=pyo.Binary)

    # Constraints: one action per state and stage; no frequency without its choice.
    def one(m, k, s):  # type: ignore[no-untyped-def]
        return pyo.quicksum(m.z[k, a] for a in range(first[s], first[s + 1])) == 1

    def chosen(m, k, a):  # type: ignore[no-untyped-def]
        return m.x[k, a] - data.most * m.z[k, a] <= 0

    m.one_action = pyo.Constraint(m.K, m.S, rule=one)
    m.chosen = pyo.Constraint(m.K, m.A, rule=chosen)
    return m
