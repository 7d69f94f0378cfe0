"""Checks of roll-outs: what follows from the trials themselves, beside the proof of their split.

That a mean is near the truth cannot be proved from trials; that the trials are those of the seed only by
playing them again (`optbudget.simulate.repeated`), which needs the code that made them.
"""

from collections.abc import Iterator

import numpy as np

from optbudget.problems import Check, Rollouts

NEVER_OVER = ("dbra", "index")
"""Policies that promise never to overspend."""

ROUNDING = 1e-9
"""Relative room for sums over stages."""


def rollout_checks(found: Rollouts) -> Iterator[Check]:
    """All statements of roll-outs that follow from their trials."""
    problem, units = found.allocation.curves.problem, found.allocation.population.size
    numbers = bool(np.isfinite(found.value).all() and np.isfinite(found.spend).all())
    yield Check("trials well formed", numbers, f"{found.trials:,} of {len(found.policies)} policies")
    dearest = units * float(problem.cost.max(initial=0.0))
    within = bool((found.stage_spend >= 0).all() and (found.stage_spend <= dearest * (1 + ROUNDING)).all())
    yield Check("spend of every stage possible", within, f"each in 0 to {dearest:.10g}")
    discount = problem.discount ** np.arange((problem.horizon or 0) + 1, dtype=np.float64)
    worth = max(
        np.abs(problem.pair_reward).max(initial=0.0), np.abs(problem.terminal_utility).max(initial=0.0)
    )
    most = units * float(worth * discount.sum())
    reached = float(np.abs(found.value).max(initial=0.0))
    yield Check(
        "value of every trial possible", reached <= most * (1 + ROUNDING), f"|value| up to {most:.10g}"
    )
    for name in found.policies:
        if name in NEVER_OVER:
            worst = float(found.overspend(name).max(initial=0.0))
            said = f"by {worst:.6g} at most in {found.trials:,} trials"
            yield Check(f"{name} never over the budget", worst == 0, said)
