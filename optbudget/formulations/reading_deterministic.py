"""From a back end's choices to a deterministic policy that is followed and added up again.

Choices are numbers near 0 or 1; the largest of a state or node is the one that is taken. What it achieves
is then computed from the problem alone, so a back end's integrality tolerance cannot add value.
"""

from dataclasses import replace

import numpy as np

from optbudget.formulations.reading import shape_of
from optbudget.formulations.reading_split import Achieved
from optbudget.formulations.tree import tree
from optbudget.problems import ConstrainedMDP, LinearSolution
from optbudget.problems.occupancy import Occupancy
from optbudget.status import Outcome, Solution, Termination


def read_stage(problem: ConstrainedMDP, solution: LinearSolution) -> Occupancy:
    """The deterministic policy in a solution of `deterministic_stage`: the largest choice of every state.

    Raises
    ------
    NoAnswerError
        If the solution has no point.
    """
    _ = solution.value
    assert solution.x is not None
    unit, (stages, pairs) = problem.problem, shape_of(problem)
    choice = solution.x[stages * pairs : 2 * stages * pairs].reshape(stages, pairs)
    policy = np.zeros_like(choice)
    for s in np.flatnonzero(~unit.is_terminal):
        span = slice(int(unit.pair_ptr[s]), int(unit.pair_ptr[s + 1]))
        policy[np.arange(len(choice)), span.start + choice[:, span].argmax(axis=1)] = 1.0
    found = Occupancy(problem, policy)
    if not found.is_feasible:
        text = f"the chosen actions exceed a limit by {found.excess:.3g} of it"
        return replace(found, outcome=Outcome(Termination.NUMERICAL, Solution.NONE, text))
    return replace(found, outcome=Outcome(Termination.UNKNOWN, Solution.FEASIBLE))


def read_tree(problem: ConstrainedMDP, solution: LinearSolution) -> Achieved:
    """What the choices in a solution of `deterministic_budget` achieve, followed from the roots.

    Raises
    ------
    NoAnswerError
        If the solution has no point.
    """
    _ = solution.value
    assert solution.x is not None
    data = tree(problem)
    taken = np.zeros(solution.x.size, dtype=bool)
    for v, parent in enumerate(data.parent):
        if parent < 0 or taken[parent]:
            first, last = data.first[v], data.first[v + 1]
            taken[first + int(solution.x[first:last].argmax())] = True
    spend = data.cost[:, taken].sum(axis=1)
    if (spend > data.limit).any():
        return Achieved(np.nan, np.nan, "the chosen actions exceed a limit")
    return Achieved(float(data.reward[taken].sum() + data.constant), float(spend[0]))
