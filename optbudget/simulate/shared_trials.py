"""Trials shared out among workers: trial k is the same wherever it is played."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import InterruptedWork, LimitError
from optbudget.problems import Allocation
from optbudget.simulate.policies import Trial, prepared_trials
from optbudget.simulate.trials import TOGETHER, run_trials
from optbudget.status import Termination
from optbudget.workers import Crew, Monitor, Shared, map_pieces

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrialJob:
    """What every trial needs.

    Attributes
    ----------
    answer : the split that the policies start from
    policies : their names
    split : what "split" acts out
    seed : of the draws
    """

    answer: Allocation
    policies: tuple[str, ...]
    split: Allocation | None
    seed: int

    @cached_property
    def prepared(self) -> dict[str, Trial]:
        """Made once by each worker."""
        return prepared_trials(self.answer, self.policies, self.split, {}, Monitor())


def shared_trials(
    job: TrialJob, value: Floats, stage_spend: Floats, crew: Crew, monitor: Monitor
) -> tuple[int, Termination | None]:
    """`run_trials` by a crew: fills value (P, K) and stage_spend (P, K, T)."""
    trials = value.shape[1]
    spans = [(first, min(first + TOGETHER, trials)) for first in range(0, trials, TOGETHER)]
    played = 0

    def take(number: int, found: tuple[Floats, Floats]) -> None:
        nonlocal played
        first, last = spans[number]
        value[:, first:last], stage_spend[:, first:last] = found
        played += last - first
        monitor.progress(played / trials, f"trials: {played:,}")

    with Shared(job, crew.folder) as shared:
        found = map_pieces(play_some, spans, shared, crew, monitor=monitor, done=take)
    if len(found) == len(spans):
        return trials, None
    reason = monitor.stop_reason() or Termination.UNKNOWN
    if not found:
        kind = InterruptedWork if reason is Termination.INTERRUPTED else LimitError
        raise kind("stopped before any trial was done; allow more time")
    return spans[len(found) - 1][1], reason


def play_some(job: TrialJob, span: tuple[int, int]) -> tuple[Floats, Floats]:
    """Trials first, ..., last - 1 of every policy: values (P, k) and spends by stage (P, k, T)."""
    first, last = span
    horizon = job.answer.curves.problem.horizon or 0
    value = np.zeros((len(job.policies), last - first))
    stage_spend = np.zeros((len(job.policies), last - first, horizon))
    run_trials(job.prepared, set(), value, stage_spend, job.seed, None, Monitor(), first=first)
    return value, stage_spend
