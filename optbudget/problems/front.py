"""What several objectives cost one another at one budget: points that are achieved, and planes above them.

The vectors of expected discounted rewards that a budget can achieve (more is better in each) form a convex
polytope. For weights :math:`\\omega > 0` the best plan reaches its *support*
:math:`h(\\omega) = \\max_x \\omega \\cdot x`, and a price of money proves a bound of it. So points
:math:`x_p` and bounds :math:`h_p` at weights :math:`\\omega_p` enclose the front from both sides,

.. math:: \\mathrm{conv}\\{x_p\\} \\;\\subseteq\\; \\text{achievable} \\;\\subseteq\\;
          \\{x : \\omega_p \\cdot x \\le h_p \\text{ for every } p\\}.

Points whose plans were learned have no bound of their own; every plane holds for them too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import ProblemError
from optbudget.status import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

KINDS = ("exact", "learned")
ROUNDING = 1e-9
"""Relative rounding that values and spends of points are granted."""


@dataclass(frozen=True, eq=False, repr=False)
class Front:
    """P points of K objectives at one budget, each with the weights that it was sought for.

    Attributes
    ----------
    objectives : K names; more is better in each: one that is better small is counted negative, "-risk"
    weight : (P, K) > 0, each row sums to 1
    point : (P, K) expected discounted rewards of each point's plan, evaluated exactly by the model
    spend : (P,) expected discounted spend of the plan, money
    bound : (P,) no plan within the budget is worth more than this at the weights; +inf where nothing is
        proved
    price : (P,) value at the weights of one more unit of money, >= 0; NaN where it is not known
    kind : P words, "exact" (the plan is computed from the model) or "learned" (from simulation alone)
    budget : money for all, in expectation
    tolerance : relative gap that was asked for
    outcome : why the computation stopped, and what is in hand

    Raises
    ------
    ProblemError
        If shapes do not fit, an objective has the name of another column, a weight is not positive, a point
        spends more than the budget or is worth more than its own bound.

    Examples
    --------
    >>> front = Front(
    ...     ("service", "-risk"), weight=[[0.5, 0.5], [0.9, 0.1]], point=[[4.0, -1.0], [6.0, -4.0]],
    ...     spend=[2.0, 3.0], bound=[1.5, 5.0], price=[0.5, 1.0], kind=("exact", "exact"), budget=3.0)
    >>> front
    Front(2 points of service, -risk at budget 3: largest gap 0)
    >>> front.inner([[0.5, 0.5]]), front.violations()
    (array([1.5]), array([0., 0.]))
    """

    objectives: tuple[str, ...]
    weight: Floats
    point: Floats
    spend: Floats
    bound: Floats
    price: Floats
    kind: tuple[str, ...]
    budget: float
    tolerance: float = 1e-3
    outcome: Outcome = field(default_factory=Outcome)

    def __post_init__(self) -> None:
        count, size = len(self.kind), len(self.objectives)
        shapes = {"weight": (count, size), "point": (count, size)} | dict.fromkeys(
            ("spend", "bound", "price"), (count,)
        )
        for name, shape in shapes.items():
            array = np.array(getattr(self, name), dtype=np.float64).reshape(shape if count == 0 else (-1,))
            if array.size != count * (size if len(shape) == 2 else 1):
                raise ProblemError(f"{name} must have shape {shape}; it has {array.size} numbers")
            array = array.reshape(shape)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        _require_sound(self)

    @property
    def value(self) -> Floats:
        """What each point is worth at its own weights, (P,)."""
        return np.asarray((self.weight * self.point).sum(axis=1))

    @property
    def gap(self) -> Floats:
        """(bound - value) / (1 + |value|) of each point, (P,); inf where nothing is proved."""
        return (self.bound - self.value) / (1.0 + np.abs(self.value))

    def of_kind(self, kind: str) -> "Front":
        """The points of one kind."""
        return self.take(np.array([k == kind for k in self.kind], dtype=np.bool_))

    def take(self, which: NDArray[np.bool_] | NDArray[np.integer]) -> "Front":
        """Some of the points, in the order of their places."""
        places = np.arange(len(self.kind))[which]
        arrays = {name: getattr(self, name)[places] for name in ARRAYS}
        return Front(
            self.objectives, **arrays, kind=tuple(self.kind[p] for p in places.tolist()), budget=self.budget,
            tolerance=self.tolerance, outcome=self.outcome,
        )  # fmt: skip

    def joined(self, more: "Front") -> "Front":
        """These points, then those of another front of the same objectives and budget.

        Raises
        ------
        ProblemError
            If objectives or budgets differ.
        """
        if more.objectives != self.objectives or more.budget != self.budget:
            raise ProblemError("the fronts are of different objectives or budgets")
        arrays = {name: np.concatenate([getattr(self, name), getattr(more, name)]) for name in ARRAYS}
        return Front(
            self.objectives, **arrays, kind=(*self.kind, *more.kind), budget=self.budget,
            tolerance=self.tolerance, outcome=self.outcome,
        )  # fmt: skip

    def inner(self, weights: ArrayLike) -> Floats:
        """The most that a point is worth at each of the weights (N, K), (N,)."""
        return np.asarray((np.asarray(weights, dtype=np.float64) @ self.point.T).max(axis=1, initial=-np.inf))

    def violations(self) -> Floats:
        """By how much each point is beyond the planes, (P,): the most over planes, relative to 1 + |bound|.

        A number above rounding would disprove a bound, or the point.
        """
        proved = np.isfinite(self.bound)
        beyond = self.point @ self.weight[proved].T - self.bound[proved]
        relative = beyond / (1.0 + np.abs(self.bound[proved]))
        return np.asarray(np.maximum(relative.max(axis=1, initial=-np.inf), 0.0))

    def to_arrow(self) -> "pa.Table":
        """The columns of `front.parquet`: point, kind, one per objective (more is better), spend."""
        import pyarrow as pa

        columns = {name: pa.array(self.point[:, k]) for k, name in enumerate(self.objectives)}
        return pa.table(
            {
                "point": pa.array(range(len(self.kind)), pa.int64()),
                "kind": pa.array(self.kind, pa.string()),
                **columns,
                "spend": pa.array(self.spend),
            }
        )

    def __len__(self) -> int:
        return len(self.kind)

    def __repr__(self) -> str:
        proved = self.gap[np.isfinite(self.bound)]
        gap = f"largest gap {proved.max():.2g}" if proved.size else "no bounds"
        return f"Front({len(self)} points of {', '.join(self.objectives)} at budget {self.budget:g}: {gap})"


ARRAYS = ("weight", "point", "spend", "bound", "price")
COLUMNS = ("point", "kind", "policy", "department", "spend", "value", "bound", "gap", "price")
"""Of its tables, beside one for each objective."""


def require_names(objectives: Sequence[str]) -> None:
    """Refuse objectives whose columns a front has already.

    Raises
    ------
    ProblemError
        Naming them.
    """
    if taken := [name for name in objectives if name in COLUMNS]:
        raise ProblemError(
            f"objectives names {', '.join(map(repr, taken))}, and tables of a front have columns of that "
            f"name: call it otherwise than {', '.join(COLUMNS)}"
        )


def _require_sound(front: Front) -> None:
    require_names(front.objectives)
    wrong = np.flatnonzero(~((front.weight > 0).all(axis=1) & (np.abs(front.weight.sum(axis=1) - 1) < 1e-9)))
    if wrong.size:
        raise ProblemError(
            f"point {wrong[0]}: weights must be > 0 and sum to 1; they are {front.weight[wrong[0]].tolist()}"
        )
    if not np.isfinite(front.point).all() or not np.isfinite(front.spend).all():
        raise ProblemError("points and spends must be finite numbers")
    if not (np.isfinite(front.budget) and front.budget >= 0):
        raise ProblemError(f"the budget is {front.budget}; it must be a number >= 0")
    if any(kind not in KINDS for kind in front.kind):
        raise ProblemError(f"kinds are {' and '.join(KINDS)}; got {sorted(set(front.kind))}")
    over = np.flatnonzero(front.spend > front.budget * (1.0 + ROUNDING))
    if over.size:
        p = int(over[0])
        raise ProblemError(f"point {p} spends {front.spend[p]:.10g}, and the budget is {front.budget:.10g}")
    value = front.value
    beyond = np.flatnonzero(~(value <= front.bound + ROUNDING * (1.0 + np.abs(value))))
    if beyond.size:
        p = int(beyond[0])
        raise ProblemError(
            f"point {p} is worth {value[p]:.10g} at its weights, and its bound is {front.bound[p]:.10g}"
        )
