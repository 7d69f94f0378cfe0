"""A disagreement made as small as it goes: pieces are left out while the routes still disagree.

Greedy, largest steps first (as delta debugging does: Zeller & Hildebrandt 2002): a smaller or rounder
instance takes the place of the one before if the same routes still cannot both be right on it, and by as
much: a gross contradiction does not shrink to one in the last digits. What is left is small and has the same
symptom; that it has the same cause is for a reader to judge.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import pyarrow as pa

from optbudget.errors import OptBudgetError, UsageError
from optbudget.files import save
from optbudget.files.model_writer import write_csv
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack, Population
from optbudget.problems.comparison import Comparison
from optbudget.solvers import Options
from optbudget.study.compare import compare
from optbudget.study.drafts import Draft, Instance, draft_of
from optbudget.study.monitors import Limits
from optbudget.study.stand import Stand
from optbudget.workers import Monitor

Judge = Callable[[Instance], Comparison]

GROSS = 1e-3
"""Relative contradiction that stays at least as large; smaller ones may shrink tenfold."""

MOST_TRIES = 600
SECONDS = 120.0
ROUTE_SECONDS = 10.0
"""Limits: how often routes are taken again, for how long, and each for how long."""


@dataclass(frozen=True, eq=False)
class Shrunk:
    """The smallest instance found on which the routes still disagree.

    Attributes
    ----------
    problem, budget, population : the instance
    comparison : of the routes that disagree on it
    origin : name of the instance that it came from
    tries : instances that were looked at
    """

    problem: BudgetedMDP | ConstrainedMDP | Knapsack
    budget: float
    population: Population | None
    comparison: Comparison
    origin: str
    tries: int


def shrink(
    problem: BudgetedMDP | ConstrainedMDP | Knapsack,
    budget: float,
    comparison: Comparison,
    *,
    population: Population | None = None,
    judge: Judge | None = None,
    monitor: Monitor | None = None,
) -> Shrunk:
    """Shrink an instance on which routes disagree.

    Parameters
    ----------
    comparison : that said so
    judge : compares an instance; None compares again by the routes that disagree
    monitor : may end it early, with the smallest instance so far

    Raises
    ------
    UsageError
        If the routes agree.
    """
    if not comparison.disagreements:
        raise UsageError("the routes agree: there is nothing to shrink")
    culprits = quarrel(comparison)
    with Stand(Options(time_limit=ROUTE_SECONDS)) as stand:

        def again(instance: Instance) -> Comparison:
            one, money, people = instance
            return compare(
                one, money, population=people, routes=culprits, stand=stand, monitor=Limits(monitor)
            )

        search = _Search(judge or again, monitor or Monitor(), comparison)
        found = search.run(draft_of(problem, budget, population), (problem, budget, population))
    small, money, people = found
    return Shrunk(small, money, people, search.said, comparison.name, search.tries)


def quarrel(comparison: Comparison) -> tuple[str, ...]:
    """The names of one or two routes that cannot be right together."""
    for size in (1, 2):
        for few in combinations(comparison.routes, size):
            if replace(comparison, routes=few).disagreements:
                return tuple(route.route for route in few)
    return tuple(route.route for route in comparison.routes)


def severity(comparison: Comparison) -> float:
    """By how much, relative to 1 + |value|, the worst two routes of a question contradict each other."""
    worst = 0.0
    for question in {r.question for r in comparison.routes}:
        routes = [r for r in comparison.routes if r.question == question]
        best = comparison.best(question)
        if math.isfinite(best) and any(r.infeasible for r in routes):
            return math.inf
        stated = [x for r in routes for x in (r.bound, r.claimed_bound) if not math.isnan(x)]
        stated += [r.value for r in routes if r.exact and r.answered]
        worst = max([worst, *((best - x) / (1.0 + abs(best)) for x in stated if math.isfinite(best))])
    return worst


class _Search:
    def __init__(self, judge: Judge, monitor: Monitor, said: Comparison) -> None:
        self.judge, self.monitor, self.said = judge, monitor, said
        self.tries, self._end = 0, time.monotonic() + SECONDS
        first = severity(said)
        self._least = GROSS if first >= GROSS else first / 10

    def run(self, draft: Draft, instance: Instance) -> Instance:
        changed = True
        while changed:
            changed = False
            for step in ("smaller", "rounder"):
                while (better := self._first(getattr(draft, step)(), draft)) is not None:
                    draft, instance = better
                    changed = changed or step == "smaller"
                    self.monitor.progress(0.5, f"shrinking: {draft.size()} numbers left")
        return instance

    def _first(self, drafts: Iterator[Draft], before: Draft) -> tuple[Draft, Instance] | None:
        """The first draft on which the routes still disagree."""
        for draft in drafts:
            if draft == before:
                continue
            if self.tries >= MOST_TRIES or time.monotonic() > self._end or self.monitor.stop_reason():
                return None
            self.tries += 1
            try:
                instance = draft.build()
                said = self.judge(instance)
            except (OptBudgetError, ValueError, IndexError):
                continue  # No instance, or the routes do not fit it.
            if said.disagreements and severity(said) >= self._least:
                self.said = said
                return draft, instance
        return None


def write_shrunk(found: Sequence[Shrunk], folder: Path) -> None:
    """Write each as a model folder in `folder`/disagreements, with a README that says who said what."""
    for k, one in enumerate(found):
        place = folder / "disagreements" / f"{one.origin}-{k + 1}"
        save(one.problem, place)
        if one.population is not None:
            people = pa.table({"state": pa.array(one.population.labels), "count": one.population.count})
            write_csv(people, place / "population.csv")
        (place / "README.md").write_text(readme(one), encoding="utf-8", newline="\n")


def readme(one: Shrunk) -> str:
    """What routes said of the shrunk instance, and how to ask them again."""
    names = ",".join(r.route for r in one.comparison.routes)
    people = "" if one.population is None else " --population population.csv"
    lines = [
        f"# A disagreement, shrunk from {one.origin}",
        "",
        f"{one.problem!r} at budget {one.budget!r}; {one.tries} instances were tried.",
        "",
        *(f"* {sentence}" for sentence in one.comparison.disagreements),
        "",
        "| route | ended | value | bound | own bound |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {r.route} | {r.outcome.termination.name} | {r.value!r} | {r.bound!r} | {r.claimed_bound!r} |"
            for r in one.comparison.routes
        ),
        "",
        "Ask again:",
        "",
        f"    optbudget compare . --budget {one.budget!r}{people} --routes {names}",
        "",
        "Pieces were left out and numbers rounded as long as the routes still could not both be right. The",
        "symptom is the same as that of the original; whether the cause is, look before you report it.",
    ]
    return "\n".join(lines) + "\n"
