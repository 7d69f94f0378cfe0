"""What is learned from a history, held against the structural model that wrote it.

* *Skeleton F1*: harmonic mean of precision and recall of the edges, directions left aside. *Orientation*: the
  share of the edges found that exist and go the right way; an edge left open counts as not.
* *Impact accuracy*: of interventions that set all decisions, each drawn from the model's actions,

  .. math:: 1 - \\sum (\\hat y - y)^2 \\Big/ \\sum y^2

  over interventions and outcomes, with y the true change of the outcome's mean against doing nothing; 1 is
  exact, 0 is as good as predicting no change. Of one decision at a time y is its effect.
* *Spending alike*: the best policy of a weighted problem at one budget in expectation, mixed of two prices,
  what it is worth and what harm it truly does. One backward pass in numpy per price.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.problems import CausalGraph, CausalQuestion, Departments, Effects, History, StructuralModel
from optbudget.simulate.departments_model import STEPS

Floats = NDArray[np.float64]

CHEAPEST, DEAR, DEAREST = 2.0**-12, 2.0**-4, 2.0**40
"""Prices between which the one that spends the budget is looked for, the upper one raised where needed."""
HALVINGS = 10
"""Of the ratio of the two prices; what is lost falls with the square of the ratio that is left."""


@dataclass(frozen=True, slots=True)
class GraphScore:
    """How a learned graph compares with the true one."""

    precision: float
    recall: float
    oriented: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-300)


def graph_score(
    directed: NDArray[np.bool_], undirected: NDArray[np.bool_], true: NDArray[np.bool_]
) -> GraphScore:
    """Scores of a graph: (p, p) i -> j, (p, p) open, against the true i -> j.

    Examples
    --------
    One of two edges found, its direction left open:

    >>> true = np.array([[0, 1, 1], [0, 0, 0], [0, 0, 0]], dtype=bool)
    >>> open_ = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
    >>> score = graph_score(np.zeros((3, 3), dtype=bool), open_, true)
    >>> score.precision, score.recall, score.oriented
    (1.0, 0.5, 0.0)
    """
    found = directed | directed.T | undirected
    hit = found & (true | true.T)
    right = directed & true & ~undirected
    pairs = hit.sum() / 2
    return GraphScore(
        float(pairs / max(found.sum() / 2, 1)),
        float(pairs / max(true.sum(), 1)),
        float(right.sum() / max(pairs, 1)),
    )


def true_edges(model: StructuralModel, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """(p, p) which variable causes which directly, in the order of the names."""
    place = [model.index(name) for name in names]
    return np.asarray(model.coefficients.T[np.ix_(place, place)] != 0)


def true_effects(model: StructuralModel, question: CausalQuestion) -> Floats:
    """(decisions, outcomes) total effects."""
    return np.array([[model.total_effect(d, y) for y in question.outcomes] for d in question.decisions])


def estimates(effects: Effects, question: CausalQuestion, adjustment: str) -> tuple[Floats, Floats, Floats]:
    """(decisions, outcomes) effect, lower and upper end of one adjustment; NaN where it is not known."""
    rows = [
        [getattr(effects[d, y], adjustment).estimate for y in question.outcomes] for d in question.decisions
    ]
    effect, lower, upper = (
        np.array([[getattr(one, end) if one else np.nan for one in row] for row in rows])
        for end in ("effect", "lower", "upper")
    )
    return effect, lower, upper


def correlational(history: History) -> Floats:
    """(decisions, outcomes) slopes of regressions of one outcome on one decision, nothing adjusted for."""
    question = history.question
    centred = history.values - history.values.mean(axis=0)
    d = centred[:, [history.position(name) for name in question.decisions]]
    y = centred[:, [history.position(name) for name in question.outcomes]]
    return np.asarray(d.T @ y / (d**2).sum(axis=0)[:, None])


def network_effects(history: History, graph: CausalGraph) -> Floats:
    """(decisions, outcomes) total effects of the linear network that a graph and a history give.

    Each column is regressed on its parents, and the total effects are those of these equations.
    """
    coefficients = np.zeros((len(graph.names),) * 2)
    centred = history.values - history.values.mean(axis=0)
    place = {name: history.position(name) for name in graph.names}
    for i, name in enumerate(graph.names):
        parents = [place[parent] for parent in graph.parents(name)]
        if parents:
            slopes = np.linalg.lstsq(centred[:, parents], centred[:, place[name]], rcond=None)[0]
            coefficients[i, [graph.position(parent) for parent in graph.parents(name)]] = slopes
    total = np.linalg.inv(np.eye(len(graph.names)) - coefficients)
    question = history.question
    rows = [graph.position(name) for name in question.outcomes]
    return np.asarray(total[np.ix_(rows, [graph.position(name) for name in question.decisions])].T)


def impact_accuracy(effects: Floats, true: Floats, *, mixes: int = 0, seed: int = 0) -> float:
    """Share of the true change under interventions that effects predict; see the module.

    Of each decision by itself, or of so many `mixes`, in which every decision is one of the actions' steps.

    Examples
    --------
    >>> true = np.array([[1.0, 0.0], [0.5, 2.0]])
    >>> impact_accuracy(true, true), impact_accuracy(0 * true, true)
    (1.0, 0.0)
    """
    steps = np.eye(true.shape[0])
    if mixes:
        steps = np.random.default_rng(seed).choice(list(STEPS.values()), size=(mixes, true.shape[0]))
    return float(1 - ((steps @ (effects - true)) ** 2).sum() / ((steps @ true) ** 2).sum())


@dataclass(frozen=True, slots=True)
class Spending:
    """What a policy at a budget is worth, spends, and truly harms; value and harm in units of value."""

    value: float
    spent: float
    harm: float


def spend_alike(
    departments: Departments, utility: Floats, penalty: Floats, harm: Floats, budget: float
) -> tuple[Spending, ...]:
    """The best policy for utility - penalty (m,) at a budget; what it is worth without penalty, and its harm.

    `harm` (m, K) is K kinds of harm that this one policy is held against: one answer for each. A policy of
    one price that spends too much and one that spends too little are mixed so that together they spend
    the budget, or as much of it as is of use.
    """
    world = _World.of(departments)
    numbers = np.column_stack([utility - penalty, departments.held.cost])
    low, high = CHEAPEST, DEAR
    cheap, dear = world.best(numbers, low), world.best(numbers, high)
    while dear.spent > budget and high < DEAREST:
        low, high, cheap = high, 4 * high, dear
        dear = world.best(numbers, high)
    if cheap.spent <= budget:
        low, dear = 0.0, cheap
        cheap = world.best(numbers, 0.0)
    for _ in range(HALVINGS if cheap.spent > budget else 0):
        middle = (low + high) / 2 if low == 0 else (low * high) ** 0.5
        here = world.best(numbers, middle)
        if here.spent > budget:
            low, cheap = middle, here
        else:
            high, dear = middle, here
    told = np.column_stack([utility, departments.held.cost, harm])
    ends = [world.totals(told, policy.pairs) for policy in (cheap, dear)]
    share = 1.0 if cheap.spent <= budget else (budget - dear.spent) / (cheap.spent - dear.spent)
    value, spent, *harms = share * ends[0] + (1 - share) * ends[1]
    return tuple(Spending(float(value), float(spent), float(one)) for one in harms)


@dataclass(frozen=True, eq=False)
class _Policy:
    """Pairs that are taken, (T, n), and what they spend over the horizon."""

    pairs: NDArray[np.int64]
    spent: float


@dataclass(frozen=True, eq=False)
class _World:
    """The arrays of one backward pass over all departments."""

    departments: Departments
    chain: Floats
    start: NDArray[np.int64]

    @classmethod
    def of(cls, departments: Departments) -> "_World":
        at = zip(departments.departments, departments.start, strict=True)
        start = [departments.held.index(departments.label(d, departments.initial_regime, s)) for d, s in at]
        chain = departments.regime_probability[departments.regime_of_state]
        return cls(departments, chain, np.array(start))

    def best(self, numbers: Floats, price: float) -> _Policy:
        """The best policy for numbers (m, 2), what is wanted and money, where money costs `price` now."""
        held = self.departments.held
        after, taken = np.zeros((held.n_states, 2)), []
        for stage in range(self.horizon - 1, -1, -1):
            ahead = self.ahead(numbers, after)
            worth = ahead[:, 0] - price * (held.cost_discount / held.discount) ** stage * ahead[:, 1]
            best = np.maximum.reduceat(worth, held.pair_ptr[:-1])[held.pair_state]
            chosen = np.where(worth == best, np.arange(worth.size), worth.size)
            taken.append(np.minimum.reduceat(chosen, held.pair_ptr[:-1]))
            after = ahead[taken[-1]]
        return _Policy(np.array(taken[::-1]), float(after[self.start, 1].sum()))

    def totals(self, numbers: Floats, pairs: NDArray[np.int64]) -> Floats:
        """(K,) expected totals of numbers (m, K) of a policy, all departments together; column 1 is money."""
        after = np.zeros((self.departments.held.n_states, numbers.shape[1]))
        for taken in pairs[::-1]:
            after = self.ahead(numbers, after)[taken]
        return np.asarray(after[self.start].sum(axis=0))

    @property
    def horizon(self) -> int:
        """Number of decisions."""
        if self.departments.held.horizon is None:
            raise UsageError("policies are compared over a finite horizon")
        return self.departments.held.horizon

    def ahead(self, numbers: Floats, after: Floats) -> Floats:
        """(m, K) what each pair gives now and is expected to give from the next stage on."""
        held = self.departments.held
        discount = np.full(numbers.shape[1], held.discount)
        discount[1] = held.cost_discount
        moved = np.einsum("nr,nrk->nk", self.chain, after[self.elsewhere])
        row = np.add.reduceat(held.probability[:, None] * moved[held.next_state], held.row_ptr[:-1])
        return np.asarray(numbers + discount * row[held.pair_row])

    @property
    def elsewhere(self) -> NDArray[np.int64]:
        """The same state in every regime, (n, R)."""
        return self.departments.elsewhere
