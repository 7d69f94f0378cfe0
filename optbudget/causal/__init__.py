"""Budget histories to graphs, effects with intervals, and the risk of side effects."""

from optbudget.causal.adjustment import Adjustments
from optbudget.causal.answer import answer_question
from optbudget.causal.background import Background, violations
from optbudget.causal.doubly_robust import comparable, doubly_robust
from optbudget.causal.effects import estimate_effects
from optbudget.causal.extension import extend
from optbudget.causal.independence import independence
from optbudget.causal.network import BayesianNetwork, fit_network
from optbudget.causal.prediction import Prediction
from optbudget.causal.risk import side_effects
from optbudget.causal.structure import learn_graph

__all__ = [
    "Adjustments",
    "Background",
    "BayesianNetwork",
    "Prediction",
    "answer_question",
    "comparable",
    "doubly_robust",
    "estimate_effects",
    "extend",
    "fit_network",
    "independence",
    "learn_graph",
    "side_effects",
    "violations",
]
