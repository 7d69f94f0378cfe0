"""Models drawn from what counts leave open: every row from its Dirichlet posterior.

Row a of draw d is :math:`g_{aj} / \\sum_i g_{ai}` with independent gamma variates of shapes
:math:`n_{aj} + \\alpha`; their logarithms are drawn, as :math:`\\log\\Gamma_{a+1} + \\log(U)/a`, so that
no row vanishes however small its shapes are. Draw d has a stream of its own under the seed: the first draws
of a longer run are those of a shorter one, and whatever is evaluated meets the same models.
"""

from numbers import Real

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP, PricePolicy, TransitionCounts

Floats = NDArray[np.float64]


def concentrations(counts: TransitionCounts, prior: float) -> Floats:
    """Parameters of the posterior of every row, (z,): the counts and `prior` for every possible next state.

    Raises
    ------
    UsageError
        If the prior is not a finite number >= 0.
    ProblemError
        If the prior is 0 and a state-action pair was never seen.
    """
    if not isinstance(prior, Real) or not 0 <= prior < np.inf:
        raise UsageError(f"prior is {prior!r:.40}; it must be a finite number >= 0")
    if prior == 0:
        counts.require_seen()
    return np.asarray(counts.count + float(prior), dtype=np.float64)


def mean_model(counts: TransitionCounts, *, prior: float = 0.0) -> BudgetedMDP:
    """The problem with the posterior means as its rows.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> counts = TransitionCounts.from_tables(two_action_example(horizon=2), {
    ...     "state": ["s"], "action": ["a"], "next_state": ["s"], "count": [7]})
    >>> mean_model(counts, prior=0.5)
    BudgetedMDP(1 state, 2 actions, 2 transition rows, horizon 2)
    """
    shape = concentrations(counts, prior)
    return counts.with_rows(shape / _by_pair(counts, shape))


def drawn_rows(counts: TransitionCounts, draws: int, *, seed: int, prior: float = 0.0) -> Floats:
    """Transition probabilities of every draw, (draws, z), 0 where the posterior has no mass.

    A row that several pairs use is drawn once.
    """
    shape = concentrations(counts, prior)
    own = counts.lent == np.arange(shape.size)
    place = (np.cumsum(own) - 1)[counts.lent]
    possible = shape > 0
    inner = np.where(possible, shape, 1.0)[own]
    rows = np.empty((draws, shape.size))
    for d in range(draws):
        stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(d,)))
        with np.errstate(divide="ignore"):
            drawn = np.log(stream.standard_gamma(inner + 1.0)) + np.log(stream.random(inner.size)) / inner
        logs = drawn[place]
        logs[~possible] = -np.inf
        largest = np.repeat(np.maximum.reduceat(logs, counts.ptr[:-1]), np.diff(counts.ptr))
        share = np.exp(logs - largest)
        rows[d] = share / _by_pair(counts, share)
    return rows


def evaluate_draws(
    counts: TransitionCounts, rows: Floats, policy: PricePolicy, *, price: float
) -> tuple[Floats, Floats]:
    """Value and spend of one policy under every draw, (draws, n) each: `evaluate` for all of them at once.

    Parameters
    ----------
    rows : (draws, z) probabilities, as `drawn_rows` makes them
    policy : by stages; the actions that hold at `price` are taken
    """
    problem = counts.problem
    assert problem.horizon is not None
    pair = held_pairs(problem, policy, price)
    acting = np.flatnonzero(~problem.is_terminal)
    value = np.tile(problem.terminal_utility, (rows.shape[0], 1))
    spend = np.zeros_like(value)
    start, following = counts.ptr[:-1], counts.next_state
    for stage in reversed(range(problem.horizon)):
        chosen = pair[stage, acting]
        for now, each, rate in (
            (value, problem.pair_reward, problem.discount),
            (spend, problem.cost, problem.cost_discount),
        ):
            ahead = np.add.reduceat(rows * now[:, following], start, axis=1)[:, chosen]
            now[:, acting] = each[chosen] + rate * ahead
    return value, spend


def held_pairs(problem: BudgetedMDP, policy: PricePolicy, price: float) -> NDArray[np.int64]:
    """The state-action pair that a policy takes at a price, (T, n); -1 in terminal states."""
    holds = (policy.price_low <= price) & ((price < policy.price_high) | np.isinf(policy.price_high))
    rows = np.flatnonzero(holds)[::-1]
    pair_of = np.full((problem.n_states, len(problem.actions)), -1, dtype=np.int64)
    pair_of[problem.pair_state, problem.pair_action] = np.arange(problem.cost.size)
    pair = np.full((problem.horizon or 0, problem.n_states), -1, dtype=np.int64)
    pair[policy.stage[rows], policy.state[rows]] = pair_of[policy.state[rows], policy.action[rows]]
    return pair


def _by_pair(counts: TransitionCounts, number: Floats) -> Floats:
    """The sum over each pair, at every entry of the pair, (z,)."""
    return np.repeat(np.add.reduceat(number, counts.ptr[:-1]), np.diff(counts.ptr))
