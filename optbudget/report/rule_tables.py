"""Tables of budgeting rules beside the computed plan."""

import numpy as np

from optbudget.pareto.metrics import (
    adaptability,
    budget_efficiency,
    interpretability,
    manageability,
    pareto_optimality,
    stability,
)
from optbudget.pareto.rule_comparison import RuleComparison
from optbudget.report.tables import Grid
from optbudget.report.words import number, plural

METRICS = tuple(
    module.METRIC
    for module in (
        budget_efficiency, pareto_optimality, stability, interpretability, manageability, adaptability,
    )
)  # fmt: skip

REACHED = {
    "value": ">value",
    "spent": ">spent",
    "wasted": ">wasted, %",
    "support": ">of the front, %",
    "volume": ">hypervolume, %",
}
CRITERIA = {
    "resampled": ">moved, resampled",
    "rewards": ">rewards",
    "budget": ">budget, %",
    "fidelity": ">rules say, %",
    "changed": ">decisions changed, %",
    "regret": ">regret",
    "regret_after": ">after a change",
    "seconds": ">seconds",
}


def reached_grid(comparison: RuleComparison) -> Grid:
    """One row per rule: what its plan is worth, what it wastes, what it reaches of the front."""
    note = (
        f"{_spread(comparison)} Wasted is what the certified least spend saves with no objective worse. A "
        "rule is one point of a front; the whole front has 100."
    )
    return _grid("What budgeting rules reach", comparison, REACHED, note)


def criteria_grid(comparison: RuleComparison) -> Grid:
    """One row per rule: stability, interpretability, manageability and adaptability."""
    note = (
        f"{_spread(comparison)} Moved is the share of the money that goes elsewhere; regret is value, net of "
        f"money at {number(comparison.price, 3)}, that the best plan has more: in the model, and in a world "
        "where it matters a quarter as much what is done, and nobody was told. Seconds are of this machine."
    )
    return _grid("Stability, interpretability, manageability, adaptability", comparison, CRITERIA, note)


def adaptation_grid(comparison: RuleComparison) -> Grid:
    """One row: what watching for a change saves, and how seldom it is misled."""
    found = comparison.adaptations
    columns = {
        "staying": ">lost without planning again",
        "adapting": ">lost with",
        "recovery": ">periods until then",
        "false_alarms": ">false alarms, %",
        "allowed": ">proved, at most, %",
        "idle": ">lost by false alarms",
    }
    numbers = [[getattr(one, name) * (100 if ">" in head and "%" in head else 1) for one in found]
               for name, head in columns.items()]  # fmt: skip
    cells = tuple(_cell(np.mean(some), np.std(some)) for some in numbers)
    note = f"{_spread(comparison)} Lost against a plan made again when the change comes, without an alarm."
    return Grid("The computed plan when the world changes", tuple(columns.values()), (cells,), note)


def metrics_grid() -> Grid:
    """One row per metric: what it is."""
    rows = tuple((m.name, m.definition, m.unit, m.source) for m in METRICS)
    return Grid("Metrics", ("metric", "definition", "unit", "source"), rows)


def _grid(title: str, comparison: RuleComparison, columns: dict[str, str], note: str) -> Grid:
    rows = []
    for rule in comparison.scores:
        mean, spread = comparison.mean(rule), comparison.spread(rule)
        rows.append((rule, *(_cell(getattr(mean, name), getattr(spread, name)) for name in columns)))
    return Grid(title, ("rule", *columns.values()), tuple(rows), note)


def _cell(mean: float, spread: float) -> str:
    """The mean, and the spread where there is any."""
    digits = 4 if abs(mean) >= 100 else 3
    shown = number(0.0 if abs(mean) < NOTHING else mean, digits)
    return f"{shown} ± {number(spread, 2)}" if spread > NOTHING else shown


NOTHING = 5e-4
"""Mean or spread that is shown as none."""


def _spread(comparison: RuleComparison) -> str:
    return f"Mean ± standard deviation over {plural(len(comparison.seeds), 'seed')}."
