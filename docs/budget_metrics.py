"""Draws docs/budget-metrics.png: budgeting rules beside the computed plan, by every metric, over 20 seeds.

`python docs/budget_metrics.py` draws the figure and prints the tables behind it; it takes ten minutes.
"""

from pathlib import Path

import matplotlib
import numpy as np

from optbudget import load
from optbudget.pareto.front import exact_front
from optbudget.pareto.metrics.interpretability import rules
from optbudget.pareto.rule_comparison import OURS, RuleComparison, compare_rules
from optbudget.pareto.visits import decisions
from optbudget.report.rule_tables import adaptation_grid, criteria_grid, metrics_grid, reached_grid
from optbudget.report.tables import Grid

HERE = Path(__file__).parent
SEEDS = range(42, 62)
WEIGHTS = np.ones(3)
"""A point of efficiency, of risk avoided and of performance count alike, as the model's README has it."""
MARK, RULE, QUIET = "#1f5f8b", "#c2571a", "#7a7a7a"


def markdown(grid: Grid) -> str:
    """A grid as it stands in a page."""
    align = ("--:" if numeric else "---" for numeric in grid.is_number)
    lines = [" | ".join(grid.headings), "|".join(align), *(" | ".join(row) for row in grid.rows)]
    return "\n".join(f"| {line} |" for line in lines) + f"\n\n{grid.note}\n"


def draw(comparison: RuleComparison, front: np.ndarray, points: dict[str, np.ndarray]) -> None:
    """What is reached; what is wasted; regret before and after the world changes."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11.5, 3.9), layout="constrained")
    names = list(comparison.scores)
    colours = [MARK if name == OURS else RULE for name in names]
    left.plot(front[:, 1], front[:, 2], "o", ms=3, color=QUIET, alpha=0.6, label="front")
    for name, point in points.items():
        left.plot(point[1], point[2], "o", color=MARK if name == OURS else RULE)
        left.annotate(name, point[1:], xytext=(5, 3), textcoords="offset points", fontsize=8)
    left.set_xlabel("-risk")
    left.set_ylabel("performance")
    left.set_title("Two of three objectives", loc="left")
    means = [comparison.mean(name) for name in names]
    spreads = [comparison.spread(name) for name in names]
    middle.barh(names, [one.wasted for one in means], xerr=[one.wasted for one in spreads], color=colours)
    middle.invert_yaxis()
    middle.set_title("Money wasted, %", loc="left")
    place = np.arange(len(names))
    right.barh(place - 0.2, [one.regret for one in means], height=0.4, color=QUIET, label="in the model")
    right.barh(
        place + 0.2, [one.regret_after for one in means], height=0.4, color=RULE, label="world changed"
    )
    right.set_yticks(place, names)
    right.invert_yaxis()
    right.legend(frameon=False)
    right.set_title("Regret, value net of money", loc="left")
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "budget-metrics.png", dpi=130, metadata={"Software": None})
