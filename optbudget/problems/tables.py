"""Budgeted MDPs from tables in memory, from arrays, and in Gymnasium's layout.

These are the functions behind `BudgetedMDP.from_tables`, `from_arrays` and `from_gymnasium`. Tables go
the way of files: the same checks, the same words, rows in place of lines. No package whose objects are
taken is imported.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import Issue, ProblemError
from optbudget.problems.assembly import Settings, assemble, require
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.columns import Codes, Finding, Floats, as_table, nearest
from optbudget.problems.roster import COLUMNS
from optbudget.problems.sharing import share_rows

Reward = Literal["net", "gross"]
Transitions = Mapping[int, Mapping[int, Sequence[tuple[float, int, float, bool]]]]

ENDED = "ended"
"""Name of the terminal state that from_gymnasium adds where an episode ends in a state that goes on."""


def from_tables(
    transitions: object,
    actions: object,
    states: object = None,
    *,
    discount: float,
    cost_discount: float,
    horizon: int | None,
    reward: Reward = "net",
    initial: str | Mapping[str, float] | None = None,
    terminal_states: Iterable[str] = (),
    budget_cap: float | None = None,
    title: str = "",
    source: str = "",
    money_unit: str = "money",
    normalize: bool = False,
    sum_duplicates: bool = False,
) -> BudgetedMDP:
    """A problem from tables with the columns of a model folder.

    Parameters
    ----------
    transitions : columns state, action, next_state, probability; any object that speaks the Arrow
        C stream protocol (pandas, polars, pyarrow), or a dict of columns
    actions : columns state, action, cost (money, >= 0), utility (value)
    states : columns state, terminal_utility; None where all are worth 0 at the end
    initial : a state, or shares of states; default: the first state of `actions`
    terminal_states : the states without actions
    normalize : divide rows that do not sum to 1 by their sum
    sum_duplicates : add up probabilities listed twice for one next state

    A column `type` in every table makes several unit types; states are then called "type/state".

    Raises
    ------
    ProblemError
        With everything found wrong, by table and row.

    Examples
    --------
    >>> from_tables(
    ...     {"state": ["s", "s"], "action": ["a", "b"], "next_state": ["s", "s"], "probability": [1.0, 1.0]},
    ...     {"state": ["s", "s"], "action": ["a", "b"], "cost": [1, 0], "utility": [10, 1]},
    ...     discount=0.9, cost_discount=0.9, horizon=None, reward="gross")
    BudgetedMDP(1 state, 2 actions, 1 transition row, infinite horizon)
    """
    given = {"transitions": transitions, "actions": actions, "states": states}
    tables = {
        name: as_table(data, name) for name, data in given.items() if data is not None or name != "states"
    }
    found = [
        finding for name, table in tables.items() for finding in _missing_columns(name, table.column_names)
    ]
    if found:
        return require(None, found)
    settings = Settings(
        discount=discount, cost_discount=cost_discount, horizon=horizon, reward=reward, initial=initial,
        terminal_states=tuple(terminal_states), budget_cap=budget_cap, title=title, source=source,
        money_unit=money_unit,
    )  # fmt: skip
    return require(*assemble(tables, settings, normalize=normalize, sum_duplicates=sum_duplicates))


def from_arrays(
    P: Any,
    cost: ArrayLike,
    utility: ArrayLike,
    *,
    discount: float,
    cost_discount: float,
    horizon: int | None,
    reward: Reward = "net",
    states: Sequence[str] | None = None,
    actions: Sequence[str] | None = None,
    available: ArrayLike | None = None,
    terminal_states: Iterable[int | str] = (),
    terminal_utility: ArrayLike | None = None,
    initial: ArrayLike | None = None,
    budget_cap: float | None = None,
    title: str = "",
    source: str = "",
    money_unit: str = "money",
) -> BudgetedMDP:
    """A problem from the array layout of pymdptoolbox.

    Parameters
    ----------
    P : (A, S, S) array, or A matrices (S, S), dense or scipy sparse; P[a][s, t] is the probability of
        going from s to t under a
    cost : (S, A) money, >= 0
    utility : (S, A); or (A, S, S), of transitions, whose expectation is taken; or (S,), of states
    states, actions : names; default: "0", "1", ...
    available : (S, A) bool; default: all actions everywhere. What P, cost and utility hold elsewhere
        is not looked at
    terminal_states : states without actions, by index or name
    terminal_utility : (S,) default 0
    initial : (S,) probabilities; default: the first state

    Raises
    ------
    ProblemError
        If shapes do not fit, or naming state and action of a wrong number.

    Examples
    --------
    >>> P = np.array([[[0.9, 0.1], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]])
    >>> from_arrays(P, cost=[[0, 2], [0, 2]], utility=[[5, 5], [1, 1]], discount=0.9, cost_discount=0.9,
    ...     horizon=3, states=["up", "down"], actions=["run", "mend"])
    BudgetedMDP(2 states, 2 actions, 3 transition rows, horizon 3)
    """
    matrices = [_matrix(matrix, a) for a, matrix in enumerate(P)]
    if not matrices:
        raise ProblemError("P holds no action")
    n, A = matrices[0][0].size - 1, len(matrices)
    state_names = _names(states, n, "states")
    action_names = _names(actions, A, "actions")
    if any(matrix[0].size != n + 1 for matrix in matrices):
        raise ProblemError(f"all matrices of P must be {n} x {n}")
    offered = (
        np.ones((n, A), dtype=bool) if available is None else _shaped(available, (n, A), "available", bool)
    )
    offered = offered.copy()
    offered[[_state_index(state, state_names) for state in terminal_states]] = False
    worth = _utility(utility, matrices, n, A)
    price = _shaped(cost, (n, A), "cost")
    pair = np.concatenate(
        [np.repeat(np.arange(n), np.diff(ptr)) * A + a for a, (ptr, _, _) in enumerate(matrices)]
    )
    target = np.concatenate([index for _, index, _ in matrices])
    chance = np.concatenate([data for _, _, data in matrices])
    kept = np.flatnonzero((chance != 0) & offered.reshape(-1)[pair])
    kept = kept[np.argsort(pair[kept], kind="stable")]
    pairs = np.flatnonzero(offered.reshape(-1))
    width = np.bincount(pair[kept], minlength=n * A)[pairs]
    empty = pairs[width == 0]
    if empty.size:
        raise ProblemError(
            [
                Issue(
                    "error", "row-sum",
                    "all probabilities are 0; is the state terminal, or the action not available?",
                    state=state_names[k // A], action=action_names[k % A],
                )
                for k in empty.tolist()
            ]
        )  # fmt: skip
    rows = share_rows(np.concatenate(([0], np.cumsum(width))), target[kept], chance[kept])
    start = np.array([1.0] + [0.0] * (n - 1)) if initial is None else _shaped(initial, (n,), "initial")
    begins = np.flatnonzero(start != 0)
    return BudgetedMDP(
        states=state_names, actions=action_names,
        pair_ptr=np.concatenate(([0], np.cumsum(offered.sum(axis=1)))),
        pair_action=(pairs % A).astype(np.int32), pair_row=rows.of_pair,
        cost=price.reshape(-1)[pairs], utility=worth.reshape(-1)[pairs],
        row_ptr=rows.ptr, next_state=rows.next_state, probability=rows.probability,
        terminal_utility=np.zeros(n) if terminal_utility is None
        else _shaped(terminal_utility, (n,), "terminal_utility"),
        discount=discount, cost_discount=cost_discount, horizon=horizon, reward=reward,
        initial_state=begins, initial_probability=start[begins], budget_cap=budget_cap,
        title=title, source=source, money_unit=money_unit,
    )  # fmt: skip


def from_gymnasium(
    P: Transitions,
    cost: ArrayLike | Mapping[int, float],
    *,
    discount: float,
    cost_discount: float,
    horizon: int | None,
    reward: Reward = "net",
    states: Sequence[str] | None = None,
    actions: Sequence[str] | None = None,
    initial: ArrayLike | None = None,
    budget_cap: float | None = None,
    title: str = "",
    source: str = "",
    money_unit: str = "money",
) -> BudgetedMDP:
    """A problem from the `P` of Gymnasium's toy-text environments.

    `P[s][a]` lists (probability, next state, reward, terminated); Gymnasium's reward is our utility,
    its expectation taken; entries for one next state are added up. A state whose every entry stays
    there, terminated and worth nothing, becomes terminal. An episode that ends in another state goes
    to an added terminal state "ended".

    Parameters
    ----------
    P : as `env.unwrapped.P`
    cost : (S, A) money, >= 0; or a mapping from action to cost, missing actions being free
    initial : (S,) probabilities, as `env.unwrapped.initial_state_distrib`; default: the first state

    Raises
    ------
    ProblemError
        Naming state and action of what does not fit.

    Examples
    --------
    Walk right three fields; the last is the goal. A nudge costs 1 and never fails:

    >>> def step(s, p):
    ...     return [(p, s + 1, float(s == 1), s == 1), (1 - p, s, 0.0, False)]
    >>> P = {s: {0: step(s, 0.5), 1: step(s, 1.0)} for s in (0, 1)}
    >>> P[2] = {a: [(1.0, 2, 0.0, True)] for a in (0, 1)}
    >>> problem = from_gymnasium(P, {1: 1.0}, discount=1.0, cost_discount=1.0, horizon=3)
    >>> problem, problem.is_terminal
    (BudgetedMDP(3 states, 2 actions, 4 transition rows, horizon 3), array([False, False,  True]))
    """
    n = len(P)
    if set(P) != set(range(n)):
        raise ProblemError(f"P must have the states 0..{n - 1} as keys")
    A = 1 + max((a for row in P.values() for a in row), default=-1)
    state_names = list(_names(states, n, "states"))
    action_names = _names(actions, A, "actions")
    if isinstance(cost, Mapping):
        price = np.tile([float(cost.get(a, 0.0)) for a in range(A)], (n, 1))
    else:
        price = _shaped(cost, (n, A), "cost")
    absorbing = {
        s for s, row in P.items()
        if all(t == s and ended and r == 0 for entries in row.values() for _, t, r, ended in entries)
    }  # fmt: skip
    ends_elsewhere = any(
        ended and t not in absorbing
        for s, row in P.items() if s not in absorbing
        for entries in row.values() for _, t, _, ended in entries
    )  # fmt: skip
    if ends_elsewhere:
        state_names.append(_unused(ENDED, state_names))
    total = len(state_names)
    moves: dict[tuple[int, int], dict[int, float]] = {}
    worth, offered = np.zeros((total, A)), np.zeros((total, A), dtype=bool)
    for s, row in P.items():
        for a, entries in row.items():
            if s in absorbing:
                continue
            offered[s, a] = True
            chances = moves.setdefault((s, a), {})
            for chance, t, gain, ended in entries:
                if not 0 <= t < n:
                    raise ProblemError(
                        [Issue("error", "index", f"next state {t} is not in 0..{n - 1}", state=state_names[s],
                               action=action_names[a])]
                    )  # fmt: skip
                to = total - 1 if ended and t not in absorbing else int(t)
                chances[to] = chances.get(to, 0.0) + float(chance)
                worth[s, a] += float(chance) * float(gain)
    start = None if initial is None else np.zeros(total)
    if start is not None:
        start[:n] = _shaped(initial, (n,), "initial")  # type: ignore[arg-type]
    padded = np.zeros((total, A))
    padded[:n] = price
    return from_arrays(
        [_Rows.of(moves, a, total) for a in range(A)], padded, worth,
        discount=discount, cost_discount=cost_discount, horizon=horizon, reward=reward,
        states=state_names, actions=action_names, available=offered, initial=start,
        budget_cap=budget_cap, title=title, source=source, money_unit=money_unit,
    )  # fmt: skip


def _missing_columns(name: str, there: Sequence[str]) -> Iterator[Finding]:
    needed = [column for group in COLUMNS[name] for column in group]
    for column in needed:
        if column not in there:
            near = nearest(column, [other for other in there if other not in needed])
            hint = f"; is it {near!r}?" if near else ""
            yield Finding("missing-column", f"table {name!r} has no column {column!r}{hint}")


class _Rows:
    """One action's transition matrix in compressed rows, with the fields scipy gives its own."""

    def __init__(self, indptr: Codes, indices: Codes, data: Floats) -> None:
        self.indptr, self.indices, self.data = indptr, indices, data
        self.shape = (indptr.size - 1, indptr.size - 1)

    def tocsr(self) -> "_Rows":
        return self

    @classmethod
    def of(cls, moves: Mapping[tuple[int, int], Mapping[int, float]], action: int, n: int) -> "_Rows":
        rows = [sorted(moves.get((s, action), {}).items()) for s in range(n)]
        entries = [entry for row in rows for entry in row]
        return cls(
            np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64),
            np.array([t for t, _ in entries], dtype=np.int64),
            np.array([p for _, p in entries], dtype=np.float64),
        )


