"""Adaptability: what a plan loses when the world changes, and how soon planning again makes up for it.

At weights ω and a price λ of money a plan is worth :math:`\\omega \\cdot x - \\lambda b`, whatever it
spends; one backward pass bounds what any plan is worth in a world. *Regret* is the difference: in the world
that the plan was made for, and in one that changed at once while the plan goes on. *Recovery* is the time
from the change to the alarm after which the plan is made again (`optbudget.pareto.adaptation`); a rule
without a watch never recovers.
"""

import numpy as np
from numpy.typing import ArrayLike

from optbudget.pareto.arguments import floats, number
from optbudget.pareto.metrics.metric import Metric
from optbudget.pareto.passes import Passes
from optbudget.problems import Departments

METRIC = Metric(
    "adaptability",
    "value, net of money at its price, that the plan loses against the best plan of a world in which it "
    "matters a quarter as much what is done, and that nobody was told of",
    "value",
    "framework, section 4, 4 (Simba); regret as in online learning (Cesa-Bianchi & Lugosi 2006)",
    more_is_better=False,
)


def regret(world: Departments, point: ArrayLike, spent: float, *, weights: ArrayLike, price: float) -> float:
    """What any plan can be worth in a world, net of money, less what one with these totals is.

    Parameters
    ----------
    world : a model, of finite horizon
    point : (K,) what the plan yields there, more being better
    spent : what it spends there
    weights : (K,) of the objectives, >= 0
    price : value of one more unit of money, >= 0

    Returns
    -------
    >= 0 if `point` and `spent` are exact: the bound is raised by its rounding

    Examples
    --------
    >>> from optbudget.pareto.evaluation import evaluate
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> idle = evaluate(two, np.tile(two.held.pair_ptr[:-1], (3, 1)))
    >>> round(regret(two, idle.point, idle.spent, weights=[1.0, 1.0], price=0.5), 3)
    5.114
    """
    passes = Passes(world)
    size = (len(world.objectives),)
    own, weight = floats("point", point, size), floats("weights", weights, size, "[0, inf)")
    spent, price = number("spent", spent, "[0, inf)"), number("price", price, "[0, inf)")
    found = passes.columns(weight[None], np.array([price]))
    assert found is not None
    return float(found.top[0] - (weight @ own - price * spent))
