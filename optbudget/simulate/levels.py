"""The curves of every stage, laid out for those who act by budgets: reallocation and static user budgets."""

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation.greedy import segment_prices
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.simulate._rollout_kernels import Levels

Integers = NDArray[np.int64]


def levels_of(curves: CurveSet) -> Levels:
    """Useful budgets, actions and orders of purchase of all stages; stage 0 is that of the curves.

    Raises
    ------
    UsageError
        If the curves of later stages were not kept.
    """
    stages = [_at(curves, stage) for stage in range(curves.stage, curves.problem.horizon or 0)]
    pair_of = pair_table(curves.problem)
    segment_ptr, states, lengths = [0], list[Integers](), list[NDArray[np.float64]]()
    first, count, budgets, pairs, begin = [], [], [], [], 0
    for kept in stages:
        flat = kept.curves
        owner = np.repeat(np.arange(len(flat)), flat.segments)
        order = np.argsort(-segment_prices(flat), kind="stable")
        states.append(owner[order])
        lengths.append(flat.length[order])
        segment_ptr.append(segment_ptr[-1] + order.size)
        points = flat.segments + 1
        first.append(begin + flat.indptr[:-1] + np.arange(len(flat)))
        count.append(points)
        budgets.append(flat.breakpoints()[0])
        pairs.append(pair_of[np.repeat(np.arange(len(flat)), points), kept.first_action])
        begin += int(points.sum())
    return Levels(
        np.array(segment_ptr), np.concatenate(states), np.concatenate(lengths), np.array(first),
        np.array(count), np.concatenate(budgets), np.concatenate(pairs),
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
