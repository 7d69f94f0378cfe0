"""Side effects of the small models, and their folders."""

from statistics import NormalDist

import numpy as np

from optbudget.files import save_causal
from optbudget.problems.causal_answer import CausalAnswer
from optbudget.problems.causal_graph import CausalGraph
from optbudget.problems.causal_question import CausalQuestion
from optbudget.problems.effects import Effect, Effects, Estimate
from optbudget.problems.side_effects import Refusal, SideEffect, SideEffects


def harmful(action, risk, *, state=None, lower=0.0, upper=None, outcome="wait", path=("spend", "wait")):
    """One side effect, of a normal harm that hurts with 0.9; its upper end is twice its risk unless said."""
    upper = 2.0 * risk if upper is None else upper
    z = NormalDist().inv_cdf(0.9)
    mean = risk * z / (0.9 * z + NormalDist().pdf(z))
    return SideEffect(action, state, outcome, risk, min(lower, risk), upper, 0.9, mean, path)


def causal_folder(side_effects: SideEffects, place) -> None:
    """The folder that `optbudget causal` would have written, whose side effects are these."""
    outcomes = tuple(dict.fromkeys([row.outcome for row in side_effects.rows] or ["wait"]))
    told = {one.action for one in (*side_effects.rows, *side_effects.refused)}
    actions = {name: {"spend": 1.0} if name in told else {} for name in side_effects.actions}
    question = CausalQuestion((), ("spend",), outcomes, harm=dict.fromkeys(outcomes, 1), actions=actions)
    known = Estimate(1.0, 0.5, 0.0, 2.0)
    rows = tuple(Effect("spend", y, kind, known, "backdoor") for y in outcomes for kind in ("tiers", "graph"))
    size = len(question.columns)
    none = np.zeros((size, size))
    graph = CausalGraph(question.columns, none.astype(bool), none.astype(bool), none, none)
    save_causal(CausalAnswer(question, graph, Effects(rows, 0.95), side_effects, rows=100), place)


def refused(action, outcome="wait", reason="spend does not vary"):
    """An action whose harm is not known."""
    return SideEffects((action,), (), (Refusal(action, outcome, reason),))
