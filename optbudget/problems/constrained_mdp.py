"""A Markov decision process with one or several budgets, each binding in expectation.

For the costs :math:`c^r` of resources r = 0, 1, ... (0 is money) and limits :math:`B_r`

.. math:: \\max_\\pi \\mathbb E \\sum_k \\gamma^k r(s_k, a_k) \\;(+ \\text{terminal utility})
          \\quad\\text{s.t.}\\quad \\mathbb E \\sum_k \\gamma_c^k c^r(s_k, a_k) \\le B_r

(Altman 1999). One unit, started in the initial distribution, at one budget: what a curve answers for
all budgets at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import Issue, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.risk import RiskTerm

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class ConstrainedMDP:
    """One unit's problem at fixed budgets: frozen, validated data.

    Attributes
    ----------
    problem : states, actions, rewards, and the cost in money
    budget : limit of money, >= 0; inf for none
    resources : names of the other resources
    resource_cost : (R, m) what each pair uses of each, >= 0, discounted as money is
    resource_limit : (R,) their limits, >= 0; inf for none
    risk : harm per pair that is held against the reward, or None

    Raises
    ------
    ProblemError
        Naming the resource and pair, or the limit, that is wrong.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> ConstrainedMDP(two_action_example(horizon=2), 1.9)
    ConstrainedMDP(1 state, horizon 2, budget 1.9)
    """

    problem: BudgetedMDP
    budget: float
    resources: tuple[str, ...] = ()
    resource_cost: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    resource_limit: Floats = field(default_factory=lambda: np.zeros(0))
    risk: RiskTerm | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.problem, BudgetedMDP):
            raise ProblemError(
                f"problem is a {type(self.problem).__name__}; a ConstrainedMDP is made of a BudgetedMDP, as "
                "optbudget.load reads one"
            )
        object.__setattr__(self, "budget", _limit(self.budget))
        size, pairs = len(self.resources), self.problem.cost.size
        cost = (
            np.array(self.resource_cost, dtype=np.float64).reshape(size, -1) if size else np.zeros((0, pairs))
        )
        limit = np.array(self.resource_limit, dtype=np.float64)
        issues = []
        if cost.shape != (size, pairs) or limit.shape != (size,):
            raise ProblemError(
                f"{size} resources need costs of shape ({size}, {pairs}) and {size} limits; got shapes "
                f"{cost.shape} and {limit.shape}"
            )
        for r, k in np.argwhere(~(np.isfinite(cost) & (cost >= 0))):
            state, action = self.pair_name(int(k))
            text = f"the cost in {self.resources[r]!r} is {cost[r, k]}; it must be a finite number >= 0"
            issues.append(Issue("error", "cost", text, state=state, action=action))
        named = [("the budget", self.budget), *zip(self.resources, limit.tolist(), strict=True)]
        issues += [
            Issue("error", "budget", f"{name} is limited to {number}; a limit is a number >= 0")
            for name, number in named
            if not number >= 0
        ]
        if issues:
            raise ProblemError(issues)
        for name, array in (("resource_cost", cost), ("resource_limit", limit)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def of(
        cls, problem: BudgetedMDP, budget: float, others: Mapping[str, tuple[Floats, float]] | None = None
    ) -> "ConstrainedMDP":
        """From a problem, a budget, and {name: (cost per pair, limit)} of other resources."""
        others = others or {}
        cost = np.array([pair_cost for pair_cost, _ in others.values()], dtype=np.float64)
        limit = np.array([limit for _, limit in others.values()], dtype=np.float64)
        return cls(problem, budget, tuple(others), cost, limit)

    def pair_name(self, pair: int) -> tuple[str, str]:
        """State and action of a pair."""
        state = self.problem.labels[int(self.problem.pair_state[pair])]
        return state, self.problem.actions[int(self.problem.pair_action[pair])]

    @property
    def reward(self) -> Floats:
        """Reward of each pair, the risk held against it, (m,)."""
        problem = self.problem if self.risk is None else self.risk.applied(self.problem)
        return problem.pair_reward

    @property
    def cost(self) -> Floats:
        """Cost of each pair in money and every other resource, (1 + R, m)."""
        return np.vstack([self.problem.cost, self.resource_cost])

    @property
    def limit(self) -> Floats:
        """Limits of money, which is no more than a unit's cap, and of every other resource, (1 + R,)."""
        cap = self.problem.budget_cap
        return np.append(self.budget if cap is None else min(self.budget, cap), self.resource_limit)

    def __repr__(self) -> str:
        n, horizon = self.problem.n_states, self.problem.horizon
        states = f"{n:,} state" + ("" if n == 1 else "s")
        length = "infinite horizon" if horizon is None else f"horizon {horizon}"
        limits = zip(("budget", *self.resources), self.limit.tolist(), strict=True)
        return (
            f"ConstrainedMDP({states}, {length}, {', '.join(f'{name} {limit:g}' for name, limit in limits)})"
        )


def _limit(budget: object) -> float:
    """A budget as a number; what it must be is checked with the other limits."""
    try:
        if isinstance(budget, (str, bytes, bool)):
            raise TypeError
        return float(budget)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ProblemError(f"the budget is {budget!r:.60}; a limit is a number >= 0, inf for none") from None
