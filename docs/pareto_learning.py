"""Draws docs/pareto-learning.png: what is reached of a certified front, by the episodes that were watched.

`python docs/pareto_learning.py` writes the figure and prints the tables behind it; it takes about a quarter
of an hour. `python docs/pareto_learning.py growth 200` prints time and memory for so many departments.
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from optbudget.files.departments_folder import departments_tables
from optbudget.pareto import DepartmentsEnv, exact_front, learn_front, learn_fronts
from optbudget.pareto.learning_curve import learning_curve
from optbudget.pareto.phased_learning import learn_by_phases
from optbudget.pareto.scalarisations import LearningTask, same_prices
from optbudget.pareto.watching import watch
from optbudget.problems import Departments
from optbudget.report.figures import write
from optbudget.report.learning_curve_figure import learning_curve_figure
from optbudget.simulate.departments_model import NUMBER, departments_20

HERE = Path(__file__).parent
EPISODES = [1, 3, 10, 30, 100, 400]
SEEDS = 10
AT_ONCE = 1000
"""Departments that are learned at a time."""


def copies(model: Departments, number: int) -> Departments:
    """So many of each department, under as many times the money."""
    tables = dict(departments_tables(model))
    for name in ("transitions", "actions", "initial"):
        more = [tables[name].set_column(0, "department", renamed(tables[name], k)) for k in range(number)]
        tables[name] = pa.concat_tables(more).unify_dictionaries()
    held = model.held
    return Departments.from_tables(
        **tables, objectives=["efficiency", "-risk", "performance"],
        total_budget=number * model.total_budget, initial_regime=model.initial_regime,
        discount=held.discount, cost_discount=held.cost_discount, horizon=held.horizon,
    )  # fmt: skip


def renamed(table: pa.Table, copy: int) -> pa.Array:
    """The departments of a table, each with the number of its copy."""
    coded = table["department"].combine_chunks()
    coded = coded if isinstance(coded, pa.DictionaryArray) else coded.dictionary_encode()
    names = pa.array([f"{name}-{copy}" for name in coded.dictionary.to_pylist()])
    return pa.DictionaryArray.from_arrays(coded.indices, names)


def quality() -> None:
    """The learning curve of one seed, and the last point of it for ten."""
    model = departments_20()
    env, exact = DepartmentsEnv(model), exact_front(model).front
    weights = exact.weight[:50]
    fronts = learn_fronts(model, env, weights, episodes=EPISODES, seed=42)
    curve = learning_curve(fronts, exact)
    print("| episodes | support ratio | least of 500 | hypervolume |\n|---|---|---|---|")
    for n, *shares in zip(curve.episodes, curve.ratio, curve.least, curve.volume, strict=True):
        print(f"| {n:,} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    print(f"no plan is above {curve.certified:.4%}; largest violation {max_violation(exact, fronts[-1]):.1e}")
    write(learning_curve_figure(curve), HERE / "pareto-learning.png")
    ratios = []
    for seed in range(SEEDS):
        begin = time.perf_counter()
        found = learn_front(model, env, weights, episodes=EPISODES[-1], seed=seed)
        ratios.append(float(learning_curve([found], exact).ratio[0]))
        print(f"seed {seed}: {ratios[-1]:.2%} in {time.perf_counter() - begin:.0f} s", flush=True)
    mean, error = np.mean(ratios), np.std(ratios, ddof=1) / np.sqrt(SEEDS)
    # 2.262 is the 97.5 % quantile of Student's t with 9 degrees of freedom.
    print(f"mean {mean:.2%}, 95 % interval {mean - 2.262 * error:.2%} to {mean + 2.262 * error:.2%}")


def max_violation(exact, found) -> float:
    """By how much a learned plan is beyond a support plane of the exact front."""
    return float(exact.joined(found.front).violations().max())


def growth(number: int) -> None:
    """Ten episodes and six weights, for so many departments."""
    model = copies(departments_20(), number // NUMBER)
    env, weights = DepartmentsEnv(model), np.full((6, 3), 1.0) + np.eye(3).repeat(2, axis=0)
    print(f"{number:,} departments: model in memory {peak():.1f} GiB", flush=True)
    begin = time.perf_counter()
    found = learn_front(model, env, weights, episodes=10, together=AT_ONCE)
    seconds = time.perf_counter() - begin
    print(f"learned and evaluated in {seconds:.0f} s, peak {peak():.1f} GiB, {len(found.front)} points")


def peak() -> float:
    """The most memory that the process has had, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def speed() -> None:
    """Transitions and updates per second."""
    model = departments_20()
    task, env = LearningTask.of(model), DepartmentsEnv(model)
    grid = same_prices(exact_front(model, refine=0).front.weight, np.geomspace(1e-4, 1e-2, 5))
    learn_by_phases(watch(env, task, range(1)), task, grid)
    begin = time.perf_counter()
    seen = watch(env, task, range(20))
    watched = time.perf_counter() - begin
    begin = time.perf_counter()
    learn_by_phases(seen, task, grid)
    learned = time.perf_counter() - begin
    steps, departments = len(seen), len(task.states)
    updates = steps * departments * task.stages * grid.size
    print(f"watched {steps / watched:,.0f} steps/s of {departments} departments each")
    print(f"learned {steps * departments / learned:,.0f} transitions/s for {grid.size} scalarisations")
    print(f"learned {updates / learned:,.0f} updates/s of a vector of {task.objectives + 1} numbers")
    print(f"in all {steps * departments / (watched + learned):,.0f} transitions/s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["growth"]:
        growth(int(sys.argv[2]))
    elif sys.argv[1:2] == ["speed"]:
        speed()
    else:
        quality()
