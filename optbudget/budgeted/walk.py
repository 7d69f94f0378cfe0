"""Walking: every price at which any action anywhere changes, so every vertex of every curve.

Between two neighbouring such prices the best policy does not change, every w is linear in the price
and every curve stays at one vertex. A pass at a price therefore also finds the highest price below
it at which some action in some state and stage is overtaken by a dearer one,

.. math:: \\lambda' = \\max_{k, s, a} \\frac{v_k(s, a) - v_k(s)}{b_k(s, a) - b_k(s)} \\Big/
          (\\gamma_c / \\gamma)^k \\quad\\text{over } b_k(s, a) > b_k(s),

and the next pass is made just below it, where ties have gone to the most spend: at
:math:`\\lambda' (1 - \\delta)`, :math:`\\delta = 10^{-12}`. Breakpoints closer than that are passed in one
step; what this costs, at most :math:`\\delta` of a segment's gain, is in the certified gap like
everything else.

The walk begins below the highest price at which anything changes and ends at the lowest, both known
from the lexicographic passes. It ends because every step passes at least one of finitely many
breakpoints: pairs are compared as their crossing is computed (see `_sweep_kernels.choose`), so a
crossing once passed is not met again. Many walkers go at once from spread prices; one that arrives
where the next began splits the longest way that is left.

Source: parametric analysis as in Murty (1980) and Gass & Saaty (1955).
"""

import math
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.backward_pass import Ends, Sweep
from optbudget.budgeted.certified import certified, kept_stages
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.refine import refine
from optbudget.budgeted.remember import Steps, remembered, remembered_lines
from optbudget.budgeted.threads import at_most, worth
from optbudget.errors import LimitError
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.status import OPTIMAL_GAP, Termination
from optbudget.workers import Checkpoint, Monitor

Floats = NDArray[np.float64]

STEP = 1e-12
"""How far below a breakpoint, relatively, the next pass is made."""

WALKERS = 32
MOST_PASSES = 50_000
SHORTEST = 1e-6
"""A way shorter than this, relatively, is not split."""


@dataclass(frozen=True, slots=True)
class Way:
    """A walker's way: the price of its next pass, and the price at which the next walker began."""

    top: float
    bottom: float

    @property
    def length(self) -> float:
        return math.log(self.top / self.bottom)

    def split(self) -> "tuple[Way, Way]":
        middle = math.sqrt(self.top) * math.sqrt(self.bottom)
        return Way(self.top, middle), Way(middle, self.bottom)


def walk(
    problem: BudgetedMDP,
    *,
    tolerance: float = OPTIMAL_GAP,
    keep_stages: bool = False,
    most_passes: int = MOST_PASSES,
    monitor: Monitor | None = None,
    checkpoint: Checkpoint | None = None,
) -> CurveSet:
    """All vertices of every state's curve, certified up to rounding.

    Parameters
    ----------
    problem : with a finite horizon; small, say up to 100 states and 50 stages
    tolerance : relative gap that is called good; what is missing where the walk ended early is then
        asked for by `refine`
    keep_stages : keep the curves of all stages, which the walk finds anyway
    most_passes : prices to walk before giving up
    monitor : progress, limits and cancellation
    checkpoint : where passes are kept, and found again

    Returns
    -------
    CurveSet
        Its prices are the breakpoints, each moved down by `STEP`.

    Raises
    ------
    LimitError
        If not even the two ends fit into the memory limit.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> answer = walk(two_action_example(horizon=50))
    >>> answer.prices
    array([inf,  9.,  0.])

    Notes
    -----
    One pass per breakpoint of any state at any stage, plus about one per walker; their number can
    grow fast with states and stages (synthetic_ad, 15 states and 50 stages: 567).
    """
    began = time.perf_counter()
    monitor = monitor or Monitor()
    sweep = Sweep(problem, kept_stages(problem, keep_stages))
    with at_most(worth(problem)):
        ends = sweep.ends(monitor)
        lines, stopped = walk_lines(
            sweep, ends, most_passes=most_passes, monitor=monitor, checkpoint=checkpoint
        )
        if stopped in (None, Termination.NUMERICAL):
            scale = {stage: 1 / sweep.scale[stage] for stage in sweep.stages}
            lookup = partial(sweep.lines, monitor=monitor)
            lines, stopped = refine(
                remembered_lines(lookup, checkpoint, "refined"), lines, tolerance,
                cap=problem.budget_cap, scale=scale, most_prices=2 * most_passes, monitor=monitor,
            )  # fmt: skip
        found = time.perf_counter()
        answer = certified(problem, lines, method="walk", tolerance=tolerance, stopped=stopped)
    return answer.with_seconds(walk=found - began, certificate=time.perf_counter() - found)


