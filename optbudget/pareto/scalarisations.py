"""Weights and prices under which one vector of learned values is looked at, stage by stage.

A plan of rewards :math:`R_t` (K objectives, more is better) and spends :math:`c_t` is sought for weights
:math:`\\omega` and a price λ of money now by maximising

.. math:: E \\sum_t \\gamma^t\\, \\omega \\cdot R_t - \\lambda\\, \\gamma_c^t\\, c_t,

so that of plans from stage t on, with vector value V and spend B of their own, the best has the most
:math:`\\gamma^t\\, \\omega \\cdot V - \\lambda \\gamma_c^t B`: what aims at the next decision is
:math:`(\\omega, -\\lambda (\\gamma_c / \\gamma)^t)`, up to a factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.pareto.arguments import floats, number, of_kind, whole
from optbudget.problems import Departments

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LearningTask:
    """What a learner must be told of departments: how many there are of everything, and what a plan is worth.

    Attributes
    ----------
    regimes : how many there are
    states : for each department how many states it has of its own
    actions, objectives : how many
    discount, cost_discount : of rewards and of spend, in (0, 1]
    horizon : decisions of a plan, or None for endless ones, where both discounts must be the same, below 1

    Raises
    ------
    UsageError
        If a number is out of its range, or endless plans have unlike discounts, or none.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> task = LearningTask.of(two_departments())
    >>> task.states, task.horizon, task.stages, task.joint_states(0)
    ((2, 2), 3, 3, 4)
    """

    regimes: int
    states: tuple[int, ...]
    actions: int
    objectives: int
    discount: float
    cost_discount: float
    horizon: int | None

    def __post_init__(self) -> None:
        horizon = 1 if self.horizon is None else self.horizon
        sizes = {"regimes": self.regimes, "actions": self.actions, "objectives": self.objectives}
        for name, size in {**sizes, "horizon": horizon, "states": min(self.states, default=0)}.items():
            whole(name, size, least=1)
        for name in ("discount", "cost_discount"):
            number(name, getattr(self, name), "[0, 1]")
        if self.horizon is None and not self.discount == self.cost_discount < 1.0:
            raise UsageError(
                "endless plans are learned where discount and cost_discount are the same number below 1; "
                f"they are {self.discount:g} and {self.cost_discount:g}: give the model a horizon"
            )

    @classmethod
    def of(cls, departments: Departments) -> "LearningTask":
        """The sizes of a model, and what its plans are worth."""
        held = of_kind("departments", departments, Departments).held
        regimes = len(departments.regimes)
        count = dict.fromkeys(departments.departments, 0)
        for name in held.state_type:
            count[name] += 1
        return cls(
            regimes, tuple(n // regimes for n in count.values()), len(held.actions),
            len(departments.objectives), held.discount, held.cost_discount, held.horizon,
        )  # fmt: skip

    @property
    def stages(self) -> int:
        """Numbers of decisions to go that are told apart: the horizon, or one."""
        return 1 if self.horizon is None else self.horizon

    def component_discounts(self) -> NDArray[np.float32]:
        """The discount of each objective and of the spend, (K + 1,)."""
        return np.array([self.discount] * self.objectives + [self.cost_discount], dtype=np.float32)

    def joint_states(self, department: int) -> int:
        """Pairs of regime and state of a department, counted regime by regime."""
        return self.regimes * self.states[department]


@dataclass(frozen=True, eq=False)
class Scalarisations:
    """P weights, and L prices of money for each.

    Attributes
    ----------
    weight : (P, K) > 0
    price : (P, L) >= 0, value at the weights of one more unit of money, rising

    Raises
    ------
    UsageError
        If shapes do not fit or a number is not as said.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> both = Scalarisations([[0.5, 0.5]], [[0.1, 0.9]])
    >>> both.aims(LearningTask.of(two_departments())).round(3).tolist()[0]
    [[0.405, 0.405], [0.405, 0.405], [-0.1, -0.9]]
    """

    weight: Floats
    price: Floats

    def __post_init__(self) -> None:
        for name, column, within in (("weight", "K", "(0, inf)"), ("price", "L", "[0, inf)")):
            array = floats(f"{name}s", getattr(self, name), ("P", column), within).copy()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if len(self.weight) != len(self.price):
            raise UsageError(f"there are {len(self.weight)} rows of weights and {len(self.price)} of prices")
        if not (np.diff(self.price, axis=1) >= 0).all():
            raise UsageError("prices must rise")

    @property
    def size(self) -> int:
        """Weights times prices."""
        return self.price.size

    def require(self, task: LearningTask) -> None:
        """Refuse a task of another number of objectives."""
        if self.weight.shape[1] != task.objectives:
            raise UsageError(f"weights are of {self.weight.shape[1]} objectives; there are {task.objectives}")

    def aims(self, task: LearningTask) -> Floats:
        """What each component counts with k + 1 decisions to go, (stages, K + 1, P * L).

        The horizon's stage is T - 1 - k; of its two factors the larger is 1.
        """
        stage = np.arange(task.stages)[::-1] if task.horizon else np.zeros(1)
        scale = np.stack([task.discount**stage, task.cost_discount**stage])
        scale /= scale.max(axis=0)
        weight = np.repeat(self.weight.T, self.price.shape[1], axis=1)
        both = np.concatenate([
            scale[0, :, None, None] * weight, -scale[1, :, None, None] * self.price.ravel(),
        ], axis=1)  # fmt: skip
        return np.asarray(both)


def same_prices(
    weight: Sequence[Sequence[float]] | Floats, price: Sequence[float] | Floats
) -> Scalarisations:
    """The same prices for all weights.

    Examples
    --------
    >>> same_prices([[0.5, 0.5], [0.9, 0.1]], [0.0, 1.0]).size
    4
    """
    rows, prices = floats("weights", weight, ("P", "K")), floats("prices", price, ("L",))
    return Scalarisations(rows, np.tile(prices, (len(rows), 1)))


LINE = 16
"""Numbers of single precision in a cache line; blocks are made of whole ones."""


def lanes(size: int, most: int) -> int:
    """Scalarisations side by side in a block: whole cache lines, about `most`, and few left over.

    Examples
    --------
    >>> [lanes(size, 64) for size in (5, 40, 64, 70, 200)], lanes(200, 5)
    ([16, 48, 64, 48, 64], 16)
    """
    blocks = -(-size // max(most, LINE))
    return LINE * -(-size // (blocks * LINE))


def blocked_aims(task: LearningTask, scalarisations: Scalarisations, lane: int) -> NDArray[np.float32]:
    """What each component counts, in blocks of `lane` scalarisations: (B, stages, K + 1, lane).

    It is 0 for the places that are left over in the last block.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> task = LearningTask.of(two_departments())
    >>> blocked_aims(task, same_prices([[0.5, 0.5]], np.arange(20.0)), 16).shape
    (2, 3, 3, 16)
    """
    aims = scalarisations.aims(task)
    blocks = -(-scalarisations.size // lane)
    padded = np.zeros((*aims.shape[:2], blocks * lane), dtype=np.float32)
    padded[:, :, : scalarisations.size] = aims
    parts = padded.reshape(*aims.shape[:2], blocks, lane).transpose(2, 0, 1, 3)
    return np.ascontiguousarray(parts)
