"""The linear program of a split under overlapping groups, and its solution in rational arithmetic."""

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.formulations import declared
from optbudget.problems import CurveSet, Knapsack, LimitedPopulation, LinearProgram, LinearSolution, Totals
from optbudget.solvers import solve_program
from optbudget.status import Termination

Floats = NDArray[np.float64]
SAME = 1e-6
"""Relative difference up to which an exact price is the one that was solved for."""

Row = tuple[str, Fraction, NDArray[np.bool_], float]
"""A binding limit: its name, its money, which blocks it is over (k,), and its multiplier as solved."""


@dataclass(frozen=True, slots=True)
class Column:
    """A block in a solution: every unit has `low`, and they share money up to `high` each.

    Attributes
    ----------
    partly : whether the block is served in part
    slope : value per money between the two
    below, slope_below : the amount before `low`, and value per money from there; NaN where `low` is the first
    money, count : of all its units, rounded; how many they are
    """

    block: int
    low: float
    high: float
    partly: bool
    slope: Fraction
    money: float
    count: int
    below: float = math.nan
    slope_below: Fraction = Fraction(0)

    @property
    def fixed(self) -> Fraction:
        """What the block has at `low`, exactly."""
        return self.count * Fraction(self.low)


@dataclass(frozen=True, eq=False)
class Found:
    """Exact money of blocks served in part, and exact prices by name of the limit."""

    money: dict[int, Fraction] = field(default_factory=dict)
    price: dict[str, Fraction] = field(default_factory=dict)


