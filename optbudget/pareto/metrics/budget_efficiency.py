"""Budget efficiency: how much less money reaches what a plan reaches, in every objective.

Of all lotteries over plans, the least spend that yields at least the vector :math:`\\hat x` is a linear
program. For any weights :math:`\\mu \\ge 0`, value per unit of each objective in money, duality bounds it
from below,

.. math:: \\min_\\pi \\{ b(\\pi) : x(\\pi) \\ge \\hat x \\} \\;\\ge\\;
          \\mu \\cdot \\hat x - \\sum_d \\max_\\pi \\big( \\mu \\cdot x_d(\\pi) - b_d(\\pi) \\big),

and the maxima are one backward pass at price 1, whose policy is a new plan for the lottery. The best lottery
of known plans gives the next μ (Dantzig & Wolfe 1960), until spend and bound are close. The plan that is
judged is itself among the known ones, so the saving is never negative, and the rest of the statement, "no
worse in any objective", holds exactly by construction.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import MissingExtraError, ProblemError
from optbudget.pareto.arguments import floats, number, of_kind
from optbudget.pareto.front import ExactFront
from optbudget.pareto.metrics.metric import Metric
from optbudget.pareto.passes import LANES, Columns, Passes

Floats = NDArray[np.float64]

METRIC = Metric(
    "budget efficiency",
    "money that the certified least spend saves against the plan, with no objective worse; 0 is efficient",
    "% of the plan's spend",
    "framework, section 4, 1: reduction of costs with outcomes maintained or improved",
    more_is_better=False,
)
ROUNDS = 200
TINY = 1e-300


@dataclass(frozen=True, eq=False)
class LeastSpend:
    """The least money that yields a vector, from both sides.

    Attributes
    ----------
    spent : by the plan that is judged, money
    least : spend of a lottery that yields as much in every objective
    bound : no plan that does spends less
    point : (K,) what the lottery yields

    Raises
    ------
    ProblemError
        If the bound is above the spend that is achieved.
    """

    spent: float
    least: float
    bound: float
    point: Floats

    def __post_init__(self) -> None:
        if self.bound > self.least + 1e-9 * (1.0 + abs(self.least)):
            raise ProblemError(f"a plan spends {self.least}, and {self.bound} is said to be the least")

    @property
    def saving(self) -> float:
        """What the lottery saves, in % of what the plan spends."""
        return 100.0 * (1.0 - self.least / self.spent) if self.spent > 0 else 0.0

    @property
    def most(self) -> float:
        """No plan saves more than this, in % of what the plan spends."""
        return 100.0 * (1.0 - self.bound / self.spent) if self.spent > 0 else 0.0


def least_spend(
    front: ExactFront,
    point: ArrayLike,
    spent: float,
    *,
    goals: ArrayLike | None = None,
    tolerance: float = 1e-3,
) -> LeastSpend:
    """The least spend that yields as much as a plan in every objective.

    Parameters
    ----------
    front : exact; its policies are where the search begins
    point : (K,) what the plan yields, more being better
    spent : what it spends, money
    goals : (J, K) >= 0, what must not become less, as weights of the objectives; each objective by itself if
        not given
    tolerance : distance of the two sides that is good enough, as a share of `spent`

    Raises
    ------
    ProblemError
        If no plan yields that for so much money, by more than the tolerance.
    MissingExtraError
        Without the extra [pareto].

    Examples
    --------
    Roads and parks that always improve spend a third more than their service takes:

    >>> from optbudget.pareto.evaluation import evaluate
    >>> from optbudget.pareto.front import exact_front
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> plan = evaluate(two, np.tile(two.held.pair_ptr[1:] - 1, (3, 1)))
    >>> found = least_spend(exact_front(two, weights=9), plan.point, plan.spent)
    >>> round(found.saving, 1), round(found.most, 1)
    (33.3, 33.3)
    """
    passes = Passes(of_kind("front", front, ExactFront).departments)
    own = floats("point", point, (len(front.departments.objectives),))
    aims = np.eye(own.size) if goals is None else floats("goals", goals, ("J", own.size), "[0, inf)")
    spent, tolerance = number("spent", spent, "[0, inf)"), number("tolerance", tolerance, "[0, inf)")
    _require_possible(front.columns, own, spent, tolerance)
    columns, bound, centre = front.columns, -np.inf, np.zeros(len(aims))
    for _ in range(ROUNDS):
        least, share, weights = _best_lottery((columns.point - own) @ aims.T, columns.spent, spent)
        if least - bound <= tolerance * max(spent, 1.0):
            break
        # Between the weights of the best bound and those of the lottery, so that bounds keep rising.
        steps = np.arange(1, LANES + 1)[:, None] / LANES
        tried = centre + steps * (weights - centre)
        found = passes.columns(tried @ aims, np.ones(LANES))
        assert found is not None
        proved = found.weight @ own - found.top
        if proved.max() > bound:
            bound, centre = float(proved.max()), tried[proved.argmax()]
        columns = columns.joined(found)
    reached = share[:-1] @ columns.point + share[-1] * own
    return LeastSpend(spent, least, min(bound, least), reached)


def _require_possible(columns: Columns, own: Floats, spent: float, tolerance: float) -> None:
    """Refuse what no plan yields for the money, by the bound that each known policy's price proves."""
    beyond = columns.weight @ own - columns.price * spent - columns.top
    if (beyond > tolerance * (1.0 + np.abs(columns.top))).any():
        raise ProblemError(f"no plan that spends {spent:.10g} yields {own.tolist()}: it is beyond the front")


def _best_lottery(excess: Floats, spends: Floats, spent: float) -> tuple[float, Floats, Floats]:
    """Least spend of lotteries over plans and the judged plan, the shares, and what goals cost.

    `excess` (N, J) is what each plan has of the goals beyond the judged plan, whose own share is the last.
    """
    try:
        from scipy.optimize import linprog
    except ImportError as missing:
        raise MissingExtraError("efficiency needs scipy: pip install 'optbudget[pareto]'") from missing
    rows = np.vstack([excess, np.zeros(excess.shape[1])])
    size, money = np.maximum(np.abs(rows).max(axis=0), TINY), np.append(spends, spent)
    unit = max(float(money.max()), TINY)
    found = linprog(
        money / unit, A_ub=-(rows / size).T, b_ub=np.zeros(size.size), A_eq=np.ones((1, money.size)),
        b_eq=[1.0], method="highs",
    )  # fmt: skip
    share = np.maximum(found.x, 0.0) / np.maximum(found.x, 0.0).sum()
    weights = np.maximum(-found.ineqlin.marginals, 0.0) * unit / size
    return float(share @ money), share, weights
