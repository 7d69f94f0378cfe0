"""Tables of a study: what every route says of an instance, and of a folder of them."""

import math
from collections.abc import Mapping, Sequence

from optbudget.problems.comparison import Comparison, RouteResult, Verdict
from optbudget.report.tables import Grid
from optbudget.report.words import number, plural
from optbudget.status import Termination

CALLED = "called optimal"
"""How a route ended that calls its answer optimal and does not prove it."""


def route_grid(comparison: Comparison) -> Grid:
    """One row per route: what it answers, what of that is proved, and what it took."""
    rows = tuple(_row(comparison, route) for route in comparison.routes)
    columns = (
        "route", "question", "ended", ">value", ">bound", ">gap", "verdict", ">build s", ">solve s", ">MB",
    )  # fmt: skip
    notes = []
    if len({r.question for r in comparison.routes}) > 1:
        notes.append("Routes to one question have one optimum; questions differ.")
    if any(row[2] == CALLED for row in rows):
        notes.append(f"{CALLED}: the route's own word; the verdict says what is proved.")
    notes += _reasons(comparison)
    title = f"{comparison.name} at budget {comparison.budget:.10g}"
    return Grid(title, columns, rows, "\n".join(notes))


def study_grid(
    comparisons: Sequence[Comparison], *, skipped: Mapping[str, Sequence[str]] | None = None
) -> Grid:
    """One row per model of a folder and question.

    Parameters
    ----------
    skipped : model -> patterns that were asked for and that no route of it matches
    """
    rows = [
        _summary(c, question) for c in comparisons for question in dict.fromkeys(r.question for r in c.routes)
    ]
    columns = (
        "model", "question", "routes", ">best value", "that value is", ">routes with it", "fastest", ">s",
    )  # fmt: skip
    missing = [f"{model} has no route {', '.join(routes)}" for model, routes in (skipped or {}).items()]
    title = f"{plural(len(comparisons), 'model')} by every route"
    return Grid(title, columns, tuple(rows), "\n".join(missing))


def disagreement_grid(comparisons: Sequence[Comparison]) -> Grid:
    """What cannot be true together."""
    rows = tuple((c.name, sentence) for c in comparisons for sentence in c.disagreements)
    return Grid("Routes that cannot both be right", ("model", "what is said"), rows)


def _row(comparison: Comparison, route: RouteResult) -> tuple[str, ...]:
    return (
        route.route, route.question, _ended(route),
        number(route.value, 12) if route.answered else "",
        number(route.bound, 12) if math.isfinite(route.bound) else "",
        f"{route.gap:.1e}" if math.isfinite(route.gap) else "",
        comparison.verdict(route).value, _seconds(route.build_seconds), _seconds(route.solve_seconds),
        f"{route.memory / 2**20:,.0f}" if math.isfinite(route.memory) else "",
    )  # fmt: skip


def _ended(route: RouteResult) -> str:
    """Why it stopped; where nothing is proved, whether the back end calls its answer optimal."""
    unproved = route.answered and route.outcome.termination is Termination.UNKNOWN
    return CALLED if unproved and route.called_optimal else route.outcome.termination.name


def _summary(c: Comparison, question: str) -> tuple[str, ...]:
    asked = [r for r in c.routes if r.question == question]
    best = [r for r in asked if c.same_value(r)]
    swift = min(best, key=lambda r: r.seconds, default=None)
    proved = {Verdict.PROVED, Verdict.EQUALS_PROVED_BOUND} & {c.verdict(r) for r in best}
    infeasible = not best and any(r.infeasible for r in asked)
    known = "infeasible" if infeasible else "unknown" if not best else "proved" if proved else "not proved"
    return (
        c.name, question, c.summary,
        number(c.best(question), 10), known, f"{len(best)} of {len(asked)}",
        swift.route if swift else "", _seconds(swift.seconds) if swift else "",
    )  # fmt: skip


def _reasons(comparison: Comparison) -> list[str]:
    """Why routes have no answer: a line per reason, naming one route and how many share it."""
    by_reason: dict[str, list[str]] = {}
    for route in comparison.routes:
        if not route.answered:
            by_reason.setdefault(route.outcome.message or route.outcome.termination.name, []).append(
                route.route
            )
    return [f"{_first(names)}: {reason}" for reason, names in by_reason.items()]


def _first(names: Sequence[str]) -> str:
    more = len(names) - 1
    return names[0] + (f" and {plural(more, 'other')}" if more else "")


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g}" if math.isfinite(seconds) else ""