class Blocks:
    """Blocks of a limited population as a knapsack, whose options are what one unit may be assigned.

    The last option of a block is more money than its units can use, where some limit from below may ask for
    it. With `free`, for what can be kept alone, no state has a least feasible budget.
    """

    def __init__(self, curves: CurveSet, units: LimitedPopulation, *, free: bool = False) -> None:
        self.units = units
        self.block = np.flatnonzero(units.count > 0)
        idle = float(units.group_least.max(initial=0.0))
        self.cost: list[Floats] = []
        self.value: list[Floats] = []
        for b in self.block.tolist():
            curve = curves.curves[int(units.state[b])]
            begin = max(0.0 if free else curve.start_budget, float(units.least[b]))
            end = max(begin, min(curve.largest_useful_budget, float(units.most[b])))
            inner = curve.budgets[(curve.budgets > begin) & (curve.budgets < end)]
            cost = np.unique(np.concatenate(([begin], inner, [end])))
            more = min(float(units.most[b]), end + idle)
            if idle > 0 and more > end:
                cost = np.append(cost, more)
            self.cost.append(cost)
            self.value.append(cost if free else curve.value(cost))

    def program(self, budget: float) -> LinearProgram:
        """The declared program, as arrays; the statement is in Pyomo."""
        place = np.full(self.units.count.size, -1)
        place[self.block] = np.arange(self.block.size)
        members = [place[m][place[m] >= 0] for m in self.units.members]
        totals = Totals(members, self.units.group_least, self.units.group_most)
        knapsack = Knapsack.from_arrays(
            np.concatenate(([0], np.cumsum([c.size for c in self.cost]))), np.concatenate(self.cost),
            np.concatenate(self.value), count=self.units.count[self.block],
        )  # fmt: skip
        return declared("mckp_lp", "pyomo", knapsack, budget, totals)[0]

    def solve(self, budget: float, backend: str) -> LinearSolution:
        return solve_program(self.program(budget), backend)

    def impossible(self, budget: float, backend: str) -> bool:
        """Whether the back end proves that the limits cannot be kept."""
        if not self.block.size:
            return bool((self.units.group_least > 0).any())
        empty = [g for g, m in enumerate(self.units.members) if not (self.units.count[m] > 0).any()]
        if any(self.units.group_least[g] > 0 for g in empty):
            return True
        return self.solve(budget, backend).outcome.termination is Termination.INFEASIBLE

    def least_budget(self, backend: str) -> float:
        """The least total that keeps the limits, about."""
        program = self.program(math.inf)
        cost = np.concatenate(self.cost)
        cheapest = LinearProgram(
            "min", cost, program.row_ptr, program.column, program.coefficient, program.row_lower,
            program.row_upper, program.lower, program.upper,
        )  # fmt: skip
        return float(solve_program(cheapest, backend).value)

    def columns(self, solution: LinearSolution, near: float) -> list[Column]:
        """Where a solution has each block on its curve."""
        assert solution.x is not None
        found, first = [], 0
        for b, cost, value in zip(self.block.tolist(), self.cost, self.value, strict=True):
            part = np.maximum(solution.x[first : first + cost.size], 0.0)
            first += cost.size
            mean = float(part @ cost) / max(float(part.sum()), 1e-300)
            j = int(np.clip(np.searchsorted(cost, mean, side="right") - 1, 0, cost.size - 1))
            last = j == cost.size - 1
            width = 1.0 if last else float(cost[j + 1] - cost[j])
            share = (mean - float(cost[j])) / width
            n = float(self.units.count[b])
            if not last and n * (1 - share) < near * max(n, 1.0):
                j, share, last = j + 1, 0.0, j + 1 == cost.size - 1
            high = float(cost[j]) if last else float(cost[j + 1])
            partly = not last and share > near
            slope = Fraction(0) if last else _slope(cost, value, j)
            before = (float(cost[j - 1]), _slope(cost, value, j - 1)) if j else ()
            found.append(Column(b, float(cost[j]), high, partly, slope, n * mean, int(n), *before))
        return found

    def binding(
        self, budget: float, columns: list[Column], solution: LinearSolution, near: float
    ) -> list[Row]:
        """The limits that are met, those with the largest multipliers first."""
        assert solution.row_price is not None
        units = self.units
        price = dict(zip(solution.program.row_names, solution.row_price.tolist(), strict=True))
        money = np.zeros(units.count.size)
        for column in columns:
            money[column.block] = column.money
        scale = near * (1.0 + float(money.sum()))
        rows: list[Row] = []
        everyone = np.ones(units.count.size, dtype=np.bool_)
        if math.isfinite(budget) and (
            abs(float(money.sum()) - budget) <= scale or price.get("budget", 0.0) > 0
        ):
            rows.append(("budget", Fraction(budget), everyone, float(price.get("budget", 0.0))))
        for g, members in enumerate(units.members):
            inside = np.zeros(units.count.size, dtype=np.bool_)
            inside[members] = True
            has = float(money[members].sum())
            worth = float(price.get(f"together[{g}]", 0.0))
            least, most = float(units.group_least[g]), float(units.group_most[g])
            target = most if worth > 0 or (worth == 0 and abs(has - most) <= abs(has - least)) else least
            if math.isfinite(target) and abs(has - target) <= scale:
                rows.append((f"together[{g}]", Fraction(target), inside, worth))
        return sorted(rows, key=lambda row: -abs(row[3]))


def _slope(cost: Floats, value: Floats, j: int) -> Fraction:
    """Value per money from option j to the next."""
    gain = Fraction(float(value[j + 1])) - Fraction(float(value[j]))
    return gain / (Fraction(float(cost[j + 1])) - Fraction(float(cost[j])))


def solved_exactly(columns: list[Column], rows: list[Row], *, own_prices: bool = False) -> Found:
    """Money of the blocks served in part, from the limits that are met; and the prices that explain them.

    Where these are not the solver's the problem is degenerate, and the solver's are taken; unless
    `own_prices` are wanted.
    """
    partly = [column for column in columns if column.partly]
    table = [[Fraction(int(inside[c.block])) for c in partly] for _, _, inside, _ in rows]
    rest = [
        target - sum((c.fixed for c in columns if inside[c.block]), Fraction(0))
        for _, target, inside, _ in rows
    ]
    pivots = _pivots(table)
    chosen = {i for i, _ in pivots}
    basic = [j for _, j in pivots]
    money = {c.block: Fraction(c.money) - c.fixed for j, c in enumerate(partly) if j not in basic}
    order = [i for i, _ in pivots]
    free = [j for j in range(len(partly)) if j not in basic]
    square = [[table[i][j] for j in basic] for i in order]
    right = [rest[i] - sum((table[i][j] * money[partly[j].block] for j in free), Fraction(0)) for i in order]
    for j, x in zip(basic, _solve(square, right), strict=True):
        money[partly[j].block] = x
    price = {name: Fraction(worth) for i, (name, _, _, worth) in enumerate(rows) if i not in chosen}
    transposed = [[table[i][j] for i in order] for j in basic]
    wanted = [
        partly[j].slope
        - sum((table[i][j] * price[rows[i][0]] for i in range(len(rows)) if i not in chosen), Fraction(0))
        for j in basic
    ]
    for i, y in zip(order, _solve(transposed, wanted), strict=True):
        price[rows[i][0]] = y
    other = any(abs(float(price[name]) - worth) > SAME * (1 + abs(worth)) for name, _, _, worth in rows)
    if other and not own_prices:
        price = {name: Fraction(worth) for name, _, _, worth in rows}  # Degenerate: others do as well.
    return Found(money, price)


