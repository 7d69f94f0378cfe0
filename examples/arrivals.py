"""Money for 500 customers who are here, and money set aside for those who are expected to come."""

from pathlib import Path

from optbudget import Population, load, solve
from optbudget.files import load_arrivals
from optbudget.planning import allocate_with_arrivals

HERE = Path(__file__).parent


def main() -> None:
    problem = load(HERE.parent / "models" / "synthetic_ad")
    curves = solve(problem, keep_stages=True)
    customers = Population.at(problem, {"begin": 400, "search_3": 100})
    expected = load_arrivals(HERE / "coming.csv", problem)
    print(expected)

    plan = allocate_with_arrivals(curves, customers, expected, 3000.0)
    print(f"given to the 500 who are here: {plan.here.spent:8.2f}")
    print(f"set aside for those to come:   {plan.set_aside:8.2f}")
    print(f"worth {plan.value:.2f}, and no policy within the budget exceeds {plan.bound:.2f}")
    print(f"one more unit of money is worth {plan.price:.3f}, wherever it is spent\n")
    for row in plan.to_arrow().to_pylist():
        drawn = "" if row["probability"] == 1 else f" (each with probability {row['probability']:.3f})"
        print(
            f"  stage {row['stage']:2d}: {row['expected']:5.2f} in {row['state']} get {row['budget']:6.3f}"
            f" each when they come{drawn}, {row['money']:7.2f} in all"
        )

    # Ten stages later: who is here now, what is left, and who is still expected. (The numbers are made up.)
    later = expected.to_arrow().to_pylist()
    still = {(row["stage"], row["state"]): row["expected"] for row in later if row["stage"] > 10}
    people = Population.at(problem, {"begin": 210, "search_3": 95, "rival_1": 60})
    again = allocate_with_arrivals(curves, people, type(expected).at(problem, still), 2100.0, stage=10)
    print(f"\nat stage 10, with 2,100 left: {again.here.spent:.2f} now, {again.set_aside:.2f} set aside")
    print(f"the price was {plan.price:.3f} and is now {again.price:.3f}")


if __name__ == "__main__":
    main()
