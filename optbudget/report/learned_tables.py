"""Tables of learned models: what was counted, and how well every order predicts units held out."""

from collections.abc import Mapping, Sequence
from typing import Any

from optbudget.report.tables import Grid
from optbudget.report.words import number

WORDS = {
    "events": "events",
    "kinds": "kinds of events",
    "units": "units",
    "histories": "histories",
    "order": "longest history told apart",
    "min_count": "seen at least so often",
    "states": "states",
    "rows": "transition rows",
    "duplicates_dropped": "duplicates dropped",
    "histories_after_a_pause": "histories begun after a pause",
    "histories_after_a_terminal_event": "histories begun after a terminal event",
}
ALWAYS = 8
"""Lines that are shown even where the number is 0."""


def learned_grid(numbers: Mapping[str, Any]) -> Grid:
    """The numbers of a model, named as `learn --json` names them."""
    lines = [
        (word, f"{numbers[name]:,}")
        for k, (name, word) in enumerate(WORDS.items())
        if k < ALWAYS or numbers[name]
    ]
    return Grid(f"Learned: {numbers['model']}", ("", ">"), tuple(lines))


def score_grid(orders: Sequence[Mapping[str, Any]], best: int, miscalibration: float) -> Grid:
    """One row per order: contexts, log-likelihood per held-out event, events of probability 0."""
    rows = tuple(
        (
            str(row["order"]),
            f"{row['contexts']:,}",
            f"{row['log_likelihood']:.5f}",
            f"{row['zero_probability']:,}",
            "best" if row["order"] == best else "",
        )
        for row in orders
    )
    note = (
        f"The model has order {best}. Probabilities of the longest order are off by "
        f"{number(100 * miscalibration, 3)} percentage points on average (calibration). Events of "
        "probability 0 are scored as if each context had seen one more event of its shorter one's kind."
    )
    columns = (">order", ">contexts", ">log-likelihood per event", ">events of probability 0", "")
    return Grid("On the units held out", columns, rows, note)


def mixture_grid(mixture: Mapping[str, Any]) -> Grid:
    """The types of a mixture, or how well each number of them predicts."""
    scored = mixture["held_out"]
    types = tuple((name, f"{100 * share:.1f} %") for name, share in mixture.get("weights", {}).items())
    if not scored:
        note = f"Units are of their likeliest type with probability {mixture['certainty']:.3f} on average."
        return Grid("Unit types", ("", ">share of units"), types, note)
    rows = tuple(
        (
            str(score["components"]),
            f"{score['contexts']:,}",
            f"{score['log_likelihood']:.5f}",
            "best" if score["components"] == mixture["components"] else "",
        )
        for score in scored
    )
    shares = ", ".join(f"{name} {share}" for name, share in types)
    note = f"Shares of the units: {shares}." if shares else "The model has one type."
    columns = (">components", ">contexts", ">log-likelihood per event", "")
    return Grid("On the units held out", columns, rows, note)