def more_in_part(columns: list[Column], rows: list[Row]) -> list[Column] | None:
    """The columns with one more served in part, where a met limit asks for more than rounded numbers gave.

    It is one of the first such limit, and under as few other met limits as can be; None where there is none.
    """
    money = solved_exactly(columns, rows).money
    for _, target, inside, _ in rows:
        has = sum((c.fixed + money.get(c.block, 0) for c in columns if inside[c.block]), Fraction(0))
        idle = [j for j, c in enumerate(columns) if inside[c.block] and not c.partly and c.high > c.low]
        if has < target and idle:
            j = min(idle, key=lambda j: sum(bool(row[2][columns[j].block]) for row in rows))
            return [replace(c, partly=True) if i == j else c for i, c in enumerate(columns)]
    return None


def less_in_part(
    columns: list[Column], rows: list[Row], pinned: list[Row]
) -> list[tuple[list[Column], list[Row]]]:
    """The columns with one fewer served in full, where a limit is exceeded by what numbers round to.

    Budgets such as 0.1 and 0.2 under a most of 0.3 are more than it as doubles, by the last digit. Of the
    first such limit every block that has a step to give up comes in turn, least dear first, and the limit is
    pinned: it is met exactly before those that have a price. The others are met by chance, or exceeded too.
    """
    money = solved_exactly(columns, pinned_first(rows, pinned)).money
    for row in rows:
        inside = row[2]
        has = sum((c.fixed + money.get(c.block, 0) for c in columns if inside[c.block]), Fraction(0))
        if has <= row[1]:
            continue
        full = [
            j for j, c in enumerate(columns) if inside[c.block] and not c.partly and not math.isnan(c.below)
        ]
        return [
            ([_one_less(c) if i == j else c for i, c in enumerate(columns)], [*pinned, row])
            for j in sorted(full, key=lambda j: columns[j].slope_below)
        ]
    return []


def pinned_first(rows: list[Row], pinned: list[Row]) -> list[Row]:
    """The limits that are pinned, then those that have a price; all of them if none is pinned."""
    names = {row[0] for row in pinned}
    return [*pinned, *(row for row in rows if row[0] not in names and (row[3] or not pinned))]


def _one_less(column: Column) -> Column:
    """A column that has its last step in part."""
    return replace(
        column, low=column.below, high=column.low, partly=True, slope=column.slope_below, below=math.nan
    )


def _pivots(table: list[list[Fraction]]) -> list[tuple[int, int]]:
    """(row, column) of a largest square part that can be solved, earlier rows first."""
    found: list[tuple[int, int]] = []
    kept: list[tuple[int, list[Fraction]]] = []
    for i, row in enumerate(table):
        left = row.copy()
        for j, other in kept:
            if left[j]:
                factor = left[j] / other[j]
                left = [x - factor * y for x, y in zip(left, other, strict=True)]
        pivot = next((j for j, x in enumerate(left) if x), None)
        if pivot is not None:
            kept.append((pivot, left))
            found.append((i, pivot))
    return found


def _solve(table: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """x with table x = right, for a square table of full rank."""
    n = len(right)
    rows = [[*row, value] for row, value in zip(table, right, strict=True)]
    for k in range(n):
        pivot = next(i for i in range(k, n) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(n):
            if i != k and rows[i][k]:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]
