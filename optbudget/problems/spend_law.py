"""The law of what is spent, on a grid of money: how likely each amount is.

Spend is :math:`S = k h` with a step :math:`h` that divides every cost, so the law is a list of
probabilities :math:`P(S = k h)`. Mass that was cut off is not hidden: every statement about the law
carries it. With a law at hand

.. math:: P(S > B) = \\sum_{k h > B} P(S = k h), \\qquad
          \\mathrm{CVaR}_\\varepsilon = \\min_t \\; t + \\tfrac1\\varepsilon E (S - t)^+ ,

the mean spend of the worst share :math:`\\varepsilon` of all cases (Rockafellar & Uryasev 2000).
"""

from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

Rounding = Literal["none", "up", "down"]


def require_share(share: float) -> None:
    """Refuse what is no share of worst cases."""
    if not isinstance(share, Real) or not 0 < share <= 1:
        raise UsageError(f"the share of worst cases is {share!r:.40}; it must be in (0, 1]")


def as_written(amount: float) -> Fraction:
    """An amount of money as it is written: the shortest decimal that reads back as the same double.

    Examples
    --------
    >>> as_written(0.1), as_written(2.0)
    (Fraction(1, 10), Fraction(2, 1))
    """
    return Fraction(repr(float(amount)))


@dataclass(frozen=True, eq=False, repr=False)
class SpendLaw:
    """How likely each total spend is.

    Attributes
    ----------
    step : money; the grid
    first : the law begins at first * step
    probability : (K,) >= 0; of first * step, (first + 1) * step, ...
    error : no probability of a set of amounts is wrong by more than this: what was cut off, and rounding
    rounding : "none": the law of the spend itself. "up", "down": of a spend that is on no path less,
        more than the true one, because amounts between two points of the grid were moved up, down

    Examples
    --------
    >>> import numpy as np
    >>> law = SpendLaw(Fraction(1, 2), 0, np.array([0.5, 0.25, 0.25]))
    >>> law
    SpendLaw(spend 0 to 1 in steps of 1/2, mean 0.375, sd 0.414578)
    >>> law.exceeds(0.5), law.cvar(0.25), law.quantile(0.5)
    (0.25, 1.0, 0.0)
    """

    step: Fraction
    first: int
    probability: Floats
    error: float = 0.0
    rounding: Rounding = "none"

    def __post_init__(self) -> None:
        p = np.asarray(self.probability, dtype=np.float64)
        if p.ndim != 1 or p.size == 0 or not (p >= 0).all() or not self.step > 0:
            raise ProblemError("a law needs a step > 0 and at least one probability, none negative")
        if abs(float(p.sum()) - 1.0) > self.error + 1e-9:
            raise ProblemError(
                f"the probabilities of a law sum to {p.sum():.12g} and its error is {self.error:.3g}"
            )
        if p.flags.writeable:
            p = p.copy()
            p.flags.writeable = False
        object.__setattr__(self, "probability", p)

    @property
    def amounts(self) -> Floats:
        """(K,) money; the amounts that the probabilities are of."""
        places: Floats = self.first + np.arange(self.probability.size, dtype=np.float64)
        return places * float(self.step)

    @property
    def mean(self) -> float:
        """Expected spend."""
        return float(self.probability @ self.amounts / self.probability.sum())

    @property
    def variance(self) -> float:
        """Variance of the spend, money^2."""
        centred = self.amounts - self.mean
        return float(self.probability @ centred**2 / self.probability.sum())

    def exceeds(self, budget: float) -> float:
        """P(spend > budget), right up to `error`; spending the budget exactly is not overspending."""
        if not isinstance(budget, Real) or np.isnan(budget):
            raise UsageError(f"the budget is {budget!r:.40}; it must be a number")
        if np.isinf(budget):
            return 0.0 if budget > 0 else 1.0
        beyond = as_written(budget) // self.step - self.first + 1
        return float(min(1.0, self.probability[max(0, beyond) :].sum()))

    def quantile(self, share: float) -> float:
        """The least amount that is not exceeded with at least this probability, in [0, 1]."""
        if not isinstance(share, Real) or not 0 <= share <= 1:
            raise UsageError(f"the probability is {share!r:.40}; it must be in [0, 1]")
        reached = np.searchsorted(np.cumsum(self.probability), share * (1 - 1e-15))
        return float((self.first + min(int(reached), self.probability.size - 1)) * self.step)

    def cvar(self, share: float) -> float:
        """Mean spend of the worst `share` of all cases, in (0, 1]; 1 is the mean.

        Examples
        --------
        >>> import numpy as np
        >>> SpendLaw(Fraction(1), 0, np.array([0.5, 0.5])).cvar(0.75)
        0.6666666666666666
        """
        require_share(share)
        level = self.quantile(1 - share)
        above = np.maximum(self.amounts - level, 0.0)
        return level + float(self.probability @ above) / share

    def to_arrow(self) -> "pa.Table":
        """One row per amount: spend, probability."""
        import pyarrow as pa

        return pa.table({"spend": self.amounts, "probability": self.probability})

    def __repr__(self) -> str:
        low, high = self.amounts[0], self.amounts[-1]
        step = str(self.step) if self.step.denominator < 1000 else f"{float(self.step):.6g}"
        moved = "" if self.rounding == "none" else f", moved {self.rounding}"
        return (
            f"SpendLaw(spend {low:.6g} to {high:.6g} in steps of {step}{moved}, mean {self.mean:.6g}, "
            f"sd {self.variance**0.5:.6g})"
        )
