"""Departments learned one by one while they are watched: vector Q-learning in one pass.

For each department and each number k of decisions to go there is a vector :math:`Q_k(s, a)` of the K
objectives and the spend, under every scalarisation :math:`(\\omega, \\lambda)`. A transition from s (regime
and own state) by a to s', which earned and cost the vector m, moves all of them at once:

.. math:: Q_k(s, a) \\mathrel{+}= \\alpha_n \\big(m + \\Gamma\\, Q_{k-1}(s', a^*) - Q_k(s, a)\\big), \\qquad
          a^* = \\arg\\max_{a'} (\\omega, -\\lambda_k) \\cdot Q_{k-1}(s', a'),

with :math:`Q_0 = 0`, Γ the discount of each component, and the maximum over actions that were taken in s'
before, the first of equals. With endless plans the one Q bootstraps from itself. Nothing is kept but the
tables, and with a constant rate it follows an environment that changes. Where transitions can be kept,
`optbudget.pareto.phased_learning` gets more out of them.

**What holds.** With rates :math:`\\alpha_n = ((1 + h) / (n + h))^p`, n the visits of (s, a) and
1/2 < p <= 1, and every pair visited for ever, each scalarised Q converges to that of the best plan with
probability 1 (Watkins & Dayan 1992; Jaakkola, Jordan & Singh 1994), provided that the regime is exogenous and
departments do not move one another; and its components to that plan's, where it has no ties. Constant rates
do not converge.

**With one objective and a price of 0** this is Watkins' rule, the framework's
:math:`Q(s,a) \\leftarrow Q(s,a) + \\alpha[R + \\gamma \\max_{a'} Q(s',a') - Q(s,a)]`.

A table takes 4 bytes times states * actions * (K + 1) * stages * scalarisations, by department; departments
are independent, so few can be learned at a time.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.pareto import _department_kernels as kernels
from optbudget.pareto.arguments import of_kind, whole
from optbudget.pareto.learned import Learned
from optbudget.pareto.scalarisations import LearningTask, Scalarisations, blocked_aims, lanes
from optbudget.pareto.schedules import FadingExploration, Rate
from optbudget.pareto.watching import Environment, Watched, departments_of, watch
from optbudget.workers import Checkpoint

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LENGTH = 192
"""Numbers that an inner loop runs over, about, where there are enough scalarisations."""
AT_ONCE = 10
"""Runs that are watched before they are learned from; greedy choices change only in between."""


class DepartmentLearner:
    """Tables of some departments, and their learning from an environment, run by run.

    Parameters
    ----------
    task : sizes of all departments, horizon and discounts
    scalarisations : weights and prices
    rate : of learning; None is 1/n^0.9
    exploration : the chance that a department explores, by the steps that were watched before each few runs;
        else it takes what seems best for a scalarisation drawn for the run. None explores always
    seed : of the environment's draws and the explorer's, >= 0
    group : numbers of the departments that are learned; the others act at random. None is all

    Examples
    --------
    >>> from optbudget.pareto.environment import DepartmentsEnv
    >>> from optbudget.pareto.scalarisations import same_prices
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> learner = DepartmentLearner(LearningTask.of(two), same_prices([[0.5, 0.5]], [0.0, 1.0]))
    >>> learner.learn(DepartmentsEnv(two, steps=100), 20)
    >>> learned = learner.learned()
    >>> learned.estimate.shape, learned.policy[0].shape, learned.runs, learned.steps
    ((2, 2, 3), (2, 3, 4), 20, 2000)
    """

    def __init__(
        self,
        task: LearningTask,
        scalarisations: Scalarisations,
        *,
        rate: Rate | None = None,
        exploration: FadingExploration | None = None,
        seed: int = 0,
        group: Sequence[int] | None = None,
    ) -> None:
        scalarisations.require(task)
        self.task, self.scalarisations, self.seed = task, scalarisations, whole("seed", seed)
        self.rate = of_kind("rate", rate or Rate(), Rate)
        explored = exploration or FadingExploration(first=1.0, last=1.0)
        self.exploration = of_kind("exploration", explored, FadingExploration)
        self.group = departments_of(task, group)
        grid = scalarisations.weight.tolist(), scalarisations.price.tolist()
        self._settings = repr((task, grid, self.rate, self.exploration, seed, self.group))
        self.runs = self.steps = 0
        self._lane = lanes(scalarisations.size, LENGTH // task.stages)
        aim = blocked_aims(task, scalarisations, self._lane).transpose(0, 2, 1, 3)
        self._aim = aim.reshape(*aim.shape[:2], -1)
        self._discount = task.component_discounts()
        sizes = [(task.joint_states(d), task.actions) for d in self.group]
        shape = self._aim.shape
        self._table = [np.zeros((shape[0], *size, *shape[1:]), dtype=np.float32) for size in sizes]
        self._tried = [np.zeros(size, dtype=np.int64) for size in sizes]
        self._start = np.zeros(0, dtype=np.int64)

    def learn(self, env: Environment, runs: int) -> None:
        """Watch so many more runs of the environment, and learn from them."""
        last = self.runs + whole("runs", runs)
        while self.runs < last:
            until = min(last, (self.runs // AT_ONCE + 1) * AT_ONCE)
            chance = float(self.exploration.of(self.steps))
            policies = None if chance >= 1 else self._policies()
            seen = watch(
                env, self.task, range(self.runs, until), seed=self.seed, group=self.group,
                chance=chance, policies=policies,
            )  # fmt: skip
            for d in range(len(self.group)):
                self._update(d, seen)
            self.runs, self.steps, self._start = until, self.steps + len(seen), seen.start

    def learned(self) -> Learned:
        """What has been learned so far."""
        if self.runs == 0:
            raise UsageError("nothing was watched yet: call learn first")
        policy = self._policies()
        estimate = [self._estimate(d, policy[d]) for d in range(len(self.group))]
        tried = tuple(count.copy() for count in self._tried)
        return Learned(
            self.task, self.scalarisations, tuple(policy), np.array(estimate), tried, self.runs, self.steps
        )

    def store(self, checkpoint: Checkpoint, name: str) -> None:
        """Keep everything under a name: what goes on from there does so to the last bit.

        The pieces of the state before stay until those of this one are whole.
        """
        before = checkpoint.fetch(name)
        turn = 0 if before is None else 1 - int(before["turn"])
        for d, (table, tried) in enumerate(zip(self._table, self._tried, strict=True)):
            checkpoint.store(f"{name}-{turn}-{d}", table=table, tried=tried)
        numbers = {"turn": turn, "runs": self.runs, "steps": self.steps}
        checkpoint.store(name, settings=self._settings, start=self._start, **numbers)

    def restore(self, checkpoint: Checkpoint, name: str) -> bool:
        """Go on from what is kept under a name; False where nothing of this computation is."""
        kept = checkpoint.fetch(name)
        if kept is None or str(kept.get("settings")) != self._settings:
            return False
        pieces = [checkpoint.fetch(f"{name}-{int(kept['turn'])}-{d}") for d in range(len(self.group))]
        whole = [piece for piece in pieces if piece is not None]
        if len(whole) < len(pieces):
            return False
        self._table = [piece["table"] for piece in whole]
        self._tried = [piece["tried"] for piece in whole]
        self.runs, self.steps, self._start = int(kept["runs"]), int(kept["steps"]), kept["start"]
        return True

    def _update(self, d: int, seen: Watched) -> None:
        state, action, after, measured = seen.of(d)
        visit = np.empty(state.size, dtype=np.int64)
        known = self._tried[d] > 0
        kernels.visits(state, action, self._tried[d], visit)
        kernels.learn(
            self._table[d], self._aim, known, self._lane if self.task.horizon else 0, self._discount,
            state, action, after, self.rate.of(visit).astype(np.float32), measured,
        )  # fmt: skip

    def _policies(self) -> list[NDArray[np.int8]]:
        """(W, T, S) of each department; the first action where none was ever taken."""
        found = []
        for table, tried in zip(self._table, self._tried, strict=True):
            chosen = np.empty((len(table), len(tried), table.shape[-1]), dtype=np.int8)
            kernels.greedy_actions(table, self._aim, tried > 0, chosen)
            by_stage = np.maximum(chosen, 0).reshape(*chosen.shape[:2], self.task.stages, self._lane)
            flat = by_stage.transpose(0, 3, 2, 1).reshape(-1, self.task.stages, len(tried))
            found.append(np.ascontiguousarray(flat[: self.scalarisations.size, ::-1]))
        return found

    def _estimate(self, d: int, policy: NDArray[np.int8]) -> Floats:
        """(W, K + 1): the value from the start of what the policy does there, with all decisions to go."""
        now, which = int(self._start[d]), np.arange(self.scalarisations.size)
        place = self._table[d].shape[-1] - self._lane + which % self._lane
        return self._table[d][which // self._lane, now, policy[:, 0, now], :, place].astype(np.float64)
