"""`python -m tests.bench [row ...]`: the yardsticks, one after another, as they come in.

A row is a function row_<number> of one of the modules. It returns its numbers by name, "row", "work",
"seconds" and "target" among them; what is left are the row's own. Times are to be compared as ratios
within one run.
"""

import sys
from importlib import import_module

from rich.console import Console
from rich.table import Table

MODULES = (
    "finite", "infinite", "allocation", "simulation", "learning", "learned", "processes", "sharing", "fronts",
    "causal",
)  # fmt: skip


def rows() -> dict[int, object]:
    """All rows by number."""
    found: dict[int, object] = {}
    for name in MODULES:
        module = import_module(f"tests.bench.{name}")
        more = {int(key[4:]): measure for key, measure in vars(module).items() if key.startswith("row_")}
        assert not found.keys() & more.keys(), f"{name} numbers a row that another module has"
        found |= more
    return dict(sorted(found.items()))


def said(number: object) -> str:
    """A number as a person reads it."""
    if isinstance(number, float):
        return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
    return f"{number:,}" if isinstance(number, int) and not isinstance(number, bool) else str(number)


def main(wanted: list[int]) -> None:
    """Print the rows that are wanted, by default all."""
    console = Console(width=150)
    table = Table(
        "row", "work", "seconds", "target", "of target", "others / ours", "of ceiling", show_lines=True
    )
    for number, measure in rows().items():
        if wanted and number not in wanted:
            continue
        row = measure()  # type: ignore[operator]
        console.print(f"[bold]row {number}[/]: {row['work']}")
        for name, value in row.items():
            if name not in ("row", "work"):
                console.print(f"    {name:<40} {said(value)}", highlight=False)
        ceiling = [
            said(value) for name, value in row.items() if "ceiling" in name or name.endswith("fraction")
        ]
        share = row["seconds"] / row["target"] if isinstance(row["target"], float) else ""
        table.add_row(
            str(number), row["work"], said(row["seconds"]), said(row["target"]), said(share),
            said(row.get("ratio", "")), ", ".join(ceiling),
        )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]])
