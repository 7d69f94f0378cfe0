"""How likely is an overspend, and how much can be planned so that it stays rare?

An expected budget is kept on average only. The law of what 200 customers of an advertiser really spend is
computed exactly, since costs are multiples of 0.5; then the plan is cut until the budget is exceeded in one
case out of twenty, and what that promise costs is a number. At last money is discounted, so that there is no
grid and no exact law: an approximation, checked by trials, beside a proved bound.
"""

from dataclasses import replace
from math import sqrt
from pathlib import Path

from optbudget import Population, allocate, chance_constrained, load, solve, spend_risk

MODELS = Path(__file__).parents[1] / "models"
customer = load(MODELS / "synthetic_ad")
curves = solve(customer)
people = Population.at(customer, {"begin": 200})
budget = 1000.0

split = allocate(curves, people, budget)
risk = spend_risk(split)
worst, kind = risk.cvar(0.05)
print(f"planned {split.spent:.0f} for 200 customers, worth {split.value:.0f}")
print(f"spend {risk.mean:.0f} with standard deviation {sqrt(risk.variance):.0f}")
print(f"over {budget:.0f}: {risk.overspend:.4f} ({risk.method}); normal {risk.normal:.4f}, ", end="")
print(f"saddle-point {risk.saddle_point:.4f}; the worst 5 % of cases spend {worst:.0f} ({kind})")

print("level  planned  value    lost  what holds it")
for level in (0.5, 0.2, 0.05, 0.01):
    plan = chance_constrained(curves, people, budget, level=level)
    lost = split.value - plan.allocation.value
    print(f"{level:5}  {plan.budget:7.1f}  {plan.allocation.value:6.1f}  {lost:6.1f}  {plan.held_by}")

discounted = solve(replace(customer, cost_discount=0.95))
plan = chance_constrained(discounted, people, budget, level=0.05, trials=20_000)
print(f"discounted money: {plan.budget:.1f} planned, {plan.held_by}")
assert plan.proof_allocation is not None
print(f"proved: {plan.proof_allocation.spent:.1f}, exceeded with probability {plan.proof_chance:.3f} at most")
