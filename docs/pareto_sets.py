"""Draws docs/pareto-sets.png: sets of vectors that are learned, held against the exact ones.

`python docs/pareto_sets.py` draws the figure and prints the tables behind it, in a few minutes.
`python docs/pareto_sets.py speed` prints steps and updates per second on the concave map, and those of the
Pareto Q-learning of morl-baselines where that can be imported; torch and wandb, which it does not use for
this, may be missing.
"""

import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import MagicMock

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
TIMED = 10_000
"""Steps of a run that is timed."""
REPEATS = 5
"""Of each the fastest counts."""


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
    curves = {name: curve(name) for name in WORLDS}
    print(f"| problem | policies | vertices | {' | '.join(f'{n:,} steps' for n in STEPS)} | found | beyond |")
    print("|---|---|---|" + "---|" * (len(STEPS) + 2))
    draw(curves, {name: ratios(name) for name in PROBLEMS})


def draw(curves: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]], found: dict[str, np.ndarray]) -> None:
    """Hypervolume by steps; each front, known and learned; what is missing of the support, by steps."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    places = [["volume", "convex", "missing"], ["volume", "concave", "missing"]]
    figure, panels = plt.subplot_mosaic(places, figsize=(12.5, 4.4), layout="constrained")
    # A wide open marker below a small full one: where curves meet, both are seen.
    look = {"convex": {"marker": "o", "ms": 9, "mfc": "none", "lw": 2.5}, "concave": {"marker": "s", "ms": 4}}
    for name, (shares, front, points) in curves.items():
        line = panels["volume"].plot(AT, shares.mean(axis=0), label=name, **look[name])[0]
        least, most, colour = shares.min(axis=0), shares.max(axis=0), line.get_color()
        panels["volume"].fill_between(AT, least, most, color=colour, alpha=0.15)
        panels[name].plot(*front.T, "o-", color=EXACT, mfc="none", ms=10, lw=0.8, label="known")
        panels[name].plot(*points.T, "o", color=line.get_color(), ms=4, label="learned, 5,000 steps")
        panels[name].set(title=f"{name.capitalize()} map", ylabel="-time, discounted")
    panels["concave"].set(xlabel="treasure, discounted")
    panels["volume"].axhline(1.0, color=EXACT, lw=0.8, zorder=0)
    panels["volume"].set(xlabel="steps", ylabel="hypervolume / exact", title="Deep sea treasure, 10 seeds")
    for name, ratio in found.items():
        line = panels["missing"].plot(STEPS, (1.0 - ratio).mean(axis=0), "o-", ms=4, label=name)[0]
        panels["missing"].plot(STEPS, (1.0 - ratio).max(axis=0), "--", lw=1, color=line.get_color())
    panels["missing"].plot([], [], "--", lw=1, color=EXACT, label="worst seed")
    panels["missing"].set(xlabel="steps", xscale="log", yscale="log", ylabel="1 - support ratio")
    panels["missing"].set(title="Stochastic problems, 5 seeds")
    for axes in panels.values():
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "pareto-sets.png", dpi=130, metadata={"Software": None})


class Logged:
    """An environment that keeps what was asked of it, so that the same can be asked of it alone."""

    def __init__(self, env) -> None:
        self.env, self.asked = env, []

    def __getattr__(self, name: str):
        return getattr(self.env, name)

    def reset(self, **given):
        self.asked.append((self.env.reset, (), given))
        return self.env.reset(**given)

    def step(self, action):
        self.asked.append((self.env.step, (action,), {}))
        return self.env.step(action)

    def again(self) -> None:
        for ask, given, named in self.asked:
            ask(*given, **named)


def fastest(make: Callable[[], Callable[[], object]]) -> float:
    """Seconds of what is made anew each time, the least of `REPEATS`; the first run of all compiles."""
    make()()
    seconds = []
    for _ in range(REPEATS):
        work = make()
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def fresh() -> SetLearner:
    return SetLearner(actions=4, objectives=2, discount=0.99, rule="deterministic", seed=0)


def replayed(env) -> Callable[[], Callable[[], object]]:
    """The moments of a run, learned from by new tables in which the states have their places already."""
    moments, first = [], fresh()
    count, observe = first.tables.count, first.tables.observe
    first.tables.count = lambda *given: (moments.append(("count", given)), count(*given))
    first.tables.observe = lambda *given: (moments.append(("observe", given)), observe(*given))
    first.learn(env, TIMED)

    def make() -> Callable[[], object]:
        tables = fresh().tables
        for observation in first.tables.observations:
            tables.place(observation)
        return lambda: [getattr(tables, name)(*given) for name, given in moments]

    return make


def others(env) -> Callable[[], object]:
    """A run of the Pareto Q-learning of morl-baselines, with its own settings."""
    for unused in (("torch", "torch.nn"), ("wandb",)):
        if unused[0] not in sys.modules and find_spec(unused[0]) is None:
            sys.modules.update({name: MagicMock() for name in unused})
    from morl_baselines.multi_policy.pareto_q_learning.pql import PQL

    agent = PQL(env, np.array(REFERENCE), gamma=0.99, seed=0, log=False)
    return lambda: agent.train(TIMED, env)


def speed() -> None:
    """Steps with the environment, the environment alone, and updates without it: of both, in one process."""
    env, _ = treasure("concave")
    runs = {"optbudget": lambda one: lambda: fresh().learn(one, TIMED)}
    if find_spec("morl_baselines"):
        runs["morl-baselines"] = others
    rest = {}
    for name, run in runs.items():
        log = Logged(env)
        run(log)()
        whole, alone = fastest(lambda run=run: run(env)), fastest(lambda log=log: log.again)
        rest[name] = whole - alone
        print(f"{name}: {TIMED / whole:,.0f} steps/s, environment included")
        print(f"{name}: {TIMED / alone:,.0f} steps/s of the environment alone, asked the same")
        print(f"{name}: {TIMED / rest[name]:,.0f} steps/s without it: choosing and learning", flush=True)
    print(f"optbudget: {TIMED / fastest(replayed(env)):,.0f} updates/s of learning alone")
    if len(rest) == 2:
        print(f"without environments {rest['morl-baselines'] / rest['optbudget']:.1f} times as fast")


if __name__ == "__main__":
    speed() if sys.argv[1:2] == ["speed"] else main()
