"""Draws docs/budget-metrics.png: budgeting rules beside the computed plan, by every metric, over 20 seeds.

`python docs/budget_metrics.py` draws the figure and prints the tables behind it; it takes ten minutes.
"""

from dataclasses import fields
from pathlib import Path

import matplotlib
import numpy as np

from optbudget import load
from optbudget.pareto.front import exact_front
from optbudget.pareto.metrics.interpretability import rules
from optbudget.pareto.rule_comparison import OURS, RuleComparison, Score, compare_rules
from optbudget.pareto.visits import decisions
from optbudget.report.rule_tables import adaptation_grid, criteria_grid, metrics_grid, reached_grid
from optbudget.report.tables import Grid

HERE = Path(__file__).parent
SEEDS = range(42, 62)
WEIGHTS = np.ones(3)
"""A point of efficiency, of risk avoided and of performance count alike, as the model's README has it."""
MARK, RULE, QUIET = "#1f5f8b", "#c2571a", "#7a7a7a"
"""The computed plan, the other rules, and what is said of both; the same in every panel."""
PALE = 0.45
"""How opaque bars of the changed world are."""


def markdown(grid: Grid) -> str:
    """A grid as it stands in a page."""
    align = ("--:" if numeric else "---" for numeric in grid.is_number)
    lines = [" | ".join(grid.headings), "|".join(align), *(" | ".join(row) for row in grid.rows)]
    return "\n".join(f"| {line} |" for line in lines) + f"\n\n{grid.note}\n"


def draw(comparison: RuleComparison) -> None:
    """What is reached; what is wasted; regret before and, paler, after the world changes."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(11.5, 3.6), layout="constrained", sharey=True)
    names = list(comparison.scores)
    means, spreads = map(comparison.mean, names), map(comparison.spread, names)
    told = [(vars_of(mean), vars_of(spread)) for mean, spread in zip(means, spreads, strict=True)]
    place, colours = np.arange(len(names)), [MARK if name == OURS else RULE for name in names]
    titles = {"value": "Value, all objectives alike", "wasted": "Money wasted, %"}
    for axes, (field, title) in zip(panels, titles.items(), strict=False):
        axes.barh(place, [mean[field] for mean, _ in told], xerr=[sd[field] for _, sd in told], color=colours)
        axes.set_title(title, loc="left")
    for field, shift, alpha, label in (
        ("regret", -0.2, 1.0, "in the model"),
        ("regret_after", 0.2, PALE, "in the changed world"),
    ):
        panels[2].barh(place + shift, [mean[field] for mean, _ in told], 0.4, color=colours, alpha=alpha)
        panels[2].barh(0, 0, color=QUIET, alpha=alpha, label=label)
    panels[2].set_title("Regret, value net of money", loc="left")
    panels[2].legend(frameon=False, loc="upper right")
    panels[0].set_yticks(place, names)
    panels[0].invert_yaxis()
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "budget-metrics.png", dpi=130, metadata={"Software": None})


def vars_of(score: Score) -> dict[str, float]:
    """The numbers of a score by name."""
    return {field.name: getattr(score, field.name) for field in fields(Score)}


if __name__ == "__main__":
    model = load(HERE.parent / "models" / "departments_20")
    found = compare_rules(model, exact_front(model), WEIGHTS, seeds=SEEDS)
    for grid in (reached_grid(found), criteria_grid(found), adaptation_grid(found), metrics_grid()):
        print(markdown(grid))
    best = exact_front(model, weights=WEIGHTS[None], refine=0, tolerance=1e-5).plan(0)
    for depth in (3, 4, 8):
        said = rules(model, decisions(best), depth=depth)
        share = f"depth {depth}: {said.fidelity:.1%} by {said.leaves} rules"
        print(f"{share}; followed, they spend {said.worth.spent:.0f}")
        print(said.text if depth == 3 else "")
    draw(found)
