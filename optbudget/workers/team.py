"""Parts that stay where they are, and work that is done on every part and exchanged between them.

A value of every part lies with the part, and this program holds only a handle to all of them, an *each*.
Functions are applied where the values lie; `exchange` sends what parts need of one another:

    each(function, x, y)[p] = function(x[p], y[p])
    exchange(cut, x, y)[p]  = [cut(x[0], y[0], p), ..., cut(x[k-1], y[k-1], p)]

All functions are importable and pure, so what is lost with a worker may be made again.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any, Self

Each = Any
"""A handle to one value per part; what is behind it goes when the handle does."""


class Team(ABC):
    """Those who hold the parts; end it by `close` or `with`.

    Attributes
    ----------
    where : how the team is called in messages
    """

    where: str

    @abstractmethod
    def deal(self, values: Iterable[Any]) -> Each:
        """One value to every part, in order; each is let go before the next is made."""

    @abstractmethod
    def each(self, function: Callable[..., Any], *given: Each) -> Each:
        """A function applied to the values of every part, where they lie."""

    @abstractmethod
    def fetch(self, each: Each) -> list[Any]:
        """The values of all parts."""

    @abstractmethod
    def fetch_one(self, each: Each, part: int) -> Any:
        """The value of one part."""

    @abstractmethod
    def size(self, each: Each) -> int:
        """How many parts there are."""

    def exchange(self, cut: Callable[..., Any], *given: Each) -> Each:
        """What every part is sent by all; ``cut(*given, other)`` is sent to part number `other`."""
        count = self.size(given[0])
        cuts = self.fetch(self.each(partial(_all_cuts, cut, count), *given))
        return self.deal([cuts[q][p] for q in range(count)] for p in range(count))

    @abstractmethod
    def close(self) -> None:
        """Let everything go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TeamHere(Team):
    """All parts in this process, one after another: nothing is saved by it, but it can be looked at.

    Examples
    --------
    >>> with TeamHere() as team:
    ...     parts = team.deal([1, 4, 9])
    ...     team.fetch(team.each(float, parts))
    [1.0, 4.0, 9.0]
    """

    where = "this process"

    def deal(self, values: Iterable[Any]) -> Each:
        return list(values)

    def each(self, function: Callable[..., Any], *given: Each) -> Each:
        return [function(*values) for values in zip(*given, strict=True)]

    def fetch(self, each: Each) -> list[Any]:
        return list(each)

    def fetch_one(self, each: Each, part: int) -> Any:
        return each[part]

    def size(self, each: Each) -> int:
        return len(each)

    def close(self) -> None:
        """Nothing is held."""


def _all_cuts(cut: Callable[..., Any], count: int, *given: Any) -> list[Any]:
    return [cut(*given, other) for other in range(count)]
