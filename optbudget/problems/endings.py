"""Which problems end by themselves: states at rest, and states that a policy can keep for ever.

Over an infinite horizon without discount a value exists only if every policy ends: reaches, with
probability 1, a terminal state or a state **at rest**, from which nothing is earned or spent any more
whatever is done. No policy avoids the end exactly if no set of other states can be kept for ever, each by
some pair that leads nowhere else. Both are questions about the graph of the transitions alone.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import IllPosedError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.constrained_mdp import ConstrainedMDP

Mask = NDArray[np.bool_]

NAMED_STATES = 5


def ended_states(problem: ConstrainedMDP) -> Mask:
    """Where all has ended, (n,) bool: terminal states and, where nothing is discounted, states at rest.

    A state at rest earns nothing and uses none of the resources, and nor does whatever follows.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> ended_states(ConstrainedMDP(two_action_example(), 1.0))
    array([False])
    """
    unit = problem.problem
    return unit.is_terminal if _counts(unit) else unit.is_terminal | resting_states(_with_all_costs(problem))


def require_every_end(problem: ConstrainedMDP) -> None:
    """Accept only constrained problems that are discounted, or finite, or all of whose policies end.

    Raises
    ------
    IllPosedError
        Naming states that can be kept for ever, and what that does to value or spend.
    """
    if not _counts(problem.problem):
        require_termination(_with_all_costs(problem))


def _with_all_costs(problem: ConstrainedMDP) -> BudgetedMDP:
    """One unit whose cost is the largest use of any resource: enough to see whether there is one."""
    return replace(
        problem.problem, cost=problem.cost.max(axis=0), utility=problem.reward, reward="gross",
        budget_cap=None, folder=None,
    )  # fmt: skip


def _counts(problem: BudgetedMDP) -> bool:
    """Whether the horizon is finite, or discount * (largest sum of a transition row) < 1 with rounding."""
    if problem.horizon is not None:
        return True
    row = np.repeat(np.arange(problem.row_ptr.size - 1), np.diff(problem.row_ptr))
    largest = float(np.bincount(row, problem.probability).max(initial=0.0))
    return problem.discount < 1 and problem.discount * largest * (1 + 2.0**-40) < 1


def resting_states(problem: BudgetedMDP) -> Mask:
    """States from which no reward, spend or terminal utility can ever come, (n,) bool.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> resting_states(two_action_example())
    array([False])
    """
    busy = problem.is_terminal & (problem.terminal_utility != 0)
    active = (problem.pair_reward != 0) | (problem.cost != 0)
    busy[problem.pair_state[active]] = True
    while True:
        reaches = _row_any(problem, busy)[problem.pair_row]
        more = busy.copy()
        more[problem.pair_state[reaches]] = True
        if (more == busy).all():
            rest: Mask = ~busy & ~problem.is_terminal
            return rest
        busy = more


def endless_states(problem: BudgetedMDP) -> Mask:
    """Largest set of states that some policy can keep for ever, resting states aside, (n,) bool."""
    inside = ~problem.is_terminal & ~resting_states(problem)
    while True:
        stays = ~_row_any(problem, ~inside)[problem.pair_row]
        can_stay = np.zeros_like(inside)
        can_stay[problem.pair_state[stays]] = True
        fewer = inside & can_stay
        if (fewer == inside).all():
            return inside
        inside = fewer


def require_termination(problem: BudgetedMDP) -> None:
    """Accept only problems all of whose policies end.

    Raises
    ------
    IllPosedError
        Naming states that can be kept for ever, and what that does to value or spend.
    """
    inside = endless_states(problem)
    if not inside.any():
        return
    stays = ~_row_any(problem, ~inside)[problem.pair_row] & inside[problem.pair_state]
    names = [problem.labels[i] for i in np.flatnonzero(inside)]
    shown = ", ".join(repr(name) for name in names[:NAMED_STATES])
    if len(names) > NAMED_STATES:
        shown += f" and {len(names) - NAMED_STATES} more"
    which = [name for name in ("discount", "cost_discount") if getattr(problem, name) == 1]
    raise IllPosedError(
        f"with {' and '.join(which) or 'a discount too close to'} = 1 over an infinite horizon every policy "
        f"must end, but a policy can stay in {shown} for ever; {_consequence(problem, stays)}. Give a finite "
        "horizon or discounts below 1, or make every action there lead out with some probability."
    )


def _consequence(problem: BudgetedMDP, stays: Mask) -> str:
    """What staying for ever does, from the pairs that stay."""
    sums = [("spends", "spend", problem.cost)] if problem.cost_discount == 1 else []
    sums += [("earns", "value", problem.pair_reward)] if problem.discount == 1 else []
    for verb, noun, amount in reversed(sums):
        pair = int(np.argmax(np.where(stays, amount, -np.inf)))
        if amount[pair] > 0:
            state = problem.labels[problem.pair_state[pair]]
            action = problem.actions[problem.pair_action[pair]]
            return (
                f"{action!r} in {state!r} {verb} {amount[pair]:.6g} each time, so {noun} need not be finite"
            )
    if any(amount[stays].any() for _, _, amount in sums):
        return "what it loses there adds up without bound"
    return "it neither earns nor spends there, so nothing bounds how long it stays"


def _row_any(problem: BudgetedMDP, mask: Mask) -> Mask:
    """Whether each row can lead into the states of a mask, (R,)."""
    row = np.repeat(np.arange(problem.row_ptr.size - 1), np.diff(problem.row_ptr))
    found: Mask = np.bincount(row, mask[problem.next_state], minlength=problem.row_ptr.size - 1) > 0
    return found
