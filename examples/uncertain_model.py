"""How much of a promised value hangs on what was estimated: a policy chosen from 80 observations a row."""

from pathlib import Path

import numpy as np

from optbudget import load, verify
from optbudget.planning import curve_band, interval_curves
from optbudget.problems import BudgetedMDP, TransitionCounts, TransitionIntervals

MODEL = Path(__file__).parents[1] / "models" / "synthetic_ad"


def observed(problem: BudgetedMDP, each: int, seed: int) -> TransitionCounts:
    """What somebody would have counted who saw every action in every state so many times."""
    draw = np.random.default_rng(seed)
    rows: dict[str, list[object]] = {name: [] for name in ("state", "action", "next_state", "count")}
    for pair, row in enumerate(problem.pair_row.tolist()):
        span = slice(problem.row_ptr[row], problem.row_ptr[row + 1])
        chance = problem.probability[span]
        seen = draw.multinomial(each, chance / chance.sum())
        rows["state"] += [problem.states[problem.pair_state[pair]]] * seen.size
        rows["action"] += [problem.actions[problem.pair_action[pair]]] * seen.size
        rows["next_state"] += [problem.states[j] for j in problem.next_state[span]]
        rows["count"] += seen.tolist()
    return TransitionCounts.from_tables(problem, rows)


def main() -> None:
    problem = load(MODEL)
    counts = observed(problem, 80, seed=4)
    print(counts)
    band = curve_band(counts, [2.0, 6.0], draws=25, seed=1, prior=0.1)
    for row in band.summary(0.9):
        print(f"\na customer in begin with {row['budget']:.0f}:")
        print(f"  the estimated model promises {row['planned_value']:.2f}")
        print(f"  under 90 % of the draws it is {row['value_low']:.2f} to {row['value_high']:.2f}")
        print(f"  and spends {row['spend_low']:.2f} to {row['spend_high']:.2f}")
        print(f"  the worst draw leaves {row['worst']['value']:.2f} (draw {row['worst']['draw']})")
        print(f"  who knew the model would have {row['wait_and_see']:.2f} on average")

    bracket = interval_curves(TransitionIntervals.around(problem, 0.01), prices=30)
    low, high = bracket.value("begin", 6.0)
    print(f"\nif no probability is off by more than 0.01: {low:.2f} guaranteed, at most {high:.2f}")
    print(f"checked without a solver: {verify(bracket).ok}")


if __name__ == "__main__":
    main()
