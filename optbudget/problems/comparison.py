"""What several routes say of one instance, and whether they can all be right.

Routes to one question have one optimum. Each states a re-evaluated value, which is achieved, and perhaps a
bound, which nothing exceeds. Two routes **disagree** when no number can be the optimum for both: one's
value is above the other's bound, or one proves that there is no answer and the other has one. Routes that
solve to the last digits (walking, backup, greedy, price, simplex) must besides have equal values to 1e-9,
unless their own certified gap says that they did not get there (costs from 1e-6 to 1e9).
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optbudget.status import Outcome, Solution, Termination

if TYPE_CHECKING:
    import pyarrow as pa

ROUNDING = 1e-12
"""Relative room for the rounding of re-evaluated values."""
CLAIM = 1e-6
"""Relative room for a back end's own bound: its tolerances are about that."""
EXACT = 1e-9
"""Relative difference within which exact routes must have equal values."""


@dataclass(frozen=True, slots=True)
class RouteResult:
    """What one route says.

    Attributes
    ----------
    route : its name, such as "walk" or "cmdp_primal/mathopt/glop"
    question : routes of one question have one optimum
    formulation, backend : what was solved by whom; "" for our own routes
    outcome : why it stopped and what is in hand
    value : re-evaluated from the problem's own numbers; NaN without an answer
    bound : proved by the checker; NaN if nothing proves one
    claimed_bound : the back end's own bound where nothing of it is proved; NaN if there is none
    exact : whether it solves to the last digits
    build_seconds, solve_seconds : stating and solving
    memory : largest resident bytes of the solving process; NaN if unknown
    """

    route: str
    question: str
    formulation: str = ""
    backend: str = ""
    outcome: Outcome = field(default_factory=Outcome)
    value: float = math.nan
    bound: float = math.nan
    claimed_bound: float = math.nan
    exact: bool = False
    build_seconds: float = math.nan
    solve_seconds: float = math.nan
    memory: float = math.nan

    @property
    def gap(self) -> float:
        """(bound - value) / (1 + |value|); NaN without both."""
        return (self.bound - self.value) / (1.0 + abs(self.value))

    @property
    def seconds(self) -> float:
        """Stating and solving together; NaN if neither is known."""
        known = [s for s in (self.build_seconds, self.solve_seconds) if math.isfinite(s)]
        return sum(known) if known else math.nan

    @property
    def answered(self) -> bool:
        """Whether there is a re-evaluated value."""
        return self.outcome.solution is not Solution.NONE and math.isfinite(self.value)

    @property
    def infeasible(self) -> bool:
        """Whether it says that there is no answer."""
        return self.outcome.termination is Termination.INFEASIBLE


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """All routes to one instance.

    Attributes
    ----------
    name : of the instance
    budget : money
    routes : what each says, in the order they were taken
    tolerance : relative difference up to which a route counts as having the same value
    left_out : names of routes that were not taken because a limit came before

    Examples
    --------
    >>> done = Outcome(Termination.OPTIMAL, Solution.CERTIFIED)
    >>> one = RouteResult("walk", "randomised", outcome=done, value=3.0, bound=3.0, exact=True)
    >>> other = RouteResult("guess", "randomised", outcome=done, value=2.0, bound=2.5)
    >>> Comparison("example", 1.0, (one, other)).disagreements
    ('walk achieves 3, above what guess proves to be the most, 2.5',)
    """

    name: str
    budget: float
    routes: tuple[RouteResult, ...]
    tolerance: float = 1e-7
    left_out: tuple[str, ...] = ()

    @property
    def disagreements(self) -> tuple[str, ...]:
        """A sentence for every two routes that cannot both be right; none means that all agree."""
        found: list[str] = []
        for question in dict.fromkeys(route.question for route in self.routes):
            found += _contradictions([r for r in self.routes if r.question == question])
        return tuple(found)

    @property
    def agree(self) -> bool:
        """Whether some route has answered and no two contradict each other."""
        return not self.disagreements and any(r.answered or r.infeasible for r in self.routes)

    def best(self, question: str) -> float:
        """The largest re-evaluated value of a question; NaN if nobody answered."""
        values = [r.value for r in self.routes if r.question == question and r.answered]
        return max(values, default=math.nan)

    def same_value(self, route: RouteResult) -> bool:
        """Whether a route's value is the best one of its question to the tolerance."""
        best = self.best(route.question)
        return route.answered and best - route.value <= self.tolerance * (1.0 + abs(best))

    def to_arrow(self) -> "pa.Table":
        """One row per route: the columns of `optbudget compare --json`, and the question."""
        import pyarrow as pa

        texts = ("route", "question", "formulation", "backend", "termination", "solution")
        numbers = ("value", "bound", "gap", "build_seconds", "solve_seconds", "memory_mb")
        columns = [(name, pa.string()) for name in texts] + [(name, pa.float64()) for name in numbers]
        schema = pa.schema([*columns, ("message", pa.string())])
        return pa.Table.from_pylist([row_of(route) for route in self.routes], schema=schema)

    def __repr__(self) -> str:
        same = sum(self.same_value(route) for route in self.routes)
        verdict = "agree" if self.agree else "DISAGREE"
        return f"Comparison({self.name}: {len(self.routes)} routes {verdict}, {same} with the best value)"


def row_of(route: RouteResult) -> dict[str, object]:
    """One route as a row; numbers that do not exist are None."""

    def number(x: float) -> float | None:
        return x if math.isfinite(x) else None

    return {
        "route": route.route,
        "question": route.question,
        "formulation": route.formulation or None,
        "backend": route.backend or None,
        "termination": route.outcome.termination.value,
        "solution": route.outcome.solution.value,
        "value": number(route.value),
        "bound": number(route.bound),
        "gap": number(route.gap),
        "build_seconds": number(route.build_seconds),
        "solve_seconds": number(route.solve_seconds),
        "memory_mb": number(route.memory / 2**20),
        "message": route.outcome.message or None,
    }


def _contradictions(routes: list[RouteResult]) -> list[str]:
    """What cannot be true together among routes of one question."""
    answered = [r for r in routes if r.answered]
    if not answered:
        return []
    top = max(answered, key=lambda r: r.value)
    room = ROUNDING * (1.0 + abs(top.value))
    found = [
        f"{r.route} says that there is no answer, and {top.route} has one" for r in routes if r.infeasible
    ]
    for r in routes:
        if r.bound < top.value - room:
            found.append(
                f"{top.route} achieves {top.value:.12g}, above what {r.route} proves to be the most, "
                f"{r.bound:.12g}"
            )
        elif r.claimed_bound < top.value - CLAIM * (1.0 + abs(top.value)):
            found.append(
                f"{top.route} achieves {top.value:.12g}, above what {r.backend} says to be the most, "
                f"{r.claimed_bound:.12g}"
            )
    for r in answered:
        if (
            r.exact
            and r.outcome.termination is Termination.OPTIMAL
            and top.exact
            and top.value - r.value > EXACT * (1.0 + abs(top.value))
        ):
            found.append(f"{r.route} has {r.value:.12g}, {top.route} {top.value:.12g}: both are exact")
    return found
