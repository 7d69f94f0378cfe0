"""Draws docs/causal-truth.png: what is learned from the departments' histories, held against the truth.

`python docs/causal_truth.py` draws the figure and prints the tables behind it; it takes a quarter of an hour.
One part alone: `python docs/causal_truth.py graph|coverage|impact|harm`. The histories are written by
optbudget/simulate/departments_equations.py, whose rule of planted harm was fixed before the first was drawn.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np

from optbudget import load
from optbudget.causal.effects import estimate_effects
from optbudget.causal.extension import extend
from optbudget.causal.risk import side_effects
from optbudget.causal.structure import learn_graph
from optbudget.problems import Effects, History
from optbudget.simulate.departments_equations import departments_equations
from optbudget.simulate.structural import departments_question, draw_history, true_harm
from optbudget.study.causal_truth import (
    GraphScore,
    correlational,
    estimates,
    graph_score,
    impact_accuracy,
    network_effects,
    spend_alike,
    true_edges,
    true_effects,
)

HERE = Path(__file__).parent
QUESTION = departments_question()
ROWS, SEEDS, DATA_SETS, PLACEBOS = 1_000, range(42, 62), 500, 96
RISK_WEIGHT = 1.0
"""A unit of harm counts as one point of value, as the weights of the outcomes say; chosen before any run."""
HARM, NONE, MARK = "#8b1f5f", "#7a7a7a", "#1f5f8b"


def written(seed: int, rows: int = ROWS, *, harm: bool = True, draw: int | None = None) -> History:
    """A history of the departments with this seed; `draw` is another one of the same departments."""
    model = departments_equations(seed, harm=harm)
    return draw_history(model, QUESTION, rows=rows, seed=seed if draw is None else draw)


def learned(history: History) -> Effects:
    """The effects by both adjustments, the graph learned from the same rows."""
    return estimate_effects(history, learn_graph(history, bootstraps=0), refutations=0)


def plain_pc(history: History) -> tuple[np.ndarray, np.ndarray]:
    """The graph of causal-learn's PC with its defaults, which knows of no tiers: (directed, open)."""
    from causallearn.search.ConstraintBased.PC import pc

    marks = pc(history.values, 0.01, "fisherz", show_progress=False).G.graph
    tail, head = marks == -1, marks == 1
    return tail & head.T, (tail & tail.T) | (head & head.T)


def graph() -> None:
    """Skeleton and orientation beside plain PC, two seeds: at 10,000 rows plain PC takes minutes or hours."""
    print("| rows | learned by | skeleton F1 | precision | recall | right way |\n|---|---|---|---|---|---|")
    for rows in (1_000, 10_000):
        scores: dict[str, list[GraphScore]] = {"optbudget, tiers kept": [], "causal-learn, plain PC": []}
        for seed in SEEDS[:2]:
            history, true = written(seed, rows), true_edges(departments_equations(seed), QUESTION.columns)
            own = learn_graph(history, bootstraps=0)
            scores["optbudget, tiers kept"].append(graph_score(own.directed, own.undirected, true))
            scores["causal-learn, plain PC"].append(graph_score(*plain_pc(history), true))
        for name, some in scores.items():
            means = [
                np.mean([getattr(s, of) for s in some]) for of in ("f1", "precision", "recall", "oriented")
            ]
            print(f"| {rows:,} | {name} | " + " | ".join(f"{mean:.2f}" for mean in means) + " |", flush=True)


def coverage() -> tuple[np.ndarray, np.ndarray]:
    """How often 95 % intervals cover the truth, and placebo pairs are significant, over 500 histories."""
    true = true_effects(departments_equations(42), QUESTION)
    zero = np.flatnonzero(true.ravel() == 0)
    placebos = np.random.default_rng(42).choice(zero, size=PLACEBOS, replace=False)
    covered = {"tiers": [], "graph": []}
    significant = []
    for k in range(DATA_SETS):
        effects = learned(written(42, draw=10_000 + k))
        for adjustment, found in covered.items():
            _, lower, upper = estimates(effects, QUESTION, adjustment)
            found.append((lower <= true) & (true <= upper))
            if adjustment == "tiers":
                significant.append(np.mean((lower > 0).ravel()[placebos] | (upper < 0).ravel()[placebos]))
    print("| adjusted for | all effects | those that are not 0 | those that are 0 |\n|---|---|---|---|")
    for adjustment, found in covered.items():
        share = np.mean(found, axis=0)
        shares = (share.mean(), share[true != 0].mean(), share[true == 0].mean())
        print(f"| {adjustment} | " + " | ".join(f"{one:.1%}" for one in shares) + " |", flush=True)
    within = np.mean(np.abs(np.array(significant) - 0.05) <= 0.04)
    print(
        f"placebo pairs significant: {np.mean(significant):.1%}; within 5 ± 4 % in {within:.1%} of histories"
    )
    effects = learned(written(42))
    _, lower, upper = estimates(effects, QUESTION, "tiers")
    here = np.mean((lower > 0).ravel()[placebos] | (upper < 0).ravel()[placebos])
    print(f"placebo pairs significant in the history of seed 42: {here:.1%}")
    return tuple(np.mean(found, axis=0)[true != 0] for found in covered.values())


