"""A causal graph from a history: PC with what is known strictly kept, and how often resamples agree.

The graph of all rows is PC-stable's, directed by colliders and Meek's rules. It is then learned again from
resamples (rows drawn with replacement, as many): the share in which an edge is there, and with which
direction, says how much of the graph is the data's and how much is chance. It is no probability that the edge
is real.

A graph learned from the data that effects are then estimated from makes their intervals too narrow by far: a
missed edge becomes "no effect". See `optbudget.causal` for the adjustment by tiers beside it.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from optbudget.causal.background import Background
from optbudget.causal.independence import Sample
from optbudget.causal.orientation import Colliders, orient
from optbudget.causal.skeleton import find_skeleton
from optbudget.errors import UsageError
from optbudget.problems import CausalGraph, History
from optbudget.problems.causal_graph import Matrix
from optbudget.problems.history_checks import require_variation
from optbudget.workers import Monitor
from optbudget.workers.monitor import require_going_on

Method = Literal["optbudget", "causal-learn"]
Learner = Callable[[np.ndarray[tuple[int], np.dtype[np.int64]] | None], tuple[Matrix, Matrix]]
"""From how often each row counts (None: once) to the directed and the undirected edges."""


def learn_graph(
    history: History,
    *,
    alpha: float = 0.01,
    bootstraps: int = 100,
    seed: int = 0,
    method: Method = "optbudget",
    colliders: Colliders = "majority",
    deepest: int | None = None,
    given: CausalGraph | None = None,
    merge: bool = True,
    monitor: Monitor | None = None,
) -> CausalGraph:
    """The graph that a history and what is known of it leave, with frequencies over resamples.

    Parameters
    ----------
    alpha : level of the tests of independence, in (0, 1)
    bootstraps : resamples; 0 for none (frequencies are then 1 and 0)
    method : "causal-learn" learns with that package, in place of our own kernels; much slower
    colliders : "conservative" directs less, and what it directs is surer
    deepest : largest set of columns that a test conditions on; None is any
    given : a graph of the domain: its edges are required, on top of the question's
    merge : False takes the given graph as it is, held against the question, and learns nothing
    monitor : told of progress, and asked whether to go on

    Raises
    ------
    ProblemError
        For a history without variation (see `require_variation`), or a given graph that contradicts the
        question.
    UsageError
        For an option out of range.

    Examples
    --------
    >>> from optbudget.problems import CausalQuestion
    >>> draw = np.random.default_rng(0).normal(size=(500, 3))
    >>> draw[:, 2] += draw[:, 0] - draw[:, 1]
    >>> graph = learn_graph(History(CausalQuestion(("a",), ("b",), ("c",)), draw), bootstraps=20)
    >>> graph.edges, graph.frequency[0, 2].item()
    ((('a', 'c'), ('b', 'c')), 1.0)
    """
    _require(0 < alpha < 1, f"alpha is {alpha}; it must be in (0, 1)")
    _require(bootstraps >= 0, f"bootstraps is {bootstraps}; it must be >= 0")
    _require(deepest is None or deepest >= 0, f"deepest is {deepest}; it must be >= 0")
    _require(merge or given is not None, "merge=False takes a given graph; give one")
    background = Background.of(history.question, given)
    if not merge:
        return _as_given(background)
    require_variation(history)
    learner = _learner(method, history, background, alpha, colliders, deepest)
    return _resampled(history, learner, bootstraps, seed, monitor)


def _learner(
    method: Method,
    history: History,
    background: Background,
    alpha: float,
    colliders: Colliders,
    deepest: int | None,
) -> Learner:
    if method == "causal-learn":
        from optbudget.causal.causal_learn import causal_learn_graph

        return lambda counts: causal_learn_graph(history, background, alpha, counts, deepest)
    _require(method == "optbudget", f"method is {method!r}; it must be 'optbudget' or 'causal-learn'")
    sample = Sample.of(history)

    def learn(counts: np.ndarray[tuple[int], np.dtype[np.int64]] | None) -> tuple[Matrix, Matrix]:
        test = sample.test(counts)
        return orient(
            test, find_skeleton(test, background, alpha, deepest), background, alpha, colliders=colliders
        )

    return learn


def _resampled(
    history: History, learner: Learner, bootstraps: int, seed: int, monitor: Monitor | None
) -> CausalGraph:
    directed, undirected = learner(None)
    if bootstraps == 0:
        return CausalGraph.certain(history.columns, directed, undirected)
    random = np.random.default_rng(seed)
    rows = len(history)
    ahead, beside = np.zeros(directed.shape), np.zeros(directed.shape)
    for done in range(bootstraps):
        require_going_on(monitor, f"after {done} of {bootstraps} bootstraps")
        one, other = learner(np.bincount(random.integers(rows, size=rows), minlength=rows))
        ahead += one
        beside += one | one.T | other
        if monitor is not None:
            monitor.progress((done + 1) / bootstraps, "learning the graph from resamples")
    share = np.divide(ahead, beside, out=np.zeros_like(ahead), where=beside > 0)
    return CausalGraph(history.columns, directed, undirected, beside / bootstraps, share)


def _as_given(background: Background) -> CausalGraph:
    """The required edges; a joined pair is directed where only one direction may be."""
    one_way = background.joined & background.allowed & ~background.allowed.T
    directed = background.required | one_way
    return CausalGraph.certain(background.names, directed, background.joined & ~directed & ~directed.T)


def _require(fits: bool, message: str) -> None:
    if not fits:
        raise UsageError(message)
