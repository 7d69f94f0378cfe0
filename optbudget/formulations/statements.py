"""The table of declared programs, and their arrays.

Every program is stated twice, in Pyomo and in OR-Tools MathOpt, in files called ``<name>_<tool>.py``; both
must yield the same program. `declared` builds one of them and hands its arrays on.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Literal

from optbudget.errors import UsageError
from optbudget.problems import ConstrainedMDP, Knapsack, LinearProgram

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


def statement(name: str) -> Statement:
    """The row of a name.

    Raises
    ------
    UsageError
        For a name that there is not, with the nearest.

    Examples
    --------
    >>> statement("mckp_lp").question
    'relaxation'
    """
    for row in STATEMENTS:
        if row.name == name:
            return row
    known = [row.name for row in STATEMENTS]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    raise UsageError(f"no formulation is called {name!r}; {hint}")


def builder(name: str, tool: Tool) -> Callable[..., object]:
    """The function that states a program in a tool's own model.

    Examples
    --------
    >>> builder("cmdp_primal", "pyomo").__module__
    'optbudget.formulations.cmdp_primal_pyomo'
    """
    found: Callable[..., object] = getattr(
        import_module(f"optbudget.formulations.{statement(name).name}_{tool}"), name
    )
    return found


def declared(
    name: str, tool: Tool, problem: ConstrainedMDP | Knapsack, budget: float | None = None
) -> tuple[LinearProgram, float]:
    """The arrays of a declared program, and the seconds that stating it took.

    A constrained problem carries its budget; a knapsack's is given. The tool is loaded in this process; in
    one that has loaded highspy, OR-Tools cannot be (`optbudget.study` uses processes of their own).

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = ConstrainedMDP(two_action_example(horizon=2), 1.9)
    >>> declared("cmdp_primal", "pyomo", problem)[0]
    LinearProgram(max, 4 columns, 3 rows, 8 entries)
    """
    state = builder(name, tool)
    arguments = (problem,) if budget is None else (problem, budget)
    begin = time.perf_counter()
    model = state(*arguments)
    if tool == "pyomo":
        from optbudget.solvers import from_pyomo

        program = from_pyomo(model)
    else:
        from optbudget.solvers import from_mathopt

        program = from_mathopt(model)
    return program, time.perf_counter() - begin
