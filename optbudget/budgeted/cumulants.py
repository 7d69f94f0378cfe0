"""The cumulant generating function of what a unit spends, by exponential tilting.

For a number :math:`\\theta` (per money) the backward pass

.. math:: \\ell_k(i) = \\theta \\gamma_c^k c_i^a + \\log \\sum_j p_{ij}^a e^{\\ell_{k+1}(j)},
          \\qquad \\ell_T = 0,

gives :math:`\\ell_0(i) = \\log E\\, e^{\\theta S}` for the discounted spend S from state i. Its derivatives
are the cumulants of S under the tilted transitions :math:`q_j \\propto p_j e^{\\ell_{k+1}(j)}`; they ride
along centred, so nothing is differenced. No grid is needed, and logarithms of independent units add.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted._spend_kernels import tilted
from optbudget.budgeted.fixed_policy import FixedPolicy

Floats = NDArray[np.float64]


def cumulants(policy: FixedPolicy, theta: float) -> Floats:
    """(5, n): log E exp(theta S), and mean, variance, third and fourth cumulant of S when tilted by theta.

    Examples
    --------
    >>> from optbudget.problems.examples import retry_example
    >>> from optbudget.budgeted.policies import policy_at
    >>> from optbudget.budgeted.fixed_policy import fixed_policy
    >>> problem = retry_example(horizon=2)
    >>> policy = fixed_policy(problem, policy_at(problem, [1.0]), price=1.0)
    >>> cumulants(policy, 0.0)[:3, 0]
    array([0.  , 1.5 , 0.25])
    """
    work = np.empty((2, 5, policy.problem.n_states))
    p = policy.problem
    tilted(policy.rows, p.cost, policy.pairs, p.cost_discount, float(theta), work[0], work[1])
    found: Floats = work[policy.horizon % 2]
    return found


def mixed_cumulants(parts: Floats, weights: Floats) -> Floats:
    """(5,): the same of a mixture drawn at the start, from its parts' (5, k) and their probabilities (k,).

    Tilting by theta gives each part the weight w_i exp(l_i) / sum; then central moments are averaged.
    """
    top = parts[0].max()
    weight = weights * np.exp(parts[0] - top)
    total = weight.sum()
    weight = weight / total
    mean = weight @ parts[1]
    d, v, s, f = parts[1] - mean, parts[2], parts[3], parts[4]
    second = weight @ (v + d**2)
    third = weight @ (s + 3 * d * v + d**3)
    fourth = weight @ (f + 3 * v**2 + 4 * s * d + 6 * v * d**2 + d**4)
    return np.array([top + np.log(total), mean, second, third, fourth - 3 * second**2])
