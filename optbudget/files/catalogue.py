"""models/README.md: what its prose leaves to the data is written by this module.

That is, below each program the files that state it and the models it applies to, and at the end the
catalogue: every model with its kind, its size, an answer and its source.
`python -m optbudget.files.catalogue models` writes them; a test keeps them true.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from optbudget.files.expectations import Expected, load_expected
from optbudget.files.models import Problem, load_problem
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Departments, Knapsack

HEADING = "## The catalogue\n"
HEAD = "\n| model | kind | size | answer | source |\n|---|---|---|---|---|\n"

STATED = re.compile(r"<!-- stated: ([\w, ]+) -->\n.*?<!-- end -->\n", flags=re.DOTALL)
"""Where the prose leaves a place for the files and models of some programs."""

TOOLS = {"Pyomo": "pyomo", "OR-Tools": "mathopt"}
FORMULATIONS = "../optbudget/formulations"

SHOWN = ("allocation_value", "deterministic_optimum")
"""Quantities of which the first is shown beside a model's first answer."""

MOST_STATES = 3
"""States of a population that an answer names one by one."""


def catalogue(models: Path) -> str:
    """The text of models/README.md: its prose as it stands, the rest from the folders."""
    prose = (models / "README.md").read_text(encoding="utf-8").split(HEADING)[0]
    folders = [path.parent for path in sorted(models.glob("*/model.toml"))]
    problems = {folder.name: load_problem(folder) for folder in folders}
    users = {name: _formulations(problem) for name, problem in problems.items()}
    prose = STATED.sub(lambda match: stated(match[1], users), prose)
    return prose + HEADING + HEAD + "".join(row(folder, problems[folder.name]) for folder in folders)


def stated(programs: str, users: Mapping[str, tuple[str, ...]]) -> str:
    """Where some programs are stated, and the models that list them."""
    lines = [f"<!-- stated: {programs} -->"]
    for program in programs.split(", "):
        files = " · ".join(f"[{tool}]({FORMULATIONS}/{program}_{short}.py)" for tool, short in TOOLS.items())
        folders = [f"[{name}]({name}/README.md)" for name, listed in users.items() if program in listed]
        lines.append(f"* `{program}`: {files} · {', '.join(folders) or 'no model here'}")
    return "\n".join([*lines, "<!-- end -->", ""])


def row(folder: Path, problem: Problem) -> str:
    """One line of the catalogue."""
    kind, size, source = _described(problem)
    cells = (
        f"[{folder.name}]({folder.name}/README.md)",
        kind,
        size,
        "; ".join(sentence(expected) for expected in _shown(load_expected(folder))),
        source,
    )
    return f"| {' | '.join(cells)} |\n"


def _described(problem: Problem) -> tuple[str, str, str]:
    """Kind, size and source of a problem."""
    if isinstance(problem, ConstrainedMDP):
        limits = f", {problem.limit.size} limits" if problem.resources else ", 1 limit"
        return "constrained_mdp", _size(problem.problem) + limits, problem.problem.source
    if isinstance(problem, Knapsack):
        size = f"{len(problem.groups)} groups, {len(problem.options)} options, {problem.size} copies"
        return "knapsack", size, problem.source
    if isinstance(problem, Departments):
        some = f"{len(problem.departments)} departments, {len(problem.regimes)} regimes, "
        return "departments", some + _size(problem.held), problem.held.source
    return "budgeted_mdp", _size(problem), problem.source


def _size(unit: BudgetedMDP) -> str:
    horizon = "infinite horizon" if unit.horizon is None else f"horizon {unit.horizon}"
    states = f"{unit.n_states} state" + ("" if unit.n_states == 1 else "s")
    return f"{states}, {unit.cost.size} state-action pairs, {horizon}"


def _formulations(problem: Problem) -> tuple[str, ...]:
    if isinstance(problem, Departments):
        return problem.held.formulations
    unit = problem.problem if isinstance(problem, ConstrainedMDP) else problem
    return unit.formulations


def sentence(expected: Expected) -> str:
    """One recorded answer in words."""
    given, value = expected.arguments, expected.value
    if expected.quantity == "breakpoints":
        points = ", ".join(f"({budget:.6g}, {worth:.6g})" for budget, worth in value)
        return f"`{given['state']}`: {points}"
    if expected.quantity == "value":
        return f"V({given['state']}, {given['budget']:g}) = {value:.6g}"
    if expected.quantity == "allocation_value":
        people = given["population"]
        units = " and ".join(f"{count} in `{state}`" for state, count in people.items())
        if len(people) > MOST_STATES:
            units = f"{sum(people.values()):,} units in {len(people)} states"
        return f"{units} with {given['budget']:g}: {value:.6g}"
    if expected.quantity == "weighted_value":
        weights = ", ".join(f"{name} {weight:g}" for name, weight in given["weights"].items())
        return f"all departments with {given['budget']:g}, weights {weights}: {value:.6g}"
    where = f" of `{given['state']}`" if "state" in given else ""
    money = f" with {given['budget']:g}:" if "budget" in given else ""
    return f"{expected.quantity.replace('_', ' ')}{where}{money} {value:.6g}"


def _shown(recorded: tuple[Expected, ...]) -> tuple[Expected, ...]:
    """The first answer, and the first of those that say something else."""
    other = [expected for expected in recorded if expected.quantity in SHOWN][:1]
    return (*recorded[:1], *other) if recorded[:1] != tuple(other) else recorded[:1]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "README.md").write_text(catalogue(place), encoding="utf-8", newline="\n")
