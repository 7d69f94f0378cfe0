"""An audit of another tool's plan in a table and in words."""

import math

from optbudget.problems.audit import Audit
from optbudget.report.tables import Grid
from optbudget.report.words import number, unit_of_money
from optbudget.status import OPTIMAL_GAP


def audit_grid(found: Audit, *, limit: int = 30) -> Grid:
    """One row per group, where most money is misplaced first."""
    problem = found.knapsack
    change = found.best_spend - found.spend
    order = sorted(range(change.size), key=lambda g: -abs(change[g]))
    rows = tuple(
        (
            problem.groups[g], number(found.spend[g]), number(found.worth[g]), _amount(found.last_price[g]),
            _amount(found.next_price[g]), number(found.best_spend[g]), number(change[g]),
            "falling" if found.concave[g] else "S-shaped",
        )
        for g in order[:limit]
    )  # fmt: skip
    hidden = len(order) - len(rows)
    note = "Last and next: value of the last and of one more unit of money where the plan is."
    note += f" {hidden:,} more groups are not shown." if hidden else ""
    best = "best spend" if found.whole is None else "best measured"
    heads = ("group", ">plan spends", ">worth", ">last", ">next", f">{best}", ">change", "returns")
    beside = "the best spend" if found.whole is None else "the best measured amounts"
    return Grid(f"The plan beside {beside}", heads, rows, note)


def audit_sentences(found: Audit) -> list[str]:
    """What the plan leaves on the table, what proves it, and what the curves allow to be said."""
    unit = unit_of_money(found.knapsack.money_unit)
    best, over = found.best, found.over
    said = []
    if over:
        said.append(
            f"The plan spends {number(float(found.spent), 10)}, which is {number(over)} more than the budget "
            f"of {number(found.budget, 10)}; it is audited at what it spends."
        )
    which = "The best spend is" if found.whole is None else "The best choice of measured amounts is"
    said.append(
        f"The plan is worth {number(found.value, 8)}. {which} worth {number(best.value, 8)}, "
        f"and no spend {_money(found)} more than {number(found.bound, 8)}."
    )
    if found.gap <= OPTIMAL_GAP:
        within = "No other use of that money is worth more, but the plan is not within the budget."
        said.append(within if over else "So the plan is optimal, and proved to be.")
    elif found.lost > 0:
        said.append(f"So it leaves at least {number(found.lost)} on the table ({_share(found)}).")
    else:
        better = "It is better than" if found.value > best.value else "It is as good as"
        said.append(
            f"{better} the best choice of measured amounts, so what it leaves on the table is at most "
            f"{number(found.bound - found.value)}: amounts between measured ones may be worth more."
        )
    said.append(
        f"The bound is {number(found.relaxed.price)} per {unit} times the money, plus for every group the "
        "most of value less that price times spend: a sum anyone can redo."
    )
    if not found.concave.all():
        bent = [
            name for name, falling in zip(found.knapsack.groups, found.concave, strict=True) if not falling
        ]
        named = ", ".join(bent[:3]) + (", ..." if len(bent) > 3 else "")
        said.append(
            f"Returns rise somewhere in {named}: the best choice is among the measured amounts, and between "
            "them the bound alone is proved."
        )
    return said


def _money(found: Audit) -> str:
    return "of any amount" if math.isinf(found.relaxed.budget) else "of that much money"


def _share(found: Audit) -> str:
    if not found.value:
        return "from nothing"
    return f"{number(found.lost / abs(found.value) * 100, 3)} % of its value"


def _amount(value: float) -> str:
    return "" if math.isnan(value) else number(value)
