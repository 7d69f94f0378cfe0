"""The best whole choice of a knapsack, with nobody randomised.

A breadth-first branch-and-bound over the groups with the Lagrangian bound, which is the value function kept
only where it can matter (Pisinger 1995, "A minimal algorithm for the multiple-choice knapsack problem"):

* The relaxation gives a price p, and its rounding down a first whole choice worth z. At the price every
  option has a *penalty*, the largest v - p c of its group less its own. A choice that costs c is worth U
  less p (B - c) and less all its penalties, U the bound of the relaxation. So an option whose penalty
  alone exceeds U - z is never needed.
* The other groups are taken up in order of their smallest penalty, the one in which the money ended first.
  A state is the total (cost, value) of a choice in which the groups still to come have what the rounded
  relaxation gives them, so every state within the budget is a whole choice, and improves z.
* The search is first made with few states at a time, the most promising ones: it is short, and often finds
  a choice so good that nothing is left to search. Then with ever more, at last with all.
* States are dropped by the bound at the price, by the cheapest and the best of what is to come, and by
  states that cost no more and are worth no less. Copies of a group are taken in powers of two.

Costs and values are whole numbers (`optbudget.certify.knapsack_units`) of any size, and so are the bounds
(`optbudget.allocation.knapsack_reach`): no rounding decides what is feasible, better or bounded. With
whole-number data at most B + 1 states live at a time, and the method is the dynamic programme over costs in
O(N B); with others their number has no bound but 2^n, and then a limit ends the work with the best choice so
far and the relaxation's bound. That is why one method serves both: where depth-first search meets equal costs
and values over and over (strongly correlated, subset-sum), dominance removes them; where a table over costs
cannot be had (costs that are not whole), there is none.
"""

import math
from dataclasses import dataclass

import numpy as np

from optbudget.allocation.knapsack_reach import reach_of
from optbudget.allocation.knapsack_relaxation import Relaxation
from optbudget.allocation.knapsack_states import Integers, Moves, Turn, Whole, powers_of_two, staircase
from optbudget.certify import WholeKnapsack, whole_knapsack
from optbudget.problems import Knapsack
from optbudget.status import Termination
from optbudget.workers import Monitor

MEMORY = 2**30
"""Bytes that states may take where no limit is given."""

WIDTHS = (500, 20_000)
"""States at a time in the searches before the complete one."""

BYTES_PER_STATE = 96
"""Of a state before it is known whether it is kept: its numbers, their order, the masks."""


@dataclass(frozen=True, eq=False)
class WholeChoice:
    """A whole choice, and whether it is the best.

    Attributes
    ----------
    option, count : (r,) int64; by group and option: how many copies take which
    stopped : None if no other choice is worth more; else why the search ended
    states : how many were kept, in all
    """

    option: Integers
    count: Integers
    stopped: Termination | None
    states: int


def best_whole_choice(
    knapsack: Knapsack, budget: float, relaxed: Relaxation, *, monitor: Monitor | None = None
) -> WholeChoice:
    """The best whole choice within a budget that covers the cheapest options.

    Parameters
    ----------
    relaxed : the relaxation at this budget
    monitor : is told of progress, and may end the search by time, by Ctrl-C or by memory
    """
    rows = relaxed.rows(knapsack, budget)
    raised = sum(row.units for row in rows if row.level == relaxed.upper and row.probability == 1)
    try:
        whole = whole_knapsack(knapsack, budget)
    except OverflowError:
        return _rounded(knapsack, relaxed, raised)
    return _Search(whole, relaxed, raised).run(monitor or Monitor())


def _rounded(knapsack: Knapsack, relaxed: Relaxation, raised: int) -> WholeChoice:
    """The relaxation with its randomised copy rounded down, where numbers are too far apart for more."""
    chosen = dict(zip(relaxed.option.tolist(), knapsack.count.tolist(), strict=True))
    if raised:
        chosen[int(relaxed.option[relaxed.group])] -= raised
        chosen[relaxed.upper] = raised
    table = np.array(sorted((k, n) for k, n in chosen.items() if n), dtype=np.int64).reshape(-1, 2)
    return WholeChoice(table[:, 0], table[:, 1], Termination.NUMERICAL, 1)


