"""Units of several kinds that the log does not name: mixtures of variable-order chains, by EM.

Unit u is of component k with probability :math:`\\pi_k`, once and for all; its events then follow component
k's rows, each by the longest of a fixed set of contexts. With :math:`n_u(c, e)` how often e followed context
c in the histories of u, the likelihood of a log is

.. math:: L(\\pi, p) = \\sum_u \\log \\sum_k \\pi_k \\prod_{c, e} p_k(e \\mid c)^{n_u(c, e)} .

EM (Dempster, Laird & Rubin 1977) takes turns at two steps:

.. math::
   r_{uk} \\propto \\pi_k \\prod p_k(e \\mid c)^{n_u(c, e)}, \\qquad
   \\pi_k = \\tfrac1U \\sum_u r_{uk}, \\quad
   p_k(e \\mid c) = \\frac{\\sum_u r_{uk} n_u(c, e) + s\\, q(e \\mid c)}{\\sum_u r_{uk} n_u(c) + s} .

The second maximises what the first bounds L by from below, so L never falls; with smoothing s > 0 this holds
of L and :math:`s \\sum_k \\sum_{c, e} q(e \\mid c) \\log p_k(e \\mid c)`, q the rows of the whole log: the
posterior under a Dirichlet prior. It is checked at each step. All products are sums of logarithms.

L has many local maxima. EM begins at several random rows, q with every event and pair of events made likelier
or less likely by a random factor; the best of these after a few steps goes on. It stops where what is left
to gain is small, by Aitken's extrapolation :math:`\\delta_t \\rho / (1 - \\rho)`, :math:`\\rho = \\delta_t /
\\delta_{t-1}`, of the gains :math:`\\delta` (Böhning et al. 1994). No more is promised than a stationary
point.
A component of less than one unit is dropped. Components go by weight, the largest first.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import InterruptedWork, LimitError, ProblemError
from optbudget.learn._mixture_kernels import entries, expect, longest_nodes, weigh
from optbudget.learn.contexts import START, ContextTree
from optbudget.problems.columns import Codes, Floats
from optbudget.problems.history_counts import Packing, Words
from optbudget.problems.unit_histories import UnitHistories
from optbudget.status import Termination

if TYPE_CHECKING:
    from optbudget.workers import Monitor

FIRST_STEPS = 12
"""Steps that every start takes before the best goes on."""

TILT = 1.0
"""Standard deviation of the logarithm of the random factors at a start."""

SMALLEST = 1.0
"""Units that a component must have."""

ROUNDING = 1e-11
"""Relative fall of the likelihood that rounding explains."""


@dataclass(frozen=True, eq=False, repr=False)
class Followed:
    """What followed in each unit's histories, as entries of the rows of a fixed set of contexts.

    Attributes
    ----------
    ptr : (U+1,) entries of unit u are entry[ptr[u]:ptr[u+1]]
    entry : (N,) index into the rows
    row_ptr, recent, symbol : (n+1,) rows; (z,) for each entry the most recent event of its context, and the
        event that followed
    """

    ptr: Codes
    entry: Codes
    row_ptr: Codes
    recent: Codes
    symbol: Codes

    @property
    def units(self) -> int:
        return self.ptr.size - 1

    @classmethod
    def of(
        cls, histories: UnitHistories, tree: ContextTree, units: NDArray[np.bool_] | None = None
    ) -> "Followed":
        """By the longest contexts of a tree that was grown from these units, all or some."""
        ptr, words = chosen_units(histories, units)
        packing = histories.counts.packing
        entry = np.empty(words.shape[0], dtype=np.int64)
        following = packing.symbol(words, packing.order)
        entries(nodes_of(words, tree, packing), following, tree.row_ptr, tree.row_symbol, entry)
        recent = np.repeat(tree.recent, np.diff(tree.row_ptr))
        return cls(ptr, entry, tree.row_ptr, recent, tree.row_symbol.astype(np.int64))


@dataclass(frozen=True, eq=False, repr=False)
class Mixture:
    """K components and who belongs to them.

    Attributes
    ----------
    weight : (K,) share of the units, falling
    member : (U, K) probability of each unit to be of each component; rows sum to 1
    log_likelihood : L in nats when the memberships were computed; with the rows and weights that follow from
        these it is no less
    trace : what EM maximises, at each step; it does not fall
    stop : "converged", or "iterations" where there were too many
    starts : what each random start had reached when the best of them was chosen
    asked : components asked for; K is less where some were dropped for want of units
    """

    weight: Floats
    member: Floats
    log_likelihood: float
    trace: tuple[float, ...]
    stop: Literal["converged", "iterations"]
    starts: tuple[float, ...]
    asked: int

    @property
    def components(self) -> int:
        return self.weight.size

    @property
    def certainty(self) -> float:
        """The probability of a unit's likeliest component, on average: 1/K says that nothing is known."""
        return float(self.member.max(axis=1).mean())

    def __repr__(self) -> str:
        shares = ", ".join(f"{100 * w:.1f} %" for w in self.weight)
        return f"Mixture({self.member.shape[0]:,} units: {shares}; {len(self.trace)} steps, {self.stop})"


