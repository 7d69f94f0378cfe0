"""From a budget history to graph, effects and side effects in one call."""

from optbudget.causal.effects import estimate_effects
from optbudget.causal.extension import extend
from optbudget.causal.paths import harm_paths
from optbudget.causal.risk import side_effects
from optbudget.causal.structure import learn_graph
from optbudget.errors import Issue, ProblemError
from optbudget.problems import CausalAnswer, CausalGraph, History
from optbudget.workers import Crew, Monitor


def answer_question(
    history: History,
    graph: CausalGraph | None = None,
    *,
    level: float = 0.95,
    robust: bool = False,
    bootstraps: int = 100,
    refutations: int = 20,
    seed: int = 0,
    crew: Crew | None = None,
    monitor: Monitor | None = None,
) -> CausalAnswer:
    """Learn the graph where none is given, estimate all effects, and say what actions do unintended.

    Parameters
    ----------
    graph : a graph of the domain to take as it is; None learns one from the history
    level, robust, refutations, crew : see `estimate_effects`
    bootstraps : see `learn_graph`
    seed : of resamples and refutations
    monitor : told of progress, and asked whether to go on

    Raises
    ------
    ProblemError, UsageError, MissingExtraError, InterruptedWork, LimitError
        As `learn_graph` and `estimate_effects`.
    """
    require_directions(history)
    if graph is None:
        graph = learn_graph(history, bootstraps=bootstraps, seed=seed, monitor=monitor)
    else:
        bootstraps = 0
    effects = estimate_effects(
        history, graph, level=level, robust=robust, refutations=refutations, seed=seed, crew=crew,
        monitor=monitor,
    )  # fmt: skip
    found = side_effects(history.question, effects, paths=harm_paths(history, extend(graph)))
    return CausalAnswer(history.question, graph, effects, found, len(history), seed, bootstraps, refutations)


def require_directions(history: History) -> None:
    """ProblemError where "more" of a column must mean something, and it holds text.

    Of two texts nobody knows which one is more; the first to appear would decide.
    """
    question = history.question
    moved = {decision for changes in question.actions.values() for decision in changes}
    issues = [
        Issue(
            "error",
            "text",
            f"column {name!r} holds text ({', '.join(map(repr, history.levels[name][:3]))}), but {why}; "
            "write it as numbers, such as 0 and 1",
        )
        for names, why in (
            (question.harm, "[harm] says that more or less of it hurts"),
            (moved, "[actions] changes it by an amount"),
        )
        for name in question.columns
        if name in names and name in history.levels
    ]
    if issues:
        raise ProblemError(issues)
