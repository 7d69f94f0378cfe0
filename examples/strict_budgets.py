"""What it costs never to overspend: a budget kept in expectation beside one that no path may exceed.

For one customer both are answered at every budget. For a few customers the joint problem, in which money may
go from one to another as chance falls, can be solved whole. In expectation it is worth exactly what the split
of the budget is worth, customer by customer; only the promise never to overspend costs something.
"""

from fractions import Fraction

from optbudget import Population, allocate, solve, strict_curve
from optbudget.formulations import joint_problem, strict_optimum
from optbudget.study import compare, generate

customer = generate("funnel", seed=11, states=3, actions=2, horizon=3)
customers = [2, 3, 4, 5, 6]
curves = solve(customer, method="walk")

strict_one = strict_curve(customer, 3 * float(customer.cost.max()))
print("one customer   budget  in expectation  never exceeded (at most)")
for share in (0.25, 0.5, 0.75, 1.0):
    budget = share * strict_one.largest_budget
    never, most = float(strict_one.value("s0", budget)), float(strict_one.bound("s0", budget))
    print(f"              {budget:7.3f}  {float(curves.value('s0', budget)):14.6f}  {never:.6f} ({most:.6f})")

print(f"{customer.title}; money for about half of the ads")
print("customers  budget  the split  joint, by its curve  joint, by GLOP  strict  share of it")
for n in customers:
    people = Population.at(customer, {"s0": n})
    budget = n * float(customer.cost.max()) * 0.75
    split = allocate(curves, people, budget)
    joint, constant = joint_problem(customer, people, budget)
    curve, program = compare(joint, budget, routes=("walk", "cmdp_primal/mathopt/glop")).routes
    strict = strict_optimum(customer, people, budget) or Fraction(0)
    print(
        f"{n:9}  {budget:6.3f}  {split.value:9.6f}  {curve.value + constant:19.6f}  "
        f"{program.value + constant:14.6f}  {float(strict):.4f}  {float(strict) / split.value:.4f}"
    )