def fit_mixture(
    followed: Followed,
    components: int,
    *,
    seed: int = 0,
    starts: int = 8,
    smoothing: float = 0.0,
    tolerance: float = 1e-7,
    max_iterations: int = 1000,
    start: Floats | None = None,
    monitor: "Monitor | None" = None,
) -> Mixture:
    """EM from the best of several starts.

    Parameters
    ----------
    components : K >= 1, at most the number of units
    seed : of the starts; equal seeds give equal mixtures, whatever the number of threads
    starts : how many; each takes 12 steps
    smoothing : s >= 0, counts added to each row in the proportions of the whole log's
    tolerance : stop where this much is left to gain, nats per event
    start : (U, K) memberships to begin at, instead of random ones

    Raises
    ------
    ProblemError
        If there are fewer units than components, or an option is out of range.
    LimitError, InterruptedWork
        If the monitor says so.
    """
    _require(followed, components, starts, smoothing, tolerance, max_iterations, start)
    climb = _Climb(followed, smoothing, tolerance, monitor)
    if start is not None or components == 1:
        begun = np.ones((followed.units, 1)) if start is None else start / start.sum(axis=1, keepdims=True)
        reached: tuple[float, ...] = ()
    else:
        tried = [climb.run(climb.tilted(components, (seed, k)), FIRST_STEPS) for k in range(starts)]
        reached = tuple(run.trace[-1] for run in tried)
        begun = tried[int(np.argmax(reached))].member
    run = climb.run(begun, max_iterations)
    weight = run.member.mean(axis=0)
    order = np.argsort(-weight, kind="stable")
    return Mixture(
        weight[order], run.member[:, order], run.likelihood, tuple(run.trace), run.stop, reached, components
    )


def _require(
    followed: Followed, components: int, starts: int, smoothing: float, tolerance: float, steps: int,
    start: Floats | None,
) -> None:  # fmt: skip
    if components < 1:
        raise ProblemError(f"components is {components}; it must be at least 1")
    if components > followed.units:
        raise ProblemError(f"{components} components are more than the {followed.units} units of the log")
    if starts < 1 or steps < 1:
        raise ProblemError("starts and max_iterations must be at least 1")
    if not (smoothing >= 0 and tolerance >= 0):
        raise ProblemError("smoothing and tolerance must be >= 0")
    if start is not None and start.shape != (followed.units, components):
        raise ProblemError(f"start must have shape ({followed.units}, {components})")


@dataclass(slots=True)
class _Run:
    """Where a climb has come: what is maximised at each step, and weights, memberships, L at the last."""

    weight: Floats
    member: Floats
    likelihood: float
    trace: list[float]
    stop: Literal["converged", "iterations"]


