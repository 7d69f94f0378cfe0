"""Who is expected to come: units by stage and state, so many in expectation.

Let :math:`N_{ks}` be the number of units that come in state s just before the decisions of stage k, with
:math:`k = 0` for later today and :math:`k < T`. Nothing that is decided changes how many come, and each unit
then evolves on its own. Under a budget that binds in expectation only the means :math:`E[N_{ks}]` matter
(Boutilier & Lu 2016, section 5.2, last paragraph); the distribution is for simulation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.columns import as_number

if TYPE_CHECKING:
    import pyarrow as pa

Distribution = Literal["poisson", "fixed"]
MOST_EXPECTED = 2.0**62
"""Units that may be expected in all, as many as a population may have."""


@dataclass(frozen=True, eq=False, repr=False)
class Arrivals:
    """Expected numbers of units that are still to come, by stage and state; sorted by both.

    Attributes
    ----------
    problem : the problem whose states they come in; its horizon is finite
    stage : (r,) int64, 0 to horizon - 1; they come before the decisions of that stage
    state : (r,) int64, index of the state
    expected : (r,) float64, >= 0; expected number of units; need not be whole
    distribution : "poisson" (independent counts) or "fixed" (exactly so many; whole numbers)

    Raises
    ------
    ProblemError
        Naming each stage, state and number that is wrong, or listed twice.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> Arrivals.at(two_action_example(horizon=3), {(1, "s"): 2.5, (2, "s"): 4.0})
    Arrivals(6.5 units expected at 2 stages, poisson)
    """

    problem: BudgetedMDP
    stage: NDArray[np.int64]
    state: NDArray[np.int64]
    expected: NDArray[np.float64]
    distribution: Distribution = "poisson"

    def __post_init__(self) -> None:
        if self.distribution not in ("poisson", "fixed"):
            raise ProblemError(f"distribution is {self.distribution!r}; it must be 'poisson' or 'fixed'")
        if self.problem.horizon is None:
            raise ProblemError(
                "arrivals need a finite horizon: a stage of an endless one has no end to count to"
            )
        columns = [np.asarray(getattr(self, name)) for name in ("stage", "state", "expected")]
        if any(column.ndim != 1 or column.shape != columns[0].shape for column in columns):
            raise ProblemError("stage, state and expected must be vectors of one length")
        stage, state = columns[0].astype(np.int64), columns[1].astype(np.int64)
        expected = columns[2].astype(np.float64)
        if issues := self._issues(stage, state, expected):
            raise ProblemError(issues[:FIRST_ISSUES])
        order = np.lexsort((state, stage))
        for name, column in (("stage", stage), ("state", state), ("expected", expected)):
            own = np.ascontiguousarray(column[order])
            own.flags.writeable = False
            object.__setattr__(self, name, own)

    def _issues(
        self, stage: NDArray[np.int64], state: NDArray[np.int64], expected: NDArray[np.float64]
    ) -> list[Issue]:
        n, horizon = self.problem.n_states, self.problem.horizon or 0
        if ((state < 0) | (state >= n)).any():
            return [Issue("error", "state", f"a state is not in 0..{n - 1}")]
        found, seen = [], set[tuple[int, int]]()
        for k, s, mean in zip(stage.tolist(), state.tolist(), expected.tolist(), strict=True):
            label = self.problem.labels[s]
            if not 0 <= k < horizon:
                text = f"stage is {k}; it must be in 0..{horizon - 1}, before one of the {horizon} decisions"
                found.append(Issue("error", "stage", text, state=label))
            if not 0 <= mean <= MOST_EXPECTED:
                text = f"expected is {mean} at stage {k}; it must be a number from 0 to 2^62"
                found.append(Issue("error", "expected", text, state=label))
            elif self.distribution == "fixed" and mean != int(mean):
                text = f"expected is {mean} at stage {k}; exactly so many can only be a whole number"
                found.append(Issue("error", "expected", text, state=label))
            if (k, s) in seen:
                found.append(Issue("error", "duplicate", f"stage {k} is listed twice", state=label))
            seen.add((k, s))
        if not found and float(expected.sum()) > MOST_EXPECTED:
            found.append(Issue("error", "expected", "more than 2^62 units are expected in all"))
        return found

    @classmethod
    def at(
        cls,
        problem: BudgetedMDP,
        expected: Mapping[tuple[int, str], float],
        *,
        distribution: Distribution = "poisson",
    ) -> "Arrivals":
        """So many in expectation at each named (stage, state); none elsewhere."""
        rows = []
        for key, number in expected.items():
            if not (isinstance(key, tuple) and len(key) == 2):
                raise ProblemError(f"arrivals are named by (stage, state); got {key!r:.40}")
            stage = as_number(key[0], "the stage")
            if not np.isfinite(stage) or stage != int(stage):
                raise ProblemError(f"the stage is {key[0]!r}; it must be a whole number")
            rows.append((int(stage), problem.index(key[1]), as_number(number, "an expected number")))
        stages, states, numbers = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(problem, np.array(stages, dtype=np.int64), np.array(states, dtype=np.int64),
                   np.array(numbers, dtype=np.float64), distribution)  # fmt: skip

    @property
    def total(self) -> float:
        """Expected number of units over all stages."""
        return float(self.expected.sum())

    def draw(self, generator: np.random.Generator, trials: int) -> NDArray[np.int64]:
        """Counts of units that come, (trials, r), one column per row of the table."""
        if self.distribution == "fixed":
            return np.tile(self.expected.astype(np.int64), (trials, 1))
        return generator.poisson(self.expected, size=(trials, self.expected.size)).astype(np.int64)

    def to_arrow(self) -> "pa.Table":
        """The columns of an arrivals file: stage, state, expected (with `type` where there are types)."""
        import pyarrow as pa

        columns: dict[str, object] = {"stage": self.stage}
        if self.problem.state_type:
            columns["type"] = pa.array(self.problem.state_type).take(pa.array(self.state))
        columns |= {
            "state": pa.array(self.problem.states).take(pa.array(self.state)),
            "expected": self.expected,
        }
        return pa.table(columns)

    def __repr__(self) -> str:
        stages = np.unique(self.stage).size
        at = "1 stage" if stages == 1 else f"{stages:,} stages"
        return f"Arrivals({self.total:,.6g} units expected at {at}, {self.distribution})"
