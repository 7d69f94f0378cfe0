"""Budget histories to graphs, effects with intervals, and the risk of side effects."""
