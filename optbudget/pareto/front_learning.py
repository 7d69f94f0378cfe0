"""From an environment to a learned front: which prices, how many runs, and where it goes on.

All is learned from the same runs. A part of them, over a wide range of prices that holds for any model of
such rewards and spends, tells about which price each weighting spends the budget at; all of them, over a few
prices around it, give the plans (`optbudget.pareto.phased_learning`). What is watched is kept, run by run, so
work that was interrupted goes on and ends with the same plans to the last bit.
"""

from collections.abc import Sequence
from functools import reduce
from math import ceil, log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import UsageError
from optbudget.pareto.answers import require_callable
from optbudget.pareto.arguments import floats, number, whole
from optbudget.pareto.coupling import prices_around
from optbudget.pareto.learned import Learned
from optbudget.pareto.learned_front import LearnedFront, front_of
from optbudget.pareto.phased_learning import learn_by_phases
from optbudget.pareto.scalarisations import LearningTask, Scalarisations
from optbudget.pareto.watching import STEPS, Environment, Watched, watch
from optbudget.problems import Departments
from optbudget.workers import Checkpoint, Monitor
from optbudget.workers.monitor import require_going_on, require_room

Floats = NDArray[np.float64]

FEWEST, MOST = 5, 17
"""Prices around that at which a weighting spends the budget, for many weightings and for few."""
TOGETHER = 256
"""Scalarisations, about, that many weightings have in all."""
WIDE, WIDEST = 12, 32
"""Prices that are tried first: where every spend is alike, and at most."""
RATIO = 4.0
"""Of each of them to the one before."""
FIRST = 0.25
"""Share of the runs that the first prices are tried on."""
AT_ONCE = 10
"""Runs between two looks at the clock, and in a piece of the checkpoint."""
WATCHING = 0.5
"""Share of the progress that watching is."""


def learn_front(
    departments: Departments,
    env: Environment,
    weights: ArrayLike,
    *,
    episodes: int,
    seed: int = 42,
    budget: float | None = None,
    together: int | None = None,
    monitor: Monitor | None = None,
    checkpoint: Checkpoint | None = None,
) -> LearnedFront:
    """Learn a front from runs of an environment, and evaluate it exactly by the model.

    Parameters
    ----------
    departments : the model, for sizes, discounts and horizon, for the budget, and for the evaluation
    env : of it; only its `reset` and `step` are called
    weights : (P, K) > 0
    episodes : runs of the environment, of 1,000 steps each if it is `DepartmentsEnv`'s
    seed : of all draws
    budget : money for all in expectation; the model's total budget if not given
    together : so many departments are watched and learned at a time, to need less memory; for each lot of
        them the environment runs anew, twice. All if not given
    monitor : progress and limits
    checkpoint : where runs are kept; its key must name the model, the seed and whatever else matters to them

    Raises
    ------
    UsageError
        If there is no run to learn from, or a setting cannot be.
    InterruptedWork, LimitError
        Where the monitor stops it; what was watched is in the checkpoint.

    Examples
    --------
    >>> from optbudget.pareto import DepartmentsEnv, exact_front
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> weights = [[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]
    >>> learned = learn_front(two, DepartmentsEnv(two), weights, episodes=20).front
    >>> exact = exact_front(two, weights=weights, refine=0).front
    >>> bool((learned.value <= exact.bound + 1e-9).all()), bool((learned.value > 0.95 * exact.value).all())
    (True, True)
    """
    (found,) = learn_fronts(
        departments, env, weights, episodes=[episodes], seed=seed, budget=budget, together=together,
        monitor=monitor, checkpoint=checkpoint,
    )  # fmt: skip
    return found


