"""Policies acted out over a population: what they are worth, what they spend, how often that is too much.

Units in one state that do alike are exchangeable, so a trial moves *counts*: how many units of each state,
and of each label (a price, or money left), go to which next state is multinomial, drawn as binomial counts.
A trial of a million units costs no more than one of a thousand.

===== ======================================================================================================
bmdp  each unit draws a useful budget at the start and keeps its price (Boutilier & Lu 2016, section 5.3)
dbra  what is left is split anew at every stage, on the curves of the stages left, and never exceeded
sub   each unit owns the money of its useful budget and acts as if it had what is left of it, and no more; its
      last action may cost more than that (section 5.3: "some small overspending"; not small where actions
      are dear)
uba   bmdp after equal shares
index bmdp, but money that is not there is not spent: units are served in order of the Lagrangian value of
      their action over that of the one that needs least, by money (Hawkins 2003; Brown & Smith 2020)
cap   as sub, but the last action is the dearest that the unit's own money pays for: no unit spends more than
      it was given
split as bmdp, but by a given split as it stands: one under limits, of equal shares, of whole units
===== ======================================================================================================

bmdp, uba and cap keep the budget in expectation; dbra and index on every path. With cap a unit keeps within
what it was given if that can serve it to the end, but the split's lottery may give one unit its upper useful
budget, and then the total exceeds the budget by up to the lottery's width. sub promises nothing.
Reallocation as the paper states it overspends; here units act in the order of their price, and take the
dearest action that still fits (`optbudget.simulate.reserves`). Money left is divided by the cost discount at
every stage: what is never exceeded is the discounted spend.

**Common random numbers.** Draws are functions of (seed, trial, stage, state, group), not of an order
(`optbudget.simulate._draws_kernels`): all policies meet the same chances, trial k is the same however many
trials there are, and no number depends on threads.
"""

from collections.abc import Mapping, Sequence
from numbers import Integral

import numpy as np

from optbudget.errors import NoAnswerError, UsageError
from optbudget.problems import Allocation, CurveSet, Population
from optbudget.problems.columns import Floats, did_you_mean
from optbudget.problems.rollouts import Rollouts
from optbudget.simulate.by_stages import STAGED, run_by_stages
from optbudget.simulate.own import PopulationPolicy
from optbudget.simulate.policies import allocated, prepared_trials
from optbudget.simulate.remade import remakable
from optbudget.simulate.shared_trials import TrialJob, shared_trials
from optbudget.simulate.trials import run_trials
from optbudget.status import Solution, Termination
from optbudget.workers import Crew, Monitor
from optbudget.workers.monitor import require_room

POLICIES = ("bmdp", "dbra", "sub", "uba", "index")
"""The policies that are rolled out where none are named."""

KNOWN = (*POLICIES, "cap", "split")
"""The policies that are known by name."""

MOST_UNITS = 10**9
"""Units that can be rolled out; the law of larger counts would suffer from rounding."""


def simulate(
    curves: CurveSet,
    population: Population,
    budget: float,
    *,
    policies: Sequence[str] = POLICIES,
    split: Allocation | None = None,
    own: Mapping[str, PopulationPolicy] | None = None,
    trials: int = 100,
    seed: int = 0,
    threads: int | None = None,
    monitor: Monitor | None = None,
    crew: Crew | None = None,
) -> Rollouts:
    """Act out policies over a population, trial by trial, with common random numbers.

    Parameters
    ----------
    curves : of a finite horizon; "dbra", "sub" and "cap" act by those of every stage. Where these were not
        kept (`solve(keep_stages=True)`) they are made again at the answer's prices
        (`optbudget.simulate.remade`), unless the curves are pruned or there is a crew
    population : units per state, at most 10^9
    budget : money, >= 0, for all units together
    policies : names among `KNOWN`
    split : what the policy "split" acts out: of these curves, this population, and at most this budget
    own : further policies by name: callables of (stage, units in each state (n,), money left) that return how
        many units take each pair of the problem, (m,) whole numbers; run one trial after another
    trials : how often each policy is acted out, >= 1
    seed : of the draws, >= 0
    threads : at most so many; default: all cores. No number depends on it
    monitor : progress and limits; if it stops the work, the trials done by then are returned, and `stopped`
        of the roll-outs says why
    crew : workers that trials are shared out to; not those of `own`. No number depends on it

    Returns
    -------
    Rollouts
        With the allocation of the budget, whose bound no policy within the budget exceeds in the mean.

    Raises
    ------
    UsageError
        If the horizon is infinite, a name is not known or curves are missing.
    NoAnswerError
        If the budget does not cover the least feasible budgets; or, for "dbra" and "index", what units may be
        forced to spend in the worst case.
    LimitError
        If the work is stopped before the first trials are done, or so many trials need too much memory.
    InterruptedWork
        If it is interrupted before the first trials are done.

    Examples
    --------
    Two customers, money for one; each would gain 9 with certainty:

    >>> from optbudget import solve
    >>> from optbudget.problems.examples import two_action_example
    >>> curves = solve(two_action_example(horizon=1), keep_stages=True)
    >>> found = simulate(curves, Population.at(curves.problem, {"s": 2}), 1.5, trials=1000)
    >>> found.summary("dbra").value_mean, found.summary("dbra").overspend_frequency
    (11.0, 0.0)
    >>> round(found.bound, 9), abs(found.summary("bmdp").overspend_frequency - 0.5) < 0.05
    (15.5, True)
    """
    _require(curves, policies, {} if own is None else own, trials, seed)
    if crew is not None and own:
        raise UsageError("policies of your own are played in this process: leave out the crew")
    if "split" in policies:
        _require_split(split, curves, population, budget)
    answer = allocated(curves, population, budget, "greedy")
    if population.size > MOST_UNITS:
        raise UsageError(f"at most {MOST_UNITS:,} units can be rolled out; there are {population.size:,}")
    monitor = monitor or Monitor()
    problem, names = curves.problem, (*policies, *(own or {}))
    horizon = problem.horizon or 0
    require_room(
        monitor, 24.0 * len(names) * trials * horizon, f"the spend of {trials:,} trials by stage",
        "ask for fewer --trials (trials=) or fewer policies",
    )  # fmt: skip
    value, stage_spend = np.zeros((len(names), trials)), np.zeros((len(names), trials, horizon))
    if crew is None:
        done, stopped = _played(
            answer, policies, split, own or {}, value, stage_spend, seed, threads, monitor
        )
    else:
        job = TrialJob(answer, tuple(policies), split, int(seed))
        done, stopped = shared_trials(job, value, stage_spend, crew, monitor)
    stage_spend = stage_spend[:, :done]
    ended = float(np.where(problem.is_terminal, population.count, 0) @ problem.terminal_utility)
    weights = problem.cost_discount ** np.arange(horizon, dtype=np.float64)
    # Summed row by row, so that no digit depends on how many trials there are.
    spend = (stage_spend * weights).sum(axis=-1)
    return Rollouts(answer, names, value[:, :done] + ended, spend, stage_spend, seed, stopped)


