"""Columns and rows of a declared program by the model's own words, for people who read its file.

A program is stated over positions, as in ``x[0,3]``: stage 0, pair 3. Here that becomes
``x[0,interested,offer]``.
"""

from collections.abc import Callable
from dataclasses import replace

from optbudget.formulations.one_by_one import unit_groups
from optbudget.formulations.tree import tree
from optbudget.problems import ConstrainedMDP, Knapsack, LinearProgram

Words = Callable[..., tuple[object, ...]]
"""From the positions in a name to what stands in their place."""


def named(program: LinearProgram, problem: ConstrainedMDP | Knapsack) -> LinearProgram:
    """The same program, its columns and rows named by stage, state, action, resource, group and option.

    Not for reading answers back: `read_primal` and its like find their columns by position.

    Examples
    --------
    >>> from optbudget.formulations.statements import declared
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = ConstrainedMDP(two_action_example(horizon=1), 0.5)
    >>> program = named(declared("cmdp_primal", "pyomo", problem)[0], problem)
    >>> program.column_names, program.row_names
    (('x[0,s,a]', 'x[0,s,b]'), ('flow[0,s]', 'budget[money]'))
    """
    words = _words(program.name, problem)
    columns, rows = (
        tuple(_renamed(name, words) for name in names) for names in (program.column_names, program.row_names)
    )
    return replace(program, column_names=columns, row_names=rows)


def _renamed(name: str, words: dict[str, Words]) -> str:
    kind, _, place = name.rstrip("]").partition("[")
    if not place:
        return name
    return f"{kind}[{','.join(map(str, words[kind](*map(int, place.split(',')))))}]"


def _words(formulation: str, problem: ConstrainedMDP | Knapsack) -> dict[str, Words]:
    if isinstance(problem, Knapsack):
        return _of_units(problem) if formulation == "mckp_unit" else _of_groups(problem)
    resources = ("money", *problem.resources)
    limits: dict[str, Words] = {kind: lambda r: (resources[r],) for kind in ("budget", "price")}
    return limits | (_of_histories(problem) if formulation == "deterministic_budget" else _of_stages(problem))


def _of_stages(problem: ConstrainedMDP) -> dict[str, Words]:
    state = problem.problem.labels
    by_pair: dict[str, Words] = {
        kind: lambda k, a: (k, *problem.pair_name(a)) for kind in ("x", "z", "covers", "chosen")
    }
    return by_pair | {kind: lambda k, s: (k, state[s]) for kind in ("flow", "y", "one_action")}


def _of_histories(problem: ConstrainedMDP) -> dict[str, Words]:
    data = tree(problem)
    return {
        "z": lambda c: (c, *problem.pair_name(data.pair[c])),
        "one_action": lambda v: (v, problem.pair_name(data.pair[data.first[v]])[0]),
    }


def _of_groups(problem: Knapsack) -> dict[str, Words]:
    return {
        "n": lambda k: (problem.groups[problem.group_of[k]], problem.options[k]),
        "one_option": lambda g: (problem.groups[g],),
    }


def _of_units(problem: Knapsack) -> dict[str, Words]:
    group = unit_groups(problem)
    return {
        "x": lambda i, k: (i, problem.groups[group[i]], problem.options[k]),
        "one_option": lambda i: (i, problem.groups[group[i]]),
    }
