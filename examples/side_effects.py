"""A clinic's history prices what its actions do besides, and the plan is made with it and without.

Overtime and reminders both fill appointments; overtime also wears out the staff. What that is worth is
estimated from 240 weeks in which both rose with demand, and held against the reward before solving.
"""

import numpy as np

from optbudget import BudgetedMDP, Population, allocate, solve, verify
from optbudget.causal import answer_question
from optbudget.planning import at_both_ends, risk_trade_off, unintended
from optbudget.problems import CausalQuestion, History, hold_risk
from optbudget.report.risk_trade_off import flip_sentences
from optbudget.report.unintended import unintended_sentences

QUESTION = CausalQuestion(
    context=("demand",), decisions=("overtime", "reminders"), outcomes=("appointments", "sick_days"),
    harm={"sick_days": 1}, weights={"sick_days": 1.5}, targets={"reminders": ("appointments",)},
    actions={"extend": {"overtime": 2.0}, "remind": {"reminders": 1.0}, "usual": {}},
)  # fmt: skip


def weeks(number, seed=11):
    """A history: an hour of overtime costs 0.4 sick days; reminders cost none."""
    draws = np.random.default_rng(seed).normal(size=(5, number))
    demand = draws[0]
    overtime, reminders = 0.7 * demand + draws[1], 0.5 * demand + draws[2]
    appointments = 2.0 * overtime + 1.5 * reminders + demand + draws[3]
    sick_days = 0.4 * overtime + 0.6 * demand + draws[4]
    return History(QUESTION, np.column_stack((demand, overtime, reminders, appointments, sick_days)))


def ward():
    """Two wards that fill up or empty by what is done this week, over eight weeks."""
    filling = {"usual": 0.2, "remind": 0.5, "extend": 0.8}
    price = {"usual": 0.0, "remind": 1.0, "extend": 3.0}
    pairs = [(state, action) for state in ("empty", "full") for action in filling]
    moves = [(s, a, to, p) for s, a in pairs for to, p in (("full", filling[a]), ("empty", 1 - filling[a]))]
    return BudgetedMDP.from_tables(
        dict(zip(("state", "action", "next_state", "probability"), zip(*moves, strict=True), strict=True)),
        {
            "state": [s for s, _ in pairs], "action": [a for _, a in pairs],
            "cost": [price[a] for _, a in pairs], "utility": [8.0 * (s == "full") for s, _ in pairs],
        },
        discount=1.0, cost_discount=1.0, horizon=8, reward="gross", title="Two wards",
    )  # fmt: skip


effects = answer_question(weeks(240), bootstraps=20, refutations=0).side_effects
for row in effects.rows:
    print(f"{row.action} on {row.outcome}: {row.risk:.2f} a time, {row.lower:.2f} to {row.upper:.2f}")

problem = ward()
clinic = Population.at(problem, {"empty": 12})
for weight in (0.0, 2.0):
    plan = allocate(solve(hold_risk(problem, effects, weight)), clinic, 200.0)
    besides = unintended(plan)
    print(f"weight {weight:g}: worth {besides.value:.1f}, harm {besides.harm:.1f}, proved {verify(plan).ok}")
print(*unintended_sentences(besides), sep="\n")

found = risk_trade_off(problem, effects, clinic, 200.0, weights=(0.0, 4.0))
print(*flip_sentences(found, limit=3), sep="\n")
for end, plan in at_both_ends(problem, effects, clinic, 200.0, 2.0).items():
    print(f"effects at their {end} ends: worth {plan.value:.1f}, spent {plan.spent:.1f}")
