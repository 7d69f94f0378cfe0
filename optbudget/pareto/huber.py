"""Means of noisy outcomes that a few wrong numbers do not spoil: Huber's M-estimates, with bounds.

The estimate m of n outcomes solves :math:`\\sum_i \\psi((x_i - m) / s) = 0` with :math:`\\psi(u) = u` cut off
at ±c (Huber 1964). Two choices of where to cut:

* *By the spread of the middle* (`huber_mean`): s the median absolute deviation, scaled to the normal's
  standard deviation, and c = 1.345, which loses 5 % against the mean where outcomes are normal. Its standard
  error is
  :math:`s \\sqrt{\\mathrm{mean}\\,\\psi^2} / (\\mathrm{mean}\\,\\psi' \\sqrt n)`. Its breakdown point is 1/2:
  fewer than half of the outcomes, made anything, leave it bounded (Huber & Ronchetti 2009, section 3.2). It
  estimates the centre of what is symmetric; of skewed outcomes the centre is not the mean.
* *By a bound on the deviation* (`bounded_mean`): for outcomes of mean μ and standard deviation at most v, and
  :math:`L = \\log(1/\\delta) \\le n / 8`, cut at :math:`c = v \\sqrt{n / L}`. Then, whatever the law,

  .. math:: P\\Big( |m - \\mu| > \\frac{4 v \\sqrt{L / n}}{1 + \\sqrt{1 - 8 L / n}} \\Big) \\le 2 \\delta.

  Proof. With a = 1/c, ψ(au) lies between :math:`-\\log(1 - au + a^2u^2)` and :math:`\\log(1 + au + a^2u^2)`,
  so by Markov's inequality :math:`\\sum_i \\psi(a(x_i - \\theta)) < n a (\\mu - \\theta) + n a^2 (v^2 +
  (\\mu - \\theta)^2) + L` but for a chance δ. At the least θ for which the right side is 0 the left, which
  falls in θ, is below 0, so m is below that θ; likewise on the other side (Catoni 2012; with the constant
  4, Fan, Li & Wang 2017, theorem 5). The mean itself has only Chebyshev's bound,
  :math:`v / \\sqrt{2 \\delta n}`.

The framework names a "Morgan-Huber algorithm" for such bounds. No such algorithm is in the literature that
was found; these two are what its name and purpose point to.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import MissingExtraError, ProblemError
from optbudget.pareto.arguments import as_floats, number

Floats = NDArray[np.float64]

CLIP = 1.345
ITERATIONS = 10_000
CLOSE = 1e-10


@dataclass(frozen=True, slots=True)
class RobustMean:
    """A Huber estimate.

    Attributes
    ----------
    mean : in the outcomes' unit
    std_error : of `mean`, asymptotic
    clip : distance from the mean beyond which an outcome counts as if it were there
    clipped : share of the outcomes that are beyond it
    count : outcomes
    """

    mean: float
    std_error: float
    clip: float
    clipped: float
    count: int


@dataclass(frozen=True, slots=True)
class BoundedMean:
    """A Huber estimate with a bound that holds for every law.

    Attributes
    ----------
    mean : in the outcomes' unit
    bound : with chance `level` the true mean is not farther away
    level : chance, below 1
    """

    mean: float
    bound: float
    level: float


def huber_mean(outcomes: ArrayLike, *, clip: float = CLIP) -> RobustMean:
    """The centre of outcomes of which some may be wrong, with its standard error.

    Parameters
    ----------
    outcomes : (n,) finite, n >= 2
    clip : in standard deviations of the middle, > 0; small is nearer to the median, large to the mean

    Raises
    ------
    ProblemError
        If more than half of the outcomes are one number: there is no spread of the middle.
    UsageError
        If `clip` is out of its range.
    MissingExtraError
        Without the extra [pareto].

    Examples
    --------
    >>> found = huber_mean([9.8, 10.1, 10.0, 9.9, 10.2, 1000.0])
    >>> round(found.mean, 2), round(found.std_error, 2), found.clipped
    (10.06, 0.09, 0.16666666666666666)
    """
    numbers, cut = _numbers(outcomes), number("clip", clip, "(0, inf)")
    middle = float(np.median(numbers))
    scale = float(np.median(np.abs(numbers - middle))) / NORMAL_QUARTILE
    if not scale > 0:
        raise ProblemError(f"half of the outcomes or more are {middle:g}: their middle has no spread")
    return _estimate(numbers, cut * scale)


NORMAL_QUARTILE = 0.6744897501960817
"""Median absolute deviation of a standard normal outcome."""


def bounded_mean(outcomes: ArrayLike, *, deviation: float, level: float = 0.95) -> BoundedMean:
    """The mean of outcomes, and how far the true one can be at most, whatever their law.

    Parameters
    ----------
    outcomes : (n,) finite, drawn independently from one law
    deviation : the standard deviation of the law is at most this, > 0; that is taken on trust
    level : chance with which the bound holds, in (0, 1)

    Raises
    ------
    ProblemError
        If there are too few outcomes for the level, naming how many it takes.
    UsageError
        If `level` or `deviation` is out of its range.

    Examples
    --------
    >>> draws = np.random.default_rng(0).standard_t(2.5, size=1000)
    >>> found = bounded_mean(draws, deviation=5**0.5)
    >>> round(found.mean, 2), round(found.bound, 2)
    (0.03, 0.27)
    """
    numbers = _numbers(outcomes)
    level, deviation = number("level", level, "(0, 1)"), number("deviation", deviation, "(0, inf)")
    log = -math.log((1.0 - level) / 2.0)
    if numbers.size < 8 * log:
        raise ProblemError(
            f"a bound at level {level} takes {math.ceil(8 * log)} outcomes; there are {numbers.size}"
        )
    share = log / numbers.size
    bound = 4.0 * deviation * math.sqrt(share) / (1.0 + math.sqrt(1.0 - 8.0 * share))
    return BoundedMean(_estimate(numbers, deviation / math.sqrt(share)).mean, bound, level)


def _estimate(numbers: Floats, clip: float) -> RobustMean:
    """The M-estimate that cuts off at a distance of `clip`."""
    try:
        from statsmodels.robust.norms import HuberT, estimate_location
    except ImportError as missing:
        raise MissingExtraError("M-estimates need statsmodels: pip install 'optbudget[pareto]'") from missing
    norm = HuberT(t=1.0)
    middle = float(np.median(numbers))  # From here on, so that large outcomes lose no digits.
    mean = middle + float(estimate_location(numbers - middle, clip, norm, maxiter=ITERATIONS, tol=CLOSE))
    away = (numbers - mean) / clip
    within = float(np.mean(norm.psi_deriv(away)))
    spread = math.sqrt(float(np.mean(norm.psi(away) ** 2)))
    error = clip * spread / (within * math.sqrt(numbers.size)) if within > 0 else math.inf
    return RobustMean(mean, error, clip, float(np.mean(np.abs(away) > 1)), numbers.size)


def _numbers(outcomes: ArrayLike) -> Floats:
    numbers = as_floats("outcomes", outcomes)
    if numbers.ndim != 1 or numbers.size < 2 or not np.isfinite(numbers).all():
        raise ProblemError(f"outcomes must be two finite numbers or more; got shape {numbers.shape}")
    return numbers
