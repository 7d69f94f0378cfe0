"""How fast is learned, and how much is tried, as steps go by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.pareto.arguments import number, whole

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """The learning rate of the n-th visit: first * ((1 + shift) / (n + shift))^power.

    Power 0 is a constant rate; power 1 with shift 0 and first 1 averages all that was seen. In between, what
    was learned from early, wrong values ahead is forgotten: the more, the smaller the power.

    Examples
    --------
    >>> Rate(power=1.0).of([1, 2, 4])
    array([1.  , 0.5 , 0.25])
    >>> Rate(first=0.5, power=0.0).of([1, 7])
    array([0.5, 0.5])
    """

    first: float = 1.0
    power: float = 0.9
    shift: float = 0.0

    def __post_init__(self) -> None:
        number("first", self.first, "(0, 1]")
        number("power", self.power, "[0, 1]")
        number("shift", self.shift, "[0, inf)")

    def of(self, visit: ArrayLike) -> Floats:
        """The rates of visits counted from 1."""
        visits = np.asarray(visit, dtype=np.float64)
        return np.asarray(self.first * ((1.0 + self.shift) / (visits + self.shift)) ** self.power)


@dataclass(frozen=True)
class FadingExploration:
    """The chance of exploring at a step: from `first` to `last` in a line over `steps`.

    Examples
    --------
    >>> FadingExploration(first=1.0, last=0.2, steps=100).of([0, 50, 1000])
    array([1. , 0.6, 0.2])
    """

    first: float = 1.0
    last: float = 0.1
    steps: int = 10_000

    def __post_init__(self) -> None:
        number("first", self.first, "[0, 1]")
        number("last", self.last, f"[0, {self.first:g}]")
        whole("steps", self.steps, least=1)

    def of(self, step: ArrayLike) -> Floats:
        """The chances at steps counted from 0."""
        part = np.minimum(1.0, np.asarray(step, dtype=np.float64) / self.steps)
        return np.asarray(self.first + part * (self.last - self.first))