def _played(
    answer: Allocation, policies: Sequence[str], split: Allocation | None,
    own: Mapping[str, PopulationPolicy], value: Floats, stage_spend: Floats, seed: int,
    threads: int | None, monitor: Monitor,
) -> tuple[int, Termination | None]:  # fmt: skip
    """Fill value (P, K) and stage_spend (P, K, T) here; the trials done, and why they are not K."""
    staged = [name for name in policies if name in STAGED] if remakable(answer.curves) else []
    alone = [name for name in policies if name not in staged]
    rows = [*(policies.index(name) for name in alone), *range(len(policies), len(value))]
    part, part_spend = value[rows], stage_spend[rows]
    done, stopped = run_trials(
        prepared_trials(answer, alone, split, own, monitor),
        set(own),
        part,
        part_spend,
        seed,
        threads,
        monitor,
    )
    value[rows], stage_spend[rows] = part, part_spend
    if staged:
        rows = [policies.index(name) for name in staged]
        part, part_spend = value[rows, :done], stage_spend[rows, :done]
        run_by_stages(answer, staged, part, part_spend, seed, threads, monitor)
        value[rows, :done], stage_spend[rows, :done] = part, part_spend
    return done, stopped


def _require_split(split: Allocation | None, curves: CurveSet, population: Population, budget: float) -> None:
    if not isinstance(split, Allocation):
        raise UsageError("the policy 'split' acts out an Allocation: give it as split=")
    if split.outcome.solution is Solution.NONE:
        raise NoAnswerError(f"there is no split to act out: {split.outcome.message}")
    if split.curves is not curves or not np.array_equal(split.population.count, population.count):
        raise UsageError("split= is of other curves or of another population than those that are acted out")
    if split.budget > budget:
        raise UsageError(f"split= is of a budget of {split.budget:.10g}, more than {budget:.10g}")


def _require(
    curves: CurveSet, policies: Sequence[str], own: Mapping[str, object], trials: int, seed: int
) -> None:
    if not isinstance(curves, CurveSet):
        raise UsageError(f"a CurveSet is needed, as solve() returns; got {curves!r:.40}")
    if curves.problem.horizon is None:
        raise UsageError(
            "an infinite horizon cannot be acted out to its end: give the model a horizon after which little "
            "follows, and solve it"
        )
    if curves.stage != 0:
        raise UsageError(f"these are the curves of stage {curves.stage}; a roll-out begins at stage 0")
    if isinstance(policies, str):
        raise UsageError(f"policies must be a list of names, such as [{policies!r}]")
    if not isinstance(policies, Sequence):
        raise UsageError(f"policies must be a list of names among {', '.join(KNOWN)}; got {policies!r:.40}")
    for name in policies:
        if name not in KNOWN:
            known = f"known are {', '.join(KNOWN)}"
            raise UsageError(f"no policy is called {name!r}{did_you_mean(str(name), list(KNOWN))}; {known}")
    _require_own(own)
    names = (*policies, *own)
    if not names or len(set(names)) != len(names):
        raise UsageError(f"name each policy once, and at least one; got {', '.join(names) or 'none'}")
    for what, number, least in (("trials", trials, 1), ("seed", seed, 0)):
        if isinstance(number, bool) or not isinstance(number, Integral) or number < least:
            raise UsageError(f"{what} is {number!r:.40}; it must be a whole number >= {least}")


def _require_own(own: Mapping[str, object]) -> None:
    if not isinstance(own, Mapping):
        raise UsageError(f"own must be a mapping from name to policy, such as {{'mine': f}}; got {own!r:.40}")
    for name, policy in own.items():
        if not isinstance(name, str) or not name:
            raise UsageError(f"own: the name of a policy is {name!r:.40}; it must be a text")
        if name in KNOWN:
            raise UsageError(f"own: the name {name!r} is taken by a known policy; call yours something else")
        if not callable(policy):
            raise UsageError(
                f"own: policy {name!r} is {policy!r:.40}; it must be a function of (stage, units, money)"
            )
