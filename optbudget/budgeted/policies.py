"""What to do with a budget: policies by price, and by the budget assigned to the next state.

By price. A deterministic Markov policy that is best for the reward :math:`r - \\lambda_k c`,
:math:`\\lambda_k = \\lambda (\\gamma_c / \\gamma)^k` at stage k, has spend and value at a vertex of every
state's curve. A budget between two vertices is used by drawing one of the two neighbouring prices at the
start and keeping it: no money is counted afterwards.

By assigned budget (Boutilier & Lu 2016, section 4.5). A useful budget :math:`b` of state i belongs to an
action and to one useful budget of each next state, with
:math:`b = c_i^a + \\gamma_c \\sum_j p_{ij}^a b_j`: whole segments of the successors, dearest first, until the
money is used. Whoever reaches j goes on as if :math:`b_j` were given, whatever was spent before.

Both are evaluated by backward recursion from the problem's data alone. With :math:`m = \\sum_j p_j b_j`

.. math:: \\sigma^2 = \\gamma_c^2 \\sum_j p_j \\big(\\sigma_j^2 + (b_j - m)^2\\big),

and drawing at the start with probability q between spends b and b' adds :math:`q (1 - q) (b' - b)^2`.
The two kinds of policy agree in value and spend at every vertex, and in variance where only one policy
reaches it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.budgeted._policy_kernels import choose
from optbudget.budgeted.exact import StageCurves, backup, model_of
from optbudget.budgeted.pruning import PruningSchedule
from optbudget.errors import NoAnswerError, ProblemError, UsageError
from optbudget.problems import BudgetedMDP, CurveSet, PricePolicy
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

UNIT_ROUNDOFF = 2.0**-53


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a policy is worth and spends, from each state (or from one: then scalars in arrays of size 1).

    Attributes
    ----------
    value, spend : (n,) expected discounted value, and money
    variance : (n,) money^2; variance of the discounted spend
    """

    value: Floats
    spend: Floats
    variance: Floats

    def mixed(self, other: "Evaluation", share: float) -> "Evaluation":
        """This policy with probability 1 - share, the other with probability share, drawn at the start."""
        keep = 1.0 - share
        return Evaluation(
            keep * self.value + share * other.value,
            keep * self.spend + share * other.spend,
            keep * self.variance + share * other.variance + share * keep * (other.spend - self.spend) ** 2,
        )


def prices_for(answer: CurveSet, label: str, budget: float) -> tuple[tuple[float, float], ...]:
    """The prices whose policies use a budget best, each with its probability; at most two.

    Prices are of stage 0. Of a vertex any price between the slopes about it will do; one of the
    certificate's is taken where it has one there, since a sweep vouches for those alone.

    Raises
    ------
    NoAnswerError
        If the budget is below the state's least feasible one.

    Examples
    --------
    >>> from optbudget.budgeted.exact import exact_backup
    >>> from optbudget.problems.examples import two_action_example
    >>> prices_for(exact_backup(two_action_example(horizon=1)), "s", 0.25)
    ((inf, 0.75), (0.0, 0.25))
    """
    curve = answer[label]
    budgets = curve.budgets
    if not budget >= budgets[0]:
        raise NoAnswerError(f"state {label!r} needs at least {budgets[0]:.6g}; the budget is {budget:.6g}")
    left = int(np.searchsorted(budgets, budget, side="right")) - 1
    slopes = np.concatenate(([np.inf], curve.prices, [0.0]))
    low = _between(slopes[left], slopes[left + 1], answer.prices)
    if left == len(curve) or budget == budgets[left]:
        return ((low, 1.0),)
    share = float((budget - budgets[left]) / curve.length[left])
    return (low, 1.0 - share), (_between(slopes[left + 1], slopes[left + 2], answer.prices), share)


def _between(high: float, low: float, known: Floats) -> float:
    """A price between two slopes, as far from both as can be."""
    if np.isinf(high):
        return float("inf")
    if low == 0:
        return 0.0
    middle = float(np.sqrt(high) * np.sqrt(low))
    inside = known[(known < high) & (known > low)]
    return float(inside[np.argmin(np.abs(np.log(inside / middle)))]) if inside.size else middle


def policy_at(problem: BudgetedMDP, prices: ArrayLike, *, monitor: Monitor | None = None) -> PricePolicy:
    """What to do in every state and stage at each of the given prices.

    Parameters
    ----------
    problem : a problem with a finite horizon
    prices : (K,) value per money at stage 0, >= 0, any order; inf is "least spend, then most value"
        and 0 "most value, then least spend"; otherwise ties go to the least expected spend
    monitor : progress and limits

    Returns
    -------
    PricePolicy
        The action of a price holds up to the next price above it that was given: between neighbouring
        slopes nothing changes. Prices below the least one given have no action.

    Raises
    ------
    UsageError
        If the horizon is infinite.
    ProblemError
        If a price is negative or NaN.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> policy = policy_at(two_action_example(horizon=2), [20.0, 8.0])
    >>> policy.action_at("s", 0, 8.0), policy.action_at("s", 1, 20.0)
    ('a', 'b')
    """
    if problem.horizon is None:
        raise UsageError("policies by stage need a finite horizon; else solve with keep_policy")
    wanted = np.unique(np.asarray(prices, dtype=np.float64))[::-1]
    if np.isnan(wanted).any() or (wanted < 0).any():
        raise ProblemError("prices must be >= 0 and not NaN")
    monitor = monitor or Monitor()
    n, horizon, count = problem.n_states, problem.horizon, wanted.size
    monitor.require_memory(16.0 * count * (2 * n + problem.row_ptr.size), f"the policies of {count} prices")
    model = model_of(problem)
    width = int(np.diff(problem.row_ptr).max(initial=0))
    future, present = np.zeros((2, n, count)), np.zeros((2, n, count))
    future[0] = problem.terminal_utility[:, None]
    product = np.empty((2, problem.row_ptr.size - 1, count))
    chosen = np.empty((n, count), dtype=np.int64)
    parts = []
    for stage in reversed(range(horizon)):
        tie = 2 * (width + 8) * (horizon - stage) * UNIT_ROUNDOFF
        choose(model, _weights(problem, wanted, stage), tie, future, present, product, chosen)
        parts.append(_intervals(problem, chosen, wanted, stage))
        future, present = present, future
        monitor.progress((horizon - stage) / horizon, f"policies of stage {stage}")
    columns = [np.concatenate(column) for column in zip(*parts[::-1], strict=True)]
    return PricePolicy(problem, *columns)


