"""Three clinics learn from a simulator alone what their budget can buy, and are held against what is proved.

Each clinic has a short or a long queue; staff and the season move it. Treating more people wears out the
staff, so there are two objectives under one budget. The learner sees states, spends and rewards, never a
probability; then the model says what its plans are worth, beside the bound of every plan there is.
"""

from itertools import product

from optbudget.pareto import DepartmentsEnv, exact_front, learn_front
from optbudget.pareto.learning_curve import learning_curve
from optbudget.problems import Departments

CLINICS = {"north": 1.0, "south": 1.4, "harbour": 0.7}
STAFF = {"usual": (0.0, 0.0), "extra": (4.0, 0.3), "double": (9.0, 0.45)}
"""Cost in thousands, and by how much it raises the chance that a long queue becomes short."""


def columns(names, rows):
    return dict(zip(names.split(), map(list, zip(*rows, strict=True)), strict=True))


def clinics():
    """Every clinic in every season, by the formulas above."""
    acts, moves = [], []
    for (clinic, size), season, queue, staff in product(
        CLINICS.items(), ("mild", "flu"), ("short", "long"), STAFF
    ):
        cost, faster = STAFF[staff]
        short = {"short": 0.6, "long": 0.25}[queue] - 0.2 * (season == "flu") + 0.6 * faster
        treated = size * ((10.0 if queue == "long" else 7.0) + 12.0 * faster)
        wear = 1.0 * (queue == "long") + 5.0 * faster * (1.5 if season == "flu" else 1.0)
        key = (clinic, season, queue, staff)
        acts.append((*key, cost * size, treated, wear))
        moves += [(*key, "short", round(short, 3)), (*key, "long", round(1.0 - short, 3))]
    seasons = [("mild", "mild", 0.8), ("mild", "flu", 0.2), ("flu", "flu", 0.6), ("flu", "mild", 0.4)]
    return Departments.from_tables(
        columns("regime next_regime probability", seasons),
        columns("department regime state action next_state probability", moves),
        columns("department regime state action cost treated wear", acts),
        {"department": list(CLINICS), "state": ["long", "short", "long"]},
        objectives=["treated", "-wear"], total_budget=60.0, title="Three clinics", money_unit="thousand",
        discount=0.97, cost_discount=1.0, horizon=8,
    )  # fmt: skip


def main():
    model = clinics()
    exact = exact_front(model, weights=9, refine=0).front
    learned = learn_front(model, DepartmentsEnv(model, steps=500), exact.weight, episodes=40, seed=42)
    print("weight of treated | learned: treated, wear, spend | its value, and the bound of every plan")
    for p, number in enumerate(learned.number):
        (treated, wear), spend = learned.front.point[p], learned.front.spend[p]
        value, bound = learned.front.value[p], exact.bound[number]
        share = exact.weight[number, 0]
        print(f"{share:17.3f} | {treated:9.1f} {-wear:7.1f} {spend:6.1f} | {value:8.3f} {bound:8.3f}")
    curve = learning_curve([learned], exact)
    print(f"{curve.steps[0]:,} steps reach {curve.ratio[0]:.1%} of the front; 1 is the exact one.")


if __name__ == "__main__":
    main()
