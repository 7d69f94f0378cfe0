"""Roll-outs for a person: a table of the policies, beside the bound."""

import math

from optbudget.problems import Rollouts
from optbudget.report.tables import Grid
from optbudget.report.words import number, plural

POLICY_WORDS = {
    "bmdp": "useful budgets, by price",
    "dbra": "what is left, split anew at every stage",
    "sub": "static user budgets, the last action may exceed them",
    "uba": "equal shares, by price",
    "index": "by price while money lasts, highest index first",
    "cap": "static user budgets, each kept; the total only in expectation",
    "split": "the split in the result as it stands, by price",
}
"""What each policy does, in a few words."""


def rollout_grid(found: Rollouts) -> Grid:
    """One row per policy: value and spend with 95 % intervals of their means, and how often it overspends."""
    rows = [("", "proved bound", number(found.bound, 8), *[""] * 8)]
    for name in found.policies:
        s = found.summary(name)
        cells = (
            *_estimate(s.value_mean, s.value_low, s.value_high, s.value_sd),
            *_estimate(s.spend_mean, s.spend_low, s.spend_high, s.spend_sd),
            f"{100 * s.overspend_frequency:.1f} %",
            f"{100 * s.overspend_low:.1f} to {100 * s.overspend_high:.1f} %",
            number(s.overspend_max),
        )
        rows.append((name, POLICY_WORDS.get(name, "your own"), *cells))
    columns = (
        "policy", "what units do", ">value", ">±", ">sd", ">spend", ">±", ">sd", ">trials over",
        ">95 % interval", ">by at most",
    )  # fmt: skip
    unlimited = math.isinf(found.budget)
    money = "money without limit" if unlimited else f"a budget of {number(found.budget)}"
    acted = f"{plural(found.trials, 'trial')} of {plural(found.allocation.population.size, 'unit')}"
    note = (
        f"{acted}, seed {found.seed}; ± is the "
        "95 % interval of the mean. No policy that keeps the budget in expectation is worth more in the mean "
        "than the bound, which is proved; the other numbers are estimates, and no certificate goes with them."
    )
    return Grid(f"Acted out with {money}", columns, tuple(rows), note)


def _estimate(mean: float, low: float, high: float, sd: float) -> tuple[str, str, str]:
    """Mean, half its interval and standard deviation; one trial has neither."""
    half = (high - low) / 2
    return (
        number(mean, 7),
        "" if math.isnan(half) else number(half, 3),
        "" if math.isnan(sd) else number(sd, 4),
    )
