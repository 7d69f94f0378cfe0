"""Job training: what an experiment found, and what adjusting makes of people who were never in it.

The National Supported Work experiment (Dehejia & Wahba 1999) gave training by lot. Here its 185 trained men
are held against 15,992 others of a national survey, as they are and adjusted; see docs/job-training.md.
"""

import sys
from importlib.metadata import PackageNotFoundError, files

import numpy as np

from optbudget.causal import comparable, doubly_robust, estimate_effects
from optbudget.causal.overlap import propensities
from optbudget.causal.regression import Regressions
from optbudget.problems import CausalGraph, CausalQuestion, History

KNOWN = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")
QUESTION = CausalQuestion(KNOWN, ("treat",), ("re78",))


def histories():
    """The experiment, and its trained men beside the survey."""
    found = [file.locate() for file in installed() if file.name in ("cps_mixtape.dta", "nsw_mixtape.dta")]
    import pandas as pd

    survey, experiment = map(pd.read_stata, sorted(found))
    tables = experiment, pd.concat([experiment[experiment.treat == 1], survey])
    return [History(QUESTION, table[list(QUESTION.columns)].to_numpy(dtype=float)) for table in tables]


def installed():
    """The files of causaldata."""
    try:
        return files("causaldata") or ()
    except PackageNotFoundError:
        print("the data are in causaldata: pip install --no-deps causaldata==0.1.5", file=sys.stderr)
        sys.exit(9)


def linear(history, refutations=0):
    """The effect of training on earnings in 1978, adjusted for all context by a line."""
    columns = history.columns
    edges = [(a, b) for k, a in enumerate(columns[:-1]) for b in columns[max(k + 1, len(columns) - 2) :]]
    graph = CausalGraph.of(columns, edges)
    return estimate_effects(history, graph, robust=True, refutations=refutations)["treat", "re78"].tiers


def unadjusted(history):
    """The same history without its context."""
    return History(CausalQuestion((), ("treat",), ("re78",)), history.values[:, -2:])


def show(words, estimate):
    print(f"{words:48}{estimate.effect:8.0f}  ({estimate.lower:.0f} to {estimate.upper:.0f})")


def main():
    experiment, survey = histories()
    show("by lot", linear(unadjusted(experiment)).known)
    show("by lot, adjusted", linear(experiment).known)
    show("survey, as they are", linear(unadjusted(survey)).known)
    adjusted = linear(survey, refutations=5)
    show("survey, adjusted by a line", adjusted.known)
    for target in ("all", "treated"):
        found = doubly_robust(survey, "treat", "re78", KNOWN, target=target)
        show(f"survey, doubly robust, on {target}", found)
    alike = survey.rows(comparable(survey, "treat", KNOWN))
    show(f"the {len(alike)} alike, doubly robust, on treated", doubly_robust(alike, "treat", "re78", KNOWN))
    chance, trained = propensities(Regressions(survey), "treat", KNOWN), survey.column("treat") == 1
    for name, rows in (("others", ~trained), ("trained", trained)):
        quarters = np.quantile(chance[rows], (0.25, 0.5, 0.75))
        print(f"chance of training of the {name}, quartiles:", *(f"{q:.2g}" for q in quarters))
    print("refutations:", ", ".join(f"{name} {number:.3g}" for name, number in adjusted.refutations))


if __name__ == "__main__":
    main()
