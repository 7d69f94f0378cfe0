"""Questions asked backwards: least budget for a target, most spend at a return, how long a plan holds."""

from pathlib import Path

from optbudget import Population, load, solve
from optbudget.allocation import (
    allocate,
    largest_spend_at_marginal_roi,
    largest_spend_at_roi,
    least_budget_for,
    stable_range,
    sweet_spot,
)

MODEL = Path(__file__).parents[1] / "models" / "synthetic_ad"


def main() -> None:
    problem = load(MODEL)
    curves = solve(problem)
    customers = Population.at(problem, {"begin": 1000})

    print("budget    value    one more adds")
    points = sweet_spot(curves, customers, [0, 2500, 5000, 7500, 10000, 12500])
    for budget, value, price in zip(points.budget, points.value, points.price, strict=True):
        print(f"{budget:6,.0f}  {value:7,.0f}    {price:.3f}")

    target = least_budget_for(curves, customers, 15000.0)
    print(f"\nto be worth 15,000 they need {target.budget:,.1f}")

    out_of_reach = least_budget_for(curves, customers, 20000.0)
    print(f"to be worth 20,000: {out_of_reach.outcome.message}")

    at_return = largest_spend_at_roi(curves, customers, 2.5)
    print(f"a return of 2.5 on all money allows {at_return.budget:,.1f}")

    at_margin = largest_spend_at_marginal_roi(curves, customers, 1.0)
    print(f"a return of 1.0 on the last unit of money allows {at_margin.budget:,.1f}")

    plan = stable_range(allocate(curves, customers, 5000.0))
    print(f"the policies for 5,000 stay optimal from {plan.low:,.1f} to {plan.high:,.1f}")


if __name__ == "__main__":
    main()
