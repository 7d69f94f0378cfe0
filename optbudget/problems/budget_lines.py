"""A population of units with several budget lines: money by block of stages, several resources, or both.

With :math:`n_s` units in state s, each a copy of one finite-horizon problem, and budget lines j, of which
each limits one resource :math:`r(j)` over the stages :math:`K_j`,

.. math:: \\max_\\pi \\sum_s n_s \\mathbb E_s \\sum_k \\gamma^k r(s_k, a_k) \\;(+ \\text{terminal utility})
          \\quad\\text{s.t.}\\quad
          \\sum_s n_s \\mathbb E_s \\sum_{k \\in K_j} \\gamma_c^k c^{r(j)}(s_k, a_k) \\le B_j
          \\quad\\text{for every } j.

Every line binds in expectation. One line over all stages is the problem of `optbudget.allocate`.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import Issue, ProblemError, UsageError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.constrained_mdp import ConstrainedMDP
from optbudget.problems.population import Population
from optbudget.problems.stage_budgets import StageBudgets

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MONEY = "money"
SURE = 1e-6
"""Relative rounding that the most which can be spent is granted."""


@dataclass(frozen=True, eq=False, repr=False)
class BudgetLines:
    """The unit problem and the lines that all units share; J lines, R resources beside money.

    Attributes
    ----------
    problem : with a finite horizon of T decisions, and no cap on single units
    names : of the lines
    amount : (J,) what each line holds for all units together, >= 0; inf for no limit
    first, end : (J,) int64; the line pays for the stages first, ..., end - 1
    resource : (J,) int64; what the line is of: 0 is money, r > 0 the resource r - 1
    resources : names of the resources beside money
    resource_cost : (R, m) what each state-action pair uses of each, >= 0; discounted as money is

    Raises
    ------
    ProblemError
        Naming the line, or the resource and pair, that is wrong.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> BudgetLines.of_stages(two_action_example(horizon=2), StageBudgets(("now", "then"), (1, 1), (6, 2)))
    BudgetLines(1 state, horizon 2: now 6, then 2)
    """

    problem: BudgetedMDP
    names: tuple[str, ...]
    amount: Floats
    first: Integers
    end: Integers
    resource: Integers
    resources: tuple[str, ...] = ()
    resource_cost: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        _require_simple(self.problem)
        size, pairs = len(self.resources), self.problem.cost.size
        object.__setattr__(self, "names", tuple(self.names))
        arrays = {
            name: np.array(getattr(self, name), dtype=np.int64) for name in ("first", "end", "resource")
        }
        cost = np.array(self.resource_cost, dtype=np.float64).reshape(size, -1 if size else pairs)
        owned: dict[str, NDArray[np.generic]] = {
            **arrays, "amount": np.array(self.amount, dtype=np.float64), "resource_cost": cost,
        }  # fmt: skip
        if cost.shape != (size, pairs):
            raise ProblemError(f"{size} resources need costs of shape ({size}, {pairs}); got {cost.shape}")
        for name, array in owned.items():
            if name != "resource_cost" and array.shape != (len(self.names),):
                raise ProblemError(f"{name} must have one entry for each of {len(self.names)} lines")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        issues = [*_line_issues(self), *_cost_issues(self)]
        if issues:
            raise ProblemError(issues)

    @classmethod
    def of_stages(cls, problem: BudgetedMDP, budgets: StageBudgets) -> "BudgetLines":
        """One line of money for each block; with `carry_over` line k is of the blocks up to the k-th.

        Raises
        ------
        ProblemError
            If the blocks do not make up the horizon.
        """
        _require_simple(problem)
        end = np.cumsum(budgets.decisions)
        if end[-1] != problem.horizon:
            raise ProblemError(f"the blocks have {end[-1]} decisions together, the problem {problem.horizon}")
        names, amount = list(budgets.blocks), np.array(budgets.amounts)
        first: Integers = end - np.array(budgets.decisions, dtype=np.int64)
        if budgets.carry_over:
            with np.errstate(over="ignore"):
                amount, first = np.cumsum(amount), np.zeros_like(end)
            names = [names[0], *(f"up to {name}" for name in names[1:])]
        if np.isfinite(budgets.total):
            names.append("total")
            amount, first = np.append(amount, budgets.total), np.append(first, 0)
            end = np.append(end, end[-1])
        return cls(problem, tuple(names), amount, first, end, np.zeros(len(names), dtype=np.int64))

    @classmethod
    def of_resources(cls, constrained: ConstrainedMDP, budgets: StageBudgets | None = None) -> "BudgetLines":
        """One line over all stages for money and each resource of a constrained problem.

        Parameters
        ----------
        constrained : its limits are of all units together; what has none gets no line
        budgets : lines of money by blocks of stages besides
        """
        risk, problem = constrained.risk, constrained.problem
        problem = problem if risk is None else risk.applied(problem)
        _require_simple(problem)
        resource = np.flatnonzero(np.isfinite(constrained.limit))
        words = (MONEY, *constrained.resources)
        names = [words[r] for r in resource.tolist()]
        first, end = np.zeros_like(resource), np.full_like(resource, problem.horizon or 0)
        amount: Floats = constrained.limit[resource]
        if budgets is not None:
            stages = cls.of_stages(problem, budgets)
            names += stages.names
            amount, first = np.append(amount, stages.amount), np.append(first, stages.first)
            end, resource = np.append(end, stages.end), np.append(resource, stages.resource)
        return cls(
            problem, tuple(names), amount, first, end, resource, constrained.resources,
            constrained.resource_cost,
        )  # fmt: skip

    @property
    def horizon(self) -> int:
        """Number of decisions."""
        assert self.problem.horizon is not None
        return self.problem.horizon

    @property
    def cost(self) -> Floats:
        """What each pair uses of money and every other resource, (1 + R, m)."""
        return np.vstack([self.problem.cost, self.resource_cost])

    def limits(self, population: Population) -> Floats:
        """What each line holds, (J,); inf where it holds more than the units can spend at all."""
        with np.errstate(over="ignore"):
            stage = self.problem.cost_discount ** np.arange(self.horizon)
            most = self.by_line(np.outer(stage, population.size * self.cost.max(axis=1, initial=0.0)))
            return np.where(self.amount > most * (1.0 + SURE), np.inf, self.amount)

    def stage_price(self, price: ArrayLike) -> Floats:
        """Price of each resource at each stage, (T, 1 + R), by prices of the lines (J,)."""
        found = np.zeros((self.horizon, 1 + len(self.resources)))
        lines = zip(self.first, self.end, self.resource, np.asarray(price, dtype=np.float64), strict=True)
        for first, end, resource, money in lines:
            found[first:end, resource] += money
        return found

    def by_line(self, use: Floats) -> Floats:
        """What each line pays, (J,), of use by stage and resource (T, 1 + R)."""
        lines = zip(self.first, self.end, self.resource, strict=True)
        return np.array([use[first:end, resource].sum() for first, end, resource in lines])

    def evaluate(self, population: Population, pair: NDArray[np.integer]) -> tuple[float, Floats]:
        """Value, and discounted use of each resource by stage (T, 1 + R), of one policy for all units.

        pair : (T, n) state-action pair that the policy takes; not looked at in terminal states
        """
        problem, cost = self.problem, self.cost
        value, use = 0.0, np.zeros((self.horizon, cost.shape[0]))
        reached: Floats = population.count.astype(np.float64)
        acting, ended = np.flatnonzero(~problem.is_terminal), np.flatnonzero(problem.is_terminal)
        width = np.diff(problem.row_ptr)
        for stage in range(self.horizon):
            taken, number = pair[stage, acting], reached[acting]
            earned = number @ problem.pair_reward[taken] + reached[ended] @ problem.terminal_utility[ended]
            value += problem.discount**stage * float(earned)
            use[stage] = problem.cost_discount**stage * (cost[:, taken] @ number)
            mass = np.bincount(problem.pair_row[taken], number, minlength=width.size)
            moved = np.repeat(mass, width) * problem.probability
            reached = np.bincount(problem.next_state, moved, problem.n_states).astype(np.float64)
        value += problem.discount**self.horizon * float(reached @ problem.terminal_utility)
        return value, use

    def __repr__(self) -> str:
        n = self.problem.n_states
        lines = zip(self.names, self.amount.tolist(), strict=True)
        text = ", ".join(f"{name} {amount:g}" for name, amount in lines)
        return f"BudgetLines({n:,} state{'' if n == 1 else 's'}, horizon {self.horizon}: {text})"


def _require_simple(problem: BudgetedMDP) -> None:
    if not isinstance(problem, BudgetedMDP):
        raise UsageError(f"a BudgetedMDP is needed; got {problem!r:.40}")
    if problem.horizon is None:
        raise ProblemError(
            "budget lines need a finite horizon: state one, long enough for what is discounted"
        )
    if problem.budget_cap is not None:
        raise ProblemError(
            "the problem caps the budget of one unit, and budget lines are of all units together"
        )


def _line_issues(lines: BudgetLines) -> list[Issue]:
    found = []
    for j, name in enumerate(lines.names):
        first, end = int(lines.first[j]), int(lines.end[j])
        if name in lines.names[:j]:
            found.append(f"line {name!r} is listed twice")
        if not lines.amount[j] >= 0:
            found.append(f"line {name!r} holds {lines.amount[j]}; it must be a number >= 0")
        if not 0 <= first < end <= lines.horizon:
            found.append(
                f"line {name!r} is of stages {first} to {end - 1}; there are 0 to {lines.horizon - 1}"
            )
        if not 0 <= lines.resource[j] <= len(lines.resources):
            found.append(
                f"line {name!r} is of resource {lines.resource[j]}; there are 0 to {len(lines.resources)}"
            )
    return [Issue("error", "budget-line", text) for text in found]


def _cost_issues(lines: BudgetLines) -> list[Issue]:
    issues, problem = [], lines.problem
    for r, k in np.argwhere(~(np.isfinite(lines.resource_cost) & (lines.resource_cost >= 0)))[:20].tolist():
        text = (
            f"the cost in {lines.resources[r]!r} is {lines.resource_cost[r, k]}; it must be finite and >= 0"
        )
        state = problem.labels[int(problem.pair_state[k])]
        action = problem.actions[int(problem.pair_action[k])]
        issues.append(Issue("error", "cost", text, state=state, action=action))
    return issues