def _matrix(matrix: Any, action: int) -> tuple[Codes, Codes, Floats]:
    """Row pointers, column indices and entries of a square matrix."""
    if hasattr(matrix, "tocsr"):
        rows = matrix.tocsr()
        shape = rows.shape
        parts = (
            np.asarray(rows.indptr, dtype=np.int64),
            np.asarray(rows.indices, dtype=np.int64),
            np.asarray(rows.data, dtype=np.float64),
        )
    else:
        dense = np.asarray(matrix, dtype=np.float64)
        shape = dense.shape
        if len(shape) == 2:
            row, column = np.nonzero(dense)
            counts = np.bincount(row, minlength=shape[0])
            parts = (np.concatenate(([0], np.cumsum(counts))), column, dense[row, column])
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise ProblemError(f"P[{action}] must be a square matrix; got shape {shape}")
    return parts


def _utility(utility: ArrayLike, matrices: Sequence[tuple[Codes, Codes, Floats]], n: int, A: int) -> Floats:
    """Utility per state and action, (n, A)."""
    given = np.asarray(utility, dtype=np.float64)
    if given.shape == (n,):
        return np.repeat(given[:, None], A, axis=1)
    if given.shape != (A, n, n):
        return _shaped(given, (n, A), "utility")
    worth = np.zeros((n, A))
    for a, (ptr, index, data) in enumerate(matrices):
        row = np.repeat(np.arange(n), np.diff(ptr))
        worth[:, a] = np.bincount(row, data * given[a][row, index], minlength=n)
    return worth


def _shaped(array: ArrayLike, shape: tuple[int, ...], name: str, dtype: type = np.float64) -> NDArray[Any]:
    try:
        given: NDArray[Any] = np.asarray(array, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"{name} is not an array of numbers: {error}") from None
    if given.shape != shape:
        raise ProblemError(f"{name} must have shape {shape}; got {given.shape}")
    return given


def _names(given: Sequence[str] | None, size: int, what: str) -> tuple[str, ...]:
    if given is None:
        return tuple(str(k) for k in range(size))
    if len(given) != size:
        raise ProblemError(f"{what} names {len(given)}; P has {size}")
    return tuple(str(name) for name in given)


def _state_index(state: int | str, states: Sequence[str]) -> int:
    if isinstance(state, str):
        if state not in states:
            raise ProblemError(f"terminal_states names {state!r}, which is no state")
        return list(states).index(state)
    if not 0 <= state < len(states):
        raise ProblemError(f"terminal_states names {state}; states are 0..{len(states) - 1}")
    return int(state)


def _unused(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name
