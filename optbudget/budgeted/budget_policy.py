"""What to do with a budget, by the budget assigned to the next state (Boutilier & Lu 2016, section 4.5).

A useful budget :math:`b` of state i belongs to an action and to one useful budget of each next state, with
:math:`b = c_i^a + \\gamma_c \\sum_j p_{ij}^a b_j`: whole segments of the successors, dearest first, until the
money is used. Whoever reaches j goes on as if :math:`b_j` were given, whatever was spent before.

Such a policy agrees with the policies by price in value and spend at every vertex, and in variance where
only one policy reaches it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.evaluation import Evaluation
from optbudget.budgeted.exact import backup
from optbudget.budgeted.pruning import PruningSchedule
from optbudget.budgeted.stage_curves import StageCurves
from optbudget.errors import NoAnswerError
from optbudget.problems import BudgetedMDP
from optbudget.workers import Monitor

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """One useful budget that may be drawn: what to do now, and what each next state is given.

    Attributes
    ----------
    probability : in (0, 1]
    budget : the useful budget, money
    action : name of the action; None in a terminal state
    assigned : budget of each next state, by label
    """

    probability: float
    budget: float
    action: str | None
    assigned: dict[str, float]


@dataclass(frozen=True, eq=False, repr=False)
class BudgetPolicy:
    """What to do with an assigned budget, and which budgets to assign next (section 4.5).

    Attributes
    ----------
    problem : the problem
    stages : the curves of every stage, now first; assignments are worked out from them when asked for
    """

    problem: BudgetedMDP
    stages: tuple[StageCurves, ...]

    def choices(self, label: str, budget: float, *, stage: int = 0) -> tuple[Choice, ...]:
        """The one or two useful budgets that a budget is split between, each with what it means.

        Raises
        ------
        NoAnswerError
            If the budget is below the least feasible one at this state and stage.
        """
        state = self.problem.index(label)
        budgets = self._budgets(stage, state)
        # An assigned budget is a useful one to rounding, and must not be split into two for that.
        nearest = int(np.argmin(np.abs(budgets - budget)))
        if abs(budgets[nearest] - budget) <= 1e-12 * abs(budget):
            return (self._choice(stage, state, nearest, 1.0),)
        if not budget >= budgets[0]:
            raise NoAnswerError(
                f"{label!r} needs at least {budgets[0]:.6g} at stage {stage}; the budget is {budget:.6g}"
            )
        left = int(np.searchsorted(budgets, budget, side="right")) - 1
        if left == budgets.size - 1:
            return (self._choice(stage, state, left, 1.0),)
        share = float((budget - budgets[left]) / (budgets[left + 1] - budgets[left]))
        return self._choice(stage, state, left, 1.0 - share), self._choice(stage, state, left + 1, share)

    def evaluate(self, label: str, budget: float) -> Evaluation:
        """Exact value, spend and variance of a unit in a state that is given a budget at stage 0."""
        state = self.problem.index(label)
        budgets = self._budgets(0, state)
        if not budget >= budgets[0]:
            raise NoAnswerError(f"{label!r} needs at least {budgets[0]:.6g}; the budget is {budget:.6g}")
        left = int(np.searchsorted(budgets, budget, side="right")) - 1
        low = self._evaluate(state, left)
        if left == budgets.size - 1 or budget == budgets[left]:
            return low
        share = (budget - budgets[left]) / (budgets[left + 1] - budgets[left])
        return low.mixed(self._evaluate(state, left + 1), float(share))

    def _evaluate(self, state: int, vertex: int) -> Evaluation:
        """Of one vertex of stage 0: forward to the vertices it leads to, then backward."""
        problem = self.problem
        reached: list[dict[tuple[int, int], tuple[int, list[tuple[int, int]]]]] = []
        ahead = {(state, vertex)}
        for stage in range(len(self.stages)):
            reached.append({node: self._assignment(stage, *node) for node in sorted(ahead)})
            ahead = {node for _, after in reached[-1].values() for node in after}
        known = {(j, k): (float(problem.terminal_utility[j]), 0.0, 0.0) for j, k in ahead}
        for nodes in reversed(reached):
            now = {}
            for (i, k), (pair, after) in nodes.items():
                if pair < 0:
                    now[i, k] = (float(problem.terminal_utility[i]), 0.0, 0.0)
                    continue
                row = problem.pair_row[pair]
                p = problem.probability[problem.row_ptr[row] : problem.row_ptr[row + 1]]
                value, spend, variance = np.array([known[node] for node in after]).T
                mean = p @ spend
                now[i, k] = (
                    float(problem.pair_reward[pair] + problem.discount * (p @ value)),
                    float(problem.cost[pair] + problem.cost_discount * mean),
                    float(problem.cost_discount**2 * (p @ (variance + (spend - mean) ** 2))),
                )
            known = now
        value, spend, variance = known[state, vertex]
        return Evaluation(np.array([value]), np.array([spend]), np.array([variance]))

    def _choice(self, stage: int, state: int, vertex: int, probability: float) -> Choice:
        pair, after = self._assignment(stage, state, vertex)
        budget = float(self._budgets(stage, state)[vertex])
        if pair < 0:
            return Choice(probability, budget, None, {})
        assigned = {self.problem.labels[j]: float(self._budgets(stage + 1, j)[k]) for j, k in after}
        return Choice(probability, budget, self.problem.actions[self.problem.pair_action[pair]], assigned)

    def _assignment(self, stage: int, state: int, vertex: int) -> tuple[int, list[tuple[int, int]]]:
        """The pair to use at a vertex, and (next state, vertex there) in the order of its row."""
        problem, heads = self.problem, self.stages[stage].heads
        if problem.is_terminal[state]:
            return -1, []
        here = heads.begin[state] + vertex - 1
        action = heads.action[state] if vertex == 0 else self.stages[stage].segments.action[here]
        pairs = np.arange(problem.pair_ptr[state], problem.pair_ptr[state + 1])
        pair = int(pairs[problem.pair_action[pairs] == action][0])
        span = slice(problem.row_ptr[problem.pair_row[pair]], problem.row_ptr[problem.pair_row[pair] + 1])
        successors, p = problem.next_state[span], problem.probability[span]
        if stage + 1 == len(self.stages):
            return pair, [(int(j), 0) for j in successors]
        after = self.stages[stage + 1]
        begin, number = after.heads.begin[successors], after.heads.number[successors]
        spans = [slice(low, low + size) for low, size in zip(begin, number, strict=True)]
        owner = np.repeat(np.arange(successors.size), number)
        slope = np.concatenate([after.segments.slope[s] for s in spans])
        length = np.concatenate([after.segments.length[s] for s in spans]) * p[owner]
        order = np.argsort(-slope, kind="stable")
        used = np.concatenate(([0.0], np.cumsum(length[order])))
        given = (self._budgets(stage, state)[vertex] - problem.cost[pair]) / problem.cost_discount
        taken = int(np.argmin(np.abs(used - (given - p @ after.heads.budget[successors]))))
        vertices = np.bincount(owner[order[:taken]], minlength=successors.size)
        return pair, [(int(j), int(k)) for j, k in zip(successors, vertices, strict=True)]

    def _budgets(self, stage: int, state: int) -> Floats:
        """Useful budgets of a state; after the last stage there is only 0."""
        if stage == len(self.stages):
            return np.zeros(1)
        heads, begin = self.stages[stage].heads, self.stages[stage].heads.begin[state]
        length = self.stages[stage].segments.length[begin : begin + heads.number[state]]
        budgets: Floats = heads.budget[state] + np.concatenate(([0.0], np.cumsum(length)))
        return budgets

    def __repr__(self) -> str:
        return f"BudgetPolicy({self.problem.n_states:,} states, {len(self.stages)} stages)"


def budget_policy(
    problem: BudgetedMDP, *, pruning: PruningSchedule | None = None, monitor: Monitor | None = None
) -> BudgetPolicy:
    """The policy by assigned budgets of a finite-horizon problem; keeps the curves of every stage.

    Raises
    ------
    UsageError
        If the horizon is infinite.

    Examples
    --------
    Half of all that two decisions can use is all of it or nothing, with equal chances:

    >>> from optbudget.problems.examples import two_action_example
    >>> policy = budget_policy(two_action_example(horizon=2))
    >>> low, high = policy.choices("s", 0.95)
    >>> low.action, low.assigned, high.action, high.assigned
    ('b', {'s': 0.0}, 'a', {'s': 1.0})
    >>> policy.evaluate("s", 0.95)
    Evaluation(value=array([10.45]), spend=array([0.95]), variance=array([0.9025]))
    """
    stages = [found.copy() for found in backup(problem, pruning=pruning, monitor=monitor)]
    return BudgetPolicy(problem, tuple(stages[::-1]))