def impact() -> list[tuple[float, ...]]:
    """Impact accuracy per seed of single decisions, then of mixes: tiers, graph, network, correlation."""
    print("| seed | tiers | graph | network | correlation | tiers, mixes | graph | network | correlation |")
    print("|---|---|---|---|---|---|---|---|---|")
    rows = []
    for seed in SEEDS:
        history, true = written(seed), true_effects(departments_equations(seed), QUESTION)
        found = learn_graph(history, bootstraps=0)
        effects = estimate_effects(history, found, refutations=0)
        by = [estimates(effects, QUESTION, adjustment)[0] for adjustment in ("tiers", "graph")]
        by += [network_effects(history, extend(found)), correlational(history)]
        known = [np.nan_to_num(one) for one in by]
        rows.append(tuple(impact_accuracy(one, true, mixes=mixes) for mixes in (0, 1_000) for one in known))
        print(f"| {seed} | " + " | ".join(f"{one:.2f}" for one in rows[-1]) + " |", flush=True)
    for first, what in ((0, "single decisions"), (4, "mixes")):
        better = [sum(row[first + k] > row[first + 3] for row in rows) for k in range(3)]
        print(f"{what}: tiers, graph, network above the correlation in {better} of {len(rows)} seeds")
    return rows


def harm() -> list[tuple[float, float, float, float]]:
    """Per seed: true harm without and with the risk term, value given up, and that where none is planted."""
    departments = load(HERE.parent / "models" / "departments_20")
    problem, budget = departments.budgeted(), departments.total_budget
    true = np.column_stack([true_harm(departments_equations(seed), QUESTION, problem) for seed in SEEDS])
    nothing = np.zeros(problem.cost.size)
    plain = spend_alike(departments, problem.utility, nothing, true, budget)
    print("| seed | true harm before | with the risk term | value given up | where none is planted |")
    print("|---|---|---|---|---|", flush=True)
    rows = []
    for k, seed in enumerate(SEEDS):
        told = []
        for planted in (True, False):
            effects = learned(written(seed, harm=planted))
            risk = RISK_WEIGHT * side_effects(QUESTION, effects).amounts(problem)
            told.append(spend_alike(departments, problem.utility, risk, true[:, [k]], budget)[0])
        lost = [1 - one.value / plain[k].value for one in told]
        rows.append((plain[k].harm, told[0].harm, *lost))
        before, after, given, idle = rows[-1]
        print(f"| {seed} | {before:.1f} | {after:.1f} | {given:.2%} | {idle:.3%} |", flush=True)
    fell, rose = sum(r[1] < r[0] for r in rows), sum(r[1] > r[0] for r in rows)
    most = max(row[3] for row in rows)
    print(f"fell in {fell}, rose in {rose} of {len(rows)}; most given up where none is planted: {most:.3%}")
    return rows


def draw(
    covered: tuple[np.ndarray, ...], accuracy: list[tuple[float, ...]], harms: list[tuple[float, ...]]
) -> None:
    """Coverage of the effects that are not 0; impact accuracy; true harm before and after."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
    for shares, colour, name in zip(covered, (MARK, HARM), ("tiers", "learned graph"), strict=True):
        left.plot(np.sort(shares), np.linspace(0, 1, shares.size), color=colour, label=name)
    left.axvline(0.95, color="#333333", ls=":")
    left.set_title("95 % intervals that cover", loc="left")
    left.set_xlabel("share of 500 histories, per effect")
    left.set_ylabel("share of effects")
    left.legend(frameon=False)
    for k, (name, colour) in enumerate(
        (("tiers", MARK), ("graph", HARM), ("network", "#c2571a"), ("correlation", NONE))
    ):
        middle.plot([row[k] for row in accuracy], "o", color=colour, label=name)
    middle.set_title("Impact accuracy", loc="left")
    middle.set_xlabel("history")
    middle.legend(frameon=False, loc=(0.03, 0.66), ncols=2)
    for before, after, *_ in harms:
        right.plot([0, 1], [before, after], color=HARM, alpha=0.5, marker="o")
    right.set_xticks([0, 1], ["without", "with risk term"])
    right.set_xlim(-0.25, 1.25)
    right.set_ylim(0)
    right.set_title("True harm at equal budget", loc="left")
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "causal-truth.png", dpi=130, metadata={"Software": None})


PARTS = {"graph": graph, "coverage": coverage, "impact": impact, "harm": harm}

if __name__ == "__main__":
    asked = sys.argv[1:] or list(PARTS)
    answers = {name: PARTS[name]() for name in asked}
    if {"coverage", "impact", "harm"} <= answers.keys():
        draw(answers["coverage"], answers["impact"], answers["harm"])
