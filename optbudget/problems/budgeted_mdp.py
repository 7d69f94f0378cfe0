"""The unit problem: a finite Markov decision process whose actions cost money.

For states :math:`i`, actions :math:`a \\in A(i)`, transition rows :math:`p_i^a`, costs
:math:`c_i^a \\ge 0` and utilities :math:`u_i^a`, the value of a budget :math:`b` with :math:`t`
decisions to go is (Boutilier & Lu 2016, eqs. 1-2, randomised over actions and budgets)

.. math:: V^t(i, b) = \\max r_i^a + \\gamma \\sum_j p_{ij}^a V^{t-1}(j, b_j)
          \\quad\\text{s.t.}\\quad c_i^a + \\gamma_c \\sum_j p_{ij}^a b_j \\le b,

with reward :math:`r = u - c` ("net") or :math:`r = u` ("gross"), and :math:`V^0` and the value of a
terminal state given by the terminal utility. The budget binds in expectation.

Rows may be shared: the problem stores its distinct transition rows, and for each state-action pair
which row it uses. Models learned from event logs have one row per history, not one per action.
"""

from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.problems.columns import did_you_mean
from optbudget.problems.mdp_issues import mdp_issues

if TYPE_CHECKING:
    from optbudget.problems.held_risk import HeldRisk

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Where on disk a problem was read from, and the hash of the tables that define it."""

    name: str
    sha256: str
    path: Path


@dataclass(frozen=True, eq=False, repr=False)
class BudgetedMDP:
    """A budgeted Markov decision process: frozen, validated data; it does not solve.

    Sizes: n states, A action names, m state-action pairs, R distinct transition rows, z their
    entries.

    Attributes
    ----------
    states : n names, in order of first appearance
    actions : A names, in order of first appearance
    pair_ptr : (n+1,) int64; pairs of state i are pair_ptr[i]:pair_ptr[i+1]; a state without pairs is
        terminal: it spends nothing and is worth its terminal utility whenever it is reached
    pair_action : (m,) int32, index into `actions`
    pair_row : (m,) int32, the transition row that the pair uses
    cost : (m,) money, >= 0
    utility : (m,) value
    row_ptr : (R+1,) int64; entries of row r are row_ptr[r]:row_ptr[r+1]
    next_state : (z,) int32
    probability : (z,) > 0; each row sums to 1 within 1e-9
    terminal_utility : (n,) value of being in the state after the last decision
    discount : in (0, 1], of rewards
    cost_discount : in (0, 1], of spend
    horizon : number of decisions, 1 to LONGEST_HORIZON; None is infinite
    reward : "net" (utility - cost) or "gross" (utility)
    initial_state, initial_probability : (k,) the initial distribution; default: the first state
    budget_cap : largest budget of one unit, money, or None
    state_type : n names of unit types, or () when there is one type; no transition crosses types
    risk : what is held against the reward, in `utility` already (`hold_risk`); None for nothing

    Raises
    ------
    ProblemError
        Naming every state, action and number found wrong.

    Examples
    --------
    The two-action example of the paper's section 2.2.3:

    >>> import numpy as np
    >>> problem = BudgetedMDP(
    ...     states=("s",), actions=("a", "b"), pair_ptr=np.array([0, 2]),
    ...     pair_action=np.array([0, 1]), pair_row=np.array([0, 0]),
    ...     cost=np.array([1.0, 0.0]), utility=np.array([10.0, 1.0]), row_ptr=np.array([0, 1]),
    ...     next_state=np.array([0]), probability=np.array([1.0]),
    ...     terminal_utility=np.array([0.0]), discount=0.9, cost_discount=0.9, horizon=None,
    ...     reward="gross")
    >>> problem
    BudgetedMDP(1 state, 2 actions, 1 transition row, infinite horizon)
    """

    states: tuple[str, ...]
    actions: tuple[str, ...]
    pair_ptr: Integers
    pair_action: Indices
    pair_row: Indices
    cost: Floats
    utility: Floats
    row_ptr: Integers
    next_state: Indices
    probability: Floats
    terminal_utility: Floats
    discount: float
    cost_discount: float
    horizon: int | None
    reward: Literal["net", "gross"] = "net"
    initial_state: Integers = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    initial_probability: Floats = field(default_factory=lambda: np.ones(1))
    budget_cap: float | None = None
    state_type: tuple[str, ...] = ()
    title: str = ""
    source: str = ""
    money_unit: str = "money"
    formulations: tuple[str, ...] = ()
    folder: ModelFolder | None = None
    risk: "HeldRisk | None" = None

    def __post_init__(self) -> None:
        for name, dtype in _ARRAYS.items():
            array = np.asarray(getattr(self, name))
            if array.ndim != 1:
                raise ProblemError(f"{name} must be a vector; got shape {array.shape}")
            if array.dtype != dtype or array.flags.writeable:
                _require_held(name, array, dtype)
                array = array.astype(dtype, copy=True)
                array.flags.writeable = False
            object.__setattr__(self, name, array)
        issues = mdp_issues(self)
        if issues:
            raise ProblemError(issues)

    def __getstate__(self) -> dict[str, Any]:
        """The fields, without what is computed from them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The fields again; they were validated when they were first put together."""
        for name in _ARRAYS:
            state[name].flags.writeable = False
        self.__dict__.update(state)

    @classmethod
    def from_tables(
        cls, transitions: object, actions: object, states: object = None, **settings: Any
    ) -> "BudgetedMDP":
        """From tables (pandas, polars, pyarrow, dict); see `optbudget.problems.tables.from_tables`."""
        from optbudget.problems.tables import from_tables

        return from_tables(transitions, actions, states, **settings)

    @classmethod
    def from_arrays(cls, P: Any, cost: Any, utility: Any, **settings: Any) -> "BudgetedMDP":
        """From arrays as pymdptoolbox's; see `optbudget.problems.tables.from_arrays`."""
        from optbudget.problems.tables import from_arrays

        return from_arrays(P, cost, utility, **settings)

    @classmethod
    def from_gymnasium(cls, P: Any, cost: Any, **settings: Any) -> "BudgetedMDP":
        """From Gymnasium's `P[s][a]`; see `optbudget.problems.tables.from_gymnasium`."""
        from optbudget.problems.tables import from_gymnasium

        return from_gymnasium(P, cost, **settings)

    @property
    def n_states(self) -> int:
        return len(self.states)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names for output: "type/state" where there are types, else the states' names."""
        if not self.state_type:
            return self.states
        return tuple(f"{t}/{s}" for t, s in zip(self.state_type, self.states, strict=True))

    @cached_property
    def _position(self) -> dict[str, int]:
        return {label: i for i, label in enumerate(self.labels)}

    def index(self, label: str) -> int:
        """Index of a state by its label ("state", or "type/state" where there are types)."""
        try:
            return self._position[label]
        except (KeyError, TypeError):
            hint = did_you_mean(str(label), self._position)
            raise ProblemError(f"no state is called {label!r}{hint}") from None

    @cached_property
    def pair_state(self) -> Integers:
        """State of each pair, (m,)."""
        return np.repeat(np.arange(self.n_states), np.diff(self.pair_ptr))

    @cached_property
    def pair_reward(self) -> Floats:
        """Reward of each pair, (m,): utility - cost if "net", utility if "gross"."""
        reward = self.utility - self.cost if self.reward == "net" else self.utility.copy()
        reward.flags.writeable = False
        return reward

    @cached_property
    def pair_entries(self) -> tuple[Integers, Integers]:
        """Where each pair leads: entries of pair a are the second[first[a]:first[a+1]], into `next_state`."""
        width = np.diff(self.row_ptr)[self.pair_row]
        pointer = np.append(0, np.cumsum(width)).astype(np.int64)
        begin = np.repeat(self.row_ptr[self.pair_row] - pointer[:-1], width)
        return pointer, begin + np.arange(begin.size)

    def expected(self, of_state: Floats) -> Floats:
        """Expectation of a number of the next state (n,) for each pair, (m,)."""
        by_row = np.add.reduceat(self.probability * of_state[self.next_state], self.row_ptr[:-1])
        return np.asarray(by_row[self.pair_row])

    @cached_property
    def is_terminal(self) -> NDArray[np.bool_]:
        """States without actions, (n,)."""
        return np.asarray(np.diff(self.pair_ptr) == 0)

    @cached_property
    def initial(self) -> Floats:
        """The initial distribution over all states, (n,)."""
        return np.bincount(self.initial_state, self.initial_probability, minlength=self.n_states).astype(
            np.float64
        )

    def __repr__(self) -> str:
        def count(k: int, noun: str) -> str:
            return f"{k:,} {noun}" + ("" if k == 1 else "s")

        horizon = "infinite horizon" if self.horizon is None else f"horizon {self.horizon}"
        return (
            f"BudgetedMDP({count(self.n_states, 'state')}, {count(len(self.actions), 'action')}, "
            f"{count(self.row_ptr.size - 1, 'transition row')}, {horizon})"
        )


def _require_held(name: str, array: NDArray[Any], dtype: type) -> None:
    """Refuse whole numbers that the type would not hold but wrap around."""
    if array.size and array.dtype.kind in "iu" and np.dtype(dtype).kind == "i":
        room = np.iinfo(dtype)
        for number in (int(array.min()), int(array.max())):
            if not room.min <= number <= room.max:
                raise ProblemError(f"{name} holds {number:,}; indices go up to {room.max:,}")


_ARRAYS = {
    "pair_ptr": np.int64,
    "pair_action": np.int32,
    "pair_row": np.int32,
    "cost": np.float64,
    "utility": np.float64,
    "row_ptr": np.int64,
    "next_state": np.int32,
    "probability": np.float64,
    "terminal_utility": np.float64,
    "initial_state": np.int64,
    "initial_probability": np.float64,
}
