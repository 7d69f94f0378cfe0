"""Tables of plans: money set aside for those to come, and what uncertain models leave open."""

import math
from collections.abc import Sequence
from typing import Any

from optbudget.problems import ArrivalAllocation, CurveBand, CurveBracket
from optbudget.report.tables import NOTHING, Grid
from optbudget.report.words import budget_label, chance, number, plural


def arrivals_summary_grid(answer: ArrivalAllocation) -> Grid:
    """The numbers of an allocation with arrivals, named as `allocate --json` names them."""
    unspent = answer.unspent if answer.unspent > NOTHING * answer.budget else 0.0
    lines = {
        "budget": number(answer.budget, 10),
        "given to those here": number(answer.here.spent, 10),
        "set aside": number(answer.set_aside, 10),
        "value": number(answer.value, 10),
        "bound": number(answer.bound, 10),
        "gap (relative)": f"{answer.gap:.2g}",
        "price": number(answer.price),
        "unspent": number(unspent),
    }
    return Grid("The plan", ("", ">"), tuple(lines.items()), answer.why_unspent or "")


def arrivals_grid(answer: ArrivalAllocation, *, limit: int = 30) -> Grid:
    """One row per stage and state of arrival: how many are expected, what each gets when it comes."""
    problem = answer.curves.problem
    table = answer.to_arrow().slice(0, limit).to_pylist()
    rows = tuple(
        (
            str(row["stage"]),
            problem.labels[s],
            number(row["expected"]),
            number(row["budget"]),
            "" if row["probability"] == 1.0 else chance(row["probability"]),
            row["action"] or "nothing to do",
            number(row["money"]),
        )
        for s, row in zip(answer.state.tolist(), table, strict=False)
    )
    notes = []
    if any(row["probability"] < 1.0 for row in table):
        notes.append("Where there is a probability, each unit that comes draws its budget.")
    if answer.stage.size > limit:
        notes.append(f"{answer.stage.size - limit:,} more rows are not shown.")
    each = f">{budget_label(problem.money_unit)} of each, when it comes"
    columns = (
        ">stage", "state", ">expected", each, ">with probability", "do first", ">money of now, in all",
    )  # fmt: skip
    return Grid("Set aside for those who have not come", columns, rows, " ".join(notes))


def band_grid(band: CurveBand, level: float = 0.9) -> Grid:
    """One row per budget: the policy over the draws, its worst draw, and what knowing the model adds."""

    def between(row: dict[str, Any], name: str) -> str:
        return f"{number(row[f'{name}_low'], 5)} to {number(row[f'{name}_high'], 5)}"

    rows = tuple(
        (
            number(row["budget"]),
            number(row["planned_value"]),
            number(row["value_mean"]),
            between(row, "value"),
            between(row, "spend"),
            f"{row['overspend_frequency']:.0%}",
            number(row["worst"]["value"]),
            number(row["worst"]["bound"]),
            number(row["wait_and_see"]),
        )
        for row in band.summary(level)
    )
    note = (
        f"The policy is chosen once, for the mean of the posterior, and meets {plural(band.draws, 'draw')} "
        f"(seed {band.seed}); intervals hold {level:.0%} of the draws. No policy that keeps the "
        "budget under every draw guarantees more than the bound, or is worth more in the mean than waiting "
        "to see the model."
    )
    columns = (
        ">budget", ">value, mean model", ">mean of draws", f">{level:.0%} of draws", ">its spend",
        ">over budget", ">worst draw", ">bound of the worst", ">wait and see",
    )  # fmt: skip
    return Grid("One policy under many models", columns, rows, note)


def bracket_grid(bracket: CurveBracket, budgets: Sequence[float], *, limit: int = 30) -> Grid:
    """One row per state and budget: what is guaranteed, and what cannot be exceeded, in every model."""
    labels = bracket.intervals.problem.labels
    rows = tuple(
        (label, number(b), number(low) if low > -math.inf else "nothing", number(high))
        for label in labels[:limit]
        for b in budgets
        for low, high in [bracket.value(label, b)]
    )
    note = f"{len(labels) - limit:,} more states are not shown." if len(labels) > limit else ""
    columns = ("state", ">budget", ">guaranteed", ">at most")
    return Grid("In every model within the intervals", columns, rows, note)
