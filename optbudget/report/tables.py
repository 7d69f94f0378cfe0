"""Tables as data, so that terminal and page show the same cells; and their form for the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbudget.problems import Allocation, CurveSet, Verification
from optbudget.report.selection import beside_today, units_by_state
from optbudget.report.words import budget_label, chance, number, plural

if TYPE_CHECKING:
    from rich.table import Table

    from optbudget.allocation import BaselineComparison


NOTHING = 1e-12
"""Share of the budget below which money left over is shown as none."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of finished texts.

    Attributes
    ----------
    title : what the table says
    columns : headings; a heading that begins with ">" is a column of numbers, set to the right
    rows : cells, as many in each row as there are columns
    note : a sentence below the table, or ""
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    @property
    def headings(self) -> tuple[str, ...]:
        return tuple(column.removeprefix(">") for column in self.columns)

    @property
    def is_number(self) -> tuple[bool, ...]:
        return tuple(column.startswith(">") for column in self.columns)

    def to_rich(self) -> "Table":
        """The same table for the terminal; names are shown as they are, never read as markup."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=Text(self.title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
            show_header=any(self.headings),
            caption=Text(self.note) if self.note else None, caption_justify="left",
        )  # fmt: skip
        # A narrow terminal breaks headings and long texts, never a number, and cuts no name off: two names
        # may begin alike.
        for k, (heading, numeric) in enumerate(zip(self.headings, self.is_number, strict=True)):
            widest = max((len(row[k]) for row in self.rows), default=0)
            table.add_column(
                Text(heading), justify="right" if numeric else "left", overflow="fold",
                min_width=widest if numeric else None,
            )  # fmt: skip
        for row in self.rows:
            table.add_row(*(Text(cell) for cell in row))
        return table


def curve_grid(answer: CurveSet, *, limit: int = 30) -> Grid:
    """One row per state: where its curve begins and ends, and what the first money is worth."""
    problem = answer.problem
    shown = list(zip(problem.labels, answer.curves, strict=True))[:limit]
    rows = tuple(
        (
            label,
            f"{len(curve):,}",
            number(curve.start_budget),
            number(curve.start_value),
            number(curve.largest_useful_budget),
            number(float(curve.values[-1])),
            number(float(curve.prices[0]), 4) if len(curve) else "0",
        )
        for label, curve in shown
    )
    note = f"and {len(answer) - limit:,} more states" if len(answer) > limit else ""
    columns = (
        "state", ">segments", ">least budget", ">worth there", ">largest useful budget", ">worth there",
        ">value of the first unit of money",
    )  # fmt: skip
    return Grid(f"Value by {budget_label(problem.money_unit)}, for each state", columns, rows, note)


def allocation_grid(answer: Allocation, *, limit: int = 30) -> Grid:
    """One row per group of units that is treated alike: how many, what each gets, what to do now."""
    problem = answer.curves.problem
    shares = units_by_state(answer)
    rows = tuple(
        (
            share.label,
            f"{units:,}",
            number(budget),
            "" if probability == 1.0 else chance(probability),
            action or "nothing to do",
            number(value),
        )
        for share in shares[:limit]
        for units, probability, budget, value, action in share.rows
    )
    notes = []
    if any(probability < 1.0 for share in shares[:limit] for _, probability, *_ in share.rows):
        notes.append(
            "The two rows with a probability are one unit, whose budget is drawn once, now."
            if answer.limits is None
            else "Of two rows with a probability every unit draws one, once, now."
        )
    if len(shares) > limit:
        notes.append(f"{len(shares) - limit:,} more states are not shown.")
    each = f">{budget_label(problem.money_unit)} of each"
    columns = ("state", ">units", each, ">with probability", "do now", ">worth each")
    return Grid("Who gets how much", columns, rows, " ".join(notes))


def limits_grid(answer: Allocation, *, limit: int = 30) -> Grid:
    """One row per limit: what it allows, what there is, and what one more unit of money there is worth."""
    from optbudget.allocation import limit_worths

    found = sorted(limit_worths(answer), key=lambda one: -one.worth)
    binding = [one for one in found if one.worth > 0]
    rows = tuple(
        (one.name, one.side, number(one.limit), number(one.assigned),
         ("" if one.exact else "at most ") + number(one.worth), one.sentence)
        for one in binding[:limit]
    )  # fmt: skip
    slack = len(found) - len(binding)
    note = (
        f"{plural(slack, 'limit')} more {'is kept and costs' if slack == 1 else 'are kept and cost'} nothing."
        if slack
        else ""
    )
    if len(binding) > limit:
        note = f"{len(binding) - limit:,} more that bind are not shown. " + note
    columns = ("limit", "", ">of", ">assigned", ">worth of one", "in words")
    return Grid("Limits that bind", columns, rows, note)


def summary_grid(answer: Allocation) -> Grid:
    """The numbers of an allocation, named as `allocate --json` names them."""
    lines = {
        "budget": number(answer.budget, 10),
        "value": number(answer.value, 10),
        "bound": number(answer.bound, 10),
        "gap (relative)": f"{answer.gap:.2g}",
        "price": number(answer.price),
        "spent": number(answer.spent, 10),
        "unspent": number(answer.unspent if answer.unspent > NOTHING * answer.budget else 0.0),
    }
    return Grid("The split", ("", ">"), tuple(lines.items()), answer.why_unspent or "")


def baseline_grid(today: "BaselineComparison", *, limit: int = 30) -> Grid:
    """What is done today beside the split: money and value of all units of each state, and of all."""
    states = beside_today(today)
    rows = [
        (
            row.label,
            f"{row.units:,}",
            number(row.spend_today),
            number(row.spend),
            number(row.value_today),
            number(row.value),
            number(row.value - row.value_today),
        )
        for row in states[:limit]
    ]
    answer = today.allocation
    rows.append(
        (
            "all", f"{answer.population.size:,}", number(today.total_budget), number(answer.spent),
            number(today.total_value), number(answer.value), number(today.change),
        )
    )  # fmt: skip
    note = (
        "Today's money is valued as if every unit used its own as well as possible, so the change comes from "
        "the split alone."
    )
    if len(states) > limit:
        note += f" {len(states) - limit:,} more states are not shown, but counted in the last row."
    spend = f"{budget_label(answer.curves.problem.money_unit)} of all units"
    columns = (
        "state", ">units", f">{spend}, today", ">this split", ">worth, today", ">this split", ">change",
    )  # fmt: skip
    return Grid("Beside what is done today", columns, tuple(rows), note)


def verification_grid(verification: Verification) -> Grid:
    """One row per statement that was checked."""
    said = {True: "proved", False: "FAILED"}
    rows = tuple((check.name, said[check.ok], check.detail) for check in verification.checks)
    return Grid("What the check found", ("statement", "result", "detail"), rows)


def print_grids(grids: Sequence[Grid]) -> None:
    """Print tables to the terminal, one after another."""
    from rich.console import Console

    console = Console()
    for grid in grids:
        console.print(grid.to_rich())
