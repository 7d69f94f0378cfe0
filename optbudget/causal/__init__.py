"""Budget histories to graphs, effects with intervals, and the risk of side effects."""

from optbudget.causal.background import Background, violations
from optbudget.causal.extension import extend
from optbudget.causal.independence import independence
from optbudget.causal.network import BayesianNetwork, fit_network
from optbudget.causal.prediction import Prediction
from optbudget.causal.structure import learn_graph

__all__ = [
    "Background",
    "BayesianNetwork",
    "Prediction",
    "extend",
    "fit_network",
    "independence",
    "learn_graph",
    "violations",
]
