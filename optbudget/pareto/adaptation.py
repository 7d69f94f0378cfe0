"""Planning again when the world is seen to have changed, against going on as before.

The model is p_0 (regimes' chain q_0 included); J other models :math:`p_1, \\dots, p_J` of the same states and
actions say what the world might turn into. After every period each of them has the likelihood ratio of the
regime and of all departments' moves, and its Shiryaev-Roberts statistic

.. math:: L_j = \\frac{q_j(r' \\mid r)}{q_0(r' \\mid r)} \\prod_d \\frac{p_j(s'_d \\mid r, s_d, a_d)}
          {p_0(s'_d \\mid r, s_d, a_d)}, \\qquad  S_j \\leftarrow (1 + S_j)\\, L_j .

The alarm is at :math:`\\sum_j S_j \\ge A`. As long as the sum is there, the plan of the model with the
largest S_j is followed, so that what is seen later corrects what was believed at first; below A it is that of
p_0 again. Statistics are scaled down to a sum of at most :math:`10^6 A`, so that a world which comes back is
seen to.

**False alarms.** As long as p_0 holds, the mean of each L_j is at most 1 whatever is done meanwhile, so S_j
is nowhere above a submartingale of mean n after n periods (Pollak 1985), and by Doob's inequality the
chance of an alarm within n periods is at most :math:`J n / A`: with :math:`A = J n / \\alpha`, at most α.
Nothing is assumed about how large samples are. What the world turns into need not be among the J models;
the delay then depends on how near one of them is.

**What is followed.** At a price λ of money and weights ω, each model's plan is what its best T-period plan
does first. At one price all that counts in a period is :math:`\\omega \\cdot R - \\lambda c`, so plans that
spend differently compare.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import ProblemError, UsageError
from optbudget.pareto.arguments import floats, number, of_kind, whole
from optbudget.pareto.passes import Passes
from optbudget.pareto.trials import World
from optbudget.problems import Departments
from optbudget.problems.sharing import spans

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LARGEST = 1e250
FAR = 1e6


@dataclass(frozen=True, eq=False)
class Followed:
    """What N runs were worth, period by period, net of money at its price.

    Attributes
    ----------
    worth : (N, T) of all departments together
    plan : (N, T) which model's plan was followed
    """

    worth: Floats
    plan: Integers


class Watch:
    """Models of what the world may be, the plan for each, and when to believe in another.

    Parameters
    ----------
    models : the model now, then what it might turn into; alike but for transitions, regimes and rewards
    weights : (K,) of the objectives, >= 0, more being better in each
    price : value of one more unit of money, >= 0
    periods : n, within which a false alarm has at most the chance `false_alarm`
    false_alarm : α in (0, 1)

    Raises
    ------
    ProblemError
        If the models' states, actions or regimes differ.
    UsageError
        If there is no other model, or a number is out of its range.
    """

    def __init__(
        self,
        models: Sequence[Departments],
        weights: ArrayLike,
        price: float,
        *,
        periods: int,
        false_alarm: float = 0.05,
    ) -> None:
        if not isinstance(models, Sequence) or len(models) < 2:
            raise UsageError(f"models must be two models or more; got {models!r:.60}")
        for model in models:
            _require_alike(of_kind("each of models", models[0], Departments), model)
        periods, false_alarm = (
            whole("periods", periods, least=1),
            number("false_alarm", false_alarm, "(0, 1)"),
        )
        self.weights = floats("weights", weights, (len(models[0].objectives),), "[0, inf)")
        self.price = number("price", price, "[0, inf)")
        self.worlds = [World(model) for model in models]
        self.policy = np.array([self.first(model) for model in models])
        self.threshold = (len(models) - 1) * periods / false_alarm

    def first(self, model: Departments) -> Integers:
        """What the model's best plan does first in each state, (n,) pairs."""
        return np.asarray(Passes(model).policies(self.weights[None], np.array([self.price]))[0, 0])

    def net(self, model: Departments) -> Floats:
        """What each pair is worth in a period, net of its cost, (m,)."""
        return np.asarray((model.reward * model.direction) @ self.weights - self.price * model.held.cost)

    def likelihood(self, pairs: Integers, within: Integers, regime: Integers, after: Integers) -> Floats:
        """(N, M) logarithm of each model's chance of the moves of a period.

        Parameters
        ----------
        pairs : (N, D) that were taken
        within : (N, D) the states they led to, as they are in the old regime
        regime, after : (N,) the old regime and the new one
        """
        with np.errstate(divide="ignore"):
            return np.column_stack(
                [
                    np.log(world.chance(pairs, within)).sum(axis=1)
                    + np.log(world.departments.regime_probability[regime, after])
                    for world in self.worlds
                ]
            )