class _Search:
    def __init__(self, whole: WholeKnapsack, relaxed: Relaxation, raised: int) -> None:
        self.whole = whole
        entry = np.empty(int(whole.option.max()) + 1, dtype=np.int64)
        entry[whole.option] = np.arange(whole.option.size)
        lower = entry[relaxed.option]
        self.resting = [
            Turn(g, n, k) for g, (n, k) in enumerate(zip(whole.count.tolist(), lower.tolist(), strict=True))
        ]
        if raised:
            g, k = relaxed.group, int(entry[relaxed.upper])
            self.resting[g] = Turn(g, self.resting[g].copies - raised, self.resting[g].rest)
            self.resting.append(Turn(g, raised, k))
        self.resting = [turn for turn in self.resting if turn.copies]
        self.reach = reach_of(whole, relaxed, entry)
        self.reach.rest_at(self.resting)
        self.cost = sum(turn.copies * int(whole.cost[turn.rest]) for turn in self.resting)
        self.value = sum(turn.copies * int(whole.value[turn.rest]) for turn in self.resting)
        self.best, self.states = self.value, 1
        self.chosen = {int(k): 0 for k in whole.option[[turn.rest for turn in self.resting]]}
        for turn in self.resting:
            self.chosen[int(whole.option[turn.rest])] += turn.copies
        self.left_out = False

    @property
    def room(self) -> int:
        """The largest penalty that a better choice can have; see `Reach`."""
        return self.reach.room(self.cost, self.value, self.best)

    def run(self, monitor: Monitor) -> WholeChoice:
        limit = (monitor.memory_limit or MEMORY) // BYTES_PER_STATE
        stopped = None
        for width in (*(w for w in WIDTHS if w < limit), limit):
            self.left_out = False
            stopped = self._sweep(width, monitor)
            if stopped is not None or not self.left_out or self.room < 0:
                break
        if stopped is None and self.left_out and self.room >= 0:
            stopped = Termination.MEMORY_LIMIT
        rows = sorted((option, n) for option, n in self.chosen.items() if n)
        table = np.array(rows, dtype=np.int64).reshape(-1, 2)
        return WholeChoice(table[:, 0], table[:, 1], stopped, self.states)

    def _sweep(self, width: int, monitor: Monitor) -> Termination | None:
        """All groups once, with at most `width` states at a time; why it stopped early, or None."""
        whole, kind = self.whole, self.whole.cost.dtype
        turns = self._turns()
        saves, gains = self._to_come(turns)
        cost, value = np.array([self.cost], dtype=kind), np.array([self.value], dtype=kind)
        history: list[tuple[Moves, Integers, Integers]] = []
        held, best_at = 0, (0, -1)
        stopped = None
        for number, turn in enumerate(turns):
            stopped = monitor.stop_reason()
            if stopped is not None or self.room < 0 or cost.size == 0:
                break
            moves = self._moves(turn, width)
            room = max(1, min(width // moves.cost.size, width - held // 8))
            if cost.size > room:
                far = np.abs((cost - whole.capacity).astype(np.float64))
                by_reach = np.argsort(-self.reach.promise(cost, value))
                by_money = np.argsort(far, kind="stable")
                kept = np.union1d(by_reach[: room // 2], by_money[: room - room // 2])
                cost, value, self.left_out = cost[kept], value[kept], True
            else:
                kept = np.arange(cost.size)
            cost, value, source, move = self._grown(cost, value, moves, saves[number + 1], gains[number + 1])
            history.append((moves, kept[source].astype(np.int32), move))
            held, self.states = held + cost.size, self.states + cost.size
            within = int(np.searchsorted(cost, whole.capacity, side="right")) - 1
            if within >= 0 and value[within] > self.best:
                self.best, best_at = int(value[within]), (len(history), within)
            monitor.progress((number + 1) / len(turns), f"{cost.size:,} states")
        if best_at[1] >= 0:
            self._trace(turns, history, *best_at)
        return stopped

    def _turns(self) -> list[Turn]:
        """Copies whose choice is open, in powers of two, those with the smallest penalties first."""
        found = []
        for turn in self.resting:
            span = self._span(turn.group)
            other = self.reach.penalty[span[span != turn.rest]]
            if other.size:
                blocks = [Turn(turn.group, n, turn.rest) for n in powers_of_two(turn.copies)]
                found += [(int(other.min()), block) for block in blocks]
        return [turn for _, turn in sorted(found, key=lambda pair: pair[0])]

    def _span(self, g: int) -> Integers:
        """The entries of a group that a better choice may use."""
        span = np.arange(self.whole.ptr[g], self.whole.ptr[g + 1])
        return span[(self.reach.penalty[span] <= self.room).astype(np.bool_)]

    def _to_come(self, turns: list[Turn]) -> tuple[list[int], list[int]]:
        """From each turn on: the least that can be added to the cost and the most to the value."""
        saves, gains = [0], [0]
        for turn in reversed(turns):
            span, rest = self._span(turn.group), turn.rest
            less = int(self.whole.cost[span].min() - self.whole.cost[rest]) if span.size else 0
            more = int(self.whole.value[span].max() - self.whole.value[rest]) if span.size else 0
            saves.append(saves[-1] + turn.copies * min(0, less))
            gains.append(gains[-1] + turn.copies * max(0, more))
        return saves[::-1], gains[::-1]

    def _moves(self, turn: Turn, width: int) -> Moves:
        """What the copies can be given, at most `width` ways."""
        span = np.union1d(self._span(turn.group), [turn.rest])
        cost = self.whole.cost[span] - self.whole.cost[turn.rest]
        value = self.whole.value[span] - self.whole.value[turn.rest]
        taken, copies = np.eye(span.size, dtype=np.int64), 1
        while copies < turn.copies:
            few = max(2, math.isqrt(width // (1 + span.size)))
            if cost.size > few:
                kept = np.argsort(-self.reach.promise(cost, value), kind="stable")[:few]
                cost, value, taken, self.left_out = cost[kept], value[kept], taken[kept], True
            one, two = (index.ravel() for index in np.indices((cost.size, cost.size)))
            cost, value, taken = cost[one] + cost[two], value[one] + value[two], taken[one] + taken[two]
            kept = np.flatnonzero(self.reach.within(cost, value, self.room))
            kept = kept[staircase(cost[kept], value[kept])]
            cost, value, taken, copies = cost[kept], value[kept], taken[kept], 2 * copies
        return Moves(cost, value, taken, self.whole.option[span])

    def _grown(
        self, cost: Whole, value: Whole, moves: Moves, saves: int, gains: int
    ) -> tuple[Whole, Whole, Integers, Integers]:
        """The states after one more turn: cost, value, the state each came from and the move it made."""
        parts = []
        for move, (more, won) in enumerate(zip(moves.cost, moves.value, strict=True)):
            new_cost, new_value = cost + more, value + won
            useful = np.flatnonzero(
                self.reach.can_exceed(new_cost, new_value, self.best)
                & (new_cost <= self.whole.capacity - saves)
                & (new_value >= self.best + 1 - gains)
            )
            parts.append((new_cost[useful], new_value[useful], useful, np.full(useful.size, move)))
        cost, value, source, move_made = (np.concatenate(column) for column in zip(*parts, strict=True))
        kept = staircase(cost, value)
        return cost[kept], value[kept], source[kept].astype(np.int32), move_made[kept].astype(np.int32)

    def _trace(
        self,
        turns: list[Turn],
        history: list[tuple[Moves, Integers, Integers]],
        length: int,
        state: int,
    ) -> None:
        """Choose what leads to a state: back from it, turn by turn."""
        taken: dict[int, int] = {}
        for turn in self.resting:
            option = int(self.whole.option[turn.rest])
            taken[option] = taken.get(option, 0) + turn.copies
        for number in reversed(range(length)):
            turn, (moves, source, move) = turns[number], history[number]
            taken[int(self.whole.option[turn.rest])] -= turn.copies
            for option, n in zip(moves.option.tolist(), moves.taken[move[state]].tolist(), strict=True):
                taken[option] = taken.get(option, 0) + n
            state = int(source[state])
        self.chosen = taken
