"""Twenty departments as structural equations: who causes what, and the rule by which harm is planted.

Fifty variables in three tiers, every equation linear with a normal error of standard deviation 1,
:math:`x_i = \\sum_j b_{ij} x_j + e_i`:

* context, 20: ``environment`` (turbulence), ``revenue``, which falls as the environment becomes turbulent,
  and 18 indicators. The errors of environment and revenue persist (AR(1), 0.6) from period to period:
  revenue fluctuates and the environment changes slowly. All others are independent over periods.
* decisions, 20: ``budget_d``, the change of department d's budget in steps. Every budget follows revenue,
  half of them the environment and half of them an indicator: this is the confounding.
* outcomes, 10: each is better when revenue is high, worse when the environment is turbulent, follows an
  indicator, and is what two departments are meant to improve: departments k and k + 10 outcome k. The
  first five outcomes each carry over to one of the last five. A department's targets are its outcome and
  where that carries over to, so whatever else its budget moves is a side effect.

The rule of the planted harm, with the generator of (seed, 1): ten of the twenty departments are drawn without
replacement. For each, two outcomes that are no target of it are drawn without replacement, and one step of
its budget moves each of these, in the direction that hurts, by a size uniform between 0.15 and 0.45. Nothing
else is a direct side effect. Sizes of all other coefficients come from the generator of (seed, 0), so that
a model without planted harm differs in the planted coefficients alone.

As revenue raises budgets and improves outcomes, a plain regression of an outcome on a budget flatters the
budget and hides its harm.

This rule was fixed before the first history was drawn from it, and no number of it was changed since.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import StructuralModel

INDICATORS = (
    "inflation", "wages", "energy_price", "interest_rate", "tax_base", "grants", "demand", "case_load",
    "population", "unemployment", "vacancies", "staff_turnover", "training", "digital_share",
    "building_age", "weather", "transport_cost", "public_mood",
)  # fmt: skip
CONTEXT = ("environment", "revenue", *INDICATORS)
DECISIONS = tuple(f"budget_{d}" for d in range(1, 21))
HARM: Mapping[str, int] = {
    "service_quality": -1, "waiting_time": +1, "equipment_failures": +1, "staff_absence": +1,
    "compliance": -1, "satisfaction": -1, "complaints": +1, "project_delay": +1, "overtime": +1,
    "incidents": +1,
}  # fmt: skip
"""Each outcome, and the direction of it that hurts."""
OUTCOMES = tuple(HARM)

PERSISTENCE = 0.6
HARMFUL_DEPARTMENTS = 10
HARMED_OUTCOMES = 2
HARM_SIZE = (0.15, 0.45)


def targets(decision: int) -> tuple[int, ...]:
    """The outcomes (0-9) that department `decision` (0-19) is meant to move."""
    own = decision % len(OUTCOMES)
    return (own, own + 5) if own < 5 else (own,)


def departments_equations(seed: int = 42, *, harm: bool = True) -> StructuralModel:
    """The fifty variables; `harm=False` leaves out the planted side effects and nothing else."""
    names = (*CONTEXT, *DECISIONS, *OUTCOMES)
    coefficients = np.zeros((len(names), len(names)))
    draws = np.random.default_rng((seed, 0))
    _context(coefficients, draws)
    _decisions(coefficients, draws)
    _outcomes(coefficients, draws)
    if harm:
        _plant(coefficients, np.random.default_rng((seed, 1)))
    persistence = np.zeros(len(names))
    persistence[:2] = PERSISTENCE
    return StructuralModel(
        names=names,
        tiers=np.repeat([0, 1, 2], [len(CONTEXT), len(DECISIONS), len(OUTCOMES)]),
        coefficients=coefficients,
        intercepts=np.zeros(len(names)),
        noise=np.ones(len(names)),
        persistence=persistence,
    )


FIRST_DECISION = len(CONTEXT)
FIRST_OUTCOME = len(CONTEXT) + len(DECISIONS)
ENVIRONMENT, REVENUE = 0, 1


def _either(draws: np.random.Generator, low: float, high: float) -> float:
    """A size uniform in [low, high] with a fair sign."""
    return float(draws.uniform(low, high) * draws.choice((-1.0, 1.0)))


def _context(coefficients: NDArray[np.float64], draws: np.random.Generator) -> None:
    """Revenue suffers from turbulence; each indicator has one or two causes among the context before it."""
    coefficients[REVENUE, ENVIRONMENT] = -0.4
    for i in range(2, FIRST_DECISION):
        for j in draws.choice(i, size=draws.integers(1, 3), replace=False):
            coefficients[i, j] = _either(draws, 0.3, 0.6)


def _decisions(coefficients: NDArray[np.float64], draws: np.random.Generator) -> None:
    """Budgets follow revenue, and half of them each the environment and an indicator."""
    for i in range(FIRST_DECISION, FIRST_OUTCOME):
        coefficients[i, REVENUE] = draws.uniform(0.3, 0.7)
        if draws.random() < 0.5:
            coefficients[i, ENVIRONMENT] = _either(draws, 0.2, 0.5)
        if draws.random() < 0.5:
            coefficients[i, draws.integers(2, FIRST_DECISION)] = _either(draws, 0.2, 0.5)


def _outcomes(coefficients: NDArray[np.float64], draws: np.random.Generator) -> None:
    """Outcomes follow the context, are improved by the two departments meant to, and carry over."""
    hurts = np.array(list(HARM.values()), dtype=np.float64)
    for k in range(len(OUTCOMES)):
        row = coefficients[FIRST_OUTCOME + k]
        row[REVENUE] = -hurts[k] * draws.uniform(0.3, 0.7)
        row[ENVIRONMENT] = hurts[k] * draws.uniform(0.2, 0.5)
        row[draws.integers(2, FIRST_DECISION)] = _either(draws, 0.2, 0.5)
        for decision in (k, k + 10):
            row[FIRST_DECISION + decision] = -hurts[k] * draws.uniform(0.3, 0.6)
        if k >= 5:
            row[FIRST_OUTCOME + k - 5] = hurts[k - 5] * hurts[k] * draws.uniform(0.2, 0.4)


def _plant(coefficients: NDArray[np.float64], draws: np.random.Generator) -> None:
    """The planted harm, by the rule above."""
    hurts = np.array(list(HARM.values()), dtype=np.float64)
    for decision in draws.choice(len(DECISIONS), size=HARMFUL_DEPARTMENTS, replace=False):
        others = [k for k in range(len(OUTCOMES)) if k not in targets(int(decision))]
        for k in draws.choice(others, size=HARMED_OUTCOMES, replace=False):
            size = hurts[k] * draws.uniform(*HARM_SIZE)
            coefficients[FIRST_OUTCOME + k, FIRST_DECISION + decision] = size
