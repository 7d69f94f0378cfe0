"""One verb for every answer: the figure that says most about it."""

from typing import TYPE_CHECKING

from optbudget.allocation import SweetSpot
from optbudget.errors import UsageError
from optbudget.problems import Allocation, CurveBand, CurveBracket, CurveSet, DepartmentFront, Rollouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure


Shown = CurveSet | Allocation | SweetSpot | Rollouts | CurveBand | CurveBracket | DepartmentFront


def plot(answer: Shown, *, states: "Sequence[str] | None" = None) -> "Figure":
    """Draw an answer: curves and prices, who gets how much, value over budgets, what is spent, a front.

    Parameters
    ----------
    answer : curves of every state, an allocation, a sweet spot, roll-outs of policies, a band or bracket
        of uncertain models, or a front of departments
    states : for curves, the labels of the states to draw; default: the initial states and those that
        gain most from money, six at most

    Returns
    -------
    matplotlib.figure.Figure
        Save it with `figure.savefig(path)`.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed; the message is the command that installs it.
    ProblemError
        If a state is not one of the problem's.
    UsageError
        If the answer is of a kind that has no figure.
    """
    from optbudget.report.figures import allocation_figure, curve_figure, sweet_spot_figure

    if isinstance(answer, CurveSet):
        return curve_figure(answer, states)
    if isinstance(answer, Allocation):
        return allocation_figure(answer)
    if isinstance(answer, SweetSpot):
        return sweet_spot_figure(answer)
    if isinstance(answer, Rollouts):
        from optbudget.report.rollout_figure import rollout_figure

        return rollout_figure(answer)
    if isinstance(answer, (CurveBand, CurveBracket)):
        from optbudget.report.band_figures import band_figure, bracket_figure

        return band_figure(answer) if isinstance(answer, CurveBand) else bracket_figure(answer, states)
    if isinstance(answer, DepartmentFront):
        from optbudget.report.front_figures import front_figure

        return front_figure(answer)
    raise UsageError(
        f"there is no figure for a {type(answer).__name__}; plot curves, an allocation, a sweet spot or "
        "roll-outs"
    )
