"""Policies acted out over a population: what they are worth, what they spend, how often that is too much.

Units in one state that do alike are exchangeable, so a trial moves *counts*: how many units of each state,
and of each label (a price, or money left), go to which next state is multinomial, drawn as binomial counts.
A trial of a million units costs no more than one of a thousand.

===== ======================================================================================================
bmdp  each unit draws a useful budget at the start and keeps its price (Boutilier & Lu 2016, section 5.3)
dbra  what is left is split anew at every stage, on the curves of the stages left, and never exceeded
sub   each unit owns the money of its useful budget and acts as if it had what is left of it, and no more; its
      last action may cost more than that (section 5.3: "some small overspending")
uba   bmdp after equal shares
index bmdp, but money that is not there is not spent: units are served in order of the Lagrangian value of
      their action over that of the one that needs least, by money (Hawkins 2003; Brown & Smith 2020)
cap   as sub, but the last action is the dearest that the unit's own money pays for
===== ======================================================================================================

bmdp and uba keep the budget in expectation; dbra and index on every path; cap does so for every unit that
its money can serve to the end. Reallocation as the paper states it overspends; here units act in the order
of their price, and take the dearest action that still fits (`optbudget.simulate.reserves`). Money left is
divided by the cost discount at every stage: what is never exceeded is the discounted spend.

**Common random numbers.** Draws are functions of (seed, trial, stage, state, group), not of an order
(`optbudget.simulate._draws_kernels`): all policies meet the same chances, trial k is the same however many
trials there are, and no number depends on threads.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import allocate
from optbudget.errors import LimitError, NoAnswerError, UsageError
from optbudget.problems import Allocation, CurveSet, Population
from optbudget.problems.columns import did_you_mean
from optbudget.problems.rollouts import Rollouts
from optbudget.simulate import _rollout_kernels as kernels
from optbudget.simulate._step_kernels import World
from optbudget.simulate.lagrangian import lagrangian_index
from optbudget.simulate.levels import levels_of
from optbudget.simulate.own import PopulationPolicy, own_trial
from optbudget.simulate.prices import priced_units
from optbudget.simulate.world import world_of
from optbudget.status import Solution
from optbudget.workers import Monitor

Integers = NDArray[np.int64]
Key = tuple[int, int]
Trial = Callable[[Key, NDArray[np.float64]], float]

POLICIES = ("bmdp", "dbra", "sub", "uba", "index")
"""The policies that are rolled out where none are named."""

KNOWN = (*POLICIES, "cap")
"""The policies that are known by name."""

MOST_UNITS = 10**9
"""Units that can be rolled out; the law of larger counts would suffer from rounding."""

TOGETHER = 64
"""Trials between two looks at the monitor."""


def simulate(
    curves: CurveSet,
    population: Population,
    budget: float,
    *,
    policies: Sequence[str] = POLICIES,
    own: Mapping[str, PopulationPolicy] | None = None,
    trials: int = 100,
    seed: int = 0,
    threads: int | None = None,
    monitor: Monitor | None = None,
) -> Rollouts:
    """Act out policies over a population, trial by trial, with common random numbers.

    Parameters
    ----------
    curves : of a finite horizon; "dbra" and "sub" need those of every stage (`solve(keep_stages=True)`)
    population : units per state, at most 10^9
    budget : money, >= 0, for all units together
    policies : names among `KNOWN`
    own : further policies by name: callables of (stage, units in each state (n,), money left) that return how
        many units take each pair of the problem, (m,) whole numbers; run one trial after another
    trials : how often each policy is acted out, >= 1
    seed : of the draws, >= 0
    threads : at most so many; default: all cores. No number depends on it
    monitor : progress and limits; if it stops the work, the trials done by then are returned

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
        If the work is stopped before the first trials are done.

    Examples
    --------
    Two customers, money for one; each would gain 9 with certainty:

    >>> from optbudget import solve
    >>> from optbudget.problems.examples import two_action_example
    >>> curves = solve(two_action_example(horizon=1), keep_stages=True)
    >>> found = simulate(curves, Population.at(curves.problem, {"s": 2}), 1.5, trials=1000)
    >>> found.summary("dbra").value_mean, found.summary("dbra").overspend_frequency
    (11.0, 0.0)
    >>> found.bound, abs(found.summary("bmdp").overspend_frequency - 0.5) < 0.05
    (15.5, True)
    """
    _require(curves, policies, own or {}, trials, seed)
    if population.size > MOST_UNITS:
        raise UsageError(f"at most {MOST_UNITS:,} units can be rolled out; there are {population.size:,}")
    monitor = monitor or Monitor()
    answer = _allocated(curves, population, budget, "greedy")
    prepared = _prepared(answer, policies, own or {}, monitor)
    horizon = curves.problem.horizon or 0
    names = (*policies, *(own or {}))
    value, stage_spend = np.zeros((len(names), trials)), np.zeros((len(names), trials, horizon))
    done = _run(prepared, set(own or {}), value, stage_spend, seed, threads, monitor)
    stage_spend = stage_spend[:, :done]
    ended = (
        population.count[curves.problem.is_terminal]
        @ curves.problem.terminal_utility[curves.problem.is_terminal]
    )
    weights = curves.problem.cost_discount ** np.arange(horizon, dtype=np.float64)
    return Rollouts(answer, names, value[:, :done] + ended, stage_spend @ weights, stage_spend, seed)


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
    for name in policies:
        if name not in KNOWN:
            known = f"known are {', '.join(KNOWN)}"
            raise UsageError(f"no policy is called {name!r}{did_you_mean(str(name), list(KNOWN))}; {known}")
    names = (*policies, *own)
    if not names or len(set(names)) != len(names):
        raise UsageError(f"name each policy once, and at least one; got {', '.join(names) or 'none'}")
    for what, number, least in (("trials", trials, 1), ("seed", seed, 0)):
        if not isinstance(number, Integral) or number < least:
            raise UsageError(f"{what} is {number!r:.40}; it must be a whole number >= {least}")


def _allocated(curves: CurveSet, population: Population, budget: float, method: str) -> Allocation:
    answer = allocate(curves, population, budget, method="uniform" if method == "uniform" else "greedy")
    if answer.outcome.solution is Solution.NONE:
        raise NoAnswerError(answer.outcome.message)
    return answer


def _prepared(
    answer: Allocation, policies: Sequence[str], own: Mapping[str, PopulationPolicy], monitor: Monitor
) -> dict[str, Trial]:
    """One function per policy that plays a trial: (key, spend by stage to fill) to value."""
    problem, budget = answer.curves.problem, answer.budget
    world = world_of(problem)
    start = np.where(problem.is_terminal, 0, answer.population.count)
    if {"dbra", "index"} & set(policies):
        _require_strict(world, start, answer)
    levels = levels_of(answer.curves) if {"dbra", "sub", "cap"} & set(policies) else None
    prepared: dict[str, Trial] = {}
    for name in policies:
        if name == "dbra":
            prepared[name] = lambda key, spend: kernels.reallocating_trial(
                world, levels, start, budget, key, spend
            )
        elif name in ("sub", "cap"):
            prepared[name] = _static(world, levels, answer, strict=name == "cap")
        elif name == "uba":
            shares = _allocated(answer.curves, answer.population, budget, "uniform")
            prepared[name] = _priced(world, shares, monitor)
        else:
            index = lagrangian_index(problem, world, answer.price) if name == "index" else None
            prepared[name] = _priced(world, answer, monitor, index)
    for name, policy in own.items():
        prepared[name] = lambda key, spend, act=policy, said=name: own_trial(  # type: ignore[misc]
            problem, world, act, said, start, budget, key, spend
        )
    return prepared


def _require_strict(world: World, start: Integers, answer: Allocation) -> None:
    least = float(start @ world.least[0])
    if least > answer.budget:
        raise NoAnswerError(
            f"dbra and index promise never to overspend, and units may be forced to spend {least:.10g} in "
            f"all, more than the budget of {answer.budget:.10g}: raise it, or leave out dbra and index"
        )


def _priced(
    world: World, answer: Allocation, monitor: Monitor, index: NDArray[np.float64] | None = None
) -> Trial:
    """Units keep the prices that they draw; with an index, while money lasts."""
    rows = priced_units(answer, monitor=monitor)

    def trial(key: Key, spend: NDArray[np.float64]) -> float:
        units = np.zeros(rows.count.size, dtype=np.int64)
        start = np.zeros((rows.price.size, world.terminal_utility.size), dtype=np.int64)
        kernels.drawn_rows(rows.state, rows.count, rows.probability, key, units)
        kernels.drawn_labels(rows.state, units, rows.low, rows.high, rows.share, key, start)
        if index is None:
            return float(kernels.following_trial(world, rows.wanted, start, key, spend))
        return float(kernels.index_trial(world, rows.wanted, index, start, answer.budget, key, spend))

    return trial


def _static(world: World, levels: kernels.Levels | None, answer: Allocation, *, strict: bool) -> Trial:
    """Units own the money of the useful budgets that they draw."""
    active = ~answer.curves.problem.is_terminal[answer.state] & (answer.count > 0)
    state, count = answer.state[active], answer.count[active]
    money, probability = answer.unit_budget[active], answer.probability[active]

    def trial(key: Key, spend: NDArray[np.float64]) -> float:
        if state.size == 0:
            return 0.0
        units = np.zeros(count.size, dtype=np.int64)
        kernels.drawn_rows(state, count, probability, key, units)
        return float(kernels.static_trial(world, levels, (state, money, units), strict, key, spend))

    return trial


def seed_word(seed: int) -> int:
    """The word of 32 bits that stands for a seed in all draws."""
    return int(np.random.SeedSequence(int(seed)).generate_state(1).item())


def _run(
    prepared: Mapping[str, Trial],
    own: set[str],
    value: NDArray[np.float64],
    stage_spend: NDArray[np.float64],
    seed: int,
    threads: int | None,
    monitor: Monitor,
) -> int:
    """Fill value (P, K) and stage_spend (P, K, T); the number of trials done."""
    word = seed_word(seed)
    trials, names = value.shape[1], list(prepared)

    def play(p: int, first: int, last: int) -> None:
        for k in range(first, last):
            value[p, k] = prepared[names[p]]((word, k), stage_spend[p, k])

    def share(first: int, last: int) -> None:
        for p, name in enumerate(names):
            if name not in own:
                play(p, first, last)

    workers = max(1, min(threads or os.cpu_count() or 1, trials))
    with ThreadPoolExecutor(workers) as pool:
        for begin in range(0, trials, TOGETHER):
            if monitor.stop_reason() is not None:
                if begin == 0:
                    raise LimitError("stopped before any trial was done; allow more time")
                return begin
            end = min(begin + TOGETHER, trials)
            cuts = np.linspace(begin, end, workers + 1).astype(int).tolist()
            for work in [pool.submit(share, a, b) for a, b in pairwise(cuts)]:
                work.result()
            for p, name in enumerate(names):
                if name in own:
                    play(p, begin, end)
            monitor.progress(end / trials, f"trials: {end:,}")
    return trials
