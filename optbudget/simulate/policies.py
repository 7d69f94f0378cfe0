"""The policies that are known by name, each as a function that plays one trial."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import allocate
from optbudget.errors import NoAnswerError
from optbudget.problems import Allocation, CurveSet, Population
from optbudget.simulate import _rollout_kernels as kernels
from optbudget.simulate._draws_kernels import binomial
from optbudget.simulate._static_kernels import static_trial
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
"""From (seed word, trial) and an array (T,) to fill with the spend of each stage, to the discounted value."""


def allocated(curves: CurveSet, population: Population, budget: float, method: str) -> Allocation:
    answer = allocate(curves, population, budget, method="uniform" if method == "uniform" else "greedy")
    if answer.outcome.solution is Solution.NONE:
        raise NoAnswerError(answer.outcome.message)
    return answer


def prepared_trials(
    answer: Allocation,
    policies: Sequence[str],
    split: Allocation | None,
    own: Mapping[str, PopulationPolicy],
    monitor: Monitor,
) -> dict[str, Trial]:
    """One function per policy that plays a trial: (key, spend by stage to fill) to value."""
    problem, budget = answer.curves.problem, answer.budget
    world = world_of(problem)
    start = np.where(problem.is_terminal, 0, answer.population.count)
    require_playable(answer, policies)
    levels = levels_of(answer.curves) if {"dbra", "sub", "cap"} & set(policies) else None
    prepared: dict[str, Trial] = {}
    for name in policies:
        if name == "dbra":
            prepared[name] = lambda key, spend: kernels.reallocating_trial(
                world, levels, start[None, :], budget, key, spend
            )
        elif name in ("sub", "cap"):
            prepared[name] = _static(world, levels, answer, strict=name == "cap")
        elif name == "split":
            assert split is not None
            prepared[name] = _priced(world, split, monitor)
        elif name == "uba":
            shares = allocated(answer.curves, answer.population, budget, "uniform")
            prepared[name] = _priced(world, shares, monitor)
        else:
            index = lagrangian_index(problem, world, answer.price) if name == "index" else None
            prepared[name] = _priced(world, answer, monitor, index)
    for name, policy in own.items():
        prepared[name] = lambda key, spend, act=policy, said=name: own_trial(  # type: ignore[misc]
            problem, world, act, said, start, budget, key, spend
        )
    return prepared


def require_playable(answer: Allocation, policies: Sequence[str]) -> None:
    """Refuse policies that the budget of a split does not suffice for, with a NoAnswerError."""
    for reason in unplayable(answer, policies).values():
        raise NoAnswerError(reason)


def unplayable(answer: Allocation, policies: Sequence[str]) -> dict[str, str]:
    """The policies that the budget of a split does not suffice for, each with a sentence that says why."""
    found: dict[str, str] = {}
    for name in policies:
        if name == "uba":
            shares = allocate(answer.curves, answer.population, answer.budget, method="uniform")
            if shares.outcome.solution is Solution.NONE:
                found[name] = f"uba: {shares.outcome.message}"
        elif name in ("dbra", "index"):
            problem = answer.curves.problem
            start = np.where(problem.is_terminal, 0, answer.population.count)
            least = float(start @ world_of(problem).least[0])
            if least > answer.budget:
                found[name] = (
                    f"{name} promises never to overspend, and units may be forced to spend {least:.10g} in "
                    f"all, more than the budget of {answer.budget:.10g}: raise it, or leave out {name}"
                )
    return found


def _priced(
    world: World, answer: Allocation, monitor: Monitor, index: NDArray[np.float64] | None = None
) -> Trial:
    """Units keep the prices that they draw; with an index, while money lasts."""
    rows = priced_units(answer, monitor=monitor)

    def trial(key: Key, spend: NDArray[np.float64]) -> float:
        units = np.zeros(rows.count.size, dtype=np.int64)
        start = np.zeros((rows.price.size, world.terminal_utility.size), dtype=np.int64)
        kernels.drawn_rows(rows.state, rows.count, rows.probability, key, units)
        np.add.at(start, (rows.low, rows.state), units)
        for r in np.flatnonzero(rows.share).tolist():
            state = int(rows.state[r])
            raised = binomial(
                int(units[r]), float(rows.share[r]), key, kernels.DRAWN, kernels.START, state, r
            )
            start[rows.low[r], state] -= raised
            start[rows.high[r], state] += raised
        if index is None:
            return float(kernels.following_trial(world, rows.wanted, start, key, spend))
        return float(kernels.index_trial(world, rows.wanted, index, start, answer.budget, key, spend))

    return trial


@dataclass(frozen=True, eq=False)
class OwnedMoney:
    """Rows of an allocation whose units own the money of the useful budget that they draw."""

    state: Integers
    money: NDArray[np.float64]
    count: Integers
    probability: NDArray[np.float64]

    @classmethod
    def of(cls, answer: Allocation) -> "OwnedMoney":
        active = ~answer.curves.problem.is_terminal[answer.state] & (answer.count > 0)
        return cls(
            answer.state[active], answer.unit_budget[active], answer.count[active], answer.probability[active]
        )

    def drawn(self, key: Key) -> tuple[NDArray[np.float64], NDArray[np.float64], Integers]:
        """The rows of a trial: (state, money, units), the state as a float."""
        units = np.zeros(self.count.size, dtype=np.int64)
        kernels.drawn_rows(self.state, self.count, self.probability, key, units)
        return self.state.astype(np.float64), self.money, units


def _static(world: World, levels: kernels.Levels | None, answer: Allocation, *, strict: bool) -> Trial:
    """Units own the money of the useful budgets that they draw."""
    owned = OwnedMoney.of(answer)

    def trial(key: Key, spend: NDArray[np.float64]) -> float:
        if owned.state.size == 0:
            return 0.0
        return float(static_trial(world, levels, owned.drawn(key), strict, key, spend))

    return trial
