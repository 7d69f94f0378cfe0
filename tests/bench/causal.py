"""Rows 16 and 17 of the yardsticks: a graph with its bootstraps, and all effects of a history beside DoWhy's.

`python -m tests.bench 16 17` prints them, on 1,000 quarters of the twenty departments: 50 columns, 20
decisions, 10 outcomes. DoWhy is asked as its own pages ask it, one `CausalModel` for each effect, and is told
what to adjust for; the numbers are the same.
"""

import logging
import time
import warnings

import numpy as np

from optbudget.causal.adjustment import tiers_set
from optbudget.causal.effects import estimate_effects
from optbudget.causal.structure import learn_graph
from optbudget.problems import Effects, History
from optbudget.simulate.departments_equations import departments_equations
from optbudget.simulate.structural import departments_question, draw_history
from tests.bench.finite import timed

ROWS, SEED, BOOTSTRAPS = 1_000, 42, 100


def departments_history() -> History:
    """1,000 quarters of the twenty departments."""
    return draw_history(departments_equations(SEED), departments_question(), rows=ROWS, seed=SEED)


def row_16() -> dict[str, object]:
    """PC on 50 columns with 100 refinements on resampled rows; causal-learn's once, for a ratio."""
    history = departments_history()
    once = timed(5, lambda: learn_graph(history, bootstraps=0))
    seconds = timed(3, lambda: learn_graph(history, bootstraps=BOOTSTRAPS))
    begin = time.perf_counter()
    learn_graph(history, bootstraps=0, method="causal-learn")
    other = time.perf_counter() - begin
    return {
        "row": 16,
        "work": f"PC on {history.values.shape[1]} columns, {ROWS:,} rows, {BOOTSTRAPS} bootstraps",
        "seconds": seconds,
        "target": 1.0,
        "once, without bootstraps": once,
        "once, by causal-learn": other,
        "ratio": other / once,
    }


def row_17() -> dict[str, object]:
    """All effects with intervals by both adjustments, against DoWhy once per effect by one of them."""
    history = departments_history()
    graph = learn_graph(history, bootstraps=0)
    seconds = timed(3, lambda: estimate_effects(history, graph, refutations=0))
    begin = time.perf_counter()
    theirs = by_dowhy(history)
    other = time.perf_counter() - begin
    ours = by_tiers(history, estimate_effects(history, graph, refutations=0))
    return {
        "row": 17,
        "work": f"{ours.shape[0]} x {ours.shape[1]} effects with intervals, both adjustments, {ROWS:,} rows",
        "seconds": seconds,
        "target": other / 10.0,
        "DoWhy, once per effect, one adjustment": other,
        "largest difference of effect or interval": float(np.abs(ours - theirs).max()),
        "ratio": other / seconds,
    }


def by_tiers(history: History, effects: Effects) -> np.ndarray:
    """Effect and both ends of its interval, adjusted for tiers, (D, Y, 3)."""
    question = history.question
    found = [[effects[d, y].tiers.known for y in question.outcomes] for d in question.decisions]
    return np.array([[(one.effect, one.lower, one.upper) for one in row] for row in found])


def by_dowhy(history: History) -> np.ndarray:
    """The same by a model of DoWhy for each effect."""
    import pandas as pd
    from dowhy import CausalModel

    question = history.question
    data = pd.DataFrame(history.values, columns=question.columns)
    logging.disable(logging.WARNING)
    found = np.empty((len(question.decisions), len(question.outcomes), 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, decision in enumerate(question.decisions):
            given = list(tiers_set(question, decision))
            for k, outcome in enumerate(question.outcomes):
                model = CausalModel(data, decision, outcome, common_causes=given)
                estimand = model.identify_effect(
                    method_name="maximal-adjustment", proceed_when_unidentifiable=True
                )
                # Without the empty list of modifiers an interval takes minutes.
                estimate = model.estimate_effect(
                    estimand, method_name="backdoor.linear_regression", confidence_intervals=True,
                    effect_modifiers=[],
                )  # fmt: skip
                found[i, k] = estimate.value, *np.ravel(estimate.get_confidence_intervals())
    logging.disable(logging.NOTSET)
    return found
