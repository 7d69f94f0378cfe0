"""What a column would be: its mean and spread, and how sure both are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from optbudget.causal.regression import unscaled
from optbudget.errors import ProblemError
from optbudget.problems.columns import Codes, Floats

STEPS = 40
"""Points of equal probability that stand for a normal law where normal laws are mixed."""
KEPT = 500
"""Rows of every draw that the interval of a value is read from."""


@dataclass(frozen=True)
class Prediction:
    """The predicted distribution of one column.

    Attributes
    ----------
    mean, deviation : at the estimated parameters; of the codes where the column is discrete
    lower, upper : a value lies between them with probability `level`, parameters being unsure
    mean_lower, mean_upper : so does the mean
    level : in (0, 1)
    shares : level of a discrete column -> its probability; empty where it is continuous
    """

    mean: float
    deviation: float
    lower: float
    upper: float
    mean_lower: float
    mean_upper: float
    level: float
    shares: Mapping[str, float] = field(default_factory=dict)


def from_normals(
    names: Sequence[str], answers: Sequence[tuple[Floats, Floats]], level: float, exponent: Codes
) -> dict[str, Prediction]:
    """From (means, deviations) of normal columns: the first at the estimates, the others at redrawn ones.

    All are of columns divided by 2 ** `exponent` (p,); predictions are in their own units.
    """
    means, deviations = (np.array(part) for part in zip(*answers[1:], strict=True))
    points = np.array([NormalDist().inv_cdf((k + 0.5) / STEPS) for k in range(STEPS)])
    mixed = (means[:, None] + deviations[:, None] * points[:, None]).reshape(-1, len(names))
    columns = in_units(names, [*answers[0], *_ends(mixed, level), *_ends(means, level)], exponent)
    return {name: _prediction(columns[:, j], level) for j, name in enumerate(names)}


def from_draws(
    names: Sequence[str],
    levels: Mapping[str, Sequence[str]],
    draws: Iterable[Floats],
    level: float,
    exponent: Codes,
) -> dict[str, Prediction]:
    """From rows drawn at the estimates, first, and at redrawn ones; units as in `from_normals`."""
    rest = iter(draws)
    own = next(rest)
    summaries = [(one.mean(axis=0), one[:KEPT]) for one in rest]
    means = np.array([mean for mean, _ in summaries])
    mixed = np.concatenate([some for _, some in summaries])
    rows = [own.mean(axis=0), own.std(axis=0), *_ends(mixed, level), *_ends(means, level)]
    columns = in_units(names, rows, exponent)
    found = {}
    for j, name in enumerate(names):
        shares = {label: float((own[:, j] == code).mean()) for code, label in enumerate(levels.get(name, ()))}
        found[name] = _prediction(columns[:, j], level, shares)
    return found


def in_units(names: Sequence[str], rows: Floats | Sequence[Floats], exponent: Codes) -> Floats:
    """(r, p) rows of scaled columns in the columns' units."""
    found = unscaled(np.array(rows), exponent)
    lost = np.flatnonzero(~np.isfinite(found).all(axis=0))
    if lost.size:
        raise ProblemError(
            f"what {names[lost[0]]} would be is too large or too small for a number; put it in other units"
        )
    return found


def _ends(values: Floats, level: float) -> tuple[Floats, Floats]:
    """Quantiles of every column that leave out as much on either side."""
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return low, high


def _prediction(columns: Floats, level: float, shares: Mapping[str, float] | None = None) -> Prediction:
    mean, deviation, lower, upper, mean_lower, mean_upper = columns.tolist()
    return Prediction(mean, deviation, lower, upper, mean_lower, mean_upper, level, shares or {})
