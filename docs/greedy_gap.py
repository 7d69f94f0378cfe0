"""Draws docs/greedy-gap.png: what whole units lose against the relaxation, over the whole budget range.

`python docs/greedy_gap.py` writes the figure and prints the table behind it; it takes about two seconds.
"""

from pathlib import Path

import matplotlib
import numpy as np

from optbudget.allocation import allocate_knapsack
from optbudget.problems import Knapsack, KnapsackAllocation
from optbudget.problems.families import knapsack_family

PLACE = Path(__file__).with_name("greedy-gap.png")
POINTS = 241
INK, FIRST, SECOND = "#333333", "#c2571a", "#1f5f8b"


def whole_part(split: KnapsackAllocation) -> float:
    """Value of a greedy split whose randomised copy is left at its lower level."""
    problem, lower = split.knapsack, {}
    total = 0.0
    rows = zip(split.option.tolist(), split.count.tolist(), split.probability.tolist(), strict=True)
    for option, count, probability in rows:
        if probability == 1.0:
            total += count * problem.value[option]
        else:
            group = int(problem.group_of[option])
            lower[group] = min(lower.get(group, option), option, key=lambda k: problem.cost[k])
    return float(total + sum(problem.value[option] for option in lower.values()))


def gaps(problem: Knapsack, budgets: np.ndarray) -> np.ndarray:
    """For each budget: value of the relaxation, of the best whole choice, and of greedy's whole part."""
    found = []
    for budget in budgets.tolist():
        relaxed = allocate_knapsack(problem, budget)
        best = allocate_knapsack(problem, budget, method="ip")
        found.append((relaxed.value, best.value, whole_part(relaxed)))
    return np.array(found)


def main() -> None:
    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    figure, panels = plt.subplots(1, 2, figsize=(9.0, 3.4), sharey=True, layout="constrained")
    for panel, copies in zip(panels, (1, 20), strict=True):
        problem, _ = knapsack_family("zig-zag", 12, 5, seed=1, largest=100, copies=copies)
        cost = problem.cost.reshape(12, 5)
        least, most = copies * cost.min(axis=1).sum(), copies * cost.max(axis=1).sum()
        budgets = np.linspace(least, most, POINTS)
        relaxed, best, rounded = gaps(problem, budgets).T
        lost = 100 * (relaxed - np.c_[best, rounded].T) / relaxed
        for series, colour, label in zip(
            lost, (SECOND, FIRST), ("best whole choice", "greedy, last unit left low"), strict=True
        ):
            panel.plot(budgets, series, color=colour, label=label, linewidth=1.2)
        panel.set_title(f"{12 * copies} units", color=INK, fontsize=10)
        panel.set_xlabel("total budget")
        panel.set_xlim(least, most)
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.spines[["top", "right"]].set_visible(False)
        print(f"{12 * copies:4d} units: at most {lost[0].max():.2f} % and {lost[1].max():.2f} % lost")
    panels[0].set_ylabel("lost against the relaxation, %")
    panels[0].set_ylim(0)
    panels[1].legend(frameon=False, loc="upper right")
    figure.savefig(PLACE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
