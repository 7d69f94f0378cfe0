"""What several routes say of one instance, and whether they can all be right.

Routes to one question have one optimum. Each states a re-evaluated value, which is achieved, and perhaps a
bound, which nothing exceeds. Two routes **disagree** when no number can be the optimum for both: one's
value is above the other's bound, or one proves that there is no answer and the other has one. Routes that
solve to the last digits (walking, backup, greedy, price, simplex) must besides have equal values to 1e-9,
unless their own certified gap says that they did not get there (costs from 1e-6 to 1e9).

A route need not prove its own answer: a value that **equals a bound which another route proves** is the
optimum, whoever found it. Some questions restrict another (`RESTRICTS`): a bound on all policies is one on
those that randomise nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from optbudget.status import OPTIMAL_GAP, Outcome, Solution, Termination

if TYPE_CHECKING:
    import pyarrow as pa

ROUNDING = 1e-12
"""Relative room for the rounding of re-evaluated values."""
CLAIM = 1e-6
"""Relative room for a back end's own bound: its tolerances are about that."""
EXACT = 1e-9
"""Relative difference within which exact routes must have equal values."""

RESTRICTS: Mapping[str, str] = {
    "deterministic-stage": "randomised",
    "deterministic-budget": "randomised",
    "whole": "relaxation",
}
"""Question -> the one whose answers include all of its own, so that a bound there is one here."""


class Verdict(Enum):
    """What a comparison makes of one route's answer; every "equals" is to the comparison's tolerance.

    PROVED: its own bound proves it. EQUALS_PROVED_BOUND: it equals a bound that another route proves.
    NOT_PROVED: no route has a larger value, and none proves that there is none. BELOW_BEST: another route
    has a larger value. INFEASIBLE: it says that there is no answer. NO_ANSWER: it gave up or crashed.
    """

    PROVED = "proved"
    EQUALS_PROVED_BOUND = "equals proved bound"
    NOT_PROVED = "not proved"
    BELOW_BEST = "below the best"
    INFEASIBLE = "infeasible"
    NO_ANSWER = "no answer"


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
    called_optimal : whether it called its answer optimal itself, which proves nothing
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
    called_optimal: bool = False
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
            asked = [r for r in self.routes if r.question == question]
            wider = [r for r in self.routes if r.question == RESTRICTS.get(question)]
            found += _contradictions(asked, wider)
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

    def proved_bound(self, question: str) -> float:
        """The least bound that a route proves for a question or one that it restricts; NaN if none does."""
        about = {question, RESTRICTS.get(question, question)}
        bounds = [r.bound for r in self.routes if r.question in about and not math.isnan(r.bound)]
        return min(bounds, default=math.nan)

    def verdict(self, route: RouteResult) -> Verdict:
        """What the other routes make of an answer.

        Examples
        --------
        >>> done = Outcome(Termination.OPTIMAL, Solution.CERTIFIED)
        >>> found = Outcome(Termination.UNKNOWN, Solution.FEASIBLE, "called optimal; no bound was proved")
        >>> ip = RouteResult("ip", "whole", outcome=done, value=18.0, bound=18.0)
        >>> scip = RouteResult("mckp_ip/mathopt/scip", "whole", outcome=found, value=18.0)
        >>> Comparison("x", 10.0, (ip, scip)).verdict(scip).value
        'equals proved bound'
        >>> Comparison("x", 10.0, (scip,)).verdict(scip).value
        'not proved'
        """
        if not route.answered:
            return Verdict.INFEASIBLE if route.infeasible else Verdict.NO_ANSWER
        if not self.same_value(route):
            return Verdict.BELOW_BEST
        room = max(self.tolerance, OPTIMAL_GAP)
        if route.gap <= room:
            return Verdict.PROVED
        lead = self.proved_bound(route.question) - route.value
        return Verdict.EQUALS_PROVED_BOUND if lead <= room * (1.0 + abs(route.value)) else Verdict.NOT_PROVED

    def to_arrow(self) -> "pa.Table":
        """One row per route: the columns of `optbudget compare --json`."""
        import pyarrow as pa

        schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS.items()])
        return pa.Table.from_pylist([self.row(route) for route in self.routes], schema=schema)

    def row(self, route: RouteResult) -> dict[str, object]:
        """One route as a row of `COLUMNS`; texts and numbers that do not exist are None."""

        def number(x: float) -> float | None:
            return x if math.isfinite(x) else None

        return {
            "route": route.route,
            "question": route.question,
            "formulation": route.formulation or None,
            "backend": route.backend or None,
            "termination": route.outcome.termination.value,
            "solution": route.outcome.solution.value,
            "called_optimal": route.called_optimal,
            "verdict": self.verdict(route).value,
            "value": number(route.value),
            "bound": number(route.bound),
            "gap": number(route.gap),
            "build_seconds": number(route.build_seconds),
            "solve_seconds": number(route.solve_seconds),
            "memory_mb": number(route.memory / 2**20),
            "message": route.outcome.message or None,
        }

    @property
    def summary(self) -> str:
        """In a few words whether the routes agree."""
        return "agree" if self.agree else "DISAGREE" if self.disagreements else "without an answer"

    def __repr__(self) -> str:
        same = sum(self.same_value(route) for route in self.routes)
        routes = f"{len(self.routes)} {'route' if len(self.routes) == 1 else 'routes'}"
        return f"Comparison({self.name}: {routes} {self.summary}, {same} with the best value)"


COLUMNS: Mapping[str, str] = {
    "route": "string",
    "question": "string",
    "formulation": "string",
    "backend": "string",
    "termination": "string",
    "solution": "string",
    "called_optimal": "bool_",
    "verdict": "string",
    "value": "float64",
    "bound": "float64",
    "gap": "float64",
    "build_seconds": "float64",
    "solve_seconds": "float64",
    "memory_mb": "float64",
    "message": "string",
}
"""Columns of a comparison as a table, and the Arrow type of each."""


def _contradictions(routes: list[RouteResult], wider: list[RouteResult]) -> list[str]:
    """What cannot be true together among routes of one question, and with bounds of the one it restricts."""
    answered = [r for r in routes if r.answered]
    if not answered:
        return []
    top = max(answered, key=lambda r: r.value)
    room = ROUNDING * (1.0 + abs(top.value))
    found = [
        f"{r.route} says that there is no answer, and {top.route} has one" for r in routes if r.infeasible
    ]
    found += [
        f"{top.route} achieves {top.value:.12g}, above what {r.route} proves to be the most, {r.bound:.12g}"
        for r in (*routes, *wider)
        if r.bound < top.value - room
    ]
    for r in routes:
        claim = (EXACT if r.exact else CLAIM) * (1.0 + abs(top.value))
        if not r.bound < top.value - room and r.claimed_bound < top.value - claim:
            found.append(
                f"{top.route} achieves {top.value:.12g}, above what {r.backend or r.route} says to be the "
                f"most, {r.claimed_bound:.12g}"
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
