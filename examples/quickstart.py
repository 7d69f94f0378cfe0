"""From a model folder to curves, a split of one budget over 1,000 customers, and its proof."""

from pathlib import Path

from optbudget import Population, allocate, load, solve, verify

MODEL = Path(__file__).parents[1] / "models" / "synthetic_ad"


def main() -> None:
    problem = load(MODEL)
    curves = solve(problem, tolerance=1e-6)
    print(curves)

    begin = curves["begin"]
    print(f"\nA customer in begin is worth {begin.start_value:.2f} without spending.")
    for budget in (1.0, 5.0, 10.0):
        print(
            f"  with {budget:4.1f}: {begin.value(budget):6.2f}; one more unit adds {begin.price(budget):.3f}"
        )
    print(f"  more than {begin.largest_useful_budget:.2f} is of no use")

    customers = Population.at(problem, {"begin": 600, "search_3": 300, "ours_3": 100})
    split = allocate(curves, customers, 2000.0)
    print(f"\n{split}")
    for row in split.to_arrow().to_pylist():
        chance = "" if row["probability"] == 1 else f" with probability {row['probability']:.3f}"
        print(f"  {row['count']:4d} in {row['state']:8s} get {row['budget']:7.3f}{chance}: {row['action']}")

    found = verify(split)
    print(f"\n{sum(check.ok for check in found.checks)} of {len(found.checks)} statements proved")


if __name__ == "__main__":
    main()
