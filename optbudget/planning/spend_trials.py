"""Simulated total spends, to hold approximations against.

Equal units need not be told apart: what is drawn is how many of the units in each state go where, a
multinomial draw per state and stage, so a million units cost what a thousand do.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.planning.spenders import Spenders
from optbudget.workers import Monitor
from optbudget.workers.monitor import require_going_on

Floats = NDArray[np.float64]

BATCH = 1 << 16
"""Trials that are drawn together."""


def spend_trials(units: Spenders, trials: int, *, seed: int, monitor: Monitor | None = None) -> Floats:
    """(trials,) total spends, drawn independently.

    Parameters
    ----------
    units : independent units with their policies
    trials : how many totals
    seed : equal seeds give equal numbers

    Examples
    --------
    >>> from optbudget import Population, allocate, solve
    >>> from optbudget.planning.spenders import spenders
    >>> from optbudget.problems.examples import retry_example
    >>> curves = solve(retry_example(horizon=2))
    >>> split = allocate(curves, Population.at(curves.problem, {"open": 100}), 150.0)
    >>> spends = spend_trials(spenders(split), 10_000, seed=1)
    >>> round(float(spends.mean())), round(float(spends.std()), 1)
    (150, 5.0)
    """
    random = np.random.default_rng(seed)
    spends = np.empty(trials)
    for begin in range(0, trials, BATCH):
        size = min(BATCH, trials - begin)
        spends[begin : begin + size] = _batch(units, size, random, monitor)
        if monitor is not None:
            monitor.progress((begin + size) / trials, "trials")
    return spends


def _batch(units: Spenders, size: int, random: np.random.Generator, monitor: Monitor | None) -> Floats:
    n = units.problem.n_states
    start = np.zeros((len(units.policies), n, size), dtype=np.int64)
    for count, ways in zip(units.count.tolist(), units.ways, strict=True):
        weights = np.array([way.probability for way in ways])
        drawn = random.multinomial(count, weights / weights.sum(), size=size) if len(ways) > 1 else None
        for k, way in enumerate(ways):
            start[way.policy, way.state] += count if drawn is None else drawn[:, k]
    total = np.zeros(size)
    for policy, counts in zip(units.policies, start, strict=True):
        row_ptr, next_state, probability, pair_row = policy.rows
        here = counts
        for k in range(policy.horizon):
            require_going_on(monitor, "before the trials were done")
            after = np.zeros_like(here)
            rate = units.problem.cost_discount**k
            for i in np.flatnonzero(here.any(axis=1)).tolist():
                pair = policy.pairs[k, i]
                if pair < 0:
                    continue
                total += rate * units.problem.cost[pair] * here[i]
                span = slice(row_ptr[pair_row[pair]], row_ptr[pair_row[pair] + 1])
                targets, p = next_state[span], probability[span]
                left, rest = here[i].copy(), 1.0
                for j, share in zip(targets[:-1].tolist(), p[:-1].tolist(), strict=True):
                    moved = random.binomial(left, min(1.0, share / rest))
                    after[j] += moved
                    left -= moved
                    rest -= share
                after[targets[-1]] += left
            here = after
    return total
