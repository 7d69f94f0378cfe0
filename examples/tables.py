"""A model from tables in memory, whoever made them: here pandas for one and polars for the other.

A shop mails its lapsed customers. A letter costs 1 and doubles the chance that a customer returns; a
voucher costs 5 and works better. Customers who return buy for 30 on average, and may lapse again.
"""

import pandas as pd
import polars as pl

from optbudget import BudgetedMDP, Population, allocate, solve

ACTIONS = pd.DataFrame(
    [
        ("active", "nothing", 0.0, 30.0),
        ("active", "letter", 1.0, 30.0),
        ("lapsed", "nothing", 0.0, 0.0),
        ("lapsed", "letter", 1.0, 0.0),
        ("lapsed", "voucher", 5.0, 0.0),
    ],
    columns=["state", "action", "cost", "utility"],
)

TRANSITIONS = pl.DataFrame(
    [
        ("active", "nothing", "active", 0.60),
        ("active", "nothing", "lapsed", 0.40),
        ("active", "letter", "active", 0.65),
        ("active", "letter", "lapsed", 0.35),
        ("lapsed", "nothing", "active", 0.05),
        ("lapsed", "nothing", "lapsed", 0.80),
        ("lapsed", "nothing", "lost", 0.15),
        ("lapsed", "letter", "active", 0.10),
        ("lapsed", "letter", "lapsed", 0.75),
        ("lapsed", "letter", "lost", 0.15),
        ("lapsed", "voucher", "active", 0.25),
        ("lapsed", "voucher", "lapsed", 0.60),
        ("lapsed", "voucher", "lost", 0.15),
    ],
    schema=["state", "action", "next_state", "probability"],
    orient="row",
)


def main() -> None:
    problem = BudgetedMDP.from_tables(
        TRANSITIONS, ACTIONS, discount=0.95, cost_discount=1.0, horizon=12, reward="net",
        terminal_states=["lost"], money_unit="EUR",
    )  # fmt: skip
    curves = solve(problem)
    for state in ("active", "lapsed"):
        curve = curves[state]
        least, most, useful = curve.start_value, curve.values[-1], curve.largest_useful_budget
        print(f"{state}: worth {least:.2f} EUR without mail, {most:.2f} with {useful:.2f} EUR of it")
        print(f"  the first euro returns {curve.prices[0]:.2f} net")
    split = allocate(curves, Population.at(problem, {"active": 800, "lapsed": 200}), 3000.0)
    print(pd.DataFrame(split.to_arrow().to_pydict()))
    print(f"worth {split.value:,.0f} EUR in all; one more euro adds {split.price:.2f}")


if __name__ == "__main__":
    main()
