"""A year's money in four quarters beside one pot: what splitting it costs, and which split costs nothing."""

from pathlib import Path

import numpy as np

from optbudget import Population, load, verify
from optbudget.planning import allocate_lines
from optbudget.problems import BudgetLines, PolicyMixture, StageBudgets

MODEL = Path(__file__).parents[1] / "models" / "synthetic_ad"
YEAR = 2000.0
QUARTERS = ("Q1", "Q2", "Q3", "Q4")
DECISIONS = (13, 13, 12, 12)


def plan(amounts: tuple[float, ...], *, carry_over: bool = False) -> PolicyMixture:
    """The best use of a budget per quarter by 1,000 new customers."""
    problem = load(MODEL)
    budgets = StageBudgets(QUARTERS, DECISIONS, amounts, carry_over, total=YEAR)
    return allocate_lines(BudgetLines.of_stages(problem, budgets), Population.at(problem, {"begin": 1000}))


def main() -> None:
    free = plan((YEAR,) * 4)  # Each quarter may use it all, so only the total binds.
    spent = np.add.reduceat(free.stage_use[:, 0], np.cumsum((0, *DECISIONS[:-1])))
    ways = {
        "one pot": free,
        "four equal quarters": plan((YEAR / 4,) * 4),
        "equal, carried over": plan((YEAR / 4,) * 4, carry_over=True),
        "as the pot would spend": plan(tuple(np.ceil(spent * 100) / 100)),
        "half of it first": plan((1000.0, 500.0, 300.0, 200.0)),
    }
    print("quarters                    value      lost   policies   proved to")
    for name, found in ways.items():
        lost = (1 - found.value / free.value) * 100
        assert verify(found).ok
        print(f"{name:<24} {found.value:8,.1f}  {lost:6.1f} %   {found.share.size:8}     {found.gap:.0e}")

    equal = ways["four equal quarters"]
    print("\nfour equal quarters     holds     uses   one more is worth")
    rows = zip(equal.lines.names, equal.lines.amount, equal.spend, equal.price, strict=True)
    for name, holds, uses, price in rows:
        print(f"{name:<20}   {holds:6,.0f}   {uses:6,.1f}   {price:.3f}")
    print("\nthe pot spends, by quarter: " + ", ".join(f"{money:,.0f}" for money in spent))


if __name__ == "__main__":
    main()
