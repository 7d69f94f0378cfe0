"""Arguments of the Python interface, refused by name and by what is allowed, before any work is done.

A range is written as an interval: `"[0, inf)"` is 0 and above, infinity left out. NaN is in none.
"""

from numbers import Integral
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import ProblemError, UsageError
from optbudget.problems.columns import as_number

Floats = NDArray[np.float64]
Kind = TypeVar("Kind")

ANY = "(-inf, inf)"


def of_kind(name: str, given: object, kind: type[Kind]) -> Kind:
    """An argument that must be of a type.

    Examples
    --------
    >>> of_kind("departments", 3, str)
    Traceback (most recent call last):
        ...
    optbudget.errors.UsageError: departments must be a str; got 3
    """
    if not isinstance(given, kind):
        raise UsageError(f"{name} must be a {kind.__name__}; got {given!r:.60}")
    return given


def whole(name: str, given: object, *, least: int = 0) -> int:
    """A whole number from `least` on."""
    if isinstance(given, bool) or not isinstance(given, Integral) or given < least:
        raise UsageError(f"{name} is {given!r:.40}; it must be a whole number >= {least}")
    return int(given)


def place(name: str, given: object, count: int) -> int:
    """The number of one of so many things that are numbered from 0.

    Examples
    --------
    >>> place("point", 2, 2)
    Traceback (most recent call last):
        ...
    optbudget.errors.UsageError: point is 2; there are 2, numbered from 0
    """
    if isinstance(given, bool) or not isinstance(given, Integral) or not 0 <= int(given) < count:
        raise UsageError(f"{name} is {given!r:.40}; there are {count}, numbered from 0")
    return int(given)


def number(name: str, given: object, within: str) -> float:
    """A number within a range.

    Examples
    --------
    >>> number("discount", 1.0, "(0, 1)")
    Traceback (most recent call last):
        ...
    optbudget.errors.UsageError: discount is 1.0; it must be a number in (0, 1)
    """
    try:
        value = as_number(given, name)
    except ProblemError:
        value = np.nan
    if not _inside(np.float64(value), within).all():
        raise UsageError(f"{name} is {given!r:.40}; it must be a number in {within}")
    return value


def floats(name: str, given: ArrayLike, shape: tuple[int | str, ...], within: str = ANY) -> Floats:
    """An array of numbers within a range, of a shape in which letters stand for any size from 1 on.

    Examples
    --------
    >>> floats("weights", [[1.0, np.nan]], ("P", 2), "(0, inf)")
    Traceback (most recent call last):
        ...
    optbudget.errors.UsageError: weights must be numbers in (0, inf); one is nan
    """
    array, wanted = as_floats(name, given), f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
    sizes = zip(array.shape, shape, strict=False)
    if array.ndim != len(shape) or not all(
        n > 0 if isinstance(size, str) else n == size for n, size in sizes
    ):
        raise UsageError(f"{name} must have shape {wanted}; got {array.shape}")
    wrong = ~_inside(array, within)
    if wrong.any():
        raise UsageError(f"{name} must be numbers in {within}; one is {array[wrong][0]:g}")
    return array


def as_floats(name: str, given: object) -> Floats:
    """An array of numbers, whatever its shape."""
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"{name} must be numbers, in rows of one length; got {given!r:.60}") from None


def _inside(numbers: ArrayLike, within: str) -> NDArray[np.bool_]:
    low, high = map(float, within[1:-1].split(","))
    array = np.asarray(numbers)
    above = array >= low if within[0] == "[" else array > low
    return np.asarray(above & (array <= high if within[-1] == "]" else array < high))
