"""Departments learned one by one from runs that were watched: phased vector Q-learning.

For each department, every scalarisation :math:`(\\omega, \\lambda)` and each number k of decisions to go
there is a vector :math:`Q_k(s, a)` of the K objectives and the spend. The watched transitions are replayed
once for each k, and the n-th visit of (s, a), which led to s' and measured the vector m, moves all of them:

.. math:: Q_k(s, a) \\mathrel{+}= \\tfrac1n \\big(m + \\Gamma\\, Q_{k-1}(s', a^*) - Q_k(s, a)\\big), \\qquad
          a^* = \\arg\\max_{a'} (\\omega, -\\lambda_k) \\cdot Q_{k-1}(s', a'),

with :math:`Q_0 = 0`, Γ the discount of each component, and the maximum over actions that were taken in s',
the first of equals. As :math:`Q_{k-1}` is finished before, nothing is learned from early, wrong values, which
is what slows Q-learning in one pass (`optbudget.pareto.department_learning`): its spends stay too large for
long, and a budget is coupled by them. What is taken does not depend on what is learned for, so the same runs
teach all weights, all prices and all k.

**What holds.** This is the phased Q-learning of Kearns & Singh (1999), who bound the visits of each pair
after which all :math:`Q_k` are within ε with probability 1 - δ, with one set of transitions for all
phases. Every pair visited for ever, it converges to the best plan's values with probability 1, if the regime
is exogenous and departments do not move one another. After finitely many runs there is no certificate: what
was learned is evaluated by the model before it is compared (`optbudget.pareto.learned_front`). Endless plans
take as many phases as it takes for :math:`\\gamma^{phases}` to fall below `END`.

Kept are the transitions, 9 + 4 (K + 1) bytes each and department, and no tables: a block of scalarisations
needs its last phase only.
"""

import math

import numpy as np
from numpy.typing import NDArray

from optbudget.pareto import _phase_kernels as kernels
from optbudget.pareto.learned import Learned
from optbudget.pareto.scalarisations import LearningTask, Scalarisations, blocked_aims, lanes
from optbudget.pareto.watching import Watched
from optbudget.workers import Monitor
from optbudget.workers.monitor import require_going_on

BLOCK = 64
"""Scalarisations in a block, about: the values ahead of as many fit a core's cache."""
END = 1e-3
"""Weight of what comes after the last phase of an endless plan, where it is left out."""


def learn_by_phases(
    seen: Watched, task: LearningTask, scalarisations: Scalarisations, *, monitor: Monitor | None = None
) -> Learned:
    """Policies of the departments that were watched, for all scalarisations.

    Raises
    ------
    UsageError
        If the weights are not of the task's objectives.
    InterruptedWork, LimitError
        Where the monitor stops it, between two departments.

    Examples
    --------
    >>> from optbudget.pareto.environment import DepartmentsEnv
    >>> from optbudget.pareto.scalarisations import same_prices
    >>> from optbudget.pareto.watching import watch
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> task = LearningTask.of(two)
    >>> seen = watch(DepartmentsEnv(two, steps=1000), task, range(20))
    >>> learned = learn_by_phases(seen, task, same_prices([[0.5, 0.5]], [0.0, 1.0]))
    >>> learned.estimate.shape, learned.policy[0].shape, learned.runs, learned.steps
    ((2, 2, 3), (2, 3, 4), 20, 20000)
    """
    scalarisations.require(task)
    parts = []
    for d in range(len(seen.group)):
        require_going_on(monitor, "while learning")
        parts.append(_department(seen, d, task, scalarisations))
    policies, estimates, tries = zip(*parts, strict=True)
    return Learned(task, scalarisations, policies, np.array(estimates), tries, seen.runs, len(seen))


def _department(
    seen: Watched, d: int, task: LearningTask, scalarisations: Scalarisations
) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.int64]]:
    """Policies (W, T, S), estimates (W, K + 1) and visits (S, A) of one department."""
    lane = lanes(scalarisations.size, BLOCK)
    aim = blocked_aims(task, scalarisations, lane)
    blocks, stages, components, _ = aim.shape
    state, action, after, measured = seen.of(d)
    number = task.joint_states(seen.group[d])
    tried = np.zeros((number, task.actions), dtype=np.int64)
    rate, gain = np.empty(state.size, dtype=np.float32), np.zeros((*tried.shape, components))
    kernels.averages(state, action, measured, tried, rate, gain)
    policy = np.empty((blocks, stages, number, lane), dtype=np.int8)
    estimate = np.empty((blocks, components * lane), dtype=np.float32)
    kernels.learn(
        aim, task.component_discounts(), _phases(task), state, action, after, rate, gain.astype(np.float32),
        tried, int(seen.start[d]), policy, estimate,
    )  # fmt: skip
    by_stage = np.maximum(policy, 0).transpose(0, 3, 1, 2).reshape(-1, stages, number)
    rows = estimate.reshape(blocks, components, lane).transpose(0, 2, 1).reshape(-1, components)
    size = scalarisations.size
    return np.ascontiguousarray(by_stage[:size, ::-1]), rows[:size].astype(np.float64), tried


def _phases(task: LearningTask) -> int:
    """How often the transitions are replayed: once for each decision to go."""
    if task.horizon is not None:
        return task.horizon
    return 1 if task.discount == 0 else math.ceil(math.log(END) / math.log(task.discount))
