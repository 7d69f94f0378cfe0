"""The catalogue at the end of models/README.md: every model with its size, an answer and its source.

`python -m optbudget.files.catalogue models` writes it below the prose; a test keeps it true.
"""

import sys
from pathlib import Path

from optbudget.files.expectations import Expected, load_expected
from optbudget.files.models import load_model

HEADING = "## The catalogue\n"
HEAD = "\n| model | kind | size | answer | source |\n|---|---|---|---|---|\n"


def catalogue(models: Path) -> str:
    """The text of models/README.md: its prose as it stands, then a row for each model folder."""
    prose = (models / "README.md").read_text(encoding="utf-8").split(HEADING)[0]
    return prose + HEADING + HEAD + "".join(row(path.parent) for path in sorted(models.glob("*/model.toml")))


def row(folder: Path) -> str:
    """One line of the catalogue."""
    problem = load_model(folder)
    horizon = "infinite horizon" if problem.horizon is None else f"horizon {problem.horizon}"
    states = f"{problem.n_states} state" + ("" if problem.n_states == 1 else "s")
    cells = (
        f"[{folder.name}]({folder.name}/README.md)",
        "budgeted_mdp",
        f"{states}, {problem.cost.size} state-action pairs, {horizon}",
        "; ".join(sentence(expected) for expected in _shown(load_expected(folder))),
        problem.source,
    )
    return f"| {' | '.join(cells)} |\n"


def sentence(expected: Expected) -> str:
    """One recorded answer in words."""
    given, value = expected.arguments, expected.value
    if expected.quantity == "breakpoints":
        points = ", ".join(f"({budget:.6g}, {worth:.6g})" for budget, worth in value)
        return f"`{given['state']}`: {points}"
    if expected.quantity == "value":
        return f"V({given['state']}, {given['budget']:g}) = {value:.6g}"
    if expected.quantity == "allocation_value":
        units = " and ".join(f"{count} in `{state}`" for state, count in given["population"].items())
        return f"{units} with {given['budget']:g}: {value:.6g}"
    where = f" of `{given['state']}`" if "state" in given else ""
    return f"{expected.quantity.replace('_', ' ')}{where} {value:.6g}"


def _shown(recorded: tuple[Expected, ...]) -> tuple[Expected, ...]:
    """The first answer, and the first allocation."""
    split = [expected for expected in recorded if expected.quantity == "allocation_value"][:1]
    return (*recorded[:1], *split) if recorded[:1] != tuple(split) else recorded[:1]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "README.md").write_text(catalogue(place), encoding="utf-8", newline="\n")
