"""P(overspend) at twenty settings: the approximation that is answered where there is no law, and the truth.

Costs of synthetic_ad lie on a grid: the truth is the exact law. With spend discounted they lie on none,
and the truth is a million trials (minutes): `python examples/overspend_settings.py 1000000`.
"""

import sys
from dataclasses import replace
from pathlib import Path

from optbudget import Population, allocate, chance_constrained, load, solve, spend_risk
from optbudget.planning import spend_trials, spenders

MODEL = Path(__file__).parent.parent / "models" / "synthetic_ad"
UNITS = (10, 30, 100, 1000, 10_000)
SHARES = {
    0.05: (0.8, 0.0, 0.4, 1.6, 1.2),
    0.25: (0.4, 1.6, 0.0, 1.2, 0.8),
    0.5: (1.0, 0.6, 1.4, 0.2, 0.9),
    0.85: (0.0, 0.8, 1.6, 1.2, 0.4),
}
"""Deviations of the budget above the plan by number of customers, for shares of what they could use."""


def main(trials: int = 0) -> None:
    problem = load(MODEL)
    if trials:
        problem = replace(problem, cost_discount=0.95)
    curves = solve(problem)
    useful = curves["begin"].largest_useful_budget
    print(f"units  share  skewness    true  answered  apart   true by {'trials' if trials else 'exact law'}")
    worst, skewed = 0.0, 0
    for share, above in SHARES.items():
        for units, deviations in zip(UNITS, above, strict=True):
            plan = allocate(curves, Population.at(problem, {"begin": units}), share * useful * units)
            who = spenders(plan)
            _, mean, variance, third, _ = who.cumulants(0.0)
            budget = mean + deviations * variance**0.5
            risk = spend_risk(plan, budget, law=not trials)
            drawn = spend_trials(who, trials, seed=1) > budget if trials else None
            true = risk.overspend if drawn is None else float(drawn.mean())
            apart, skewness = risk.saddle_point - true, third / variance**1.5
            worst, skewed = max(worst, abs(apart)), skewed + (skewness > 0.5)
            print(
                f"{units:6,} {share:5.0%} {skewness:9.2f} {true:8.2%} {risk.saddle_point:8.2%} {apart:+7.2%}"
            )
    print(f"at most {100 * worst:.2f} percentage points apart; {skewed} of 20 with a skewness above 0.5\n")

    customers, limit = Population.at(problem, {"begin": 100}), 500.0
    plan = chance_constrained(curves, customers, limit, level=0.05, trials=trials or 100_000)
    low, high = plan.budget * 0.9, limit
    while high - low > 3e-3 * limit:
        middle = (low + high) / 2
        who = spenders(allocate(curves, customers, middle))
        rarely = (spend_trials(who, 20_000, seed=2) > limit).mean() <= 0.05
        low, high = (middle, high) if rarely else (low, middle)
    print(
        f"100 customers, over {limit:g} in 5 % of cases at most: {plan.budget:.1f} planned ({plan.held_by}),"
    )
    print(f"{plan.budget / low:.1%} of the {low:.1f} that 20,000 trials allow")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
