"""From what a back end says of a constrained problem's program to a policy, its value and a bound.

Nothing of the back end's numbers is stated: its frequencies are read as a policy and evaluated again, its
prices are handed to the checker, which proves a bound from them. A policy that exceeds a limit by the
back end's tolerance is mixed with the one that uses least until it does not.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optbudget.certify import price_bound
from optbudget.errors import ProblemError
from optbudget.formulations.flow import flow
from optbudget.problems import ConstrainedMDP, LinearSolution
from optbudget.problems.endings import ended_states
from optbudget.problems.occupancy import Occupancy, cheapest_policy
from optbudget.status import OPTIMAL_GAP, Outcome, Solution, Termination

Floats = NDArray[np.float64]

MIXED = 1e-3
"""Largest share of the cheapest policy that mends a policy; beyond it the answer is another one."""


def read_primal(problem: ConstrainedMDP, solution: LinearSolution) -> Occupancy:
    """The answer in a solution of `cmdp_primal`.

    Raises
    ------
    NoAnswerError
        If the solution has no point.
    ProblemError
        If it is not one of this problem's `cmdp_primal`.
    """
    _require_of(problem, solution, "cmdp_primal")
    _ = solution.value
    assert solution.x is not None
    frequency = _frequency(problem, solution.x)
    price, potential = None, None
    if solution.row_price is not None and not solution.program.is_integer:
        price, potential = _prices(problem, solution.program.row_names, solution.row_price)
    return certified(problem, Occupancy.read(problem, frequency), price, potential)


def read_dual(problem: ConstrainedMDP, solution: LinearSolution) -> Occupancy:
    """The answer in a solution of `cmdp_dual`: its multipliers are the frequencies.

    Raises
    ------
    NoAnswerError
        If the solution has no point.
    ProblemError
        If it is not one of this problem's `cmdp_dual`, or the back end gave no multipliers.
    """
    _require_of(problem, solution, "cmdp_dual")
    _ = solution.value
    assert solution.x is not None
    if solution.row_price is None:
        raise ProblemError(f"{solution.backend} gave no multipliers, so the dual program yields no policy")
    frequency = _frequency(problem, solution.row_price)
    price, potential = _prices(problem, solution.program.column_names, solution.x)
    return certified(problem, Occupancy.read(problem, frequency), price, potential)


def _require_of(problem: ConstrainedMDP, solution: LinearSolution, name: str) -> None:
    """Refuse the solution of another program: another statement, or of another problem's rewards."""
    program, data = solution.program, flow(problem)
    if program.name != name:
        raise ProblemError(f"the solution is one of {program.name}, not of {name}; each has its own reader")
    reward = data.reward[:, data.pairs].ravel()
    columns, numbers = reward.size, program.objective
    if name == "cmdp_dual":
        columns, numbers = data.stages * data.states.size + len(data.limited), program.row_lower
    if program.n_columns != columns or not np.array_equal(numbers, reward):
        raise ProblemError(
            f"the solution is of a {name} of {program.n_columns} columns that is not this problem's, of "
            f"{columns}; read it with the problem that was stated"
        )


def certified(
    problem: ConstrainedMDP, found: Occupancy, price: Floats | None, potential: Floats | None
) -> Occupancy:
    """A policy within the limits, with the bound that the prices prove and what the two allow to be said."""
    inside = within_limits(found)
    if inside is None:
        text = f"the policy exceeds a limit by {found.excess:.3g} of it, and no small mixture mends that"
        return replace(found, outcome=Outcome(Termination.NUMERICAL, Solution.NONE, text))
    if price is None:
        text = "no prices, so nothing proves a bound"
        return replace(inside, outcome=Outcome(Termination.UNKNOWN, Solution.FEASIBLE, text))
    bound = max(price_bound(problem, price, potential), inside.value)
    answer = replace(inside, price=price, bound=bound)
    if np.isnan(bound):
        return replace(
            answer, outcome=Outcome(Termination.UNKNOWN, Solution.FEASIBLE, "the prices prove no bound")
        )
    text = "" if answer.gap <= OPTIMAL_GAP else f"its policy and prices prove a gap of {answer.gap:.3g} only"
    return replace(answer, outcome=Outcome.certified(gap=answer.gap, message=text))


def within_limits(found: Occupancy) -> Occupancy | None:
    """The policy itself, or the least mixture with the cheapest one that keeps every limit, or None."""
    if found.is_feasible:
        return found
    problem = found.problem
    over = found.spend - problem.limit
    worst = int(np.nanargmax(over / (1.0 + problem.limit)))
    least = cheapest_policy(problem, np.eye(over.size)[worst])
    room = found.spend - least.spend
    with np.errstate(divide="ignore", invalid="ignore"):
        share = float(np.nanmax(np.where(over > 0, over / room, 0.0)))
    more = 2.0**-52  # Evaluation rounds, the more the longer the horizon: what is added doubles.
    while 0 <= share <= MIXED:
        mixed = found.mixed(least, share)
        if mixed.is_feasible:
            return mixed
        share, more = share + more, 2 * more
    return None


def shape_of(problem: ConstrainedMDP) -> tuple[int, int]:
    """Stages and pairs of its frequencies; a problem of terminal states alone has no pairs."""
    return problem.problem.horizon or 1, int(problem.problem.cost.size)


def _frequency(problem: ConstrainedMDP, numbers: Floats) -> Floats:
    """The frequencies (K, m), which come first; 0 for pairs of states at rest, which have none."""
    going = ~ended_states(problem)[problem.problem.pair_state]
    stages, pairs = shape_of(problem)
    found = np.zeros((stages, pairs))
    found[:, going] = numbers[: stages * int(going.sum())].reshape(stages, -1)
    return found


def _prices(problem: ConstrainedMDP, names: Sequence[str], number: Floats) -> tuple[Floats, Floats]:
    """Prices of the limits (1 + R,) and values of the states at stage 0 (n,), found by name."""
    price, potential = np.zeros(problem.limit.size), np.zeros(problem.problem.n_states)
    for name, x in zip(names, number.tolist(), strict=True):
        kind, _, place = name.rstrip("]").partition("[")
        if kind in ("budget", "price"):
            price[int(place)] = max(0.0, x)
        elif kind in ("flow", "y") and place.startswith("0,"):
            potential[int(place[2:])] = x
    return price, potential
