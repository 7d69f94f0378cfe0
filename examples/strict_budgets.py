"""What it costs never to overspend: a budget kept in expectation beside one that no path may exceed.

For a few customers the joint problem, in which money may go from one to another as chance falls, can be
solved whole. In expectation it is worth exactly what the split of the budget is worth, customer by
customer; only the promise never to overspend costs something.
"""

from fractions import Fraction

from optbudget import Population, allocate, solve
from optbudget.formulations import joint_problem, strict_optimum
from optbudget.study import compare, generate

customer = generate("funnel", seed=11, states=3, actions=2, horizon=3)
customers = [2, 3, 4, 5, 6]
curves = solve(customer, method="walk")

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
