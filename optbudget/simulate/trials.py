"""Many trials of several policies, on all cores."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import InterruptedWork, LimitError
from optbudget.simulate.policies import Trial
from optbudget.status import Termination
from optbudget.workers import Monitor

TOGETHER = 64
"""Trials between two looks at the monitor."""


def seed_word(seed: int) -> int:
    """The word of 32 bits that stands for a seed in all draws."""
    word: int = np.random.SeedSequence(int(seed)).generate_state(1).item()
    return word


def run_trials(
    prepared: Mapping[str, Trial],
    own: set[str],
    value: NDArray[np.float64],
    stage_spend: NDArray[np.float64],
    seed: int,
    threads: int | None,
    monitor: Monitor,
    *,
    first: int = 0,
) -> tuple[int, Termination | None]:
    """Fill value (P, K) and stage_spend (P, K, T) with the trials from `first` on.

    Returns the number of trials done, and why it is not K.
    """
    word = seed_word(seed)
    trials: int = value.shape[1]
    names = list(prepared)

    def play(p: int, begin: int, end: int) -> None:
        for k in range(begin, end):
            value[p, k] = prepared[names[p]]((word, first + k), stage_spend[p, k])

    def share(begin: int, end: int) -> None:
        for p, name in enumerate(names):
            if name not in own:
                play(p, begin, end)

    workers = max(1, min(threads or os.cpu_count() or 1, trials))
    with ThreadPoolExecutor(workers) as pool:
        for begin in range(0, trials, TOGETHER):
            reason = monitor.stop_reason()
            if reason is not None and begin == 0:
                kind = InterruptedWork if reason is Termination.INTERRUPTED else LimitError
                raise kind("stopped before any trial was done; allow more time")
            if reason is not None:
                return begin, reason
            end = min(begin + TOGETHER, trials)
            cuts = np.linspace(begin, end, workers + 1).astype(int).tolist()
            for work in [pool.submit(share, a, b) for a, b in pairwise(cuts)]:
                work.result()
            for p, name in enumerate(names):
                if name in own:
                    play(p, begin, end)
            monitor.progress(end / trials, f"trials: {end:,}")
    return trials, None
