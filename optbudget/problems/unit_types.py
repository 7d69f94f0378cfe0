"""Several problems of one kind as one problem with unit types."""

from collections.abc import Sequence

import numpy as np

from optbudget.errors import ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.columns import Floats
from optbudget.problems.events import name_problem


def join_types(parts: Sequence[BudgetedMDP], names: Sequence[str], shares: Floats) -> BudgetedMDP:
    """One problem whose unit types are the parts; no transition crosses types.

    States that have actions come first, type by type, then terminal ones, type by type. Discounts, horizon,
    reward, title and units are the first part's.

    Parameters
    ----------
    names : of the types, one per part
    shares : (K,) of units that are of each type; the initial distribution is the parts' in these shares

    Raises
    ------
    ProblemError
        If the parts differ in discounts, horizon or reward, or names or shares do not fit them.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> one = two_action_example(horizon=3)
    >>> join_types([one, one], ["new", "old"], np.array([0.25, 0.75])).labels
    ('new/s', 'old/s')
    """
    _require_alike(parts, names, shares)
    actions = list(dict.fromkeys(name for part in parts for name in part.actions))
    place = {name: k for k, name in enumerate(actions)}
    acting = [~part.is_terminal for part in parts]
    first = np.append(0, np.cumsum([int(a.sum()) for a in acting]))
    last = first[-1] + np.append(0, np.cumsum([int((~a).sum()) for a in acting]))
    where = [
        np.where(a, first[k] + np.cumsum(a) - 1, last[k] + np.cumsum(~a) - 1) for k, a in enumerate(acting)
    ]
    order = np.argsort(np.concatenate(where))
    states = [name for part in parts for name in part.states]
    kinds = [name for part, name in zip(parts, names, strict=True) for _ in part.states]
    size = np.concatenate([np.diff(part.pair_ptr) for part in parts])[order]
    rows = np.append(0, np.cumsum([part.row_ptr.size - 1 for part in parts]))
    one = parts[0]
    # Pairs go by state, so those of terminal states are none and the parts' pairs stay as they are.
    return BudgetedMDP(
        states=tuple(states[i] for i in order.tolist()),
        actions=tuple(actions),
        pair_ptr=np.append(0, np.cumsum(size)),
        pair_action=np.concatenate([
            np.array([place[name] for name in part.actions])[part.pair_action] for part in parts
        ]),
        pair_row=np.concatenate([part.pair_row + row for part, row in zip(parts, rows, strict=False)]),
        cost=np.concatenate([part.cost for part in parts]),
        utility=np.concatenate([part.utility for part in parts]),
        row_ptr=np.append(0, np.cumsum(np.concatenate([np.diff(part.row_ptr) for part in parts]))),
        next_state=np.concatenate([at[part.next_state] for at, part in zip(where, parts, strict=True)]),
        probability=np.concatenate([part.probability for part in parts]),
        terminal_utility=np.concatenate([part.terminal_utility for part in parts])[order],
        discount=one.discount, cost_discount=one.cost_discount, horizon=one.horizon, reward=one.reward,
        initial_state=np.concatenate([at[part.initial_state] for at, part in zip(where, parts, strict=True)]),
        initial_probability=np.concatenate([
            share * part.initial_probability for share, part in zip(shares.tolist(), parts, strict=True)
        ]),
        budget_cap=one.budget_cap, state_type=tuple(kinds[i] for i in order.tolist()),
        title=one.title, source=one.source, money_unit=one.money_unit,
    )  # fmt: skip


def _require_alike(parts: Sequence[BudgetedMDP], names: Sequence[str], shares: Floats) -> None:
    if not parts or len(names) != len(parts) or shares.shape != (len(parts),):
        raise ProblemError("there must be as many names and shares as parts, and at least one")
    if (shares < 0).any() or abs(float(shares.sum()) - 1.0) > 1e-9:
        raise ProblemError("shares must be >= 0 and sum to 1")
    for name in names:
        if len(set(names)) < len(names) or name_problem(name, "type"):
            why = name_problem(name, "type") or "is listed twice"
            raise ProblemError(f"type {name!r} {why}")
    for field in ("discount", "cost_discount", "horizon", "reward", "budget_cap"):
        if len({getattr(part, field) for part in parts}) > 1:
            raise ProblemError(f"the parts differ in {field}; types of one problem share it")
    if any(part.state_type for part in parts):
        raise ProblemError("a part has types already")
