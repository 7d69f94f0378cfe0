"""Draws docs/incentives.png and prints the table of its page: plans judged by people not used to choose.

`python docs/incentives.py` takes some seconds. On one half of the trial the effects are estimated and the
plans chosen; on the other half they are judged, every person weighed by the inverse of the chance of what was
drawn within the segment, which makes the mean of every segment and level. Then the halves change places.
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from optbudget.report.figures import COLOURS, FAINT, STYLE

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "examples"))

from incentives import best, estimated, same, trial  # noqa: E402

BUDGETS = (250.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0)
SPLITS = 20


def held_out(segment, level, values, budgets=BUDGETS, splits=SPLITS):
    """(2 splits, budgets, 6): promised; gain of both plans; spend of both; standard error of the difference.

    The first plan may offer every segment something else, the second offers the same to all. All are totals
    over the whole trial.
    """
    people, cell = np.bincount(segment), 4 * segment + level
    found = np.zeros((2 * splits, len(budgets), 6))
    for k in range(2 * splits):
        learn = np.random.default_rng(k // 2).permutation(level.size) % 2 == k % 2
        value, _, _, cost = estimated(segment[learn], values[learn])
        drawn = np.bincount(cell[~learn], minlength=32).reshape(8, 4)
        chance, paid = (
            np.bincount(cell[~learn], values[~learn, j], 32).reshape(8, 4) / drawn for j in (5, 6)
        )
        for b, budget in enumerate(budgets):
            (promised, ours), (_, alike) = (
                best(people, value, cost, budget),
                same(people, value, cost, budget),
            )
            gain = [people @ (share * (chance - chance[:, :1])).sum(axis=1) for share in (ours, alike)]
            spent = [people @ (share * paid).sum(axis=1) for share in (ours, alike)]
            error = people[:, None] * (ours - alike) * np.sqrt(chance * (1 - chance) / drawn)
            found[k, b] = promised.value, *gain, *spent, np.linalg.norm(error)
    return found


def draw(people, effect, low, cost, judged, drawn_by_lot):
    """Gain over the budget: proved in the model, its certain part, and what came of it on the other half."""
    at = np.linspace(1.0, 4000.0, 120)
    plans = [best(people, effect, cost, budget) for budget in at]
    value = np.array([split.value for split, _ in plans])
    half = [np.linalg.norm(people * (share * (effect - low)).sum(axis=1)) for _, share in plans]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        axes = figure.subplots()
        axes.fill_between(at, value - half, value + half, color=COLOURS[0], alpha=0.18, linewidth=0,
                          label="95 % interval of the plan's gain")  # fmt: skip
        axes.plot(at, value, color=COLOURS[0], label="best by segments, estimated on all")
        alike = [same(people, effect, cost, budget)[0].value for budget in at]
        axes.plot(at, alike, "--", color=COLOURS[1], label="best same offer to all, estimated on all")
        for k, (name, marker) in enumerate((("by segments", "o"), ("same offer", "s"))):
            axes.plot(judged[:, 3 + k], judged[:, 1 + k], marker, color=COLOURS[k], fillstyle="none",
                      label=f"{name}: chosen on one half, judged on the other")  # fmt: skip
        axes.plot(*drawn_by_lot, "*", color=FAINT, markersize=10, label="the trial's own lottery")
        axes.set_xlabel("dollars paid out, in expectation")
        axes.set_ylabel("more people who learn their result")
        axes.set_xlim(0, 4000)
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower right", fontsize=8)
    return figure


def main():
    segment, level, values = trial()
    people, (effect, low, _, cost) = np.bincount(segment), estimated(segment, values)
    found = held_out(segment, level, values)
    judged = found.mean(axis=0)
    print("| budget | promised | by segments | same offer to all | spent | difference, standard error |")
    print("|---|---|---|---|---|---|")
    for budget, row in zip(BUDGETS, judged, strict=True):
        promised, ours, alike, spent, spent_alike, error = row
        print(
            f"| {budget:.0f} | {promised:.0f} | {ours:.0f} | {alike:.0f} | {spent:.0f}, {spent_alike:.0f} "
            f"| {ours - alike:+.0f} ± {error:.0f} |"
        )
    by_lot = np.bincount(4 * segment + level).reshape(8, 4)
    lottery = (by_lot * cost).sum(), (by_lot * effect).sum()
    print(f"the trial's own lottery: {lottery[1]:.0f} for {lottery[0]:.0f} dollars")
    figure = draw(people, effect, low, cost, judged, lottery)
    figure.savefig(HERE / "incentives.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
