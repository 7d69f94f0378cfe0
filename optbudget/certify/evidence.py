"""What the checker's own passes say about a problem: lines from above, points from below."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import Ties
from optbudget.certify.envelope import convex_intercepts
from optbudget.certify.support import Support, support
from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]

MOMENTS = 1 << 22
"""States times prices up to which every variance is compared; beyond, those of a spread of prices."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the checker's own passes say: lines by falling finite price, and points by falling price.

    `least` is the lexicographic pass at the price inf: it proves what no policy can spend less than.
    `moment_room` (K,) says how far second moments of stationary policies may be off; None elsewhere.
    """

    lines: Support
    points: Support
    least: Support
    moment_room: Floats | None = None


def gather(
    problem: BudgetedMDP, prices: Floats, *, decisions: int | None = None, moments: bool = False
) -> Evidence:
    """One strict pass at all prices, and one at inf whether or not it is among them.

    With `moments` the pass carries second moments too, unless the problem is too large for that.
    """
    price = np.unique(prices[~np.isnan(prices)])[::-1]
    moments = moments and price.size * problem.n_states <= MOMENTS
    points = support(problem, price, decisions=decisions, moments=moments)
    infinite = price.size > 0 and np.isinf(price[0])
    least = columns(points, slice(0, 1)) if infinite else support(problem, [np.inf], decisions=decisions)
    return Evidence(lines_of(points), points, least)


def lines_of(points: Support) -> Support:
    """The finite prices of a pass by falling price, their intercepts made convex in the price."""
    lines = columns(points, slice(int(np.isinf(points.price).sum()), None))
    return replace(lines, intercept=convex_intercepts(lines.price, lines.intercept))


def columns(lines: Support, chosen: slice) -> Support:
    """Some of the prices of a pass; views, not copies."""

    def pick(array: Floats | None) -> Floats | None:
        return None if array is None else array[:, chosen]

    return replace(
        lines, price=lines.price[chosen], intercept=lines.intercept[:, chosen],
        spend=lines.spend[:, chosen], value=lines.value[:, chosen],
        value_error=lines.value_error[:, chosen], pair=lines.pair[:, chosen],
        second_moment=pick(lines.second_moment), ambiguity=pick(lines.ambiguity),
        following_spend=pick(lines.following_spend), following_value=pick(lines.following_value),
    )  # fmt: skip


TIES: tuple[Ties, ...] = ("least", "strict", "most")


def with_ties(
    problem: BudgetedMDP, points: Support, where: NDArray[np.int64], *, decisions: int | None = None
) -> tuple[Support, NDArray[np.int64]]:
    """A strict pass, and at some of its columns the points that spend least and most among tied actions.

    Returns the points by falling price, and for each column which of `TIES` it comes from.
    """
    least, most = (
        support(problem, points.price[where], decisions=decisions, ties=ties) for ties in ("least", "most")
    )
    parts = (least, points, most)
    kind = np.repeat([0, 1, 2], [part.price.size for part in parts])
    order = np.lexsort((kind, -np.concatenate([part.price for part in parts])))

    def joined(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts], axis=-1)[..., order]

    both = replace(
        points, price=joined("price"), intercept=joined("intercept"), spend=joined("spend"),
        value=joined("value"), value_error=joined("value_error"), pair=joined("pair"),
        second_moment=None, ambiguity=None,
    )  # fmt: skip
    return both, kind[order]