class _Climb:
    """The two steps, on one log."""

    def __init__(
        self, followed: Followed, smoothing: float, tolerance: float, monitor: "Monitor | None"
    ) -> None:
        self.followed, self.smoothing, self.monitor = followed, smoothing, monitor
        self.width = np.diff(followed.row_ptr)
        times = np.bincount(followed.entry, minlength=followed.symbol.size).astype(np.float64)
        total = self.by_row(times)
        # A context that is never the longest has no row of its own; any will do.
        alike = 1.0 / np.repeat(self.width, self.width)
        self.whole = np.where(total > 0, times / np.maximum(total, 1.0), alike)
        self.enough = tolerance * followed.entry.size

    def by_row(self, of_entry: Floats) -> Floats:
        """The sum over each entry's row, (z,) or (K, z)."""
        total = np.add.reduceat(of_entry, self.followed.row_ptr[:-1], axis=-1)
        return np.asarray(np.repeat(total, self.width, axis=-1))

    def tilted(self, components: int, seed: tuple[int, int]) -> Floats:
        """Memberships by the rows of the whole log with random factors for events and pairs of events."""
        draw = np.random.default_rng(seed)
        kinds = int(max(self.followed.recent.max(), self.followed.symbol.max())) + 1
        single = TILT * draw.standard_normal((components, kinds))
        pair = TILT * draw.standard_normal((components, kinds, kinds))
        factor = np.exp(single[:, self.followed.symbol] + pair[:, self.followed.recent, self.followed.symbol])
        rows = self.whole * factor
        total = self.by_row(rows)
        rows = np.divide(rows, total, out=np.zeros_like(rows), where=total > 0)
        return self.expected(np.full(components, 1.0 / components), rows)[1]

    def expected(self, weight: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """The E-step: log-likelihood (U,) and memberships (U, K)."""
        units = self.followed.units
        member, found = np.empty((units, weight.size)), np.empty(units)
        with np.errstate(divide="ignore"):
            logs = np.ascontiguousarray(np.log(rows).T)
        expect(self.followed.ptr, self.followed.entry, logs, np.log(weight), member, found)
        return found, member

    def maximised(self, member: Floats) -> tuple[Floats, Floats]:
        """The M-step: weights (K,) and rows (K, z)."""
        times = np.zeros((member.shape[1], self.followed.symbol.size))
        weigh(self.followed.ptr, self.followed.entry, member, times)
        times += self.smoothing * self.whole
        total = self.by_row(times)
        rows = np.where(total > 0, times / np.where(total > 0, total, 1.0), self.whole)
        return member.mean(axis=0), rows

    def prior(self, rows: Floats) -> float:
        """What smoothing adds to L."""
        if self.smoothing == 0:
            return 0.0
        there = self.whole > 0
        return float(self.smoothing * (self.whole[there] * np.log(rows[:, there])).sum())

    def run(self, member: Floats, steps: int) -> _Run:
        """So many steps at most from these memberships."""
        trace: list[float] = []
        gain = np.inf
        for _ in range(steps):
            _go_on(self.monitor)
            weight, rows = self.maximised(member)
            enough = weight * self.followed.units >= SMALLEST - 1e-9
            if not enough.all() and weight.size > 1:
                # What is left is another, smaller mixture: it begins a trace of its own.
                enough[int(np.argmax(weight))] = True
                member, trace, gain = _without(member, enough), [], np.inf
                weight, rows = self.maximised(member)
            logs, member = self.expected(weight, rows)
            likelihood = float(logs.sum())
            trace.append(likelihood + self.prior(rows))
            if len(trace) > 1:
                last, gain = gain, trace[-1] - trace[-2]
                _require_no_fall(trace)
                if _left(gain, last) <= self.enough:
                    return _Run(weight, member, likelihood, trace, "converged")
        return _Run(weight, member, likelihood, trace, "iterations")


def _left(gain: float, last: float) -> float:
    """What is left to gain, by Aitken's extrapolation; infinite where gains do not shrink."""
    if gain <= 0:
        return 0.0
    if not np.isfinite(last) or gain >= last:
        return np.inf
    return gain * max(1.0, gain / (last - gain))


def _require_no_fall(trace: list[float]) -> None:
    before, now = trace[-2:]
    assert now >= before - ROUNDING * (1.0 + abs(before)), f"the likelihood fell from {before!r} to {now!r}"


def _without(member: Floats, kept: NDArray[np.bool_]) -> Floats:
    """Memberships without some components; who belonged to these alone is of all others alike."""
    left = member[:, kept]
    total = left.sum(axis=1, keepdims=True)
    return np.where(total > 0, left / np.where(total > 0, total, 1.0), 1.0 / left.shape[1])


def chosen_units(histories: UnitHistories, units: NDArray[np.bool_] | None) -> tuple[Codes, Words]:
    """Pointer and grams of some units."""
    if units is None or units.all():
        return histories.ptr, histories.words
    size = np.diff(histories.ptr)
    return np.append(0, np.cumsum(size[units])), histories.words[np.repeat(units, size)]


def nodes_of(words: Words, tree: ContextTree, packing: Packing) -> Codes:
    """The longest context of each gram's history, (N,)."""
    places = [packing.place(position) for position in range(packing.order)]
    layout = (
        np.array([word for word, _ in places]),
        np.array([shift for _, shift in places], dtype=np.uint64),
        np.uint64((1 << packing.bits) - 1),
    )
    found = np.empty(words.shape[0], dtype=np.int64)
    longest_nodes(words, (tree.child_ptr, tree.symbol, START), layout, found)
    return found


def _go_on(monitor: "Monitor | None") -> None:
    reason = None if monitor is None else monitor.stop_reason()
    if reason is Termination.INTERRUPTED:
        raise InterruptedWork("interrupted; nothing was written")
    if reason is not None:
        raise LimitError("the time limit was reached before the mixture was found")
