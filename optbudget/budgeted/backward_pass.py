"""One backward pass over a finite horizon answers a price for every state at once.

For a price :math:`\\lambda \\ge 0` on money, the ordinary Markov decision process with reward
:math:`r - \\lambda_k c` at the k-th decision, :math:`\\lambda_k = \\lambda (\\gamma_c/\\gamma)^k`, has

.. math:: w_k(s) = \\max_a \\; r_s^a - \\lambda_k c_s^a + \\gamma \\sum_j p_{sj}^a w_{k+1}(j),
          \\qquad w_T(s) = \\text{terminal utility}.

Its policy's expected spend :math:`b` and value :math:`v` (carried along, :math:`w = v - \\lambda_k b`) are a
point that can be achieved from s, and :math:`V(s, b') \\le w_0(s) + \\lambda b'` for every budget
:math:`b'`: shift any policy's discounted spend into the objective at price :math:`\\lambda`. Price
infinity and price 0 are lexicographic passes: least spend, then most value; most value, then least spend.

Rounding. One backup of a row of d entries errs by at most :math:`(d + c) u M_k` with
:math:`M_k = \\max|r| + \\gamma\\sigma \\max|v_{k+1}|` for values, and likewise for spends, so the running
bounds :math:`E_k = \\gamma\\sigma E_{k+1} + (d + c) u M_k` hold; c counts the remaining operations, the
comparisons of actions among them. The intercept of every line is raised by its bound.

Source: Lagrangian duality of constrained Markov decision processes (Altman 1999, ch. 3); the paper has
no counterpart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cached_property

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.budgeted import _end_kernels as end_kernels
from optbudget.budgeted import _sweep_kernels as kernels
from optbudget.budgeted.batch import CHUNKS, Batch, aligned
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.threads import at_most, worth
from optbudget.errors import InterruptedWork, LimitError, ProblemError
from optbudget.problems import BudgetedMDP
from optbudget.status import Termination
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

TINY = 2**12
IN_CACHE = 2**18
"""Row entries and states up to which threads take whole batches, not pieces of a stage."""


MOST_PAIRS = 2**31 - 1
"""Choices are kept as numbers of four bytes."""

NEAR = 2**12
"""States between two look-ups up to which the cache holds what is looked up next."""

AT_ONCE = 1e9
"""Transitions passed in one call of a kernel: a second or so, after which the monitor is asked again."""

CHUNK = 64
"""Prices that are kept together at least."""


def passes(
    problem: BudgetedMDP,
    prices: ArrayLike,
    *,
    keep_stages: Sequence[int] = (),
    monitor: Monitor | None = None,
) -> dict[int, PriceLines]:
    """Points and supporting lines of every state at each price, now and at the kept stages.

    Parameters
    ----------
    problem : with a finite horizon
    prices : (K,) value per money, >= 0, any order; inf and 0 are the lexicographic ends
    keep_stages : stages in 1..horizon-1 to report besides stage 0

    Returns
    -------
    dict
        For stage 0 and each kept stage k the lines of the curve with horizon - k decisions to go.
        Stage k's prices are price * (cost_discount / discount)^k, the price of money then.

    Raises
    ------
    ProblemError
        If the horizon is infinite, a price is negative or NaN, or a stage does not exist.
    LimitError, InterruptedWork
        If the monitor stops the work: a pass that is not finished says nothing.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> lines = passes(two_action_example(horizon=1), [np.inf, 8.0, 0.0])[0]
    >>> lines.spend, lines.value
    (array([[0., 1., 1.]]), array([[ 1., 10., 10.]]))

    Notes
    -----
    O(horizon x transitions) per price. Which prices are asked for together does not change a bit of
    any answer, nor does the number of threads.
    """
    wanted = np.unique(np.asarray(prices, dtype=np.float64))[::-1]
    if np.isnan(wanted).any() or (wanted < 0).any():
        raise ProblemError(f"prices must be >= 0; got {wanted[np.isnan(wanted) | (wanted < 0)][0]}")
    sweep = Sweep(problem, keep_stages)
    parts: list[dict[int, PriceLines]] = []
    ends = (wanted == 0) | np.isinf(wanted)
    with at_most(worth(problem)):
        if ends.any():
            parts.append(sweep.ends(monitor).only(wanted[ends]))
        if not ends.all():
            found = sweep.lines(wanted[~ends], monitor=monitor)
            if found is None:
                raise _stopped(monitor)
            parts.append(found)
    return {stage: PriceLines.gather([part[stage] for part in parts]) for stage in sweep.stages}


def _stopped(monitor: Monitor | None) -> LimitError | InterruptedWork:
    if monitor is not None and monitor.stop_reason() is Termination.INTERRUPTED:
        return InterruptedWork("stopped in the middle of a backward pass")
    return LimitError("the time limit was reached in the middle of a backward pass")


@dataclass(frozen=True, eq=False)
class Ends:
    """The two lexicographic passes, and the prices between which everything happens.

    Attributes
    ----------
    lines : per stage, the lines at prices inf and 0
    highest : no action changes at a finite price above this one; 0 if none ever does
    lowest : no action changes at a positive price below this one; inf if none ever does
    """

    lines: dict[int, PriceLines]
    highest: float
    lowest: float

    def only(self, prices: Floats) -> dict[int, PriceLines]:
        """The lines of one end or of both."""
        return {k: part.take(np.flatnonzero(np.isin(part.price, prices))) for k, part in self.lines.items()}


class Sweep:
    """A problem made ready for passes: its arrays, its rounding, and what is kept of each pass.

    Parameters
    ----------
    problem : with a finite horizon
    keep_stages : stages to report besides stage 0

    Notes
    -----
    Stages are held as float64. A pass on float32 takes policies that are best to its rounding only; no pass
    on doubles takes them, so nobody could check their points; and it was no faster (docs/scaling.md).
    """

    def __init__(self, problem: BudgetedMDP, keep_stages: Sequence[int] = ()) -> None:
        if problem.horizon is None:
            raise ProblemError("a price sweep by stages needs a finite horizon")
        self.problem = problem
        self.horizon: int = problem.horizon
        for stage in keep_stages:
            if not 0 <= stage < self.horizon:
                raise ProblemError(f"stage {stage} is not in 0..{self.horizon - 1}")
        self.stages = sorted({0, *keep_stages})
        self.rows = kernels.Rows(problem.row_ptr, problem.next_state, problem.probability)
        self.pairs = kernels.Pairs(
            problem.pair_ptr, problem.pair_row, problem.pair_action,
            problem.cost, problem.pair_reward, problem.terminal_utility,
        )  # fmt: skip
        self.rates = self._rates()

    def _rates(self) -> kernels.Rates:
        p = self.problem
        widths = np.diff(p.row_ptr)
        width = int(widths.max(initial=0))
        actions = int(np.diff(p.pair_ptr).max(initial=0))
        row = np.repeat(np.arange(widths.size), widths)
        high = float(np.bincount(row, p.probability, minlength=1).max(initial=0.0))
        return kernels.Rates(
            discount=p.discount,
            cost_discount=p.cost_discount,
            sum_high=high * (1 + (width + 2) * kernels.UNIT),
            rounding=(width + 8 + 6 * actions) * kernels.UNIT,
            nearest=2 * (width + 8) * kernels.UNIT,
            cost_high=float(p.cost.max(initial=0.0)),
            reward_high=float(np.abs(p.pair_reward).max(initial=0.0)),
        )

    @cached_property
    def scale(self) -> Floats:
        """(cost_discount / discount)^k for each stage, correctly rounded."""
        return price_scale(self.problem.discount, self.problem.cost_discount, self.horizon)

    @property
    def tiny(self) -> bool:
        """Whether a stage is too little work to be worth waking threads for."""
        return self.problem.next_state.size + self.problem.n_states <= TINY

    @property
    def in_cache(self) -> bool:
        """Whether a batch is best left to one thread, so that threads take whole batches."""
        return self.problem.next_state.size + self.problem.n_states <= IN_CACHE

    @cached_property
    def abreast(self) -> tuple[int, ...]:
        """Lanes of a pass at many prices: fewer where rows that follow each other look up states far apart.

        There every look-up is a cache miss, and what is fetched is as wide as the lanes.
        """
        p = self.problem
        if p.row_ptr.size <= 2 or p.n_states <= NEAR:
            return kernels.WIDE
        middle = p.next_state[(p.row_ptr[:-1] + p.row_ptr[1:] - 1) // 2].astype(np.int64)
        return kernels.NARROW if np.median(np.abs(np.diff(middle))) > NEAR else kernels.WIDE

    # -- ordinary prices ---------------------------------------------------------------------

    def lines(self, prices: Floats, *, monitor: Monitor | None = None) -> dict[int, PriceLines] | None:
        """Lines at finite positive prices, strictly decreasing; None if the monitor stopped the work."""
        require_numbered(self.problem.cost.size)
        narrow = -(-prices.size // len(kernels.NARROW)) >= numba.get_num_threads()
        if self.tiny or (self.in_cache and narrow):
            return self._narrow_lines(prices, monitor)
        if monitor is not None and monitor.stop_reason() is not None:
            return None
        width = kernels.NARROW if prices.size <= len(kernels.NARROW) else self.abreast
        batch = Batch.of(self, prices, monitor, width)
        return batch.lines() if batch.by_stages(monitor) else None

    def _narrow_lines(self, prices: Floats, monitor: Monitor | None) -> dict[int, PriceLines] | None:
        """Whole blocks by each thread, so many prices at a time that the monitor is asked often."""
        effort = float(self.horizon) * (self.problem.next_state.size + 2 * self.problem.cost.size + 1)
        step = max(1, int(AT_ONCE / effort / CHUNK)) * CHUNK
        parts = []
        for begin in range(0, prices.size, step):
            if monitor is not None and monitor.stop_reason() is not None:
                return None
            batch = Batch.of(self, prices[begin : begin + step], monitor, kernels.NARROW)
            batch.by_blocks(crossings=False)
            parts.append(batch.lines())
            if monitor is not None and prices.size > step:
                monitor.progress(min(1.0, (begin + step) / prices.size), f"{prices.size:,} prices passed")
        if len(parts) == 1:
            return parts[0]
        return {stage: PriceLines.gather([part[stage] for part in parts]) for stage in self.stages}

    def step(self, prices: Floats, *, monitor: Monitor | None = None) -> tuple[dict[int, PriceLines], Floats]:
        """The lines, and for each price the next one below at which any action changes (0: none)."""
        batch = Batch.of(self, prices, monitor, kernels.NARROW)
        below = batch.by_blocks(crossings=True)
        return batch.lines(), below

    def slack(self) -> Floats:
        """Per stage, how far apart, relatively, computed spends may be that are equal."""
        return self.rates.nearest * np.arange(self.horizon, 0, -1, dtype=np.float64)

    def rounding_bounds(self, peak: Floats, lost: Floats | None = None) -> tuple[Floats, Floats]:
        """`bounds_of_rounding` with the rates of this problem."""
        return bounds_of_rounding(self.rates, peak, lost)

    def as_lines(
        self,
        price: Floats,
        table: NDArray[np.floating],
        pair: NDArray[np.int32],
        spend_error: Floats,
        value_error: Floats,
    ) -> PriceLines:
        """Lines of (3, n, K) spends, values and variances, and of the pairs (n, K) that were chosen."""
        action = np.full(pair.shape, -1, dtype=np.int32)
        chosen = pair >= 0
        action[chosen] = self.problem.pair_action[pair[chosen]]
        return lines_of_table(price, table, action, spend_error, value_error)

    # -- the lexicographic ends --------------------------------------------------------------

    def ends(self, monitor: Monitor | None = None) -> Ends:
        """Least spend then most value, and most value then least spend.

        Raises
        ------
        LimitError, InterruptedWork
            Without the ends nothing is certified, so there is nothing to hand over.
        """
        n, count = self.problem.n_states, self.problem.row_ptr.size - 1
        require_numbered(self.problem.cost.size)
        if monitor is not None:
            monitor.require_memory(
                64.0 * (2 * n + count) + 120.0 * n * len(self.stages) + 160.0 * self.horizon,
                f"the sweep's two ends over {self.horizon:,} stages",
            )
        terminal = self.problem.terminal_utility
        future = aligned((n, 4, 2), np.float64)
        future[:] = 0.0
        future[:, kernels.VALUE] = terminal[:, None]
        future[:, kernels.SIZE] = np.abs(terminal)[:, None]
        present, product = aligned((n, 4, 2), np.float64), aligned((count, 4, 2), np.float64)
        chosen = np.empty((n, 2), dtype=np.int32)
        peak = np.zeros((self.horizon + 1, 3, 2))
        peak[-1, 1] = np.abs(terminal).max()
        turn = np.array([0.0, np.inf])
        slack, kept = self.slack(), {}
        chunks = 1 if self.tiny else CHUNKS
        touched = np.empty(chunks)
        for stage in reversed(range(self.horizon)):
            if monitor is not None and monitor.stop_reason() is Termination.INTERRUPTED:
                raise _stopped(monitor)
            with at_most(1 if self.in_cache else None):
                end_kernels.sweep_rows_at_ends(chunks, self.rows, future, product, touched)
                end_kernels.sweep_ends(
                    chunks, self.pairs, self.rates, slack[stage], product, present, chosen,
                    peak[stage], turn, self.scale[stage],
                )  # fmt: skip
            if stage in self.stages:
                kept[stage] = present[:, :3].transpose(1, 0, 2).copy(), chosen.copy()
            future, present = present, future
        lost = np.zeros((self.horizon, 2, 2))
        lost[:, 0, end_kernels.LEAST] = peak[:-1, 2, end_kernels.LEAST]
        lost[:, 1, end_kernels.MOST] = peak[:-1, 2, end_kernels.MOST]
        spend_error, value_error = self.rounding_bounds(peak[:, :2], lost)
        price = np.array([np.inf, 0.0])
        lines = {
            stage: self.as_lines(price, *kept[stage], spend_error[stage], value_error[stage])
            for stage in self.stages
        }
        return Ends(lines, float(turn[end_kernels.LEAST]), float(turn[end_kernels.MOST]))


def require_numbered(pairs: int) -> None:
    """Refuse more state-action pairs than a pass can number.

    Raises
    ------
    LimitError
        Saying what helps: parts have numbers of their own.
    """
    if pairs > MOST_PAIRS:
        raise LimitError(
            f"{pairs:,} state-action pairs are more than the {MOST_PAIRS:,} that one pass can number; split "
            "the states (solve --parts)"
        )


def price_scale(discount: float, cost_discount: float, horizon: int) -> Floats:
    """(cost_discount / discount)^k for each stage, correctly rounded, (T,)."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 60, 10**12, -(10**12)
        ratio = Decimal(cost_discount) / Decimal(discount)
        powers = [Decimal(1)]
        for _ in range(horizon - 1):
            powers.append(powers[-1] * ratio)
        return np.array([float(power) for power in powers])


