"""Tables of several budget lines: what each holds, uses and is worth, and what the units do now."""

import numpy as np

from optbudget.problems import PolicyMixture
from optbudget.report.tables import Grid
from optbudget.report.words import chance, number, unit_of_money

FULL = 1e-9
"""Share of a line that is left over and still counts as nothing."""


def plan_grid(answer: PolicyMixture) -> Grid:
    """The numbers of the whole plan, named as `budgets --json` names them."""
    lines = {
        "value": number(answer.value, 10),
        "bound": number(answer.bound, 10),
        "gap (relative)": f"{answer.gap:.2g}",
        "units": f"{answer.population.size:,}",
        "policies mixed": str(answer.share.size),
    }
    return Grid("The plan", ("", ">"), tuple(lines.items()))


def line_grid(answer: PolicyMixture) -> Grid:
    """One row per line: its stages, what it holds and uses, and its price in words."""
    there = answer.share.size > 0
    spent = answer.spend if there else np.full(answer.price.size, np.nan)
    conflict = answer.conflict
    least = {} if conflict is None else dict(zip(conflict.lines, conflict.least, strict=True))
    rows = []
    for j, name in enumerate(answer.lines.names):
        first, last = int(answer.lines.first[j]), int(answer.lines.end[j]) - 1
        stages = str(first) if first == last else f"{first} to {last}"
        said = price_in_words(answer, j) if there else ""
        if j in least:
            said = f"in conflict; as the others are, it needs at least {number(least[j], 10)}"
        rows.append((name, stages, number(answer.lines.amount[j], 10), number(spent[j], 10), said))
    columns = ("line", ">stages", ">holds", ">uses", "at the margin")
    note = "Amounts are of all units together, discounted to now." if _discounts(answer) else ""
    return Grid("Budget lines", columns, tuple(rows), note)


def price_in_words(answer: PolicyMixture, line: int) -> str:
    """What one more unit of a line would be worth.

    Examples
    --------
    >>> from optbudget.problems import BudgetLines, Population, StageBudgets
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example(horizon=1)
    >>> lines = BudgetLines.of_stages(problem, StageBudgets(("now",), (1,), (3.0,)))
    >>> people = Population.at(problem, {"s": 6})
    >>> price_in_words(PolicyMixture(lines, people, [0.5, 0.5], [[[0]], [[1]]], [9.0]), 0)
    'one more unit of money is worth 9'
    """
    resource = int(answer.lines.resource[line])
    unit = unit_of_money(answer.lines.problem.money_unit)
    if resource:
        unit = f"unit of {answer.lines.resources[resource - 1]}"
    if answer.price[line] > 0:
        at_most = "at most " if answer.price_is_bound[line] else ""
        return f"one more {unit} is worth {at_most}{number(answer.price[line], 4)}"
    if np.isinf(answer.lines.amount[line]):
        return "no limit"
    if np.isnan(answer.bound):
        return "what one more is worth is not known: nothing is proved of this plan"
    left = answer.lines.amount[line] - answer.spend[line]
    if left > FULL * answer.lines.amount[line]:
        return f"{number(left, 4)} is left, more is worth nothing"
    return "used up, and more is worth nothing"


def mixture_grid(answer: PolicyMixture, *, limit: int = 30) -> Grid:
    """What the units of each state do now: the action, and the share of them that takes it."""
    problem = answer.lines.problem
    rows = []
    occupied = np.flatnonzero((answer.population.count > 0) & ~problem.is_terminal)
    for state in occupied[:limit].tolist():
        first = answer.policy[:, 0, state]
        for pair in np.unique(first).tolist():
            share = float(answer.share[first == pair].sum())
            action = problem.actions[problem.pair_action[pair]]
            count = f"{int(answer.population.count[state]):,}"
            rows.append((problem.labels[state], count, action, chance(min(1.0, share))))
    notes = ["Each unit draws one of the policies now, with their shares as chances, and keeps it."]
    if occupied.size > limit:
        notes.append(f"{occupied.size - limit:,} more states are not shown.")
    return Grid(
        "What to do now", ("state", ">units", "do now", ">share of them"), tuple(rows), " ".join(notes)
    )


def _discounts(answer: PolicyMixture) -> bool:
    return answer.lines.problem.cost_discount < 1
