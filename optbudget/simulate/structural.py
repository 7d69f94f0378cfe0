"""Histories of a structural model: what was decided and what followed, and what truly would follow.

A history of m periods is m rows of the model's equations, in which decisions follow the context as they do
there; what the equations say of an intervention is exact. Of a model's action that changes decisions
:math:`d` by :math:`\\Delta_d`, the true harm is

.. math:: \\sum_k \\omega_k \\max\\Bigl(0, o_k \\sum_{d \\not\\to k} \\text{effect}_{dk} \\Delta_d\\Bigr)

over the outcomes k with a direction :math:`o_k` that hurts and the decisions that do not target k: the risk
of `optbudget.causal` with nothing left to estimate.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import BudgetedMDP, CausalQuestion, History, StructuralModel
from optbudget.simulate.departments_equations import CONTEXT, DECISIONS, HARM, OUTCOMES, targets
from optbudget.simulate.departments_model import STEPS


def departments_question() -> CausalQuestion:
    """What is asked of the departments' history: a unit of harm is worth one point of value."""
    return CausalQuestion(
        context=CONTEXT,
        decisions=DECISIONS,
        outcomes=OUTCOMES,
        time="period",
        harm=HARM,
        targets={name: tuple(OUTCOMES[k] for k in targets(d)) for d, name in enumerate(DECISIONS)},
        actions={
            f"department_{d}/{action}": {f"budget_{d}": float(step)}
            for d in range(1, len(DECISIONS) + 1)
            for action, step in STEPS.items()
        },
    )


def draw_history(model: StructuralModel, question: CausalQuestion, *, rows: int, seed: int) -> History:
    """So many periods of a model whose variables are the question's columns.

    Examples
    --------
    >>> from optbudget.simulate.departments_equations import departments_equations
    >>> draw_history(departments_equations(), departments_question(), rows=1_000, seed=42)
    History(1,000 rows, 50 columns)
    """
    place = [model.index(name) for name in question.columns]
    time = np.arange(rows) if question.time is not None else None
    return History(question, model.draw(rows, seed)[:, place], time=time)


def true_harm(model: StructuralModel, question: CausalQuestion, problem: BudgetedMDP) -> NDArray[np.float64]:
    """The true harm of each state-action pair of a problem with unit types, (m,), value.

    Raises
    ------
    KeyError
        If the question does not say what an action changes.
    """
    of_action = {name: _harm(model, question, changes) for name, changes in question.actions.items()}
    names = np.array(problem.actions)[problem.pair_action]
    types = np.array(problem.state_type)[problem.pair_state]
    return np.array([of_action[f"{kind}/{name}"] for kind, name in zip(types, names, strict=True)])


def _harm(model: StructuralModel, question: CausalQuestion, changes: Mapping[str, float]) -> float:
    harm = 0.0
    for outcome, sign in question.harm.items():
        unintended = {d: amount for d, amount in changes.items() if outcome in question.side_effects(d)}
        moved = sum(model.total_effect(d, outcome) * amount for d, amount in unintended.items())
        harm += question.weights[outcome] * max(0.0, sign * moved)
    return harm
