"""Draws docs/pareto-sets.png: sets of vectors that are learned, held against the exact ones.

`python docs/pareto_sets.py` draws the figure and prints the tables behind it, in a few minutes.
"""

import warnings
from pathlib import Path

import matplotlib
import numpy as np

from optbudget.pareto.point_sets import staircase_hypervolume
from optbudget.pareto.policy_enumeration import enumerate_policies
from optbudget.pareto.set_learning import SetLearner
from optbudget.pareto.small_problems import Simulator, garnet, inspection, warehouse
from optbudget.pareto.support_ratio import support_ratio

HERE = Path(__file__).parent
SEEDS = range(10)
AT = (250, 500, 1_000, 1_500, 2_000, 3_000, 5_000)
WORLDS = {"convex": "deep-sea-treasure-v0", "concave": "deep-sea-treasure-concave-v0"}
REFERENCE = (0.0, -50.0)
PROBLEMS = {"garnet": (garnet(), 1e-3), "warehouse": (warehouse(), 0.05), "inspection": (inspection(), 0.05)}
STEPS = (500, 4_000, 32_000)
EXACT = "#7a7a7a"


def treasure(name: str):
    """The environment of mo-gymnasium, and its front from the surface, by treasure."""
    import mo_gymnasium

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = mo_gymnasium.make(WORLDS[name])
    front = np.array(env.unwrapped.pareto_front(gamma=0.99))
    return env, front[np.argsort(front[:, 0])]


def curve(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hypervolume as a share of the exact one, by seed and steps; the exact front, and the last learned."""
    env, front = treasure(name)
    whole, shares = staircase_hypervolume(front, REFERENCE), []
    print(f"| {name}: steps | points of 10, least and most of {len(SEEDS)} seeds | hypervolume |")
    print("|---|---|---|")
    found = []
    for seed in SEEDS:
        learner = SetLearner(actions=4, objectives=2, discount=0.99, rule="deterministic", seed=seed)
        shares.append([])
        found.append([])
        for steps in AT:
            learner.learn(env, steps - learner.steps)
            points = learner.learned().points
            shares[-1].append(staircase_hypervolume(points, REFERENCE) / whole)
            found[-1].append(sum(np.abs(points - one).max(axis=1).min() < 1e-6 for one in front))
    for steps, share, number in zip(AT, np.transpose(shares), np.transpose(found), strict=True):
        print(f"| {steps:,} | {number.min()}, {number.max()} | {share.mean():.4f} |", flush=True)
    return np.array(shares), front, learner.learned().points


def ratios(name: str) -> np.ndarray:
    """Support ratio of the policies learned, evaluated exactly, by seed and steps."""
    problem, tolerance = PROBLEMS[name]
    front = enumerate_policies(problem)
    actions, objectives = problem.reward.shape[1:]
    found, vertices, beyond = [], [], []
    for seed in SEEDS[:5]:
        found.append([])
        for steps in STEPS:
            learner = SetLearner(
                actions=actions, objectives=objectives, discount=0.9, tolerance=0.3, seed=seed
            )
            learner.learn(Simulator(problem), steps)
            learner.settle(tolerance=tolerance, change=1e-3)
            policies = learner.learned().actions(range(len(problem.states)))
            values = problem.evaluate(np.maximum(policies, 0))  # Where nothing was learned, the first action.
            found[-1].append(support_ratio(values, front.vertices))
            beyond.append(front.beyond(values).max())
        vertices.append(sum(np.abs(values - one).max(axis=1).min() < 1e-9 for one in front.vertices))
    means, least = np.mean(found, axis=0), np.min(found, axis=0)
    cells = " | ".join(f"{mean:.4f} ({low:.4f})" for mean, low in zip(means, least, strict=True))
    print(
        f"| {name} | {front.policies_in_all:,} | {len(front.vertices)} | {cells} | "
        f"{min(vertices)}-{max(vertices)} | {max(beyond):.1e} |",
        flush=True,
    )
    return np.array(found)


def main() -> None:
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.5, 3.8), layout="constrained")
    for name, marker in (("convex", "o"), ("concave", "s")):
        shares, front, points = curve(name)
        line = left.plot(AT, shares.mean(axis=0), marker=marker, markersize=4, label=name)[0]
        left.fill_between(AT, shares.min(axis=0), shares.max(axis=0), color=line.get_color(), alpha=0.15)
        middle.plot(*front.T, marker, mfc="none", mec=EXACT, markersize=9, label=f"{name}, known")
        middle.plot(*points.T, marker, color=line.get_color(), markersize=4, label=f"{name}, learned")
    left.axhline(1.0, color=EXACT, lw=0.8)
    left.set(xlabel="steps", ylabel="hypervolume / exact", title="Deep sea treasure, 10 seeds")
    middle.set(xlabel="treasure, discounted", ylabel="-time, discounted", title="Its fronts, 5,000 steps")
    print(f"| problem | policies | vertices | {' | '.join(f'{n:,} steps' for n in STEPS)} | found | beyond |")
    print("|---|---|---|" + "---|" * (len(STEPS) + 2))
    for name in PROBLEMS:
        found = ratios(name)
        line = right.plot(STEPS, found.mean(axis=0), "o-", markersize=4, label=name)[0]
        right.fill_between(STEPS, found.min(axis=0), found.max(axis=0), color=line.get_color(), alpha=0.15)
    right.axhline(1.0, color=EXACT, lw=0.8)
    right.set(xlabel="steps", xscale="log", ylabel="support ratio", title="Stochastic problems, 5 seeds")
    for axes in (left, middle, right):
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "pareto-sets.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
