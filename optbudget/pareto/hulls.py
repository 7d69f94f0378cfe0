"""How far apart the inner and the outer front are, at any weights.

The planes of a front bound what a plan can be worth at weights ω between theirs by the linear program

.. math:: \\max \\{\\omega \\cdot x : \\omega_p \\cdot x \\le h_p\\} \\;=\\;
          \\min \\Big\\{\\sum_p y_p h_p : \\sum_p y_p \\omega_p = \\omega,\\; y \\ge 0\\Big\\}.

It has as many equations as there are objectives, so the simplex method for the right-hand side needs a
basis of K planes, whose meeting point is x; a plane that x is beyond enters it. Any basis with :math:`y
\\ge 0` proves a bound, so one that is left early is too large and never wrong. Many ω go through it
together.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.pareto.arguments import floats, of_kind
from optbudget.problems import Front

Floats = NDArray[np.float64]

ROUNDING = 1e-12
SAME = 1e-9
"""Inner and outer support that differ by no more, relatively, are one."""
STEPS = 50
"""Exchanges at most, times the number of objectives."""
FAR = 1e6
"""Planes without a proof stand so much higher, relatively, than any that has one."""


def outer(front: Front, weights: ArrayLike) -> Floats:
    """What the planes of a front prove that no plan is worth more than at weights (N, K), (N,).

    +inf at weights that are no sum of the front's own with factors >= 0.

    Examples
    --------
    Two planes, x + y <= 2 halves and y <= 1, meet at (1, 1):

    >>> front = Front(("x", "y"), [[0.5, 0.5], [0.01, 0.99]], [[1.0, 1.0], [1.0, 1.0]], [0.0, 0.0],
    ...               [1.0, 1.0], [0.0, 0.0], ("exact", "exact"), 1.0)
    >>> outer(front, [[0.25, 0.75], [0.75, 0.25]])
    array([ 1., inf])
    """
    objectives = of_kind("front", front, Front).objectives
    wanted = floats("weights", weights, ("N", len(objectives)), "[0, inf)")
    proved = np.isfinite(front.bound)
    height = front.bound[proved]
    size = len(objectives)
    far = FAR * (1.0 + np.abs(height).max(initial=0.0))
    unit = front.weight[proved].max(axis=0, initial=0.0)  # In other units of an objective all is the same.
    unit[unit == 0] = 1.0
    wanted = wanted / unit
    whole = wanted.sum(axis=1, keepdims=True)
    wanted = wanted / np.where(whole > 0, whole, 1.0)
    planes = np.vstack([front.weight[proved] / unit, np.eye(size)])
    level = np.append(height, np.full(size, far))
    basis = np.tile(np.arange(height.size, height.size + size), (wanted.shape[0], 1))
    for _ in range(STEPS * size):
        share, meeting = _solved(planes, level, basis, wanted)
        beyond = meeting @ planes.T - level
        going = beyond.max(axis=1, initial=0.0) > ROUNDING * (1.0 + np.abs(level[basis]).max(axis=1))
        if not going.any():
            break
        _exchange(planes, basis, share, beyond, np.flatnonzero(going))
    share, _ = _solved(planes, level, basis, wanted)
    unproved = ((basis >= height.size) & (share > ROUNDING)).any(axis=1)
    return np.where(unproved, np.inf, whole[:, 0] * (share * level[basis]).sum(axis=1))


def difference(front: Front, weights: ArrayLike) -> Floats:
    """Outer less inner support at weights (N, K), relative to 1 + |inner|, (N,)."""
    outside, inside = outer(front, weights), front.of_kind("exact").inner(weights)
    return np.asarray((outside - inside) / (1.0 + np.abs(inside)))


def where_they_differ(front: Front, candidates: Floats, count: int) -> Floats:
    """Of weights (N, K) the few at which inner and outer front differ most, at most `count`.

    Each is taken as if those before it had been solved and nothing better were found there than is known;
    what is no more than the front's tolerance is no difference.
    """
    chosen = []
    for _ in range(count):
        apart = difference(front, candidates)
        apart[np.isinf(apart)] = 0.0
        k = int(apart.argmax())
        if not apart[k] > max(SAME, front.tolerance):
            break
        chosen.append(candidates[k])
        front = front.joined(_as_known(front, candidates[k]))
    return np.array(chosen).reshape(-1, candidates.shape[1])


def _as_known(front: Front, weight: Floats) -> Front:
    """The best point of a front at the weights, as if it were proved that there is no better one."""
    best = [int((front.point @ weight).argmax())]
    return Front(
        front.objectives, weight[None, :], front.point[best], front.spend[best], front.point[best] @ weight,
        np.array([np.nan]), ("exact",), front.budget,
    )  # fmt: skip


def _solved(planes: Floats, level: Floats, basis: NDArray[np.int64], wanted: Floats) -> tuple[Floats, Floats]:
    """Shares y (N, K) of the basis planes that make up the weights, and where these planes meet (N, K)."""
    own = planes[basis]
    share = np.linalg.solve(np.swapaxes(own, 1, 2), wanted[:, :, None])[:, :, 0]
    meeting = np.linalg.solve(own, level[basis][:, :, None])[:, :, 0]
    return np.maximum(share, 0.0), np.asarray(meeting)


def _exchange(
    planes: Floats, basis: NDArray[np.int64], share: Floats, beyond: Floats, going: NDArray[np.int64]
) -> None:
    """The plane that is exceeded most enters each basis; the one whose share is used up first leaves."""
    enter = beyond[going].argmax(axis=1)
    made_of = np.linalg.solve(np.swapaxes(planes[basis[going]], 1, 2), planes[enter][:, :, None])[:, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        lasts = np.where(made_of > ROUNDING, share[going] / made_of, np.inf)
    basis[going, lasts.argmin(axis=1)] = enter
