"""Draws docs/recovery.png: how far learned curves are from the true ones as a log grows.

`python docs/recovery.py` writes the figure and prints the table behind it; it takes several minutes.
Logs are written by models/synthetic_ad under four rules, and the model is learned from each.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np

from optbudget import load, solve
from optbudget.errors import ProblemError
from optbudget.learn import (
    QUIET,
    EventRules,
    ModelOptions,
    count_histories,
    learn_model,
    logged_events,
    propensities,
)
from optbudget.problems import BudgetedMDP

HERE = Path(__file__).parent
BUDGETS = [1.0, 2.0, 5.0, 10.0]
SIZES = [1_000, 10_000, 100_000, 1_000_000]
MORE = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 10_000_000]
SEEDS = 5
COLOURS = {"at random, 10 % each": "#1f5f8b", "at random, 0.25 % each": "#c2571a",
           "only in two states": "#7a7a7a", "at random, as the paper does": "#8b1f5f"}  # fmt: skip


def error(
    problem: BudgetedMDP, true: np.ndarray, rule: np.ndarray, events: int, seed: int, paper: bool
) -> float:
    """Mean over the budgets of the relative distance from the true value of a customer in begin."""
    log = logged_events(problem, rule, events=events, seed=seed)
    counts = count_histories(log, order=2, rows=EventRules(terminal=("gone",)))
    asked = {} if paper else {"in_place_of": [QUIET], "withheld": True, "cut_off": True}
    options = ModelOptions(
        actions=problem.actions[1:], costs=dict(zip(problem.actions[1:], (0.5, 1, 2, 4), strict=True)),
        order=2, min_count=1, horizon=100, discount=problem.discount**0.5, **asked,
    )  # fmt: skip
    learned = learn_model(counts, options).problem
    value = solve(learned, tolerance=1e-3).value(f"begin>{QUIET}", BUDGETS)
    return float(np.abs(value / true - 1).mean())


def main() -> None:
    problem = load(HERE.parent / "models" / "synthetic_ad")
    true = solve(problem).value("begin", BUDGETS)
    shown = problem.actions[1:]
    even = propensities(problem, dict.fromkeys(shown, 0.1))
    rare = propensities(problem, dict.fromkeys(shown, 0.0025))
    where = {state: dict.fromkeys(shown, 0.1) for state in ("search_3", "ours_3")}
    aimed = propensities(problem, {}, where=where)
    print("| rule | events | median error | smallest | largest |\n|---|---|---|---|---|")
    found: dict[str, list[tuple[int, float]]] = {}
    for name, rule in zip(COLOURS, (even, rare, aimed, even), strict=True):
        paper = "paper" in name
        for events in SIZES if paper or rule is aimed else MORE:
            tried = []
            for seed in range(SEEDS if events < 10**7 else 3):
                try:
                    tried.append(error(problem, true, rule, events, seed, paper))
                except ProblemError as why:
                    print(f"{name}, {events} events, seed {seed}: {why}", file=sys.stderr)
            if len(tried) < 3:
                print(f"| {name} | {events:,} | not learned: an action or a conversion never occurs | | |")
                continue
            found.setdefault(name, []).append((events, float(np.median(tried))))
            print(
                f"| {name} | {events:,} | {np.median(tried):.1%} | {min(tried):.1%} | {max(tried):.1%} |",
                flush=True,
            )
    draw(found)


def draw(found: dict[str, list[tuple[int, float]]]) -> None:
    """One line per rule, and the slope of 1/sqrt(n)."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8.4, 4.2), layout="constrained")
    for name, line in found.items():
        axes.loglog(*zip(*line, strict=True), marker="o", color=COLOURS[name], label=name)
    n, last = found["at random, 10 % each"][-1]
    axes.loglog(MORE, [last * (n / m) ** 0.5 for m in MORE], ":", color="#333333", label="1/√n")
    axes.set_xlabel("events in the log")
    axes.set_ylabel("error of the learned curve")
    axes.set_title("Synthetic advertising: when are learned curves right?", loc="left")
    figure.legend(loc="outside right upper", frameon=False, title="actions were taken", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "recovery.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
