"""What a model's transition rows may be: an interval for every probability.

A row of pair a may be any p with :math:`\\ell_{aj} \\le p_j \\le h_{aj}` and :math:`\\sum_j p_j = 1`,
whatever the other rows are, and another one at every stage and in every trial (rectangular uncertainty;
Iyengar 2005; Nilim & El Ghaoui 2005).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.columns import Codes, Finding, Floats, as_table
from optbudget.problems.mdp_issues import ROW_SUM_TOLERANCE
from optbudget.problems.pair_rows import merged, number_columns, read_pairs, require_rows


@dataclass(frozen=True, eq=False, repr=False)
class TransitionIntervals:
    """An interval for every transition probability of a problem.

    Attributes
    ----------
    problem : whose rows are uncertain; its own rows are one of the possible ones, or near to it
    ptr : (m+1,) int64; entries of pair a are ptr[a]:ptr[a+1]
    next_state : (z,) int32
    low, high : (z,) 0 <= low <= high <= 1; of each pair the lows sum to at most 1, the highs to at least 1

    Raises
    ------
    ProblemError
        Naming each pair whose intervals hold no distribution.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> TransitionIntervals.around(two_action_example(horizon=2), 0.05)
    TransitionIntervals(2 state-action pairs, widest interval 0.05)
    """

    problem: BudgetedMDP
    ptr: Codes
    next_state: NDArray[np.int32]
    low: Floats
    high: Floats

    def __post_init__(self) -> None:
        kinds = (("ptr", np.int64), ("next_state", np.int32), ("low", np.float64), ("high", np.float64))
        for name, dtype in kinds:
            array = np.array(getattr(self, name), dtype=dtype)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        p, m, z = self.problem, self.problem.cost.size, self.next_state.size
        require_rows(self.ptr, m, z)
        if self.low.shape != (z,) or self.high.shape != (z,):
            raise ProblemError("low and high must have one number for every next state")
        pair = np.repeat(np.arange(m), np.diff(self.ptr))
        within = (self.low >= 0) & (self.low <= self.high) & (self.high <= 1)
        issues = [
            self._issue(pair[k], f"the interval of {p.labels[self.next_state[k]]!r} is {self.low[k]} to "
                        f"{self.high[k]}; it must be 0 <= low <= high <= 1")
            for k in np.flatnonzero(~within)[:FIRST_ISSUES].tolist()
        ]  # fmt: skip
        if not issues and m:
            least, most = (np.add.reduceat(x, self.ptr[:-1]) for x in (self.low, self.high))
            wrong = np.flatnonzero((least > 1 + ROW_SUM_TOLERANCE) | (most < 1 - ROW_SUM_TOLERANCE))
            issues = [
                self._issue(a, f"no distribution is within its intervals: the lows sum to {least[a]:.9g} "
                            f"and the highs to {most[a]:.9g}")
                for a in wrong[:FIRST_ISSUES].tolist()
            ]  # fmt: skip
        if issues:
            raise ProblemError(issues)
        if m:
            self._make_room(least, most)

    def _make_room(self, least: Floats, most: Floats) -> None:
        """Divide lows that sum to a little above 1, and highs to a little below, by their sums."""
        size = np.diff(self.ptr)
        low = self.low / np.repeat(np.maximum(least, 1.0), size)
        high = np.maximum(self.high / np.repeat(np.minimum(most, 1.0), size), low)
        for name, array in (("low", low), ("high", high)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def _issue(self, pair: int, text: str) -> Issue:
        p = self.problem
        return Issue("error", "interval", text, state=p.labels[p.pair_state[pair]],
                     action=p.actions[p.pair_action[pair]])  # fmt: skip

    @classmethod
    def around(cls, problem: BudgetedMDP, radius: float) -> "TransitionIntervals":
        """Every probability of the problem within `radius` of its own, as far as that is one."""
        if not 0 <= radius <= 1:
            raise ProblemError(f"the radius is {radius}; it must be in 0..1")
        none = np.empty(0, dtype=np.int64)
        rows = merged(problem, none, none)
        return cls(problem, rows.ptr, rows.next_state, np.maximum(rows.own - radius, 0.0),
                   np.minimum(rows.own + radius, 1.0))  # fmt: skip

    @classmethod
    def from_tables(cls, problem: BudgetedMDP, intervals: object) -> "TransitionIntervals":
        """From a table state, action, next_state, low, high (and type); see `assemble`."""
        found: list[Finding] = []
        read = cls.assemble(problem, as_table(intervals, "intervals"), found)
        if read is None:
            raise ProblemError([finding.issue() for finding in found])
        return read

    @classmethod
    def assemble(
        cls, problem: BudgetedMDP, table: pa.Table, found: list[Finding]
    ) -> "TransitionIntervals | None":
        """From an Arrow table; None after adding everything that is wrong with it to `found`.

        A pair that the table does not name is certain: its row is the problem's own. Of a pair that it
        names, a next state that it does not name keeps the problem's own probability.
        """
        needed = ("state", "action", "next_state", "low", "high")
        found += [Finding("missing-column", f"column {name!r} is missing", "intervals")
                  for name in needed if name not in table.column_names]  # fmt: skip
        if found:
            return None
        numbers = number_columns(table, ("low", "high"), "intervals", found, whole=False)
        pairs = read_pairs(problem, table, "intervals", found)
        if pairs is None or numbers is None:
            return None
        low, high = numbers
        for row in np.flatnonzero(~((low >= 0) & (low <= high) & (high <= 1)))[:FIRST_ISSUES].tolist():
            text = f"the interval is {low[row]} to {high[row]}; it must be 0 <= low <= high <= 1"
            found.append(Finding("interval", text, "intervals", row, "low"))
        if found:
            return None
        rows = merged(problem, *pairs)
        named = rows.source >= 0
        ends = [np.where(named, np.append(x, 0.0)[rows.source], rows.own) for x in (low, high)]
        try:
            return cls(problem, rows.ptr, rows.next_state, ends[0], ends[1])
        except ProblemError as error:
            found += [
                Finding(i.code, i.message, "intervals", None, None, i.state, i.action) for i in error.issues
            ]
            return None

    def __repr__(self) -> str:
        widest = float((self.high - self.low).max(initial=0.0))
        pairs = self.problem.cost.size
        return f"TransitionIntervals({pairs:,} state-action pairs, widest interval {widest:.4g})"
