"""Many runs of all departments side by side, for rules that keep books and so are no policy of the states.

A run begins where the departments are now. In each period every department takes a pair of its state and
regime, spends :math:`c_d(r, s, a)`, yields :math:`R_d(r, s, a)` (more is better) and moves; then the regime
moves. Totals of a run are discounted as the model says. Runs are independent: the mean of a total has the
standard error :math:`s / \\sqrt N`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.pareto.answers import require_callable
from optbudget.pareto.arguments import of_kind, whole
from optbudget.problems import Departments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Act = Callable[[int, Integers], Integers]
"""Of a stage and the departments' states (N, D), numbers of `held`, the pairs (N, D) that they take."""


@dataclass(frozen=True, eq=False)
class Trials:
    """What N runs yielded and spent, discounted totals of all departments.

    Attributes
    ----------
    reward : (N, K) more is better
    spend : (N,) money
    by_period : (T, D) mean undiscounted spend of each department
    """

    reward: Floats
    spend: Floats
    by_period: Floats

    @property
    def point(self) -> Floats:
        """The mean rewards, (K,)."""
        return np.asarray(self.reward.mean(axis=0))

    @property
    def spent(self) -> float:
        """The mean spend."""
        return float(self.spend.mean())

    @property
    def std_error(self) -> Floats:
        """Standard errors of `point`, (K,)."""
        return np.asarray(self.reward.std(axis=0, ddof=1) / np.sqrt(len(self.spend)))

    @property
    def spend_error(self) -> float:
        """Standard error of `spent`."""
        return float(self.spend.std(ddof=1) / np.sqrt(self.spend.size))


class World:
    """A model made ready for moving many runs at once."""

    def __init__(self, departments: Departments) -> None:
        held = of_kind("departments", departments, Departments).held
        self.departments = departments
        self.elsewhere = departments.elsewhere
        self.regime_of_state = departments.regime_of_state
        self.pair_row = held.pair_row
        self.reward = departments.reward * departments.direction
        width = np.diff(held.row_ptr)
        place = np.minimum(np.arange(width.max(initial=1)), np.maximum(width[:, None] - 1, 0))
        entry = held.row_ptr[:-1, None] + place
        self.next_state = held.next_state[entry].astype(np.int64)
        # A row's last entry takes what its sum is short of 1, and so do the entries that fill it up.
        self.up_to = np.where(place < width[:, None] - 1, held.probability[entry].cumsum(axis=1), np.inf)
        self.probability = np.where(place < np.arange(place.shape[1]), 0.0, held.probability[entry])
        self.regime_up_to = np.cumsum(departments.regime_probability, axis=1)
        self.regime_up_to[:, -1] = np.inf

    def start(self, runs: int) -> Integers:
        """The states of so many runs at their beginning, (N, D)."""
        return np.tile(self.departments.start_state, (runs, 1))

    def after(self, pairs: Integers, regime: Integers, draws: Floats) -> tuple[Integers, Integers]:
        """States (N, D) and regime (N,) a period later, by draws (N, D + 1) in [0, 1)."""
        row = self.pair_row[pairs]
        chosen = (draws[:, :-1, None] >= self.up_to[row]).sum(axis=2)
        now = (draws[:, -1:] >= self.regime_up_to[regime]).sum(axis=1)
        return self.elsewhere[self.next_state[row, chosen], now[:, None]], now

    def chance(self, pairs: Integers, within: Integers) -> Floats:
        """The chance (N, D) that pairs lead to states `within`, of the regime that they are taken in."""
        row = self.pair_row[pairs]
        there = self.next_state[row] == within[..., None]
        return np.asarray((self.probability[row] * there).sum(axis=2))


def play(departments: Departments, act: Act, *, runs: int, seed: int, periods: int | None = None) -> Trials:
    """Play a rule in so many independent runs.

    Parameters
    ----------
    departments : the model
    act : the rule; asked once per period, in order
    runs : N >= 1; standard errors need two
    seed : of the runs' draws; equal seeds draw alike whatever the rule
    periods : T; the model's horizon if not given

    Raises
    ------
    UsageError
        If the horizon is infinite and no periods are given, there are no runs, or the rule takes what is no
        pair of a state.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> always = two.held.pair_ptr[1:] - 1
    >>> found = play(two, lambda stage, states: always[states], runs=4000, seed=42)
    >>> found.point.round(1), found.spent
    (array([12.3, -2.7]), 6.0)
    """
    world, draws = World(departments), np.random.default_rng(whole("seed", seed))
    require_callable("act", act, "__call__")
    length = departments.held.horizon if periods is None else whole("periods", periods, least=1)
    if length is None:
        raise UsageError("periods must be given: the horizon is infinite")
    whole("runs", runs, least=1)
    states = world.start(runs)
    regime = world.regime_of_state[states[:, 0]]
    reward, spend = np.zeros((runs, world.reward.shape[1])), np.zeros(runs)
    by_period = np.empty((length, states.shape[1]))
    held = departments.held
    for stage in range(length):
        pairs = _taken(departments, act(stage, states), states)
        paid = held.cost[pairs]
        by_period[stage] = paid.mean(axis=0)
        reward += held.discount**stage * world.reward[pairs].sum(axis=1)
        spend += held.cost_discount**stage * paid.sum(axis=1)
        states, regime = world.after(pairs, regime, draws.random((runs, states.shape[1] + 1)))
    return Trials(reward, spend, by_period)


def _taken(departments: Departments, pairs: object, states: Integers) -> Integers:
    """The pairs that a rule takes, if each is one of its state."""
    given, first = np.asarray(pairs), departments.held.pair_ptr
    fits = given.shape == states.shape and given.dtype.kind in "iu"
    if not (fits and ((given >= first[states]) & (given < first[states + 1])).all()):
        raise UsageError(f"act must take a pair of every state, shape {states.shape}; got {pairs!r:.60}")
    return given