@dataclass(frozen=True, eq=False)
class Happening:
    """What the world does: model 0 of a watch, from the period `change` on (None: never) the model `into`."""

    change: int | None
    into: Departments
    periods: int
    runs: int
    seed: int

    def __post_init__(self) -> None:
        whole("change", 0 if self.change is None else self.change)
        of_kind("into", self.into, Departments)
        whole("periods", self.periods, least=1)
        whole("runs", self.runs, least=1)
        whole("seed", self.seed)


def follow(watch: Watch, happening: Happening, *, plan: Integers | None = None) -> Followed:
    """Runs in which plans change at alarms; or, given a plan (n,) for the new world, when it comes.

    The plan before the change is that of model 0. Equal happenings draw alike, whatever is followed.
    """
    _require_alike(of_kind("watch", watch, Watch).worlds[0].departments, happening.into)
    worlds = watch.worlds[0], World(happening.into)
    policies = watch.policy if plan is None else np.array([watch.policy[0], plan])
    runs, periods = happening.runs, happening.periods
    change = periods if happening.change is None else happening.change
    draws, states = np.random.default_rng(happening.seed), worlds[0].start(runs)
    regime = worlds[0].regime_of_state[states[:, 0]]
    now, score = np.zeros(runs, dtype=np.int64), np.zeros((runs, len(policies)))
    worth, followed = np.empty((runs, periods)), np.empty((runs, periods), dtype=np.int64)
    for k in range(periods):
        world = worlds[int(k >= change)]
        if plan is not None:
            now[:] = k >= change
        pairs = policies[now[:, None], states]
        worth[:, k], followed[:, k] = watch.net(world.departments)[pairs].sum(axis=1), now
        after, coming = world.after(pairs, regime, draws.random((runs, states.shape[1] + 1)))
        if plan is None:
            within = world.elsewhere[after, regime[:, None]]
            now, score = watched(watch, score, watch.likelihood(pairs, within, regime, coming))
        states, regime = after, coming
    return Followed(worth, followed)