def bounds_of_rounding(
    rates: kernels.Rates, peak: Floats, lost: Floats | None = None
) -> tuple[Floats, Floats]:
    """Bounds on the rounding of spend and value at each stage, each (T, lanes).

    peak : (T+1, 2, lanes) largest |spend| and |value| of each stage; lost : (T, 2, lanes) what
    deciding ties gave up.
    """
    spend_error = np.zeros_like(peak[:, 0])
    value_error = np.zeros_like(peak[:, 1])
    outward = 1 + 8 * kernels.UNIT
    spend_rate = rates.cost_discount * rates.sum_high * outward
    value_rate = rates.discount * rates.sum_high * outward
    for stage in reversed(range(peak.shape[0] - 1)):
        spend_high = rates.cost_high + spend_rate * (peak[stage + 1, 0] + spend_error[stage + 1])
        value_high = rates.reward_high + value_rate * (peak[stage + 1, 1] + value_error[stage + 1])
        spend_error[stage] = spend_rate * spend_error[stage + 1] + rates.rounding * spend_high
        value_error[stage] = value_rate * value_error[stage + 1] + rates.rounding * value_high
        if lost is not None:
            spend_error[stage] += lost[stage, 0]
            value_error[stage] += lost[stage, 1]
    return spend_error[:-1] * outward, value_error[:-1] * outward


def lines_of_table(
    price: Floats,
    table: NDArray[np.floating],
    action: NDArray[np.int32],
    spend_error: Floats,
    value_error: Floats,
) -> PriceLines:
    """Lines of (3, n, K) spends, values and variances, and of the actions (n, K) that were chosen."""
    spend, value, variance = (np.ascontiguousarray(part) for part in table)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        paid = price * spend
        above = value - paid
        above += value_error + price * spend_error + 4 * kernels.UNIT * (np.abs(value) + paid)
    above[:, np.isinf(price)] = np.inf
    return PriceLines(price, spend, value, variance, above, action, spend_error, value_error)
