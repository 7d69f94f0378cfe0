"""What policies were worth and spent when they were acted out, trial by trial, beside a proven bound.

Every number here is an estimate and comes with its 95 % interval; only the bound is proved. No policy that
keeps the budget in expectation is worth more in the mean than the bound of the allocation
(`optbudget.allocation.bound`); one that may overspend can be.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.problems.allocation import Allocation
from optbudget.problems.binomial_limits import clopper_pearson
from optbudget.problems.columns import did_you_mean
from optbudget.status import Termination

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

ROUNDING = 1e-12
"""Relative excess over the budget that is rounding of the sum over stages, and no overspend."""

_FEW = (12.7062, 4.3027, 3.1824, 2.7764)
"""97.5 % points of Student's t with 1 to 4 degrees of freedom."""


@dataclass(frozen=True, slots=True)
class RolloutSummary:
    """Moments of one policy over its trials.

    Attributes
    ----------
    value_mean, value_sd : of the discounted value; the sample standard deviation, NaN for one trial
    value_low, value_high : 95 % interval of the mean (Student's t)
    spend_mean, spend_sd, spend_low, spend_high : the same of the discounted spend, money
    overspend_frequency : share of trials that spent more than the budget
    overspend_low, overspend_high : 95 % interval of the probability of that (Clopper & Pearson 1934)
    overspend_mean : mean excess over the budget of those trials, money; 0 where there are none
    overspend_max : largest excess, money; 0 where there is none
    """

    value_mean: float
    value_sd: float
    value_low: float
    value_high: float
    spend_mean: float
    spend_sd: float
    spend_low: float
    spend_high: float
    overspend_frequency: float
    overspend_low: float
    overspend_high: float
    overspend_mean: float
    overspend_max: float


@dataclass(frozen=True, eq=False, repr=False)
class Rollouts:
    """Trials of several policies over one population, all with the same draws.

    Attributes
    ----------
    allocation : the split that the policies start from; it knows budget, population, problem and bound
    policies : P names, in the order asked for
    value : (P, K) discounted value of all units in each trial
    spend : (P, K) discounted spend, money
    stage_spend : (P, K, T) money as it was paid at each stage, not discounted
    seed : of the draws; trial k of a seed is the same however many trials there are
    stopped : why there are fewer trials than were asked for; None if there are not

    Raises
    ------
    ProblemError
        If shapes do not agree, or the spend is not the discounted sum over the stages.
    """

    allocation: Allocation
    policies: tuple[str, ...]
    value: Floats
    spend: Floats
    stage_spend: Floats
    seed: int
    stopped: Termination | None = None

    def __post_init__(self) -> None:
        for name in ("value", "spend", "stage_spend"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        shape = (len(self.policies), self.trials)
        if not self.value.shape == self.spend.shape == self.stage_spend.shape[:2] == shape:
            raise ProblemError(
                "value, spend and stage_spend must have a row per policy and a column per trial"
            )
        if len(set(self.policies)) != len(self.policies):
            raise ProblemError(f"a policy is named twice: {', '.join(self.policies)}")
        if np.abs(self.stage_spend @ self._weights() - self.spend).max(initial=0.0) > 1e-9 * (
            1 + np.abs(self.spend).max(initial=0.0)
        ):
            raise ProblemError("spend must be the discounted sum of stage_spend")

    @property
    def trials(self) -> int:
        """K, the number of trials of each policy."""
        return int(self.value.shape[-1])

    @property
    def budget(self) -> float:
        """Money for all units together."""
        return self.allocation.budget

    @property
    def bound(self) -> float:
        """Proved: no policy that keeps the budget in expectation is worth more in the mean."""
        return self.allocation.bound

    def overspend(self, name: str) -> Floats:
        """Spend over the budget in each trial, (K,), money; 0 where the budget was kept."""
        excess = self.spend[self.index(name)] - self.budget
        return np.where(excess > ROUNDING * (1.0 + abs(self.budget)), excess, 0.0)

    def cumulative_spend(self, name: str) -> Floats:
        """Discounted spend up to and with each stage, (K, T), money."""
        return np.cumsum(self.stage_spend[self.index(name)] * self._weights(), axis=1)

    def summary(self, name: str) -> RolloutSummary:
        """Mean, standard deviation and interval of value and spend, and how often and far it overspends."""
        k = self.index(name)
        excess = self.overspend(name)
        over = excess[excess > 0]
        return RolloutSummary(
            *_moments(self.value[k]), *_moments(self.spend[k]), over.size / self.trials,
            *clopper_pearson(over.size, self.trials), float(over.mean()) if over.size else 0.0,
            float(excess.max(initial=0.0)),
        )  # fmt: skip

    def difference(self, name: str, other: str) -> tuple[float, float, float]:
        """Mean value of one policy less another's, and its 95 % interval from the paired trials."""
        mean, _, low, high = _moments(self.value[self.index(name)] - self.value[self.index(other)])
        return mean, low, high

    def index(self, name: str) -> int:
        """Row of a policy; raises ProblemError if it was not rolled out."""
        if name not in self.policies:
            raise ProblemError(f"no policy is called {name!r}{did_you_mean(name, list(self.policies))}")
        return self.policies.index(name)

    def to_arrow(self) -> "pa.Table":
        """One row per policy and trial: policy, trial, value, spend, overspend, stage_spend (a list)."""
        import pyarrow as pa

        count, stages = len(self.policies), self.stage_spend.shape[2]
        flat = pa.array(self.stage_spend.ravel())
        return pa.table(
            {
                "policy": np.repeat(np.array(self.policies, dtype=object), self.trials),
                "trial": np.tile(np.arange(self.trials), count),
                "value": self.value.ravel(),
                "spend": self.spend.ravel(),
                "overspend": np.concatenate([self.overspend(name) for name in self.policies]),
                "stage_spend": pa.FixedSizeListArray.from_arrays(flat, stages).cast(pa.list_(pa.float64())),
            }
        )

    def _weights(self) -> Floats:
        rate = self.allocation.curves.problem.cost_discount
        return np.asarray(rate ** np.arange(self.stage_spend.shape[2], dtype=np.float64))

    def __repr__(self) -> str:
        means = ", ".join(f"{name} {self.summary(name).value_mean:.6g}" for name in self.policies)
        return f"Rollouts({self.trials:,} trials, budget {self.budget:.6g}: {means}; bound {self.bound:.6g})"


def _moments(sample: Floats) -> tuple[float, float, float, float]:
    """Mean, sample standard deviation, and the 95 % interval of the mean."""
    mean = float(sample.mean())
    if sample.size < 2:
        return mean, math.nan, math.nan, math.nan
    sd = float(sample.std(ddof=1))
    half = student(sample.size - 1) * sd / math.sqrt(sample.size)
    return mean, sd, mean - half, mean + half


def student(freedom: int) -> float:
    """The 97.5 % point of Student's t, to four digits (Cornish & Fisher's expansion from 5 degrees on).

    Examples
    --------
    >>> round(student(9), 3), round(student(99), 3)
    (2.262, 1.984)
    """
    if freedom <= len(_FEW):
        return _FEW[freedom - 1]
    z = NormalDist().inv_cdf(0.975)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(sum(term / freedom**k for k, term in enumerate(terms)))
