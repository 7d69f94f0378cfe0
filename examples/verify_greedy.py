"""Is greedy optimal? On models drawn at random, held against a solver and against a bound that needs none."""

from collections.abc import Iterator

import numpy as np

from optbudget import Population, allocate, solve
from optbudget.allocation import allocate_knapsack
from optbudget.errors import MissingExtraError
from optbudget.formulations import declared
from optbudget.problems import Allocation, Knapsack
from optbudget.problems.families import FAMILIES, knapsack_family
from optbudget.solvers import close_processes, solve_program
from optbudget.study import generate

BACK_END = "highs-simplex"


def witnesses(options: Knapsack, split: Allocation) -> Iterator[float]:
    """The value of the relaxation by a solver, then the bound at the split's price by numpy."""
    program, _ = declared("mckp_lp", "pyomo", options, split.budget)
    yield solve_program(program, BACK_END).value
    best = np.maximum.reduceat(options.value - split.price * options.cost, options.ptr[:-1])
    yield float(split.price * split.budget + options.count @ best)


def splits(rng: np.random.Generator) -> tuple[int, int, float]:
    """How many splits were checked, how many randomise a unit, and the largest difference of witnesses."""
    worst, checked, mixed = 0.0, 0, 0
    for family in ("random", "funnel", "tied"):
        for seed in range(4):
            problem = generate(family, seed=seed, horizon=6)
            curves = solve(problem, tolerance=1e-9)
            counts = {label: int(rng.integers(0, 50)) for label in problem.labels}
            people = Population.at(problem, counts)
            options = Knapsack.from_curves(curves, people)
            least = float(options.count @ options.cost[options.ptr[:-1]])
            most = float(options.count @ options.cost[options.ptr[1:] - 1])
            budget = least + float(rng.uniform(0.1, 0.9)) * (most - least)
            greedy, price = (allocate(curves, people, budget, method=how) for how in ("greedy", "price"))
            values = np.array([greedy.value, price.value, *witnesses(options, greedy)])
            worst = max(worst, float(np.ptp(values) / (1 + abs(greedy.value))))
            checked, mixed = checked + 1, mixed + bool((greedy.probability < 1).any())
    return checked, mixed, worst


def main() -> None:
    try:
        checked, mixed, worst = splits(np.random.default_rng(2016))
    except MissingExtraError as missing:
        print("this example compares with a solver, and there is none:")
        print(missing)
        return
    print("in expectation: greedy, price, relaxation by a solver and dual bound")
    print(f"{checked} splits, {mixed} with a randomised unit, largest relative difference {worst:.1e}")
    print("greedy is optimal" if worst < 1e-8 else "THEY DIFFER")

    print("\nwhole options only, nobody randomised, 12 groups of 5, half of the money")
    print("family                relaxation   best whole choice   lost")
    for family in FAMILIES:
        problem, budget = knapsack_family(family, 12, 5, seed=3, largest=100)
        relaxed = allocate_knapsack(problem, budget).value
        whole = allocate_knapsack(problem, budget, method="ip").value
        print(f"{family:20s}  {relaxed:10,.2f}   {whole:17,.0f}   {max(0.0, relaxed - whole) / relaxed:.2%}")
    print("greedy solves the relaxation; whole options cost up to one unit's gain")
    close_processes()


if __name__ == "__main__":
    main()
