"""The paper's advertiser models (section 5.3, figures 7 and 8 and its table) on learned models.

    python examples/large_models.py [EVENTS [ORDER [MIN_COUNT [FIGURE.png]]]]

A source whose next event depends on up to ten before it writes a log. Two models are learned from it, of up
to three events of history and of up to ORDER. 20 customers stand in each of the 50 states that gain most
from money. docs/large-models.md has the numbers of ten million events.
"""

import sys

import numpy as np

from optbudget import Population, allocate, solve
from optbudget import learn as ol
from optbudget.allocation import population_curve
from optbudget.learn.sources import draw_log, random_source
from optbudget.report import published, split_figure, write
from optbudget.simulate import simulate

COSTS = {"email": 0.1, "search": 1.0, "display": 0.5}
CONTACTS = ("email", "search", "display", "social", "banner", "push", "sms")  # An action replaces one.
BUDGETS = np.array([1, 25 / 15])  # The paper's larger budget over the smaller.
TRIALS = 50
PAPER = {"bmdp": published.LARGE_BMDP, "dbra": published.LARGE_DBRA, "sub": published.LARGE_SUB,
         "uba": published.LARGE_UBA}  # fmt: skip


def solved(counts, order, min_count):
    """Curves of the learned model, and 20 customers in each of the 50 states with the largest value span."""
    asked = {"actions": COSTS, "costs": COSTS, "in_place_of": CONTACTS, "min_count": min_count}
    curves = solve(ol.learn_model(counts, ol.ModelOptions(order=order, **asked)).problem, tolerance=1e-2)
    widest = np.argsort(-curves.curves.value_span, kind="stable")[:50]
    return curves, Population.at(curves.problem, {curves.problem.labels[i]: 20 for i in widest})


def half_bought(curves, people):
    """The budget that buys half of what money can buy these customers."""
    whole = population_curve(curves, people)
    print(f"{curves}: worth {whole.start_value:,.0f} without money, {whole.values[-1]:,.0f} with", end=" ")
    print(f"{whole.largest_useful_budget:,.0f}, the largest useful budget")
    return float(np.interp((whole.start_value + whole.values[-1]) / 2, whole.values, whole.budgets))


def table(curves, people, budget, k):
    """What the policies are worth at the k-th budget, and what the paper's are, by its BMDP."""
    found = simulate(curves, people, budget, policies=list(PAPER), trials=TRIALS)
    equal = allocate(curves, people, budget, method="uniform")
    exact = {"bmdp": found.allocation.value, "uba": equal.value}
    print(f"budget {budget:,.1f}: {TRIALS} trials; bound {found.bound:,.0f}")
    print("        exact      mean (error)  of BMDP    paper  over in  by up to  spend")
    for name, paper in PAPER.items():
        s = found.summary(name)
        known = f"{exact[name]:10,.0f}" if name in exact else " " * 10
        mean = f"{s.value_mean:,.0f} ({s.value_sd / TRIALS**0.5:,.0f})"
        ratios = exact.get(name, s.value_mean) / exact["bmdp"], paper[k] / PAPER["bmdp"][k]
        print(f"  {name:4}{known:>8}{mean:>17} {ratios[0]:8.1%} {ratios[1]:8.1%} {s.overspend_frequency:8.0%}"
              f" {s.overspend_max / budget:9.1%} {s.spend_mean:7,.1f}")  # fmt: skip


def main(events=10_000, order=4, min_count=10, figure=None):
    log = draw_log(random_source(), events=events, costs=tuple(COSTS.items()))
    counts = ol.count_histories([log.batch], order=order)
    models = [solved(counts, 3, max(min_count, events // 1600)), solved(counts, order, min_count)]
    budgets = [half_bought(*model) for model in models][-1] * BUDGETS
    for k, budget in enumerate(budgets.tolist()):
        table(*models[-1], budget, k)
    if figure:
        titles = [f"{len(curves):,} states" for curves, _ in models]
        write(split_figure(dict(zip(titles, models, strict=True)), marked=budgets), figure)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), *sys.argv[4:5])