def watched(watch: Watch, score: Floats, likelihood: Floats) -> tuple[Integers, Floats]:
    """Whose plan each run follows next, and the statistics (N, M), by the likelihoods of the last period."""
    # Moves that no model allows say nothing.
    with np.errstate(invalid="ignore", over="ignore"):
        ratio = np.nan_to_num(np.exp(likelihood - likelihood[:, :1]), nan=0.0, posinf=LARGEST)
        score = np.minimum((1.0 + score) * ratio, LARGEST)
    score[:, 0] = 0.0
    total = score.sum(axis=1)
    score *= np.minimum(1.0, FAR * watch.threshold / np.maximum(total, 1.0))[:, None]
    return np.where(total >= watch.threshold, score.argmax(axis=1), 0), score


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What planning again is worth when the world changes, and what it costs when it does not.

    Losses are against a planner who knows of the change when it comes: worth of all departments together, net
    of money, summed over the periods from the change on; with their standard errors.

    Attributes
    ----------
    staying, staying_error : loss of going on with the old plan
    adapting, adapting_error : loss of planning again at alarms
    recovery : mean number of periods from the change until another plan is followed; runs in which none ever
        is count to their end
    false_alarms : share of equally long runs without a change that had an alarm
    allowed : what that share is at most, in expectation
    idle, idle_error : loss of planning again at (false) alarms in runs without a change
    """

    staying: float
    staying_error: float
    adapting: float
    adapting_error: float
    recovery: float
    false_alarms: float
    allowed: float
    idle: float
    idle_error: float


def adaptation(watch: Watch, happening: Happening) -> Adaptation:
    """Planning again at alarms, going on, and knowing, in the same runs.

    Parameters
    ----------
    watch : models and their plans
    happening : with a change

    Raises
    ------
    UsageError
        If nothing changes before the last period, or there are fewer than two runs.
    """
    change = happening.change
    if change is None or not 0 <= change < happening.periods or happening.runs < 2:
        raise UsageError("there must be a change before the last period, and two runs or more")
    _require_alike(of_kind("watch", watch, Watch).worlds[0].departments, happening.into)
    best = watch.first(happening.into)
    knowing = follow(watch, happening, plan=best).worth[:, change:].sum(axis=1)
    staying = follow(watch, happening, plan=watch.policy[0]).worth[:, change:].sum(axis=1)
    adapting = follow(watch, happening)
    quiet = replace(happening, change=None)
    idle, unmoved = follow(watch, quiet), follow(watch, quiet, plan=watch.policy[0])
    moved = adapting.plan[:, change:] != adapting.plan[:, [change]]
    recovery = np.where(moved.any(axis=1), moved.argmax(axis=1), moved.shape[1])
    allowed = (len(watch.worlds) - 1) * happening.periods / watch.threshold
    return Adaptation(
        *_mean(knowing - staying),
        *_mean(knowing - adapting.worth[:, change:].sum(axis=1)),
        float(recovery.mean()),
        float((idle.plan != 0).any(axis=1).mean()),
        min(1.0, allowed),
        *_mean((unmoved.worth - idle.worth).sum(axis=1)),
    )


def weakened(departments: Departments, factor: float) -> Departments:
    """The model in which it matters less what is done: a row is nearer to the mean over its state's actions.

    Every row becomes `factor`, in [0, 1], times itself and the rest of that mean; costs and rewards stay.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> weak = weakened(two_departments(), 0.5)
    >>> weak.held.labels[1], weak.held.probability[weak.held.row_ptr[2] : weak.held.row_ptr[3]]
    ('roads/rich|good', array([0.1875, 0.8125]))
    """
    held, factor = of_kind("departments", departments, Departments).held, number("factor", factor, "[0, 1]")
    n, pairs = held.n_states, held.cost.size
    pointer, entry = held.pair_entries
    pair = np.repeat(np.arange(pairs), np.diff(pointer))
    state, chance = held.pair_state[pair], held.probability[entry]
    # What each state leads to by any action is what each of its pairs leads to now.
    moves, place = np.unique(state * n + held.next_state[entry], return_inverse=True)
    many = np.bincount(moves // n, minlength=n)
    mean = np.bincount(place, chance / np.diff(held.pair_ptr)[state])
    width = many[held.pair_state]
    row_ptr, first = np.append(0, width.cumsum()), np.append(0, many.cumsum())
    among = spans(first[held.pair_state], width)
    probability: Floats = np.asarray((1.0 - factor) * mean[among], dtype=np.float64)
    probability[row_ptr[pair] + place - first[state]] += factor * chance
    kept = probability > 0
    rows = replace(
        held, pair_row=np.arange(pairs, dtype=np.int32),
        row_ptr=np.append(0, np.add.reduceat(kept.astype(np.int64), row_ptr[:-1]).cumsum()),
        next_state=(moves[among] % n).astype(np.int32)[kept], probability=probability[kept],
    )  # fmt: skip
    return replace(departments, held=rows)


def _mean(numbers: Floats) -> tuple[float, float]:
    """The mean and its standard error."""
    return float(numbers.mean()), float(numbers.std(ddof=1) / np.sqrt(numbers.size))


def _require_alike(first: Departments, other: Departments) -> None:
    one, two = first.held, of_kind("each of models", other, Departments).held
    alike = (
        one.labels == two.labels
        and one.actions == two.actions
        and one.horizon == two.horizon
        and first.regimes == other.regimes
        and first.objectives == other.objectives
        and np.array_equal(one.pair_ptr, two.pair_ptr)
        and np.array_equal(one.pair_action, two.pair_action)
    )
    if not alike:
        raise ProblemError("models to watch for must have the same departments, states, actions and horizon")
