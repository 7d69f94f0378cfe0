"""Twenty departments, three objectives, one budget: what can be had, and what happens to the others.

Nobody can say in advance what a point of efficiency is worth in points of risk. So first all trade-offs that
the budget can achieve, each with a plan and a proof; then one of them, and its lines: what a department's
cap, or half a step more for one of them, does to everybody else.
"""

import tempfile
from pathlib import Path

from optbudget import allocate, load, save, solve, verify
from optbudget.pareto import difference, exact_front
from optbudget.pareto.support_ratio import fixed_weights
from optbudget.planning import change_line
from optbudget.problems import GroupLimit, Limits

MODELS = Path(__file__).parents[1] / "models"

departments = load(MODELS / "departments_20")
found = exact_front(departments, weights=12, refine=3)
print(found.front)
apart = difference(found.front, fixed_weights(3)[:50])
print(f"between the weights the front is known to {apart[apart < 1].mean():.1%} on average")

with tempfile.TemporaryDirectory() as place:
    save(found.with_plans(), Path(place) / "front")
    print("proved from disk:", verify(load(Path(place) / "front")).ok)

best = int((found.front.point @ [0.3, 0.3, 0.4]).argmax())
weights = dict(zip(departments.objectives, found.front.weight[best].tolist(), strict=True))
print(f"\npoint {best}, weights", {name: round(weight, 3) for name, weight in weights.items()})
worth = found.worth(best)
for name, money in list(zip(departments.departments, worth.spend, strict=True))[:5]:
    print(f"  {name}: {money:,.0f}")

problem = departments.budgeted(weights)
curves, units = solve(problem, tolerance=1e-2), departments.population(problem)
lines = [
    GroupLimit(name, types=(name,), most=max(500.0, 1.2 * money))
    for name, money in zip(departments.departments, worth.spend.tolist(), strict=True)
]
first, locked = lines[0].name, lines[4].name
lines[0] = GroupLimit(first, types=(first,), most=0.75 * float(worth.spend[0]))
lines[4] = GroupLimit(locked, types=(locked,), least=500.0, most=500.0)
split = allocate(curves, units, departments.total_budget, limits=Limits(groups=tuple(lines)))
print(f"\nsplit under a cap for each: {split.value:.2f}; price {split.price:.5f}")

loose, total = lines[1].name, departments.total_budget
print(f"\nthe cap of {loose} doubled: {change_line(split, loose, 2 * lines[1].most).sentence}")
more = change_line(split, first, lines[0].most + 50, total=total + 50)
print(f"\n50 more for {first} and for all: {more.sentence}")
print(f"\n125 more for {locked} and for all: {change_line(split, locked, 625, total=total + 125).sentence}")
print(f"\n250 more for {locked}, the total as it is: {change_line(split, locked, 750).sentence}")
