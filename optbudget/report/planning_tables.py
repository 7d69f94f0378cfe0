"""Tables of plans: money set aside for those to come, and what uncertain models leave open."""

from optbudget.problems import ArrivalAllocation
from optbudget.report.tables import NOTHING, Grid
from optbudget.report.words import budget_label, chance, number


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