def learn_fronts(
    departments: Departments,
    env: Environment,
    weights: ArrayLike,
    *,
    episodes: Sequence[int],
    seed: int = 42,
    budget: float | None = None,
    together: int | None = None,
    monitor: Monitor | None = None,
    checkpoint: Checkpoint | None = None,
) -> list[LearnedFront]:
    """The fronts after so many of the same runs each, for a learning curve; otherwise as `learn_front`."""
    task = LearningTask.of(departments)
    money = departments.total_budget if budget is None else number("the budget", budget, "[0, inf)")
    weight = floats("weights", weights, ("P", task.objectives), "(0, inf)")
    if not isinstance(episodes, Sequence) or not episodes:
        raise UsageError(f"episodes must be a list of whole numbers >= 1; got {episodes!r:.40}")
    for runs in episodes:
        whole("episodes", runs, least=1)
    whole("together", 1 if together is None else together, least=1)
    whole("seed", seed)
    require_callable("env", env, "reset", "step")
    source = _Source(env, task, max(episodes), seed, together, monitor, checkpoint)
    once = watch(env, task, range(1), seed=seed)
    require_room_to_learn(task, max(episodes), len(once), together=together, monitor=monitor)
    wide = wide_prices(once, task, weight)
    prices = max(FEWEST, min(MOST, TOGETHER // len(weight)))
    found = []
    for k, runs in enumerate(episodes):
        source.tell(k / len(episodes), f"learning from {runs:,} episodes")
        first = source.learned(wide, max(1, round(FIRST * runs)))
        learned = source.learned(prices_around(first, money, prices), runs)
        found.append(front_of(learned, departments, money, monitor=monitor))
    return found


def require_room_to_learn(
    task: LearningTask, episodes: int, steps: int, *, together: int | None = None, monitor: Monitor | None
) -> None:
    """Refuse runs that no memory holds: their transitions, twice while they are put together.

    Raises
    ------
    LimitError
        Saying what to ask less of.
    """
    watched = len(task.states) if together is None else min(together, len(task.states))
    size = 2.0 * (9 + 4 * (task.objectives + 1)) * watched * steps * episodes
    what = f"learning from {episodes:,} episodes of {steps:,} steps"
    require_room(monitor, size, what, "ask for fewer --episodes (episodes=)")


def wide_prices(seen: Watched, task: LearningTask, weight: Floats) -> Scalarisations:
    """Prices that surely begin above the one at which nobody spends what it need not, and go far below.

    At the highest a unit of the least spend that was seen costs as much as the weighted objectives can differ
    by, in all periods of a plan. There are the more of them, the farther apart the spends are.

    Examples
    --------
    >>> from optbudget.pareto.environment import DepartmentsEnv
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> task = LearningTask.of(two)
    >>> wide = wide_prices(watch(DepartmentsEnv(two), task, range(1)), task, np.array([[0.5, 0.5]]))
    >>> wide.price[:, [0, -2, -1]].round(6).tolist()
    [[2e-06, 1.6875, 6.75]]
    """
    measured = seen.measured.astype(np.float64)
    paid = measured[:, :, -1][measured[:, :, -1] > 0]
    least, most = (float(paid.min()), float(paid.max())) if paid.size else (1.0, 1.0)
    differ = weight @ np.ptp(measured[:, :, :-1], axis=(0, 1))
    periods = task.horizon or 1.0 / (1.0 - task.discount)
    highest = np.where(differ > 0, periods * differ / least, 1.0)
    count = min(WIDE + ceil(log(most / least, RATIO)), WIDEST)
    return Scalarisations(weight, highest[:, None] * RATIO ** -np.arange(count, dtype=np.float64)[::-1])


class _Source:
    """Runs of the environment, of some departments at a time, from the checkpoint where they are there."""

    def __init__(
        self,
        env: Environment,
        task: LearningTask,
        runs: int,
        seed: int,
        together: int | None,
        monitor: Monitor | None,
        checkpoint: Checkpoint | None,
    ) -> None:
        self.env, self.task, self.runs, self.seed = env, task, runs, seed
        self.monitor, self.checkpoint = monitor, checkpoint
        count = len(task.states)
        size = count if together is None else together
        self.groups = [range(first, min(first + size, count)) for first in range(0, count, size)]
        self._last: tuple[int, Watched] | None = None

    def seen(self, number: int) -> Watched:
        """All runs of a group; those of the group that was asked for last are remembered."""
        if self._last is None or self._last[0] != number:
            self._last = None
            parts = [self._part(number, first) for first in range(0, self.runs, AT_ONCE)]
            self._last = number, Watched.together(parts)
        return self._last[1]

    def tell(self, part: float, text: str) -> None:
        """Report how far the learning is, after all has been watched."""
        if self.monitor is not None:
            self.monitor.progress(WATCHING + (1.0 - WATCHING) * part, text)

    def learned(self, scalarisations: Scalarisations, runs: int) -> Learned:
        """What the first runs teach all departments."""
        parts = [
            learn_by_phases(self.seen(k).first(runs), self.task, scalarisations, monitor=self.monitor)
            for k in range(len(self.groups))
        ]
        return reduce(Learned.joined, parts)

    def _part(self, number: int, first: int) -> Watched:
        """A few runs of a group."""
        require_going_on(self.monitor, f"after {first} of {self.runs} episodes")
        if self.monitor is not None:
            self.monitor.progress(WATCHING * first / self.runs, f"episode {first} of {self.runs}")
        group = self.groups[number]
        last = min(first + AT_ONCE, self.runs)
        name = f"runs-{self.seed}-{group[0]}-{group[-1]}-{first}-{last}"
        kept = None if self.checkpoint is None else self.checkpoint.fetch(name)
        if kept is not None:
            steps = {field: kept[field] for field in STEPS}
            return Watched(**steps, start=kept["start"], group=tuple(group), runs=last - first)
        part = watch(self.env, self.task, range(first, last), seed=self.seed, group=group)
        if self.checkpoint is not None:
            self.checkpoint.store(name, start=part.start, **{field: getattr(part, field) for field in STEPS})
        return part
