"""Tables of a study: what every route says of an instance, and of a folder of them."""

import math
from collections.abc import Sequence

from optbudget.problems.comparison import Comparison, RouteResult
from optbudget.report.tables import Grid
from optbudget.report.words import number


def route_grid(comparison: Comparison) -> Grid:
    """One row per route: what it answers, how far that can be from the best, and what it took."""
    rows = tuple(_row(comparison, route) for route in comparison.routes)
    columns = (
        "route", "question", "ended", ">value", ">bound", ">gap", "same value", ">build s", ">solve s",
        ">MB",
    )  # fmt: skip
    questions = len({r.question for r in comparison.routes})
    note = "Routes to one question have one optimum; questions differ." if questions > 1 else ""
    said = [f"{r.route}: {r.outcome.message}" for r in comparison.routes if not r.answered]
    return Grid(
        f"{comparison.name} at budget {number(comparison.budget, 10)}", columns, rows,
        "\n".join([*filter(None, [note]), *dict.fromkeys(said)]),
    )  # fmt: skip


def study_grid(comparisons: Sequence[Comparison]) -> Grid:
    """One row per model of a folder and question."""
    rows = []
    for c in comparisons:
        for question in dict.fromkeys(r.question for r in c.routes):
            asked = [r for r in c.routes if r.question == question]
            answered = [r for r in asked if r.answered]
            swift = min((r for r in answered if c.same_value(r)), key=lambda r: r.seconds, default=None)
            verdict = "agree" if c.agree else "DISAGREE"
            if not answered:
                infeasible = any(r.infeasible for r in asked)
                verdict = verdict if not infeasible else f"{verdict}: infeasible"
            rows.append(
                (
                    c.name, question, verdict, number(c.best(question), 10),
                    f"{sum(map(c.same_value, asked))} of {len(asked)}",
                    swift.route if swift else "", _seconds(swift.seconds) if swift else "",
                )
            )  # fmt: skip
    columns = ("model", "question", "routes", ">best value", ">with the best value", "fastest", ">s")
    return Grid(f"{len(comparisons)} models by every route", columns, tuple(rows))


def disagreement_grid(comparisons: Sequence[Comparison]) -> Grid:
    """What cannot be true together."""
    rows = tuple((c.name, sentence) for c in comparisons for sentence in c.disagreements)
    return Grid("Routes that cannot both be right", ("model", "what is said"), rows)


def _row(comparison: Comparison, route: RouteResult) -> tuple[str, ...]:
    same = "yes" if comparison.same_value(route) else ("no" if route.answered else "")
    return (
        route.route, route.question, route.outcome.termination.name,
        number(route.value, 12) if route.answered else "",
        number(route.bound, 12) if math.isfinite(route.bound) else "",
        f"{route.gap:.1e}" if math.isfinite(route.gap) else "",
        same, _seconds(route.build_seconds), _seconds(route.solve_seconds),
        f"{route.memory / 2**20:,.0f}" if math.isfinite(route.memory) else "",
    )  # fmt: skip


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g}" if math.isfinite(seconds) else ""
