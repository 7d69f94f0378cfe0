"""What is wrong with the data of a budgeted MDP, each finding named by its state and action."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import Issue

if TYPE_CHECKING:
    from optbudget.problems.budgeted_mdp import BudgetedMDP

ROW_SUM_TOLERANCE = 1e-9
"""Largest difference from 1 that the sum of a transition row may have."""

LARGEST_TOTAL = 1e150
"""What costs and utilities may add up to over the horizon. Slopes are compared, variances made and gaps
bounded by products of two such totals, and these must be doubles."""

LONGEST_HORIZON = 10_000_000
"""Decisions a finite horizon may have: a pass of sixteen prices keeps 640 bytes for each."""


def mdp_issues(p: "BudgetedMDP") -> list[Issue]:
    """Everything wrong with shapes and indices; else with numbers; else with what they add up to."""
    return _structure_issues(p) or _value_issues(p) or _overflowing(p)


def _error(code: str, message: str, state: str | None = None, action: str | None = None) -> Issue:
    return Issue("error", code, message, state=state, action=action)


def _structure_issues(p: "BudgetedMDP") -> list[Issue]:
    """Shapes, pointers and indices; values are looked at only where these are right."""
    n, m, rows, entries = len(p.states), p.cost.size, p.row_ptr.size - 1, p.probability.size
    if n == 0:
        return [_error("no-states", "a problem needs at least one state")]
    issues = []
    sizes = {
        "pair_ptr": n + 1,
        "pair_action": m,
        "pair_row": m,
        "utility": m,
        "next_state": entries,
        "terminal_utility": n,
        "initial_probability": p.initial_state.size,
    }
    for name, size in sizes.items():
        if getattr(p, name).size != size:
            issues.append(_error("shape", f"{name} must have {size} entries; it has {getattr(p, name).size}"))
    if p.state_type and len(p.state_type) != n:
        issues.append(_error("shape", f"state_type must have {n} entries; it has {len(p.state_type)}"))
    if issues:
        return issues
    for name, end in (("pair_ptr", m), ("row_ptr", entries)):
        pointer = getattr(p, name)
        if pointer.size == 0 or pointer[0] != 0 or pointer[-1] != end or (np.diff(pointer) < 0).any():
            issues.append(_error("pointer", f"{name} must rise from 0 to {end}"))
    limits = (
        ("pair_action", len(p.actions)),
        ("pair_row", rows),
        ("next_state", n),
        ("initial_state", n),
    )
    for name, limit in limits:
        array = getattr(p, name)
        wrong = np.flatnonzero((array < 0) | (array >= limit))
        if wrong.size:
            k = int(wrong[0])
            issues.append(_error("index", f"{name}[{k}] is {array[k]}; it must be in 0..{limit - 1}"))
    return issues


def _value_issues(p: "BudgetedMDP") -> list[Issue]:
    issues = list(_scalar_issues(p))
    if len(set(p.labels)) != len(p.labels):
        seen: set[str] = set()
        twice = next(s for s in p.labels if s in seen or seen.add(s))  # type: ignore[func-returns-value]
        issues.append(_error("duplicate-state", "the state is listed twice", state=twice))
    pair_names = ("cost", "utility")
    for name in pair_names:
        for k in np.flatnonzero(~np.isfinite(getattr(p, name)))[:20]:
            issues.append(
                _error("not-finite", f"{name} is {getattr(p, name)[k]}; it must be finite", *_pair(p, k))
            )
    for k in np.flatnonzero(p.cost < 0)[:20]:
        issues.append(_error("negative-cost", f"cost is {p.cost[k]}; it must be >= 0", *_pair(p, k)))
    for i in np.flatnonzero(~np.isfinite(p.terminal_utility))[:20]:
        issues.append(_error("not-finite", f"terminal_utility is {p.terminal_utility[i]}", p.labels[i]))
    for k in _repeated(p.pair_state, p.pair_action)[:20]:
        issues.append(_error("duplicate-action", "the action is listed twice", *_pair(p, k)))
    return issues + _row_issues(p)


def _overflowing(p: "BudgetedMDP") -> list[Issue]:
    """Pairs and states whose numbers add up to more than `LARGEST_TOTAL` in all decisions."""
    issues = []
    money, worth = (decisions_counted(gamma, p.horizon) for gamma in (p.cost_discount, p.discount))
    if p.cost.size:
        with np.errstate(over="ignore"):
            size = p.cost * money + (np.abs(p.utility) + p.cost) * worth
        k = int(size.argmax())
        if size[k] > LARGEST_TOTAL:
            text = (
                f"cost {p.cost[k]:g} and utility {p.utility[k]:g} add up to more than {LARGEST_TOTAL:g} "
                "over the horizon; take larger units"
            )
            issues.append(_error("too-large", text, *_pair(p, k)))
    for i in np.flatnonzero(np.abs(p.terminal_utility) > LARGEST_TOTAL)[:1]:
        text = f"terminal_utility is {p.terminal_utility[i]:g}; take a larger unit"
        issues.append(_error("too-large", text, p.labels[i]))
    return issues


def decisions_counted(discount: float, horizon: int | None) -> float:
    """The sum of discount^t over the decisions; 1 where it has no bound.

    Examples
    --------
    >>> decisions_counted(0.5, 2), decisions_counted(0.5, None), decisions_counted(1.0, 7)
    (1.5, 2.0, 7.0)
    """
    if discount == 1:
        return float(horizon or 1)
    ended = 0.0 if horizon is None else discount**horizon
    return (1.0 - ended) / (1.0 - discount)


def _row_issues(p: "BudgetedMDP") -> list[Issue]:
    """Rows that are not probability distributions, each named by the first pair that uses it."""
    issues = []
    row_of_entry = np.repeat(np.arange(p.row_ptr.size - 1), np.diff(p.row_ptr))
    with np.errstate(invalid="ignore"):
        wrong = ~(p.probability > 0) | ~np.isfinite(p.probability)
    for k in np.flatnonzero(wrong)[:20]:
        issues.append(
            _error(
                "probability",
                f"probability of {p.labels[p.next_state[k]]!r} is {p.probability[k]}; it must be > 0 and "
                "finite (leave out what cannot happen)",
                *_row_user(p, int(row_of_entry[k])),
            )
        )
    if issues:
        return issues
    total = np.bincount(row_of_entry, p.probability, minlength=p.row_ptr.size - 1)
    for r in np.flatnonzero(np.abs(total - 1.0) > ROW_SUM_TOLERANCE)[:20]:
        issues.append(
            _error("row-sum", f"probabilities sum to {total[r]:.12g}, not 1", *_row_user(p, int(r)))
        )
    for k in _repeated(row_of_entry, p.next_state)[:20]:
        issues.append(
            _error(
                "duplicate-transition",
                f"next state {p.labels[p.next_state[k]]!r} is listed twice",
                *_row_user(p, int(row_of_entry[k])),
            )
        )
    if p.state_type:
        kinds = np.unique(np.asarray(p.state_type), return_inverse=True)[1]
        widths = np.diff(p.row_ptr)[p.pair_row]
        starts = p.row_ptr[p.pair_row]
        entry = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
        entry += np.repeat(starts, widths)
        pair = np.repeat(np.arange(p.cost.size), widths)
        for k in np.flatnonzero(kinds[p.pair_state[pair]] != kinds[p.next_state[entry]])[:20]:
            issues.append(
                _error(
                    "crosses-types",
                    f"next state {p.labels[p.next_state[entry[k]]]!r} is of another type",
                    *_pair(p, int(pair[k])),
                )
            )
    return issues


def _scalar_issues(p: "BudgetedMDP") -> list[Issue]:
    issues = []
    for name in ("discount", "cost_discount"):
        value = getattr(p, name)
        if not (0 < value <= 1):
            issues.append(_error("discount", f"{name} is {value}; it must be in (0, 1]"))
    if p.horizon is not None and not (1 <= p.horizon <= LONGEST_HORIZON and p.horizon == int(p.horizon)):
        must = f"it must be an integer from 1 to {LONGEST_HORIZON:,}, or infinite"
        issues.append(_error("horizon", f"horizon is {p.horizon}; {must}"))
    if p.reward not in ("net", "gross"):
        issues.append(_error("reward", f"reward is {p.reward!r}; it must be 'net' or 'gross'"))
    if p.budget_cap is not None and not (0 <= p.budget_cap < math.inf):
        issues.append(_error("budget-cap", f"budget_cap is {p.budget_cap}; it must be >= 0 and finite"))
    if not ((p.initial_probability >= 0).all() and abs(p.initial_probability.sum() - 1) <= 1e-9):
        issues.append(
            _error("initial", f"initial probabilities sum to {p.initial_probability.sum():.12g}, not 1")
        )
    return issues


def _repeated(group: NDArray[np.int64], member: NDArray[np.int32]) -> NDArray[np.int64]:
    """Places at which a group, whose entries stand together, has a member again."""
    same_group = group[1:] == group[:-1]
    if (~same_group | (member[1:] > member[:-1])).all():
        return np.empty(0, dtype=np.int64)
    order = np.lexsort((member, group))
    same = (np.diff(group[order]) == 0) & (np.diff(member[order]) == 0)
    return np.asarray(order[1:][same])


def _pair(p: "BudgetedMDP", pair: int) -> tuple[str, str]:
    return p.labels[p.pair_state[pair]], p.actions[p.pair_action[pair]]


def _row_user(p: "BudgetedMDP", row: int) -> tuple[str, str] | tuple[None, None]:
    users = np.flatnonzero(p.pair_row == row)
    return _pair(p, int(users[0])) if users.size else (None, None)
