"""Whether every policy ends, and how long it can last: what stands for 1 / (1 - discount).

Let m solve, over all pairs of the states that go on,

.. math:: m \\ge 1 + \\gamma P^a m \\text{ for every } a, \\qquad m \\ge 0,

so that m(s) is at least the discounted number of decisions still to come, whatever is done. If a
candidate w is missed by at most :math:`\\rho` in every pair, :math:`r^a + \\gamma P^a w \\le w + \\rho`,
then :math:`w + \\rho m` is missed nowhere, and lies above the value of every policy. Likewise an x with
:math:`|g + \\gamma P_\\pi x - x| \\le \\epsilon` is within :math:`\\epsilon m` of the solution.

With :math:`\\gamma\\sigma < 1`, :math:`\\sigma` the largest row sum, :math:`m = 1/(1 - \\gamma\\sigma)`. With
:math:`\\gamma = 1` it exists only if every policy ends: reaches, with probability 1, a terminal state or
a state at rest, where nothing is earned or spent any more whatever is done. No policy avoids the end
exactly if no set of other states can be kept for ever, each by some pair that leads nowhere else;
then the largest expected number of decisions is found by policy iteration and checked against the
inequality above, with its rounding.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted._stationary_kernels import Chain
from optbudget.budgeted.policy_iteration import (
    UNIT,
    first_choice,
    largest_row_sum,
    look_ahead,
    policy_iteration,
    restricted,
    widest_row,
)
from optbudget.errors import IllPosedError
from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

NAMED_STATES = 5


def chain_of(problem: BudgetedMDP) -> Chain:
    """Where the pairs of a problem lead."""
    return Chain(problem.pair_ptr, problem.pair_row, problem.row_ptr, problem.next_state, problem.probability)


def resting_states(problem: BudgetedMDP) -> Mask:
    """States from which no reward, spend or terminal utility can ever come, (n,) bool.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> resting_states(two_action_example())
    array([False])
    """
    chain = chain_of(problem)
    busy = problem.is_terminal & (problem.terminal_utility != 0)
    active = (problem.pair_reward != 0) | (problem.cost != 0)
    busy[problem.pair_state[active]] = True
    while True:
        reaches = _row_any(chain, busy)[problem.pair_row]
        more = busy.copy()
        more[problem.pair_state[reaches]] = True
        if (more == busy).all():
            rest: Mask = ~busy & ~problem.is_terminal
            return rest
        busy = more


def endless_states(problem: BudgetedMDP) -> Mask:
    """Largest set of states that some policy can keep for ever, resting states aside, (n,) bool."""
    chain = chain_of(problem)
    inside = ~problem.is_terminal & ~resting_states(problem)
    while True:
        stays = ~_row_any(chain, ~inside)[problem.pair_row]
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
    stays = ~_row_any(chain_of(problem), ~inside)[problem.pair_row] & inside[problem.pair_state]
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


def longest(problem: BudgetedMDP, discount: float) -> tuple[Floats, Mask]:
    """m >= 1 + discount * P_a m for every pair, proved with rounding, and the states where all has ended.

    Returns
    -------
    m : (n,) bounds the discounted number of decisions to come; 0 in ended states
    ended : (n,) bool; terminal states and, where discount = 1, states at rest

    Raises
    ------
    IllPosedError
        If the discount does not contract and some policy need not end.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> m, ended = longest(two_action_example(), 0.9)
    >>> m.round(9), ended
    (array([10.]), array([False]))
    """
    chain = chain_of(problem)
    rate = discount * largest_row_sum(chain)
    if discount < 1 and rate < 1:
        m = np.full(problem.n_states, 1 / (1 - rate) * (1 + 8 * UNIT))
        return np.where(problem.is_terminal, 0.0, m), problem.is_terminal
    require_termination(problem)
    ended = problem.is_terminal | resting_states(problem)
    live, _ = restricted(chain, ~ended[problem.pair_state])
    choice = first_choice(live, 1)
    m = np.zeros((problem.n_states, 1))
    ones = np.ones(live.pair_row.size)
    policy_iteration(live, discount, ones, np.zeros_like(ones), np.zeros(1), choice, m, np.zeros_like(m))
    found, pairs = m[:, 0], ~ended[problem.pair_state]
    missing = look_ahead(live, discount, ones, found) - found[problem.pair_state[pairs]]
    rounding = (widest_row(live) + 8) * UNIT * (1 + 2 * found.max(initial=0.0))
    slack = max(0.0, float(missing.max(initial=0.0))) + rounding
    if not slack < 0.5:
        raise IllPosedError(
            f"every policy ends, but one may take {found.max():.3g} decisions to do so: too many for "
            "double precision to bound; give a discount below 1"
        )
    return found / (1 - slack) * (1 + 8 * UNIT), ended


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


def _row_of_entry(chain: Chain) -> NDArray[np.int64]:
    return np.repeat(np.arange(chain.row_ptr.size - 1), np.diff(chain.row_ptr))


def _row_any(chain: Chain, mask: Mask) -> Mask:
    """Whether each row can lead into the states of a mask, (R,)."""
    hits = np.bincount(_row_of_entry(chain), mask[chain.next_state], minlength=chain.row_ptr.size - 1)
    found: Mask = hits > 0
    return found
