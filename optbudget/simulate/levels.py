"""The curves of every stage, laid out for those who act by budgets: reallocation and static user budgets."""

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation.greedy import segment_prices
from optbudget.curves import Curves
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.simulate._rollout_kernels import Levels, StageLevels

Integers = NDArray[np.int64]


def levels_of(curves: CurveSet) -> Levels:
    """Useful budgets, actions and orders of purchase of all stages; stage 0 is that of the curves.

    Raises
    ------
    UsageError
        If the curves of later stages were not kept.
    """
    pairs, states = pair_table(curves.problem), np.arange(curves.problem.n_states)
    kept = [_at(curves, stage) for stage in range(curves.stage, curves.problem.horizon or 0)]
    stages = [stage_levels(answer.curves, answer.first_action, states, pairs) for answer in kept]
    begin = np.cumsum([0, *(stage.budget.size for stage in stages)])
    return Levels(
        np.cumsum([0, *(stage.state.size for stage in stages)]),
        np.concatenate([stage.state for stage in stages]),
        np.concatenate([stage.length for stage in stages]),
        np.array([stage.first for stage in stages]) + begin[:-1, None],
        np.array([stage.points for stage in stages]),
        np.concatenate([stage.budget for stage in stages]),
        np.concatenate([stage.pair for stage in stages]),
    )


def stage_levels(
    curves: Curves, first_action: NDArray[np.int32], states: Integers, pairs: Integers
) -> StageLevels:
    """The curves of some states at one stage, in the order of `states`; `pairs` is the `pair_table`."""
    first, count = np.zeros((2, len(pairs)), dtype=np.int64)
    order = np.argsort(-segment_prices(curves), kind="stable")
    points = curves.segments + 1
    first[states], count[states] = curves.indptr[:-1] + np.arange(len(curves)), points
    return StageLevels(
        np.repeat(states, curves.segments)[order], curves.length[order], first, count,
        curves.breakpoints()[0], pairs[np.repeat(states, points), first_action],
    )  # fmt: skip


def pair_table(problem: BudgetedMDP) -> Integers:
    """(n, A+1): the pair of a state and an action, -1 where there is none; the last column is action -1."""
    table = np.full((problem.n_states, len(problem.actions) + 1), -1, dtype=np.int64)
    table[problem.pair_state, problem.pair_action] = np.arange(problem.cost.size)
    return table


def _at(curves: CurveSet, stage: int) -> CurveSet:
    try:
        return curves.at_stage(stage)
    except KeyError:
        raise UsageError(
            f"dbra and sub need the curves of every stage, and those of stage {stage} were not kept: solve "
            "with keep_stages=True (at the command line, solve --keep-stages), or leave them out"
        ) from None
