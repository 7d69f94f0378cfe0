"""Runs of an environment as a learner sees them: through `reset` and `step`, and nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.pareto.answers import begun, require_callable, stepped
from optbudget.pareto.arguments import number, of_kind, place, whole
from optbudget.pareto.scalarisations import LearningTask

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Policies = Sequence[NDArray[np.int8]]
"""For each department (W, T, S), the action at stage t in each state, by W scalarisations."""


class Environment(Protocol):
    """All that is asked of an environment: Gymnasium's `reset` and `step`.

    Observations are the regime and each department's state, as whole numbers; `info` of a step holds, by
    department, the `action` taken (D,), the `spend` (D,) and the `reward` (D, K).
    """

    def reset(self, *, seed: int | None = None) -> tuple[Any, dict[str, Any]]: ...

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]: ...


STEPS = ("state", "action", "after", "measured")
"""What of `Watched` there is for every step."""


@dataclass(frozen=True, eq=False)
class Watched:
    """N steps of some departments, in their order, run after run.

    Attributes
    ----------
    state, after : (N, D) int32, regime * states + own state, before and after a step; -1 after a run's end
    action : (N, D) int8, what was taken
    measured : (N, D, K + 1) float32, rewards, more is better, and spend
    start : (D,) where runs begin
    group : the numbers of these departments among all
    runs : how many runs there were
    """

    state: NDArray[np.int32]
    action: NDArray[np.int8]
    after: NDArray[np.int32]
    measured: NDArray[np.float32]
    start: Integers
    group: tuple[int, ...]
    runs: int

    def __len__(self) -> int:
        return len(self.state)

    @classmethod
    def together(cls, parts: Sequence["Watched"]) -> "Watched":
        """The runs of several parts, one after another."""
        steps = {name: np.concatenate([getattr(part, name) for part in parts]) for name in STEPS}
        runs = sum(part.runs for part in parts)
        return cls(**steps, start=parts[0].start, group=parts[0].group, runs=runs)

    def first(self, runs: int) -> "Watched":
        """The first of the runs, if all are of one length; else as many steps as they are on average."""
        number = round(len(self) * min(1.0, runs / self.runs))
        steps = {name: getattr(self, name)[:number] for name in STEPS}
        return Watched(**steps, start=self.start, group=self.group, runs=min(runs, self.runs))

    def of(self, d: int) -> tuple[Integers, Integers, Integers, NDArray[np.float32]]:
        """State, action, state after (N,) and measurements (N, K + 1) of one department."""

        def own(column: NDArray[np.integer]) -> Integers:
            return np.ascontiguousarray(column[:, d], dtype=np.int64)

        return own(self.state), own(self.action), own(self.after), np.ascontiguousarray(self.measured[:, d])


def watch(
    env: Environment,
    task: LearningTask,
    runs: range,
    *,
    seed: int = 0,
    group: Sequence[int] | None = None,
    chance: float = 1.0,
    policies: Policies | None = None,
) -> Watched:
    """Watch some runs of an environment.

    Parameters
    ----------
    env : only its `reset` and `step` are called
    runs : which of the seed's runs, one at least; run j of a seed has the same draws whatever was watched
        before
    seed : of the environment's draws and the explorer's, >= 0
    group : numbers of the departments that are watched; the others act at random. None is all
    chance : in [0, 1], with which a department of the group takes any of its actions, all equally likely;
        else what seems best, for a scalarisation drawn for each run and with the decisions to go of a plan
        that begins anew after its last
    policies : what seems best; without them all choose uniformly

    Raises
    ------
    UsageError
        If an argument is out of its range, or what the environment shows is not of such departments: tables
        are indexed by it.

    Examples
    --------
    >>> from optbudget.pareto.environment import DepartmentsEnv
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> seen = watch(DepartmentsEnv(two, steps=5), LearningTask.of(two), range(2), seed=1)
    >>> len(seen), seen.measured.shape, seen.runs
    (10, (10, 2, 3), 2)
    """
    require_callable("env", env, "reset", "step")
    if not of_kind("runs", runs, range) or runs[0] < 0 or runs[-1] < 0:
        raise UsageError(f"runs is {runs!r}; it must hold a run, and be numbered from 0")
    own = np.array(departments_of(task, group))
    whole("seed", seed)
    chance = number("chance", chance, "[0, 1]")
    moments: list[tuple[Any, ...]] = []
    starts = []
    for run in runs:
        choose = _Chooser(task, own, chance, policies, np.random.default_rng((seed, run)))
        begin = int(np.random.SeedSequence((seed, run)).generate_state(1)[0])
        seen = _observation(task, begun(env, begin))
        _require_seen(task, seen[None])
        starts.append(_joint(task, own, seen))
        moments.extend(_run(env, task, own, seen, choose))
    state, action, reward, spend, after, shown = (np.array(column) for column in zip(*moments, strict=True))
    _require_seen(task, shown)
    _require_measured(task, action, reward, spend)
    measured = np.concatenate([reward, spend[:, :, None]], axis=2).astype(np.float32)
    return Watched(
        state.astype(np.int32), action.astype(np.int8), after.astype(np.int32), measured, starts[0],
        tuple(own.tolist()), len(runs),
    )  # fmt: skip


def _joint(task: LearningTask, own: Integers, seen: Any) -> Integers:
    """Pairs of regime and state of some departments, numbered regime by regime."""
    return np.asarray(seen[0] * np.array(task.states)[own] + seen[1 + own])


def _run(
    env: Environment, task: LearningTask, own: Integers, seen: Any, choose: "_Chooser"
) -> Iterator[tuple[Any, ...]]:
    """State, action, reward, spend, state after and observation of each step of a run."""
    size = np.array(task.states)[own]
    now = _joint(task, own, seen)
    over = cut = False
    while not (over or cut):
        shown, _, over, cut, info = stepped(env, choose(now))
        seen = _observation(task, shown)
        after = seen[0] * size + seen[1 + own]
        ended = np.full(own.size, -1) if over else after
        yield now, *_told(task, own, info), ended, seen
        now = after


def departments_of(task: LearningTask, group: Sequence[int] | None) -> tuple[int, ...]:
    """The numbers of a group of departments; None is all."""
    count = len(task.states)
    chosen = range(count) if group is None else group
    if isinstance(chosen, str) or not isinstance(chosen, Sequence | np.ndarray) or not len(chosen):
        raise UsageError(f"group must be numbers of departments, one at least; got {group!r:.40}")
    found = tuple(place("a department of group", d, count) for d in chosen)
    if len(set(found)) < len(found):
        raise UsageError(f"group names a department twice: {group!r:.40}")
    return found


def _observation(task: LearningTask, shown: Any) -> NDArray[Any]:
    """The regime and each department's state (1 + D,); whether the model has them is not looked at yet."""
    try:
        seen = np.asarray(shown)
    except ValueError:
        raise _unlike(task) from None
    if seen.shape != (1 + len(task.states),) or seen.dtype.kind not in "iuf":
        raise _unlike(task)
    return seen


