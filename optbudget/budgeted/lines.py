"""What a batch of prices says about every curve: a point on it, and a line above it.

For a price :math:`\\lambda \\ge 0` a policy that is best for the reward :math:`r - \\lambda c` has, from
state :math:`s`, expected spend :math:`b` and value :math:`v`, so :math:`(b, v)` can be achieved, and

.. math:: V(s, b') \\le w(s) + \\lambda b' \\quad\\text{for every } b', \\qquad w = v - \\lambda b,

by Lagrangian duality: no policy does better against a price on money than the one that is best
against it. Points from below and lines from above are all that the curves are made of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import _bracket_kernels as kernels

Floats = NDArray[np.float64]

LARGE = 64 << 20
"""Bytes of a field from which on batches are left as they came: joining them each time would copy all."""

NEAR = 1 << 20
"""Bytes that are put in order at a time; they stay in a core's cache."""

STATES_AT_ONCE = 1 << 15
"""States of large lines that are put side by side at a time."""

STATE_AXIS_FIRST = ("spend", "value", "variance", "intercept", "action")


def falling(price: Floats) -> NDArray[np.intp]:
    """Places of the distinct prices by decreasing price; of equal ones, also infinite ones, the first."""
    _, first = np.unique(price, return_index=True)
    return np.asarray(first[::-1])


@dataclass(frozen=True, eq=False, repr=False)
class PriceLines:
    """K prices over n states: the point and the supporting line of each price in each state.

    Attributes
    ----------
    price : (K,) strictly decreasing, >= 0; inf is "least spend, then most value" and 0 is
        "most value, then least spend"
    spend, value : (n, K) money and value; expected spend and value of the price's own policy, as
        computed; the exact ones differ by at most `spend_error` and `value_error`
    variance : (n, K) money^2; variance of that policy's spend
    intercept : (n, K) V(s, b) <= intercept + price * b for every budget b, with rounding and any
        residual included; +inf at an infinite price
    action : (n, K) int32; what that policy does now, index into the problem's actions, -1 in
        terminal states
    spend_error, value_error : (K,) bounds on the rounding of spend and value
    """

    price: Floats
    spend: Floats
    value: Floats
    variance: Floats
    intercept: Floats
    action: NDArray[np.int32]
    spend_error: Floats
    value_error: Floats

    def __len__(self) -> int:
        return int(self.price.size)

    @property
    def n_states(self) -> int:
        return int(self.spend.shape[0])

    def vector(self, name: str) -> Floats:
        """A field of one number per price, (K,)."""
        return np.asarray(getattr(self, name))

    def take(self, columns: NDArray[np.integer] | slice) -> "PriceLines":
        """The lines of some of the prices; `columns` must keep them decreasing."""
        parts = {
            f.name: np.ascontiguousarray(getattr(self, f.name)[:, columns])
            if f.name in STATE_AXIS_FIRST
            else getattr(self, f.name)[columns]
            for f in fields(self)
        }
        return PriceLines(**parts)

    def of_states(self, first: int, last: int) -> "PriceLines":
        """The lines of states first, ..., last - 1, sharing their memory."""
        parts = {name: getattr(self, name)[first:last] for name in STATE_AXIS_FIRST}
        return replace(self, **parts)

    def at_states(self, states: NDArray[np.integer]) -> "PriceLines":
        """The lines of some of the states, in that order."""
        return replace(self, **{name: getattr(self, name)[states] for name in STATE_AXIS_FIRST})

    @classmethod
    def gather(cls, parts: "Sequence[PriceLines]") -> "PriceLines":
        """All lines of several batches, by decreasing price; of equal prices the first is kept."""
        price = np.concatenate([part.price for part in parts])
        order = falling(price)
        joined = {
            f.name: np.ascontiguousarray(
                np.concatenate([getattr(part, f.name) for part in parts], axis=-1)[..., order]
            )
            for f in fields(cls)
        }
        return cls(**joined)

    def __repr__(self) -> str:
        return f"PriceLines({len(self)} prices, {self.n_states:,} states)"