def _weights(problem: BudgetedMDP, prices: Floats, stage: int) -> Floats:
    """(2, K): weights of reward and cost at a stage, the larger being 1, so that no power overflows."""
    with np.errstate(divide="ignore"):
        log_price = np.log(prices) + stage * (np.log(problem.cost_discount) - np.log(problem.discount))
    weights: Floats = np.exp(np.stack((np.minimum(0.0, -log_price), np.minimum(0.0, log_price))))
    return weights


def _intervals(
    problem: BudgetedMDP, chosen: NDArray[np.int64], prices: Floats, stage: int
) -> tuple[NDArray[np.generic], ...]:
    """Rows of a PricePolicy: runs of prices with one action, dearest first, state by state."""
    acting = np.flatnonzero(~problem.is_terminal)
    action = problem.pair_action[chosen[acting]]
    begins = np.ones(action.shape, dtype=np.bool_)
    begins[:, 1:] = action[:, 1:] != action[:, :-1]
    ends = np.ones(action.shape, dtype=np.bool_)
    ends[:, :-1] = begins[:, 1:]
    row, first = np.nonzero(begins)
    last = np.nonzero(ends)[1]
    above = np.concatenate(([np.inf], prices[:-1]))
    stages = np.full(row.size, stage, dtype=np.int64)
    return acting[row], stages, prices[last], above[first], action[row, first]


def evaluate(problem: BudgetedMDP, policy: PricePolicy, *, price: float) -> Evaluation:
    """Exact value, spend and spend variance of a policy at one price, from every state.

    Parameters
    ----------
    problem : the problem the policy acts in; it need not be the one the policy was made for
    policy : by stages
    price : the price that was drawn at the start

    Raises
    ------
    NoAnswerError
        If the policy holds no action, or one that is not possible, for some state and stage.
    UsageError
        If the horizon is infinite.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example(horizon=2)
    >>> evaluate(problem, policy_at(problem, [8.0]), price=8.0)
    Evaluation(value=array([19.]), spend=array([1.9]), variance=array([0.]))
    """
    if problem.horizon is None:
        raise UsageError("evaluation by stages needs a finite horizon")
    n = problem.n_states
    holds = (policy.price_low <= price) & ((price < policy.price_high) | np.isinf(policy.price_high))
    rows = np.flatnonzero(holds)[::-1]
    action = np.full((problem.horizon, n), -1, dtype=np.int64)
    action[policy.stage[rows], policy.state[rows]] = policy.action[rows]
    acting = np.flatnonzero(~problem.is_terminal)
    pair_of = np.full((n, len(problem.actions)), -1, dtype=np.int64)
    pair_of[problem.pair_state, problem.pair_action] = np.arange(problem.cost.size)
    found = Evaluation(problem.terminal_utility.copy(), np.zeros(n), np.zeros(n))
    for stage in reversed(range(problem.horizon)):
        pair = np.where(action[stage, acting] < 0, -1, pair_of[acting, action[stage, acting]])
        if (pair < 0).any():
            label = problem.labels[acting[np.argmax(pair < 0)]]
            raise NoAnswerError(
                f"the policy holds no possible action for {label!r}, stage {stage}, price {price}"
            )
        future = _expected(problem, found)
        row = problem.pair_row[pair]
        value, spend, variance = found.value.copy(), found.spend.copy(), found.variance.copy()
        value[acting] = problem.pair_reward[pair] + future.value[row]
        spend[acting] = problem.cost[pair] + future.spend[row]
        variance[acting] = future.variance[row]
        found = Evaluation(value, spend, variance)
    return found


def _expected(problem: BudgetedMDP, after: Evaluation) -> Evaluation:
    """Discounted value, spend and variance of what follows each transition row."""
    if problem.row_ptr.size == 1:
        return Evaluation(np.empty(0), np.empty(0), np.empty(0))
    start, p, j = problem.row_ptr[:-1], problem.probability, problem.next_state
    mean = np.add.reduceat(p * after.spend[j], start)
    centred = after.spend[j] - np.repeat(mean, np.diff(problem.row_ptr))
    return Evaluation(
        problem.discount * np.add.reduceat(p * after.value[j], start),
        problem.cost_discount * mean,
        problem.cost_discount**2 * np.add.reduceat(p * (after.variance[j] + centred**2), start),
    )


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
