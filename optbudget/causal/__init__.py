"""Budget histories to graphs, effects with intervals, and the risk of side effects."""

from optbudget.causal.background import Background, violations
from optbudget.causal.extension import extend
from optbudget.causal.independence import independence
from optbudget.causal.structure import learn_graph

__all__ = ["Background", "extend", "independence", "learn_graph", "violations"]
