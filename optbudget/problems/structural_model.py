"""Linear structural equations: a world whose causal effects are known exactly.

Variables :math:`x_1, \\dots, x_p` in causal order obey

.. math:: x_i = \\mu_i + \\sum_{j < i} b_{ij} x_j + e_i, \\qquad e_i \\sim N(0, \\sigma_i^2),

with the errors of different variables independent. An error may persist from period to period, which
leaves its variance as it is:
:math:`e_{it} = \\varphi_i e_{i,t-1} + \\sqrt{1 - \\varphi_i^2}\\, \\sigma_i z_{it}`.

With :math:`x = \\mu + Bx + e` the total effect of one unit of j on i is entry (i, j) of
:math:`(I - B)^{-1}`. An intervention do(x_j = v) replaces the equation of j by :math:`x_j = v`: row j of B is
emptied, and the mean of the rest is :math:`(I - B')^{-1} \\mu'` (Pearl 2009, section 5.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.problems.columns import did_you_mean

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class StructuralModel:
    """Linear-Gaussian structural equations: frozen, validated; p variables.

    Attributes
    ----------
    names : p variables in causal order: causes before their effects
    tiers : (p,) int64; 0 context, 1 decisions, 2 outcomes
    coefficients : (p, p), strictly lower triangular; [i, j] is what one unit of j adds to i directly
    intercepts : (p,) mean of each equation
    noise : (p,) >= 0; standard deviation of each error
    persistence : (p,) in (-1, 1); correlation of an error with that of the period before

    Raises
    ------
    ProblemError
        Naming what does not fit: shapes, a cause that stands after its effect, a negative deviation.

    Examples
    --------
    Revenue raises the budget and the service, and the budget the service by 0.5:

    >>> model = StructuralModel(
    ...     names=("revenue", "budget", "service"), tiers=[0, 1, 2],
    ...     coefficients=[[0, 0, 0], [2.0, 0, 0], [1.0, 0.5, 0]],
    ...     intercepts=[0, 0, 3.0], noise=[1, 1, 1], persistence=[0, 0, 0])
    >>> model.total_effect("revenue", "service"), model.total_effect("budget", "service")
    (2.0, 0.5)
    >>> model.mean_after({"budget": 4.0})
    array([0., 4., 5.])
    >>> model.draw(2, seed=42).shape
    (2, 3)
    """

    names: tuple[str, ...]
    tiers: NDArray[np.int64]
    coefficients: Floats
    intercepts: Floats
    noise: Floats
    persistence: Floats

    def __post_init__(self) -> None:
        p = len(self.names)
        shapes = {
            "tiers": (p,),
            "coefficients": (p, p),
            "intercepts": (p,),
            "noise": (p,),
            "persistence": (p,),
        }
        for name, shape in shapes.items():
            array = np.array(getattr(self, name), dtype=np.int64 if name == "tiers" else np.float64)
            if array.shape != shape or not np.isfinite(array).all():
                raise ProblemError(f"{name} must be finite and have shape {shape}; got {array.shape}")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        self._require_order()
        if (self.noise < 0).any() or (np.abs(self.persistence) >= 1).any():
            raise ProblemError("noise must be >= 0, and persistence strictly between -1 and 1")

    def _require_order(self) -> None:
        if len(set(self.names)) < len(self.names):
            raise ProblemError("a variable is listed twice")
        wrong = np.argwhere(np.triu(self.coefficients) != 0)
        if wrong.size:
            i, j = (self.names[k] for k in wrong[0])
            raise ProblemError(f"{j!r} is a cause of {i!r} and does not stand before it")
        backwards = np.argwhere((self.coefficients != 0) & (self.tiers[:, None] < self.tiers[None, :]))
        if backwards.size:
            i, j = (self.names[k] for k in backwards[0])
            raise ProblemError(f"{j!r} is a cause of {i!r}, which is of an earlier tier")

    def index(self, name: str) -> int:
        """Position of a variable."""
        if name not in self.names:
            raise ProblemError(f"no variable is called {name!r}{did_you_mean(name, self.names)}")
        return self.names.index(name)

    def of_tier(self, tier: int) -> tuple[str, ...]:
        """The variables of a tier, in order."""
        return tuple(name for name, own in zip(self.names, self.tiers.tolist(), strict=True) if own == tier)

    @cached_property
    def total_effects(self) -> Floats:
        """(I - B)^-1, (p, p): [i, j] is what one unit of j changes i by, over all paths."""
        total = np.eye(len(self.names))
        for i in range(len(self.names)):
            total[i] += self.coefficients[i] @ total
        total.flags.writeable = False
        return total

    def total_effect(self, source: str, target: str) -> float:
        """What one unit of `source`, set by intervention, changes the mean of `target` by."""
        return float(self.total_effects[self.index(target), self.index(source)])

    def mean_after(self, interventions: Mapping[str, float]) -> Floats:
        """Mean of every variable where some are set, (p,)."""
        mean = np.zeros(len(self.names))
        held = {self.index(name): value for name, value in interventions.items()}
        for i in range(mean.size):
            mean[i] = held[i] if i in held else self.intercepts[i] + self.coefficients[i] @ mean
        return mean

    def draw(self, rows: int, seed: int, *, interventions: Mapping[str, float] | None = None) -> Floats:
        """So many periods, (rows, p); with `interventions` some variables are set in all of them.

        Equal seeds give equal errors, so a history and what it would have been under an
        intervention can be laid side by side.
        """
        errors = np.random.default_rng(seed).standard_normal((rows, len(self.names)))
        fresh = np.sqrt(1.0 - self.persistence**2)
        for k in np.flatnonzero(self.persistence).tolist():
            for t in range(1, rows):
                errors[t, k] = self.persistence[k] * errors[t - 1, k] + fresh[k] * errors[t, k]
        held = {self.index(name): value for name, value in (interventions or {}).items()}
        values = np.zeros_like(errors)
        for i in range(len(self.names)):
            own = self.intercepts[i] + values @ self.coefficients[i] + self.noise[i] * errors[:, i]
            values[:, i] = held.get(i, own)
        return values

    def __repr__(self) -> str:
        return f"StructuralModel({len(self.names)} variables, {np.count_nonzero(self.coefficients)} edges)"
