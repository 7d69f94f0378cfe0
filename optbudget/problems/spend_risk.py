"""How likely a population is to spend more than a budget: several answers, each with what it is worth."""

import math
from dataclasses import dataclass

from optbudget.errors import NoAnswerError
from optbudget.problems.spend_law import SpendLaw, require_share

SHARP = 1e4
"""A law says what the worst cases spend where their share is this many times the law's error."""


@dataclass(frozen=True, eq=False, repr=False)
class SpendRisk:
    """The spend of independent units beside a budget.

    Attributes
    ----------
    budget : money; spending it exactly is not overspending
    units : how many
    mean, variance : expected total spend, and its variance
    normal : P(spend > budget) as if the spend were normal
    saddle_point : by the saddle-point approximation; NaN where there is none
    chernoff : P(spend > budget) is at most this, proved; 1 where nothing better is known
    below, above : laws of spends that are on no path more, less than the true one. On a grid of costs both
        are the law itself; None where no law was computed
    why : why there is no exact law, or ""
    money_unit : for print
    """

    budget: float
    units: int
    mean: float
    variance: float
    normal: float
    saddle_point: float = math.nan
    chernoff: float = 1.0
    below: SpendLaw | None = None
    above: SpendLaw | None = None
    why: str = ""
    money_unit: str = "money"

    @property
    def law(self) -> SpendLaw:
        """The exact law of the spend.

        Raises
        ------
        NoAnswerError
            If there is none; the message says why.
        """
        if self.below is None or self.below is not self.above:
            raise NoAnswerError(f"there is no exact law of the spend: {self.why}")
        return self.below

    @property
    def exact(self) -> bool:
        """Whether the law itself is known."""
        return self.below is not None and self.below is self.above

    @property
    def proved(self) -> tuple[float, float]:
        """An interval that P(spend > budget) is in, proved."""
        if self.below is None or self.above is None:
            return 0.0, self.chernoff
        low = self.below.exceeds(self.budget) - self.below.error
        high = self.above.exceeds(self.budget) + self.above.error
        return max(0.0, low), min(1.0, high, self.chernoff)

    @property
    def overspend(self) -> float:
        """P(spend > budget), by the best that is known: `method` says by what."""
        if self.below is not None and self.above is not None:
            return 0.5 * (self.below.exceeds(self.budget) + self.above.exceeds(self.budget))
        return self.normal if math.isnan(self.saddle_point) else self.saddle_point

    @property
    def method(self) -> str:
        """What `overspend` rests on: "exact law", "law between two grids", "saddle-point" or "normal"."""
        if self.exact:
            return "exact law"
        if self.below is not None:
            return "law between two grids"
        return "normal" if math.isnan(self.saddle_point) else "saddle-point"

    def cvar(self, share: float) -> tuple[float, str]:
        """Mean spend of the worst `share` of cases, and what the number is.

        Exact from a law; an upper bound from the law counted up; else, and where the share is so small that
        what was cut from the law may be part of it, as if the spend were normal.
        """
        require_share(share)
        if self.above is not None and share >= SHARP * self.above.error:
            return self.above.cvar(share), "exact" if self.exact else "upper bound"
        if share == 1:
            return self.mean, "exact"
        from statistics import NormalDist

        normal = NormalDist()
        density = normal.pdf(normal.inv_cdf(share))
        return self.mean + math.sqrt(self.variance) * density / share, "normal approximation"

    def __repr__(self) -> str:
        low, high = self.proved
        return (
            f"SpendRisk({self.units:,} unit{'s' * (self.units != 1)}, mean {self.mean:.6g}, "
            f"sd {math.sqrt(self.variance):.6g}: "
            f"P(spend > {self.budget:.6g}) = {self.overspend:.4g} by {self.method}, proved in "
            f"[{low:.4g}, {high:.4g}])"
        )
