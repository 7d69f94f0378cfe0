"""The effect of every decision on every outcome, by two adjustments, each with its interval.

Adjusting by the tiers uses all context and all other decisions; adjusting by the graph uses its optimal set,
or what else identifies the effect. An interval of the second kind takes the graph for known. Where it was
learned from the same data, such intervals cover the truth far less often than their level says, as an edge
that was missed becomes "no effect": both are given, and where they disagree.

All effects come from one factorisation of the table; DoWhy is asked for the refutations, which are
independent pieces of work.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from optbudget.causal.adjustment import Adjustments, Identification, tiers_set
from optbudget.causal.equivalence import MOST_NEIGHBOURS, parent_sets, too_open
from optbudget.causal.indirect import by_instrument, through_the_front_door
from optbudget.causal.overlap import no_overlap, overlap_of
from optbudget.causal.regression import Numbers, Regressions, no_double
from optbudget.errors import ProblemError
from optbudget.problems.causal_graph import CausalGraph
from optbudget.problems.effects import ZERO, Adjustment, Effect, Effects, Estimate
from optbudget.problems.given_graphs import require_agreement
from optbudget.problems.history import History
from optbudget.workers import Crew, Monitor, Shared, map_pieces
from optbudget.workers.monitor import require_going_on


def estimate_effects(
    history: History,
    graph: CausalGraph,
    *,
    level: float = 0.95,
    robust: bool = False,
    refutations: int = 20,
    seed: int = 0,
    crew: Crew | None = None,
    monitor: Monitor | None = None,
) -> Effects:
    """The effects of all decisions on all outcomes.

    Parameters
    ----------
    history : what happened; an effect that its rows cannot tell is refused, and says why
    graph : learned or given; nodes that the history has no column of are hidden causes
    level : of the intervals
    robust : standard errors that do not take the variance of the outcomes for constant (HC3)
    refutations : simulations of each of DoWhy's tests; 0 makes none, and needs no DoWhy
    seed : of these simulations
    crew : who makes them; None is this process

    Raises
    ------
    ProblemError
        If the graph lacks a column of the history, or contradicts what its question says of tiers, forbidden
        and required edges.
    MissingExtraError
        If refutations are asked for and DoWhy is not installed.
    InterruptedWork, LimitError
        If the monitor stopped the work.

    Notes
    -----
    Rows are taken for independent given what is adjusted for. Where periods hang together in other ways,
    intervals are too narrow. No interval of the graph's adjustment has its stated level where the graph was
    learned from the same rows.

    Examples
    --------
    >>> import numpy as np
    >>> from optbudget.problems import CausalQuestion
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=500)
    >>> d = x + rng.normal(size=500)
    >>> y = 2 * d - 3 * x + rng.normal(size=500)
    >>> history = History(CausalQuestion(("x",), ("d",), ("y",)), np.column_stack((x, d, y)))
    >>> graph = CausalGraph.of(("x", "d", "y"), [("x", "d"), ("x", "y"), ("d", "y")])
    >>> found = estimate_effects(history, graph, refutations=0)["d", "y"].tiers.known
    >>> round(found.effect, 2), found.lower < 2 < found.upper
    (2.09, True)
    """
    missing = [name for name in history.columns if name not in graph.names]
    if missing:
        raise ProblemError(f"the graph has no node {missing[0]!r}, which is a column of the history")
    require_agreement(history.question, graph)
    if not 0 < level < 1 or 0.5 + 0.5 * level == 1.0:
        raise ProblemError(
            f"the level of the intervals is {level}; it must be between 0 and 1, not next to 1"
        )
    estimator = _Estimator(history, graph, level, robust)
    rows = []
    for k, decision in enumerate(history.question.decisions):
        require_going_on(monitor, "before all effects were estimated")
        rows += estimator.rows(decision)
        if monitor is not None:
            monitor.progress((k + 1) / len(history.question.decisions), "effects")
    if refutations:
        rows = _refuted(rows, estimator.regressions.numbers, refutations, seed, crew, monitor or Monitor())
    return Effects(tuple(rows), level)


class _Estimator:
    """Estimates of one history and graph."""

    def __init__(self, history: History, graph: CausalGraph, level: float, robust: bool) -> None:
        self.history, self.graph, self.level = history, graph, level
        self.regressions = Regressions(history, robust=robust)
        self.adjustments = Adjustments(graph, history.columns)

    def rows(self, decision: str) -> list[Effect]:
        """Both rows of a decision for each outcome, in order."""
        question = self.history.question
        tiers = self.adjusted(decision, question.outcomes, tiers_set(question, decision), "tiers")
        ways = {outcome: self.adjustments.of(decision, outcome) for outcome in question.outcomes}
        graph: dict[str, Effect] = {}
        for variables in dict.fromkeys(way.variables for way in ways.values() if way.method == "backdoor"):
            alike = [y for y, way in ways.items() if way.method == "backdoor" and way.variables == variables]
            graph |= self.adjusted(decision, alike, variables, "graph")
        for outcome, way in ways.items():
            if way.method != "backdoor":
                graph[outcome] = self.otherwise(decision, outcome, way)
        return [row for outcome in question.outcomes for row in (tiers[outcome], graph[outcome])]

    def adjusted(
        self, decision: str, outcomes: Sequence[str], variables: tuple[str, ...], kind: Adjustment
    ) -> dict[str, Effect]:
        """The effects on several outcomes with the same adjustment, or why there are none."""
        regressions = self.regressions
        still = [name for name in variables if regressions.is_constant(name)]
        variables = tuple(name for name in variables if name not in still)
        said = f"not adjusted for what is the same in every row: {', '.join(still)}" if still else ""
        obstacle = regressions.obstacle(decision, variables) or no_overlap(regressions, decision, variables)
        obstacles = {outcome: obstacle or regressions.outcome_obstacle(outcome) for outcome in outcomes}
        found = {
            outcome: Effect(decision, outcome, kind, None, "none", variables, reason=reason)
            for outcome, reason in obstacles.items() if reason
        }  # fmt: skip
        able = [outcome for outcome, reason in obstacles.items() if not reason]
        if able:
            fit = regressions.fit(decision, variables, able)
            overlap = overlap_of(regressions, decision, variables, fit.residual_share)
            for k, outcome in enumerate(able):
                known = fit.estimate(k, self.level)
                found[outcome] = Effect(
                    decision, outcome, kind, known, "backdoor" if known else "none", variables,
                    said if known else no_double(decision, outcome), overlap=overlap,
                )  # fmt: skip
        return found

    def otherwise(self, decision: str, outcome: str, way: Identification) -> Effect:
        """The effect by the graph where no one set is adjusted for."""
        if way.method == "no path":
            return Effect(decision, outcome, "graph", ZERO, "no path", reason=way.reason)
        obstacle = self.regressions.obstacle(decision, ()) or self.regressions.outcome_obstacle(outcome)
        if way.method == "none" or obstacle:
            reason = obstacle or way.reason
            return Effect(decision, outcome, "graph", None, "none", way.variables, reason=reason)
        if way.method == "class":
            return self.range(decision, outcome, way.reason)
        found = self.indirect(decision, outcome, way)
        if isinstance(found, str):
            return Effect(decision, outcome, "graph", None, "none", way.variables, reason=found)
        return Effect(decision, outcome, "graph", found, way.method, way.variables)

    def indirect(self, decision: str, outcome: str, way: Identification) -> Estimate | str:
        several = [name for name in way.variables if not self.regressions.numbers.is_single(name)]
        if several:
            return f"{several[0]} has more than two levels; make it numbers"
        if way.method == "front-door":
            reason = self.regressions.obstacle(decision, way.variables)
            if reason:
                return reason
            return through_the_front_door(self.regressions, decision, way.variables, outcome, self.level)
        (instrument,) = way.variables
        known = (*way.given, instrument)
        reason = next(filter(None, map(self.regressions.stillness, known)), "")
        if reason := reason or self.regressions.unlike(known):
            return f"{reason}, so there is no effect by the instrument {instrument}"
        return by_instrument(self.regressions, decision, instrument, way.given, outcome, self.level)

    def range(self, decision: str, outcome: str, reason: str) -> Effect:
        """The estimates of all members of the class; none at all where one of them cannot be had."""
        members: dict[Estimate, None] = {}
        if too_open(self.graph, decision):
            reason += (
                f"; more than {MOST_NEIGHBOURS} edges are open at {decision}, so there is no range either"
            )
            return Effect(decision, outcome, "graph", None, "none", reason=reason)
        for parents in parent_sets(self.graph, decision):
            known = tuple(name for name in parents if name in self.history.columns)
            if outcome in parents:
                members[ZERO] = None
                continue
            row = self.adjusted(decision, [outcome], known, "graph")[outcome]
            if row.estimate is None or known != parents:
                hidden = "a cause of it that may have to be adjusted for is not in the history"
                hidden = row.reason if row.estimate is None else hidden
                return replace(row, estimate=None, method="none", reason=f"{reason}; {hidden}", overlap=None)
            members[row.estimate] = None
        return Effect(decision, outcome, "graph", None, "class", reason=reason, members=tuple(members))


class _Refuting(NamedTuple):
    """What all refutations share."""

    numbers: Numbers
    simulations: int
    seed: int


Pair = tuple[str, str, tuple[str, ...]]


def _refuted(
    rows: Sequence[Effect], numbers: Numbers, simulations: int, seed: int, crew: Crew | None, monitor: Monitor
) -> list[Effect]:
    """The rows with DoWhy's refutations of each that was adjusted for; equal ones are refuted once."""
    from optbudget.causal.dowhy_adapter import require_dowhy

    require_dowhy()
    asked: dict[Pair, None] = {_pair(row): None for row in rows if _refutable(row)}
    done = [0]

    def report(number: int, of: object) -> None:
        done[0] += 1
        monitor.progress(done[0] / len(asked), f"{done[0]} of {len(asked)} effects refuted or not")

    with Shared(_Refuting(numbers, simulations, seed)) as shared:
        found = map_pieces(_refute, list(asked), shared, crew, monitor=monitor, done=report)
    require_going_on(monitor, "before all effects were put to the test")
    said = dict(zip(asked, found, strict=True))
    return [replace(row, refutations=said[_pair(row)]) if _refutable(row) else row for row in rows]


def _refutable(row: Effect) -> bool:
    return row.method == "backdoor" and row.identified


def _pair(row: Effect) -> Pair:
    return row.decision, row.outcome, row.adjusted_for


def _refute(shared: _Refuting, pair: Pair) -> tuple[tuple[str, float], ...]:
    from optbudget.causal.dowhy_adapter import LinearEffect

    decision, outcome, adjusted = pair
    at = shared.numbers.columns_of(decision, outcome)
    seed = int(np.random.SeedSequence([shared.seed, *at]).generate_state(1)[0])
    effect = LinearEffect(shared.numbers, decision, outcome, adjusted)
    return tuple(effect.refutations(shared.simulations, seed).items())
