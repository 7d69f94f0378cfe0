"""Which unintended consequences an answer is predicted to have, and how likely they are.

Said before it is adopted: for every side effect of an action that it takes, how often it takes
the action (`uses`), the harm that this does in expectation, its two ends, and the chance that it does any.
"""

from optbudget.errors import UsageError
from optbudget.planning.uses import expected_uses, problem_of
from optbudget.problems import Allocation, PolicyMixture, SideEffects
from optbudget.problems.unintended import Consequence, Unintended


def unintended(answer: Allocation | PolicyMixture, side_effects: SideEffects | None = None) -> Unintended:
    """The unintended consequences of an allocation or a mixture of policies, the largest harm first.

    Parameters
    ----------
    answer : an allocation whose curves were not pruned, or a mixture of policies
    side_effects : of its problem's actions; None takes those that are held against its reward

    Raises
    ------
    UsageError
        If none are given and none are held.
    ProblemError
        If they do not fit the problem, or one that it needs is not identified.
    NoAnswerError
        As `expected_uses`.

    Examples
    --------
    >>> from optbudget.allocation import allocate
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.problems import Population, SideEffect
    >>> curves = two_state_curves()
    >>> split = allocate(curves, Population.at(curves.problem, {"warm": 10, "cold": 5}), 11.0)
    >>> spam = SideEffect("email", None, "complaints", 0.2, 0.0, 0.5, probability=0.9, mean=0.2)
    >>> found = unintended(split, SideEffects(("email",), (spam,)))
    >>> [(one.effect.outcome, one.times) for one in found.consequences], round(found.harm, 9)
    ([('complaints', 10.5)], 2.1)
    """
    problem = problem_of(answer)
    held = problem.risk
    if side_effects is None:
        if held is None:
            raise UsageError(
                "no risk is held against the reward of this answer: name the side effects (--risk DIR)"
            )
        side_effects = held.side_effects
    uses = expected_uses(answer)
    found = [
        Consequence(row, float(uses.times[here].sum()), float(uses.discounted[here].sum()))
        for row, here in side_effects.places(problem)
    ]
    taken = [one for one in found if one.discounted > 0]
    order = sorted(taken, key=lambda one: (-one.harm, -one.upper))
    same = held is not None and held.side_effects is side_effects
    return Unintended(answer, tuple(order), held.weight if held is not None and same else 0.0)
