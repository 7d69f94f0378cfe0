"""The price sweep over a finite horizon: one backward pass answers a price for every state at once.

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

Source: DESIGN 5.2 and 5.4; the mathematics is Lagrangian duality of constrained Markov decision
processes (Altman 1999, ch. 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.budgeted import _sweep_kernels as kernels
from optbudget.budgeted.lines import PriceLines
from optbudget.errors import ProblemError
from optbudget.problems import BudgetedMDP
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

LANES = kernels.LANES
CHUNKS = 256
IN_CACHE = 2**18
"""Up to this many numbers per price (row entries and states) a batch is left to one thread."""


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
    LimitError
        If what is kept would not fit into the monitor's memory limit.

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
    if ends.any():
        parts.append(sweep.ends(monitor).only(wanted[ends]))
    if not ends.all():
        parts.append(sweep.lines(wanted[~ends], monitor=monitor))
    return {stage: PriceLines.gather([part[stage] for part in parts]) for stage in sweep.stages}


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
        return {k: part.take(np.isin(part.price, prices)) for k, part in self.lines.items()}


class Sweep:
    """A problem made ready for passes: its arrays, its rounding, and what is kept of each pass."""

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
        with localcontext() as context:
            context.prec, context.Emax, context.Emin = 60, 10**12, -(10**12)
            ratio = Decimal(self.problem.cost_discount) / Decimal(self.problem.discount)
            powers = [Decimal(1)]
            for _ in range(self.horizon - 1):
                powers.append(powers[-1] * ratio)
            return np.array([float(power) for power in powers])

    def bytes(self, count: int) -> float:
        """Memory that the results of `count` prices take."""
        return 36.0 * self.problem.n_states * len(self.stages) * count

    # -- ordinary prices ---------------------------------------------------------------------

    def lines(self, prices: Floats, *, monitor: Monitor | None = None) -> dict[int, PriceLines]:
        """Lines at finite positive prices, strictly decreasing."""
        return self._passes(prices, monitor, crossings=False)[0]

    def lines_and_crossings(
        self, prices: Floats, *, monitor: Monitor | None = None
    ) -> tuple[dict[int, PriceLines], Floats]:
        """The lines, and for each price the next one below at which any action changes (0: none)."""
        return self._passes(prices, monitor, crossings=True)

    def _passes(
        self, prices: Floats, monitor: Monitor | None, *, crossings: bool
    ) -> tuple[dict[int, PriceLines], Floats]:
        if monitor is not None:
            monitor.require_memory(2 * self.bytes(prices.size), f"the points of {prices.size} prices")
        blocks = -(-prices.size // LANES)
        padded = np.concatenate((prices, np.repeat(prices[-1], blocks * LANES - prices.size)))
        with np.errstate(over="ignore", under="ignore"):
            at_stage = self.scale[:, None] * padded
            weights = np.stack(
                [np.where(at_stage > 1, 1 / at_stage, 1.0), np.where(at_stage > 1, 1.0, at_stage)], axis=1
            ).reshape(self.horizon, 2, blocks, LANES)
        slot = np.full(self.horizon, -1, dtype=np.int64)
        slot[self.stages] = np.arange(len(self.stages))
        n = self.problem.n_states
        kept = np.empty((blocks, len(self.stages), n, 3, LANES))
        kept_pair = np.empty((blocks, len(self.stages), n, LANES), dtype=np.int32)
        peak = np.zeros((blocks, self.horizon + 1, 2, LANES))
        below = np.zeros((blocks, LANES))
        tie = self._slack() if crossings else np.empty(0)
        if crossings or self.problem.next_state.size + n <= IN_CACHE:
            kernels.sweep_blocks(
                self.pairs, self.rows, self.rates, weights, self.scale, tie, slot,
                kept, kept_pair, peak, below,
            )  # fmt: skip
        else:
            self._by_stages(weights, slot, kept, kept_pair, peak, monitor)
        found = self._collect(prices, at_stage[:, : prices.size], kept, kept_pair, peak)
        return found, below.reshape(-1)[: prices.size]

    def _slack(self) -> Floats:
        """Per stage, how far apart, relatively, computed spends may be that are equal."""
        return self.rates.nearest * (self.horizon - np.arange(self.horizon))

    def _by_stages(
        self,
        weights: Floats,
        slot: NDArray[np.int64],
        kept: NDArray[np.floating],
        kept_pair: NDArray[np.int32],
        peak: Floats,
        monitor: Monitor | None,
    ) -> None:
        """Stage by stage with all threads on one batch: for problems larger than the cache."""
        n, count = self.problem.n_states, self.problem.row_ptr.size - 1
        product = np.empty((count, 3, LANES), dtype=kept.dtype)
        chosen = np.empty((n, LANES), dtype=np.int32)
        present = np.empty((n, 3, LANES), dtype=kept.dtype)
        for block in range(kept.shape[0]):
            future = np.zeros((n, 3, LANES), dtype=kept.dtype)
            future[:, kernels.VALUE] = self.problem.terminal_utility[:, None]
            peak[block, -1, 1] = np.abs(self.problem.terminal_utility).max()
            for stage in reversed(range(self.horizon)):
                kernels.sweep_rows(CHUNKS, self.rows, future, product)
                kernels.sweep_states(
                    CHUNKS, self.pairs, self.rates, np.ascontiguousarray(weights[stage, :, block]),
                    product, present, chosen, peak[block, stage],
                )  # fmt: skip
                if slot[stage] >= 0:
                    kept[block, slot[stage]] = present
                    kept_pair[block, slot[stage]] = chosen
                future, present = present, future

    def _collect(
        self,
        prices: Floats,
        at_stage: Floats,
        kept: NDArray[np.floating],
        kept_pair: NDArray[np.int32],
        peak: Floats,
    ) -> dict[int, PriceLines]:
        """Per stage, the kept tables as lines: batches side by side, padding dropped."""
        spend_error, value_error = self._rounding(peak.transpose(1, 2, 0, 3).reshape(self.horizon + 1, 2, -1))
        found = {}
        for slot, stage in enumerate(self.stages):
            # (blocks, n, 3, lanes) -> (3, n, prices)
            table = np.moveaxis(kept[:, slot], 0, 2).transpose(1, 0, 2, 3)
            table = table.reshape(3, table.shape[1], -1)[..., : prices.size]
            pair = np.moveaxis(kept_pair[:, slot], 0, 1).reshape(table.shape[1], -1)[:, : prices.size]
            price = at_stage[stage]
            usable = (price > 0) & np.isfinite(price)
            found[stage] = self._lines(
                price, table, pair, spend_error[stage, : prices.size], value_error[stage, : prices.size]
            ).take(usable)
        return found

    def _lines(
        self, price: Floats, table: Floats, pair: NDArray[np.int32], spend_error: Floats, value_error: Floats
    ) -> PriceLines:
        spend, value, variance = (np.ascontiguousarray(part) for part in table)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            paid = price * spend
            raised = value - paid
            raised += value_error + price * spend_error + 4 * kernels.UNIT * (np.abs(value) + paid)
        raised[:, np.isinf(price)] = np.inf
        action = np.full(pair.shape, -1, dtype=np.int32)
        np.copyto(action, self.problem.pair_action[np.maximum(pair, 0)] if self.problem.cost.size else -1,
                  where=pair >= 0)  # fmt: skip
        return PriceLines(price, spend, value, variance, raised, action, spend_error, value_error)

    def _rounding(self, peak: Floats, slack: Floats | None = None) -> tuple[Floats, Floats]:
        """Bounds on the rounding of spend and value at each stage, each (T, lanes).

        peak : (T+1, 2, lanes) largest |spend| and |value| of each stage; slack : (T, 2, lanes) what
        deciding ties gave up.
        """
        rates = self.rates
        spend_error = np.zeros_like(peak[:, 0])
        value_error = np.zeros_like(peak[:, 1])
        outward = 1 + 8 * kernels.UNIT
        for stage in reversed(range(self.horizon)):
            spend_rate = rates.cost_discount * rates.sum_high * outward
            value_rate = rates.discount * rates.sum_high * outward
            spend_high = rates.cost_high + spend_rate * (peak[stage + 1, 0] + spend_error[stage + 1])
            value_high = rates.reward_high + value_rate * (peak[stage + 1, 1] + value_error[stage + 1])
            spend_error[stage] = spend_rate * spend_error[stage + 1] + rates.rounding * spend_high
            value_error[stage] = value_rate * value_error[stage + 1] + rates.rounding * value_high
            if slack is not None:
                spend_error[stage] += slack[stage, 0]
                value_error[stage] += slack[stage, 1]
        return spend_error[:-1] * outward, value_error[:-1] * outward

    # -- the lexicographic ends --------------------------------------------------------------

    def ends(self, monitor: Monitor | None = None) -> Ends:
        """Least spend then most value, and most value then least spend."""
        n, count = self.problem.n_states, self.problem.row_ptr.size - 1
        terminal = self.problem.terminal_utility
        future = np.zeros((n, 4, 2))
        future[:, kernels.VALUE] = terminal[:, None]
        future[:, kernels.SIZE] = np.abs(terminal)[:, None]
        present, product = np.empty((n, 4, 2)), np.empty((count, 4, 2))
        chosen = np.empty((n, 2), dtype=np.int32)
        peak = np.zeros((self.horizon + 1, 3, 2))
        peak[-1, 1] = np.abs(terminal).max()
        turn = np.array([0.0, np.inf])
        slack, kept = self._slack(), {}
        chunks = CHUNKS if self.problem.next_state.size + n > IN_CACHE else 1
        for stage in reversed(range(self.horizon)):
            kernels.sweep_rows(chunks, self.rows, future, product)
            kernels.sweep_ends(
                chunks, self.pairs, self.rates, slack[stage], product, present, chosen,
                peak[stage], turn, self.scale[stage],
            )  # fmt: skip
            if stage in self.stages:
                kept[stage] = present[:, :3].transpose(1, 0, 2).copy(), chosen.copy()
            future, present = present, future
        lost = np.zeros((self.horizon, 2, 2))
        lost[:, 0, kernels.LEAST] = peak[:-1, 2, kernels.LEAST]
        lost[:, 1, kernels.MOST] = peak[:-1, 2, kernels.MOST]
        spend_error, value_error = self._rounding(peak[:, :2], lost)
        price = np.array([np.inf, 0.0])
        lines = {
            stage: self._lines(price, *kept[stage], spend_error[stage], value_error[stage])
            for stage in self.stages
        }
        return Ends(lines, float(turn[kernels.LEAST]), float(turn[kernels.MOST]))
