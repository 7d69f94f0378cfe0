"""What a number of occurrences says about the probability behind it.

How often a chance occurred in n independent trials says, by Clopper and Pearson (1934), that its probability
is at most

.. math:: \\sup \\{ p : P(\\mathrm{Bin}(n, p) \\le x) \\ge 1 - \\text{confidence} \\} ,

and what did not occur gives the lower limit in the same way.
"""

import math

import numpy as np


def clopper_pearson(occurred: int, trials: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The two-sided interval of the probability, which holds it at least that often.

    Examples
    --------
    >>> [round(limit, 4) for limit in clopper_pearson(15, 50)], clopper_pearson(0, 50)[0]
    ([0.1786, 0.4461], 0.0)
    """
    one_sided = (1 + confidence) / 2
    low = 1.0 - at_most(trials - occurred, trials, confidence=one_sided)
    return low, at_most(occurred, trials, confidence=one_sided)


def at_most(occurred: int, trials: int, *, confidence: float = 0.99) -> float:
    """The probability is at most this, with that confidence (one-sided Clopper-Pearson).

    Examples
    --------
    >>> round(at_most(0, 100, confidence=0.95), 4), at_most(100, 100)
    (0.0295, 1.0)
    """
    if occurred >= trials:
        return 1.0
    k = np.arange(1, occurred + 1)
    log_choose = np.concatenate(([0.0], np.cumsum(np.log((trials - k + 1) / k))))
    i = np.arange(occurred + 1)
    low, high = occurred / trials, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        logs = log_choose + i * math.log(middle) + (trials - i) * math.log1p(-middle)
        top = logs.max()
        log_tail = top + math.log(float(np.exp(logs - top).sum()))
        low, high = (middle, high) if log_tail > math.log(1 - confidence) else (low, middle)
    return high
