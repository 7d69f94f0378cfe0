"""What happens to everybody else when one line of a split gets more money: nothing, or how much and why.

A line G is a group with a limit in total, :math:`L_G \\le \\sum_{i \\in G} b_i \\le U_G` (`problems.limits`).
The split is optimal because a price λ and multipliers of the lines prove it; whatever leaves that proof valid
leaves the split as it is. For the units outside G that no limit of their own holds, it is valid at every
price in the interval

.. math:: [\\lambda^-, \\lambda^+] = \\Big[\\max_i V_i'(b_i^+),\\; \\min_i V_i'(b_i^-)\\Big],

the slopes of their curves to the right and to the left of what they have. So

* *a cap that does not bind is raised*: its multiplier is 0, before and after, and the proof holds: nothing
  changes for anybody;
* *a line and the total are raised together by the same amount*: the others keep the money they have, as long
  as the line takes all of the new money. It does where its own slope is at least a price of the interval, and
  always where it is locked (L = U);
* *a locked line is raised at a fixed total*: the others have less by as much, those with the flattest slopes
  give it up first, and the price moves up their curves.

None of this is assumed: the split is made again, and what is found is held against the interval.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import allocate
from optbudget.errors import UsageError
from optbudget.planning.explaining import levels
from optbudget.problems import Allocation, Limits
from optbudget.problems.columns import did_you_mean

Mask = NDArray[np.bool_]

SAME = 1e-9
"""Money and prices that differ by no more, relatively, are the same."""


@dataclass(frozen=True, eq=False, repr=False)
class LineChange:
    """A split before and after one line was given another limit.

    Attributes
    ----------
    line : name of the group
    before, after : the splits
    interval : (low, high) prices at which the others' split before is optimal for what they have
    others : names of the others: types, or states where there are no types
    moved : for each of them, what it spends after less what it spent before
    """

    line: str
    before: Allocation
    after: Allocation
    interval: tuple[float, float]
    others: tuple[str, ...]
    moved: tuple[float, ...]

    @property
    def unchanged(self) -> bool:
        """Whether every other spends what it spent."""
        return all(abs(money) <= SAME * (1.0 + abs(self.before.budget)) for money in self.moved)

    @property
    def inside(self) -> bool:
        """Whether the price after is one at which the others' split before is optimal."""
        low, high = self.interval
        return low * (1.0 - SAME) <= self.after.price <= high * (1.0 + SAME)

    @property
    def sentence(self) -> str:
        """What changed for the others, and why, in words."""
        low, high = self.interval
        price = f"the price of money is {self.after.price:.6g}"
        span = f"between {low:.6g} and {high:.6g}" if high > low * (1.0 + SAME) else f"still {low:.6g}"
        between = f"{span}, where what the others have is best for them"
        if self.unchanged:
            return f"no other changes: {price}, {between}"
        order = np.argsort(np.array(self.moved))
        gone = [f"{self.others[k]} {self.moved[k]:+.6g}" for k in order if self.moved[k] < 0][:3]
        come = [f"{self.others[k]} {self.moved[k]:+.6g}" for k in order[::-1] if self.moved[k] > 0][:3]
        moves = f"the price of money moves from {self.before.price:.6g} to {self.after.price:.6g}"
        if abs(self.after.price - self.before.price) <= SAME * self.before.price:
            moves = f"the price of money stays {self.after.price:.6g}, which one of them is indifferent at"
        return f"{moves}, and the others change: {', '.join([*gone, *come])}"


def change_line(answer: Allocation, line: str, to: float, *, total: float | None = None) -> LineChange:
    """Make a split again with another limit of one line, and say what it does to everybody else.

    Parameters
    ----------
    answer : a split under limits
    line : name of a group of types or states; its most becomes `to`, and its least too where it is locked
        (least and most equal)
    to : money for the line
    total : the budget for all; as it is if not given

    Raises
    ------
    UsageError
        If there is no such line, or it is made of groups or units.
    NoAnswerError
        As `allocate`.

    Examples
    --------
    Roads may spend 1 of a budget of 2, and would spend more. With 1.5 of 2.5 the parks keep what they have:

    >>> from optbudget import solve
    >>> from optbudget.problems import GroupLimit
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments(horizon=6)
    >>> problem = two.budgeted()
    >>> caps = Limits(groups=(GroupLimit("roads", types=("roads",), most=1.0),))
    >>> split = allocate(solve(problem), two.population(problem), 2.0, limits=caps)
    >>> change_line(split, "roads", 1.5, total=2.5).unchanged
    True
    >>> change_line(split, "roads", 1.5).sentence
    'the price of money moves from 0.0833333 to 1.06..., and the others change: parks -0.5'
    """
    limits = answer.limits or Limits()
    names = [group.name for group in limits.groups]
    if line not in names:
        raise UsageError(f"no line is called {line!r}{did_you_mean(line, names)}")
    group = limits.groups[names.index(line)]
    if group.groups or group.units:
        raise UsageError(f"line {line!r} is made of groups or units; a line of types or states is needed")
    locked = group.least == group.most
    raised = replace(group, most=to, least=to if locked else group.least)
    changed = replace(limits, groups=tuple(raised if g is group else g for g in limits.groups))
    budget = answer.budget if total is None else total
    after = allocate(answer.curves, answer.population, budget, limits=changed)
    others = _others(answer, group.types, group.states)
    was, now = _spends(answer), _spends(after)
    names_of_others = tuple(dict.fromkeys(_names(answer)[i] for i in np.flatnonzero(others)))
    moved = tuple(now.get(name, 0.0) - was.get(name, 0.0) for name in names_of_others)
    free = others & (np.abs(answer.state_price() - answer.price) <= SAME * answer.price)
    return LineChange(line, answer, after, _interval(answer, free), names_of_others, moved)


def _names(answer: Allocation) -> tuple[str, ...]:
    """What each state is reported under."""
    problem = answer.curves.problem
    return problem.state_type or problem.labels


def _others(answer: Allocation, types: tuple[str, ...], states: tuple[str, ...]) -> Mask:
    """States with units that are not of the line, (n,)."""
    problem = answer.curves.problem
    kinds = problem.state_type or ("",) * problem.n_states
    of_line = [k in types or label in states for k, label in zip(kinds, problem.labels, strict=True)]
    return np.asarray((answer.population.count > 0) & ~np.array(of_line))


def _spends(answer: Allocation) -> dict[str, float]:
    """Expected spend by name."""
    names, found = _names(answer), dict[str, float]()
    rows = zip(answer.state.tolist(), answer.count * answer.probability * answer.unit_budget, strict=True)
    for state, money in rows:
        found[names[state]] = found.get(names[state], 0.0) + float(money)
    return found


def _interval(answer: Allocation, free: Mask) -> tuple[float, float]:
    """The steepest slope to the right and the least steep to the left of what the free states have."""
    rows = free[answer.state]
    state, curves = answer.state[rows], answer.curves.curves
    level = levels(curves, state, answer.unit_budget[rows])
    first = curves.indptr[state] + level
    slope = np.append(curves.gain / curves.length, 0.0)
    right = np.where(level < curves.segments[state], slope[np.minimum(first, slope.size - 1)], 0.0)
    left = np.where(level > 0, slope[np.maximum(first - 1, 0)], np.inf)
    return float(right.max(initial=0.0)), float(left.min(initial=np.inf))
