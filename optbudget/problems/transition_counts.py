"""What a model's transition rows were estimated from: how often each next state was seen.

For a state-action pair a with counts :math:`n_{aj}` and :math:`\\alpha` pseudo-counts for every possible next
state, the posterior of its row under a symmetric Dirichlet prior is
:math:`\\mathrm{Dir}(n_{aj} + \\alpha)`, of mean :math:`(n_{aj} + \\alpha) / \\sum_i (n_{ai} + \\alpha)`, for
each pair on its own. Possible are the next states that were counted and those that the model has.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.columns import Codes, Finding, as_table
from optbudget.problems.pair_rows import merged, number_columns, read_pairs, require_rows
from optbudget.problems.sharing import spans

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False, repr=False)
class TransitionCounts:
    """Counts of transitions of every state-action pair of a problem.

    Attributes
    ----------
    problem : whose rows are uncertain; all else of it (costs, utilities, horizon) is taken as known
    ptr : (m+1,) int64; entries of pair a are ptr[a]:ptr[a+1]
    next_state : (z,) int32
    count : (z,) int64, >= 0
    owner : (m,) the pair whose row each pair uses, of which both have the counts and every draw; None: each
        pair has a row of its own

    Raises
    ------
    ProblemError
        If the arrays do not fit the problem, or a count is negative.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> TransitionCounts.from_tables(two_action_example(horizon=2), {
    ...     "state": ["s", "s"], "action": ["a", "b"], "next_state": ["s", "s"], "count": [7, 5]})
    TransitionCounts(12 transitions of 2 state-action pairs)
    """

    problem: BudgetedMDP
    ptr: Codes
    next_state: NDArray[np.int32]
    count: Codes
    owner: Codes | None = None

    def __post_init__(self) -> None:
        problem = self.problem
        for name, dtype in (("ptr", np.int64), ("next_state", np.int32), ("count", np.int64)):
            array = np.array(getattr(self, name), dtype=dtype)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        m, z = problem.cost.size, self.next_state.size
        require_rows(self.ptr, m, z)
        if self.count.shape != (z,) or (self.count < 0).any():
            raise ProblemError("count must have a whole number >= 0 for every next state")
        if z and not ((self.next_state >= 0) & (self.next_state < problem.n_states)).all():
            raise ProblemError(f"a next state is not in 0..{problem.n_states - 1}")
        if self.owner is not None:
            self._check_owners()

    def _check_owners(self) -> None:
        owner = np.array(self.owner, dtype=np.int64)
        owner.flags.writeable = False
        object.__setattr__(self, "owner", owner)
        m, width = self.problem.cost.size, np.diff(self.ptr)
        fits = owner.shape == (m,) and bool(((owner >= 0) & (owner < m)).all())
        if not fits or (owner[owner] != owner).any() or (width != width[owner]).any():
            raise ProblemError("owner must name for each pair one that owns its row, and has as many entries")
        alike = all((x == x[self.lent]).all() for x in (self.next_state, self.count))
        if not alike:
            raise ProblemError("pairs that use one row must have the same next states and counts")

    @cached_property
    def lent(self) -> Codes:
        """(z,) of each entry the one of the row's owner: itself where the pair has its own row."""
        if self.owner is None:
            return np.arange(self.count.size)
        width = np.diff(self.ptr)
        return spans(self.ptr[self.owner], width)

    @classmethod
    def from_tables(cls, problem: BudgetedMDP, counts: object) -> "TransitionCounts":
        """From a table state, action, next_state, count (and type); an Arrow stream or a dict of columns."""
        found: list[Finding] = []
        read = cls.assemble(problem, as_table(counts, "counts"), found)
        if read is None:
            raise ProblemError([finding.issue() for finding in found])
        return read

    @classmethod
    def assemble(
        cls,
        problem: BudgetedMDP,
        table: "pa.Table",
        found: list[Finding],
        owner: Codes | None = None,
    ) -> "TransitionCounts | None":
        """From an Arrow table; None after adding everything that is wrong with it to `found`.

        With `owner` (m,), pairs that use another's row have its counts, and none of their own are listed.
        """
        needed = ("state", "action", "next_state", "count")
        found += [Finding("missing-column", f"column {name!r} is missing", "counts")
                  for name in needed if name not in table.column_names]  # fmt: skip
        if found:
            return None
        numbers = number_columns(table, ("count",), "counts", found, whole=True)
        pairs = read_pairs(problem, table, "counts", found)
        if pairs is None or numbers is None:
            return None
        rows = merged(problem, *pairs)
        count = np.append(numbers[0], 0)[rows.source].astype(np.int64)
        if owner is None:
            return cls(problem, rows.ptr, rows.next_state, count)
        for row in np.flatnonzero(owner[pairs[0]] != pairs[0])[:FIRST_ISSUES].tolist():
            pair = int(pairs[0][row])
            label, name = problem.labels[problem.pair_state[pair]], problem.actions[problem.pair_action[pair]]
            text = (
                f"action {name!r} of state {label!r} uses another's row (shared_rows), which has the counts"
            )
            found.append(Finding("shared-row", text, "counts", row, "action", label, name))
        if found:
            return None
        width = np.diff(rows.ptr)[owner]
        entry = spans(rows.ptr[owner], width)
        ptr = np.append(0, np.cumsum(width))
        return cls(problem, ptr, rows.next_state[entry], count[entry], owner)

    @property
    def pair_total(self) -> Codes:
        """(m,) how often each pair was seen."""
        return np.add.reduceat(self.count, self.ptr[:-1]) if self.count.size else np.empty(0, dtype=np.int64)

    def with_rows(self, probability: NDArray[np.float64]) -> BudgetedMDP:
        """The problem with other rows, (z,), one per state-action pair; zeros are left out."""
        kept = probability > 0
        size = np.add.reduceat(kept.astype(np.int64), self.ptr[:-1])
        return replace(
            self.problem,
            pair_row=np.arange(self.problem.cost.size, dtype=np.int32),
            row_ptr=np.append(0, np.cumsum(size)),
            next_state=self.next_state[kept],
            probability=probability[kept],
            folder=None,
        )

    def require_seen(self) -> None:
        """Refuse pairs that were never seen: without a prior nothing is known of their rows.

        Raises
        ------
        ProblemError
            Naming each of them.
        """
        p = self.problem
        unseen = np.flatnonzero(self.pair_total == 0)
        if unseen.size:
            text = "no transition was counted; name a prior (pseudo-counts per next state), or count some"
            named = [(p.labels[p.pair_state[a]], p.actions[p.pair_action[a]]) for a in unseen.tolist()]
            raise ProblemError(
                [Issue("error", "no-counts", text, state=label, action=name) for label, name in named]
            )

    def to_arrow(self) -> "pa.Table":
        """The columns of `counts.parquet`: state, action, next_state, count; of what was seen at all."""
        import pyarrow as pa

        p = self.problem
        seen = np.flatnonzero((self.count > 0) & (self.lent == np.arange(self.count.size)))
        pair = np.repeat(np.arange(p.cost.size), np.diff(self.ptr))[seen]
        columns: dict[str, object] = {}
        if p.state_type:
            columns["type"] = pa.array(p.state_type).take(pa.array(p.pair_state[pair]))
        columns |= {
            "state": pa.array(p.states).take(pa.array(p.pair_state[pair])),
            "action": pa.array(p.actions).take(pa.array(p.pair_action[pair])),
            "next_state": pa.array(p.states).take(pa.array(self.next_state[seen])),
            "count": self.count[seen],
        }
        return pa.table(columns)

    def __repr__(self) -> str:
        return (
            f"TransitionCounts({int(self.count.sum()):,} transitions of {self.problem.cost.size:,} "
            "state-action pairs)"
        )
