"""Roll-outs played again from their seed, and held against what is stated."""

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import Check, Rollouts
from optbudget.simulate.simulate import KNOWN, simulate
from optbudget.workers import Monitor

SAME = 1e-9
"""Relative difference that another machine's rounding may make."""

MOST = 1000
"""Trials that are played again unless all are asked for."""


def repeated(
    found: Rollouts, *, every: bool = False, threads: int | None = None, monitor: Monitor | None = None
) -> tuple[Check, ...]:
    """Play trials again from the seed; one check per policy whose rule is known by its name.

    What another wrote, and a given split, is not stored with the trials: nothing is found out about it.

    Parameters
    ----------
    found : roll-outs, from `simulate` or from disk
    every : all trials; else the first `MOST`
    threads, monitor : as for `simulate`

    Examples
    --------
    >>> from optbudget import Population, solve
    >>> from optbudget.problems.examples import two_action_example
    >>> curves = solve(two_action_example(horizon=1), keep_stages=True)
    >>> found = simulate(curves, Population.at(curves.problem, {"s": 2}), 1.5, policies=["dbra"], trials=9)
    >>> [(check.name, check.ok) for check in repeated(found)]
    [('dbra played again', True)]
    """
    split = found.allocation
    names = [name for name in found.policies if repeatable(name)]
    trials = found.trials if every else min(found.trials, MOST)
    checks: dict[str, Check] = {}
    if names:
        again = simulate(
            split.curves, split.population, split.budget, policies=names, trials=trials, seed=found.seed,
            threads=threads, monitor=monitor,
        )  # fmt: skip
        for name in names:
            here, there = found.index(name), again.index(name)
            pairs = ((found.value, again.value), (found.stage_spend, again.stage_spend))
            apart = max(_apart(stated[here, : again.trials], played[there]) for stated, played in pairs)
            said = f"{again.trials:,} of {found.trials:,} trials of seed {found.seed}, {apart:.2g} apart"
            checks[name] = Check(f"{name} played again", apart <= SAME and again.trials == trials, said)
    return tuple(checks.values())


def repeatable(name: str) -> bool:
    """Whether the name of a policy says all that is needed to play it again."""
    return name in KNOWN and name != "split"


def _apart(stated: NDArray[np.float64], played: NDArray[np.float64]) -> float:
    """Largest difference, relative to 1 + its size."""
    return float((np.abs(stated - played) / (1 + np.abs(played))).max(initial=0.0))
