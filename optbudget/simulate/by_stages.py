"""Trials side by side: all play a stage before any plays the next, so that one stage's curves are held.

Who acts by budgets (reallocation, static user budgets) reads the curves of the stage at hand, and only those
of states that units are in. Where the curves of later stages were not kept they are made again
(`optbudget.simulate.remade`). The draws of a trial do not depend on the order of work: these are the trials
of `optbudget.simulate.policies`, to the bit, on the same curves.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.bracket import curves_from_lines
from optbudget.problems import Allocation
from optbudget.simulate import _rollout_kernels as kernels
from optbudget.simulate import _static_kernels as static
from optbudget.simulate._step_kernels import World, last_worth
from optbudget.simulate.levels import pair_table, stage_levels
from optbudget.simulate.policies import OwnedMoney, require_playable
from optbudget.simulate.remade import lines_by_stage
from optbudget.simulate.trials import seed_word
from optbudget.simulate.world import world_of
from optbudget.workers import Monitor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Key = tuple[int, int]

STAGED = ("dbra", "sub", "cap")
"""The policies that act by the curves of later stages."""


class Player(Protocol):
    """A policy in the middle of many trials."""

    def states(self) -> Integers:
        """Where units are in any trial."""

    def play(self, levels: kernels.StageLevels, stage: int, key: Key, spend: Floats) -> float:
        """One stage of trial key[1]; fills its spend and returns its value as of that stage."""

    def last(self, trial: int) -> float:
        """Terminal utility of the units that are left after the last decision."""


class Reallocating:
    """Reallocation: in each trial the units of each occupied state, and the money left."""

    def __init__(self, world: World, answer: Allocation, trials: int) -> None:
        start = np.where(answer.curves.problem.is_terminal, 0, answer.population.count)
        there = np.flatnonzero(start)
        self.world = world
        self.units = [(there, start[there])] * trials
        self.money = [answer.budget] * trials

    def states(self) -> Integers:
        return np.unique(np.concatenate([there for there, _ in self.units]))

    def play(self, levels: kernels.StageLevels, stage: int, key: Key, spend: Floats) -> float:
        counts, trial = self._counts(key[1]), key[1]
        taken = np.zeros((1, self.world.cost.size), dtype=np.int64)
        worth, self.money[trial] = kernels.reallocating_stage(
            self.world, levels, stage, counts, self.money[trial], key, spend, taken
        )
        there = np.flatnonzero(counts[0])
        self.units[trial] = there, counts[0, there]
        return float(worth)

    def last(self, trial: int) -> float:
        return float(last_worth(self.world, self._counts(trial)))

    def _counts(self, trial: int) -> Integers:
        counts = np.zeros((1, self.world.terminal_utility.size), dtype=np.int64)
        there, units = self.units[trial]
        counts[0, there] = units
        return counts


class Static:
    """Static user budgets: in each trial the groups of units of one state and one amount of money."""

    def __init__(self, world: World, answer: Allocation, word: int, trials: int, *, strict: bool) -> None:
        owned = OwnedMoney.of(answer)
        self.world, self.strict = world, strict
        self.groups = [static.as_groups(owned.drawn((word, trial))) for trial in range(trials)]

    def states(self) -> Integers:
        return np.unique(np.concatenate([groups[0] for groups in self.groups])).astype(np.int64)

    def play(self, levels: kernels.StageLevels, stage: int, key: Key, spend: Floats) -> float:
        after = np.zeros(self.world.terminal_utility.size, dtype=np.int64)
        worth, self.groups[key[1]] = static.static_stage(
            self.world, levels, stage, self.groups[key[1]], self.strict, key, spend, after
        )
        return float(worth)

    def last(self, trial: int) -> float:
        return float(static.static_last(self.world, self.groups[trial]))


def run_by_stages(
    answer: Allocation,
    policies: Sequence[str],
    value: Floats,
    stage_spend: Floats,
    seed: int,
    threads: int | None,
    monitor: Monitor,
) -> None:
    """Fill value (P, K) and stage_spend (P, K, T) with the trials of policies among `STAGED`.

    Raises
    ------
    NoAnswerError
        If the budget does not suffice for a policy.
    LimitError, InterruptedWork
        If the monitor stops the work: no trial is done before all are.
    """
    require_playable(answer, policies)
    curves, trials = answer.curves, value.shape[1]
    problem, pairs = curves.problem, pair_table(curves.problem)
    world, word = world_of(problem), seed_word(seed)
    players: list[Player] = [
        Reallocating(world, answer, trials)
        if name == "dbra"
        else Static(world, answer, word, trials, strict=name == "cap")
        for name in policies
    ]
    value[:] = 0.0
    weight = 1.0
    with ThreadPoolExecutor(max(1, min(threads or os.cpu_count() or 1, trials))) as pool:
        for stage, lines in enumerate(lines_by_stage(curves, monitor=monitor)):
            states = np.unique(np.concatenate([player.states() for player in players]))
            if states.size == 0:
                break
            found, _, action = curves_from_lines(lines.at_states(states), cap=problem.budget_cap)
            levels = stage_levels(found, action, states, pairs)
            stage_worth = partial(_stage_worth, players, levels, stage, word, stage_spend)
            value += weight * np.array(list(pool.map(stage_worth, range(trials)))).T
            weight *= problem.discount
            monitor.progress((stage + 1) / (problem.horizon or 1), f"trials: stage {stage + 1} played")
    value += weight * np.array([[player.last(trial) for trial in range(trials)] for player in players])


def _stage_worth(
    players: Sequence[Player],
    levels: kernels.StageLevels,
    stage: int,
    word: int,
    stage_spend: Floats,
    trial: int,
) -> list[float]:
    """One stage of one trial of every player: the values as of that stage."""
    return [
        player.play(levels, stage, (word, trial), stage_spend[p, trial]) for p, player in enumerate(players)
    ]
