"""Roll-outs for a person: a table of the policies beside the bound, and two panels of their spend."""

import numpy as np

from optbudget.problems import Rollouts
from optbudget.report.tables import Grid
from optbudget.report.words import number

POLICY_WORDS = {
    "bmdp": "useful budgets, by price",
    "dbra": "what is left, split anew at every stage",
    "sub": "static user budgets",
    "uba": "equal shares, by price",
    "index": "by price, highest index first, while money lasts",
    "cap": "static user budgets, never exceeded",
}
"""What each policy does, in a few words."""


def rollout_grid(found: Rollouts) -> Grid:
    """One row per policy: value and spend with their 95 % intervals, how often and far it overspends."""
    rows = [("proved bound", "", number(found.bound, 8), "", "", "", "", "", "")]
    for name in found.policies:
        s = found.summary(name)
        rows.append(
            (
                name, POLICY_WORDS.get(name, "your own"), number(s.value_mean, 8), _half(s.value_low, s.value_high),
                number(s.value_sd, 4), number(s.spend_mean, 8), number(s.spend_sd, 4),
                f"{100 * s.overspend_frequency:.1f} %", number(s.overspend_max),
            )
        )  # fmt: skip
    columns = (
        "policy", "what units do", ">value", ">±", ">sd", ">spend", ">sd", ">trials over budget", ">by at most",
    )  # fmt: skip
    note = (
        f"{found.trials:,} trials of {found.allocation.population.size:,} units, seed {found.seed}; ± is the 95 % "
        "interval of the mean. No policy that keeps the budget in expectation is worth more in the mean than the "
        "bound, which is proved; the other numbers are estimates."
    )
    return Grid(f"Acted out with a budget of {number(found.budget)}", columns, tuple(rows), note)


def _half(low: float, high: float) -> str:
    half = (high - low) / 2
    return "" if np.isnan(half) else number(half, 3)
