"""The table of declared programs, and their arrays.

Every program is stated twice, in Pyomo and in OR-Tools MathOpt, in files called ``<name>_<tool>.py``; both
must yield the same program. `declared` builds one of them and hands its arrays on.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps
from importlib import import_module
from typing import Literal

from optbudget.errors import UsageError
from optbudget.formulations.arguments import checked
from optbudget.problems import ConstrainedMDP, Knapsack, LinearProgram, Totals

Tool = Literal["pyomo", "mathopt"]

TOOLS: tuple[Tool, ...] = ("mathopt", "pyomo")


@dataclass(frozen=True, slots=True)
class Statement:
    """One declared program.

    Attributes
    ----------
    name : of its function and files
    title : what it states, in a few words
    of : the problem it is made for
    question : programs of one question have one optimum: "randomised" policies in expectation, policies
        "deterministic-stage" (one action per state and stage) or "deterministic-budget" (and assigned
        budget), "relaxation" and "whole" units of a split
    integer : whether it needs a back end for integer programs
    finite : whether it needs a finite horizon
    """

    name: str
    title: str
    of: type
    question: str
    integer: bool = False
    finite: bool = False


STATEMENTS: tuple[Statement, ...] = (
    Statement("cmdp_primal", "CMDP linear program in frequencies", ConstrainedMDP, "randomised"),
    Statement("cmdp_dual", "CMDP linear program in values and prices", ConstrainedMDP, "randomised"),
    Statement("deterministic_stage", "CMDP, one action per state and stage", ConstrainedMDP,
              "deterministic-stage", integer=True),
    Statement("deterministic_budget", "CMDP, one action per state, stage and assigned budget", ConstrainedMDP,
              "deterministic-budget", integer=True, finite=True),
    Statement("mckp_ip", "MCKP integer program in counts", Knapsack, "whole", integer=True),
    Statement("mckp_unit", "MCKP integer program, unit by unit", Knapsack, "whole", integer=True),
    Statement("mckp_lp", "MCKP linear relaxation", Knapsack, "relaxation"),
)  # fmt: skip


WITH_TOTALS = ("mckp_ip", "mckp_lp")
"""Programs that also state limits on what some groups cost together."""


def statement(name: str) -> Statement:
    """The row of a name.

    Raises
    ------
    UsageError
        For a name that there is not, with the nearest and all that there are.

    Examples
    --------
    >>> statement("mckp_lp").question
    'relaxation'
    """
    for row in STATEMENTS:
        if row.name == name:
            return row
    raise UsageError(_unknown("formulation", name, [row.name for row in STATEMENTS]))


def builder(name: str, tool: Tool) -> Callable[..., object]:
    """The function that states a program in a tool's own model: of a problem, and for a knapsack its budget.

    Take it to change the model before it is solved, or to solve it by the tool's own means; then nothing
    certifies the answer. The function refuses what it cannot state, as `declared` does.

    Raises
    ------
    UsageError
        For a formulation or tool that there is not, with all that there are.

    Examples
    --------
    >>> state = builder("mckp_lp", "pyomo")
    >>> state.__module__
    'optbudget.formulations.mckp_lp_pyomo'
    >>> model = state(Knapsack.from_arrays([0, 2], cost=[0, 4], value=[0, 8]), 2.0)
    >>> print(model.budget.expr)
    4.0*n[1]  <=  2.0
    """
    row = statement(name)
    if tool not in TOOLS:
        raise UsageError(_unknown("modelling tool", tool, TOOLS))
    state = getattr(import_module(f"optbudget.formulations.{row.name}_{tool}"), row.name)

    @wraps(state)
    def stated(
        problem: ConstrainedMDP | Knapsack, budget: float | None = None, totals: Totals | None = None
    ) -> object:
        arguments = checked(row.name, row.of, row.integer, problem, budget)
        if totals is None:
            return state(*arguments)
        if row.name not in WITH_TOTALS:
            raise UsageError(f"{row.name} states no limits on groups; {' and '.join(WITH_TOTALS)} do")
        return state(*arguments, totals)

    return stated


def declared(
    name: str,
    tool: Tool,
    problem: ConstrainedMDP | Knapsack,
    budget: float | None = None,
    totals: Totals | None = None,
) -> tuple[LinearProgram, float]:
    """The arrays of a declared program, and the seconds that stating it took.

    A constrained problem carries its budget; a knapsack's is given, inf for no limit. The tool is loaded in
    this process; in one that has loaded highspy, OR-Tools cannot be (`optbudget.study` uses processes of
    their own).

    Raises
    ------
    UsageError
        For a formulation or tool that there is not, a problem of another kind, a budget that is missing,
        not wanted or no number >= 0, or a problem that the program cannot state (its own docstring).
    LimitError
        If the program would be too large.
    MissingExtraError
        If the tool is not installed or cannot be loaded here.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = ConstrainedMDP(two_action_example(horizon=2), 1.9)
    >>> declared("cmdp_primal", "pyomo", problem)[0]
    LinearProgram(max, 4 columns, 3 rows, 8 entries)
    """
    from optbudget.solvers import from_mathopt, from_pyomo

    state = builder(name, tool)
    begin = time.perf_counter()
    model = state(problem, budget, totals) if totals is not None else state(problem, budget)
    program = from_pyomo(model) if tool == "pyomo" else from_mathopt(model)
    return program, time.perf_counter() - begin


def _unknown(what: str, name: object, known: Sequence[str]) -> str:
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.8) if isinstance(name, str) else []
    hint = f"did you mean {near[0]!r}? There are" if near else "there are"
    return f"no {what} is called {name!r}; {hint} {', '.join(known)}"