def walk_lines(
    sweep: Sweep,
    ends: Ends,
    *,
    most_passes: int = MOST_PASSES,
    monitor: Monitor | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[dict[int, PriceLines], Termination | None]:
    """Lines at every price between the ends below which some curve has a new vertex.

    Returns
    -------
    lines : per stage, the ends and one price per vertex, prices without a new vertex left out
    stopped : None if the walk arrived; else why not: a limit of the monitor's, or NUMERICAL after
        `most_passes`; the lines are then those in hand
    """
    parts = [ends.lines]
    ways = _first_ways(ends)
    whole = sum(way.length for way in ways)
    passed, stopped = 0, None
    step = remembered(partial(sweep.step, monitor=monitor), checkpoint, "walked", Steps())
    while ways and stopped is None:
        try:
            if monitor is not None:
                monitor.require_memory(80.0 * sweep.problem.n_states * len(sweep.stages) * passed, "the walk")
            found = step(np.array([way.top for way in ways]))
        except LimitError:
            stopped = Termination.MEMORY_LIMIT
            break
        assert found is not None
        lines, below = found
        passed += len(ways)
        parts.append(lines)
        moved = [Way(b * (1 - STEP), way.bottom) for way, b in zip(ways, below, strict=True)]
        ways = _spread([way for way in moved if way.top > way.bottom])
        if monitor is not None:
            monitor.progress(1 - sum(way.length for way in ways) / whole, f"{passed} prices walked")
            stopped = monitor.stop_reason() if ways else None
        if ways and passed >= most_passes:
            stopped = stopped or Termination.NUMERICAL
    joined = {stage: PriceLines.gather([part[stage] for part in parts]) for stage in ends.lines}
    return _without_repeats(joined), stopped


def _first_ways(ends: Ends) -> list[Way]:
    """Equal ways, in logarithm, between the highest and the lowest breakpoint."""
    if not 0 < ends.highest < math.inf:
        return []
    top = ends.highest * (1 - STEP)
    bottom = min(ends.lowest, top) * (1 - 4 * STEP)
    if bottom <= 0:
        bottom = math.ulp(0.0)
    return _spread([Way(top, bottom)])


def _spread(ways: list[Way]) -> list[Way]:
    """The longest ways split until all walkers have one, in order of decreasing price."""
    ways = list(ways)
    while ways and len(ways) < WALKERS:
        longest = max(range(len(ways)), key=lambda i: ways[i].length)
        if ways[longest].length < SHORTEST:
            break
        ways[longest : longest + 1] = ways[longest].split()
    return ways


def _without_repeats(lines: dict[int, PriceLines]) -> dict[int, PriceLines]:
    """Only prices whose points differ from the previous price's, in any state and kept stage."""
    now = lines[0]
    new = np.ones(len(now), dtype=np.bool_)
    if all(len(kept) == len(now) for kept in lines.values()):
        new[1:] = False
        for kept in lines.values():
            for table in (kept.spend, kept.value):
                new[1:] |= (table[:, 1:] != table[:, :-1]).any(axis=0)
        new[-1] = True
    return {stage: kept.take(np.flatnonzero(new)) for stage, kept in lines.items()}