def _told(task: LearningTask, own: Integers, info: Any) -> tuple[NDArray[Any], ...]:
    """Action (D,), reward (D, K) and spend (D,) of some departments, by a step's info."""
    count = (len(task.states),)
    try:
        told = np.asarray(info["action"]), np.asarray(info["reward"]), np.asarray(info["spend"])
    except (KeyError, IndexError, TypeError, ValueError):
        raise _untold(task) from None
    action, reward, spend = told
    if action.shape != count or reward.shape != (*count, task.objectives) or spend.shape != count:
        raise _untold(task)
    return action[own], reward[own], spend[own]


def _untold(task: LearningTask) -> UsageError:
    return UsageError(
        f"the info of a step must hold, for each of {len(task.states)} departments, info['action'], "
        f"info['reward'] of {task.objectives} objectives and info['spend'], all numbers"
    )


def _unlike(task: LearningTask) -> UsageError:
    return UsageError(
        f"an observation holds the numbers of the regime and of {len(task.states)} departments' states, "
        "all within the model; is the environment of these departments?"
    )


def _require_seen(task: LearningTask, shown: NDArray[Any]) -> None:
    """Refuse observations (N, 1 + D) that are not a regime and a state of every department."""
    if shown.dtype.kind not in "iu" or not ((shown >= 0) & (shown < [task.regimes, *task.states])).all():
        raise _unlike(task)


def _require_measured(task: LearningTask, action: Any, reward: Floats, spend: Floats) -> None:
    """Refuse actions that the departments have not, and rewards and spends that are not finite."""
    if action.dtype.kind not in "iu" or not ((action >= 0) & (action < task.actions)).all():
        raise UsageError(f"info['action'] must hold whole numbers from 0 to {task.actions - 1}")
    if reward.dtype.kind not in "iuf" or spend.dtype.kind not in "iuf":
        raise _untold(task)
    if not (np.isfinite(reward).all() and np.isfinite(spend).all() and (spend >= 0).all()):
        raise UsageError("info['reward'] and info['spend'] must be finite, and no spend below 0")


class _Chooser:
    """Chooses the actions of all departments, step by step of one run."""

    def __init__(
        self,
        task: LearningTask,
        own: Integers,
        chance: float,
        policies: Policies | None,
        draws: np.random.Generator,
    ) -> None:
        self.task, self.own, self.draws = task, own, draws
        self.chance, self.stage = chance, 0
        self.size = task.regimes * np.array(task.states)[own]
        self.followed: list[NDArray[np.int8]] = []
        if policies is not None and chance < 1:
            which = draws.integers(len(policies[0]), size=len(task.states))[own]
            self.followed = [policy[w] for policy, w in zip(policies, which, strict=True)]

    def __call__(self, now: Integers) -> Integers:
        action = self.draws.integers(self.task.actions, size=len(self.task.states))
        if self.followed:
            if now.dtype.kind not in "iu" or not ((now >= 0) & (now < self.size)).all():
                raise _unlike(self.task)
            greedy = self.draws.random(len(self.task.states))[self.own] >= self.chance
            for d in np.flatnonzero(greedy).tolist():
                action[self.own[d]] = self.followed[d][self.stage, now[d]]
            self.stage = (self.stage + 1) % self.task.stages
        return action
