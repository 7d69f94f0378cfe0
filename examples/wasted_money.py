"""What customary budgets waste: the least money that does as well in every objective, with a proof.

Twenty departments get the same amount each, or amounts in proportion to their size.

Run: python examples/wasted_money.py
"""

from pathlib import Path

from optbudget import load
from optbudget.pareto import evaluate, exact_front, least_spend
from optbudget.pareto.baselines import proportional_budgets, uniform_budgets, within

MODELS = Path(__file__).parents[1] / "models"


def main() -> None:
    model = load(MODELS / "departments_20")
    found = exact_front(model, weights=20, refine=0)
    for name, budgets in (("alike", uniform_budgets(model)), ("by size", proportional_budgets(model))):
        worth = evaluate(model, within(model, budgets).policy[0])
        told = zip(found.front.objectives, worth.point, strict=True)
        print(f"{name}:", ", ".join(f"{objective} {amount:.1f}" for objective, amount in told))
        print(f"  spent: {worth.spent:,.0f} kEUR of {model.total_budget:,.0f}")
        least = least_spend(found, worth.point, worth.spent)
        print(f"  as good in all three for {least.least:,.0f}; by no plan for less than {least.bound:,.0f}")
        print(f"  wasted: {least.saving:.1f} %")


if __name__ == "__main__":
    main()