class GrowingLines:
    """Lines that keep coming: large ones stay as they came, small ones are joined at once.

    Attributes
    ----------
    price : (K,) strictly decreasing
    """

    def __init__(self, first: PriceLines) -> None:
        self._parts: dict[str, list[Floats]] = {f.name: [getattr(first, f.name)] for f in fields(PriceLines)}
        self._index()

    def __len__(self) -> int:
        return int(self.price.size)

    def _index(self) -> None:
        """Which part, and which column of it, each price is."""
        sizes = [part.size for part in self._parts["price"]]
        price = np.concatenate(self._parts["price"])
        self._order = np.argsort(-price, kind="stable")
        self.price = price[self._order]
        self._part = np.repeat(np.arange(len(sizes)), sizes)[self._order]
        self._column = np.concatenate([np.arange(size) for size in sizes])[self._order]

    def table(self, name: str, places: NDArray[np.integer]) -> Floats:
        """A field, (n, K), at some of the prices, numbered from high to low."""
        parts = self._parts[name]
        found = np.empty((parts[0].shape[0], places.size), dtype=parts[0].dtype)
        for number in np.unique(self._part[places]):
            here = np.flatnonzero(self._part[places] == number)
            kernels.pick_all(parts[number], self._column[places[here]], here, found)
        return found

    @property
    def n_states(self) -> int:
        return int(self._parts["spend"][0].shape[0])

    @property
    def large(self) -> bool:
        """Whether batches are left as they came."""
        return self.n_states * len(self) * 8 >= LARGE

    def vector(self, name: str) -> Floats:
        """A field of one number per price, (K,), by decreasing price."""
        return np.asarray(np.concatenate(self._parts[name])[self._order])

    def add(self, more: PriceLines) -> None:
        """Take in further lines; a price that is there already is not taken twice."""
        fresh = np.flatnonzero(~np.isin(more.price, self.price))
        more = more if fresh.size == len(more) else more.take(fresh)
        for name, parts in self._parts.items():
            parts.append(getattr(more, name))
        self._index()
        if not self.large:
            for name in self._parts:
                self._parts[name] = [self._whole(name, more.n_states)]
            self._index()

    def _of(self, number: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The columns of a part by decreasing price, and which of all prices they are."""
        place = np.flatnonzero(self._part == number)
        return self._column[place], place

    def _states(self, name: str, first: int, last: int) -> Floats:
        """A field of some states at all prices; a few at a time, so that what is put in order is near."""
        parts, size = self._parts[name], len(self)
        whole = np.empty((last - first, size), dtype=parts[0].dtype)
        step = max(1, NEAR // (8 * size))
        each = [(part, *self._of(number)) for number, part in enumerate(parts)]
        for low in range(first, last, step):
            high = min(low + step, last)
            for part, column, place in each:
                kernels.pick(low, high, part, column, place, whole[low - first : high - first])
        return whole

    def _whole(self, name: str, states: int) -> Floats:
        """A field of all states at all prices."""
        return self._states(name, 0, states) if name in STATE_AXIS_FIRST else self.vector(name)

    def blocks(self) -> Iterator[PriceLines]:
        """All lines by decreasing price, some states after others: nobody need hold them twice."""
        vectors = {f.name: self.vector(f.name) for f in fields(PriceLines) if f.name not in STATE_AXIS_FIRST}
        for first in range(0, self.n_states, STATES_AT_ONCE):
            last = min(first + STATES_AT_ONCE, self.n_states)
            tables = {name: self._states(name, first, last) for name in STATE_AXIS_FIRST}
            yield PriceLines(**vectors, **tables)  # type: ignore[arg-type]

    def finish(self) -> PriceLines:
        """All lines by decreasing price; what was held is given up field by field, to save memory."""
        states, done = self.n_states, {}
        for name in list(self._parts):
            done[name] = self._whole(name, states)
            del self._parts[name]
        return PriceLines(**done)  # type: ignore[arg-type]
