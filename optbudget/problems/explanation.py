"""Why an allocation is what it is: for each state what the last and the next money are worth there.

All numbers are those of the curves that the allocation was made from; sentences and tables are made of
them in `optbudget.report`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.allocation import Allocation

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Actions = NDArray[np.int32]


class Binding(StrEnum):
    """What keeps the units of a state from having more."""

    MONEY = "money ends here"
    PRICE = "price"
    USEFUL = "no use for more"
    CAP = "cap"
    LIMIT = "limit"
    SHARE = "own share"

    @property
    def sentence(self) -> str:
        """The same in full."""
        return {
            Binding.MONEY: "the money ends here",
            Binding.PRICE: "the next money is worth more elsewhere",
            Binding.USEFUL: "more money is worth nothing here",
            Binding.CAP: "one unit may have no more than the cap",
            Binding.LIMIT: "a limit allows no more",
            Binding.SHARE: "it has its share, whatever more would be worth",
        }[self]


@dataclass(frozen=True, eq=False)
class Step:
    """One segment beside what the units of each state have, (k,) each; NaN and -1 where there is none.

    Attributes
    ----------
    length, gain : money and value of one unit that takes it, from end to end
    price : gain / length, the value of a unit of money on it
    action : what to do now at its far end, index into the problem's actions
    total : total budget of the whole population at which the optimum begins to change here, money,
        rounded; NaN where the allocation was not made by price, or keeps limits
    """

    length: Floats
    gain: Floats
    price: Floats
    action: Actions
    total: Floats


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """For every state with units: what they have, what binds, and what the last and the next money do.

    A unit that a limit singles out stands by itself, beside the others of its state.

    Attributes
    ----------
    allocation : what is explained
    state : (k,) int64; index of the state
    unit : (k,) int64; which unit of the population stands by itself, -1 for those of a state
    units : (k,) int64; how many
    budget, value : (k,) money and value per unit, in expectation
    action : (k,) int32; what most of its units do now, -1 where there is nothing to do
    price : (k,) what money is worth elsewhere to the units of the state: the allocation's price, plus the
        multipliers of the mosts and less those of the leasts of the groups that hold the state
    binding : k reasons why the units do not have more
    limit : k names of the limit behind it, or of the least that keeps money here; "" where there is none
    last : the segment bought last: below its `total` the optimum gives the units of the state less
    next : the segment to be bought next: above its `total` the optimum gives them more
    by_price : whether the allocation buys by falling price; equal shares and whole units do not
    """

    allocation: Allocation
    state: Integers
    unit: Integers
    units: Integers
    budget: Floats
    value: Floats
    action: Actions
    price: Floats
    binding: tuple[Binding, ...]
    limit: tuple[str, ...]
    last: Step
    next: Step
    by_price: bool

    @property
    def loss_of_more(self) -> Floats:
        """(k,) value lost if a unit were given its whole next segment at the price of money; >= 0, or NaN."""
        return np.maximum(self.price * self.next.length - self.next.gain, 0.0)

    @property
    def loss_of_less(self) -> Floats:
        """(k,) value lost if a unit gave up its last segment and money went at the price; >= 0, or NaN."""
        return np.maximum(self.last.gain - self.price * self.last.length, 0.0)

    @property
    def marginal(self) -> int:
        """Place of the units among which the money of all ends; -1 if money is worth nothing."""
        price = self.allocation.price
        ends = [i for i, reason in enumerate(self.binding) if reason is Binding.MONEY]
        return next((i for i in ends if abs(self.price[i] - price) <= 1e-12 * price), -1)

    def places(self, label: str) -> list[int]:
        """Where the units of a state stand, none if it has none; ProblemError if it is unknown."""
        return np.flatnonzero(self.state == self.allocation.curves.problem.index(label)).tolist()

    def name(self, k: int) -> str:
        """Whom a row is about: the state's label, with the unit's name if it stands by itself."""
        label, names = self.allocation.curves.problem.labels[self.state[k]], self.allocation.population.unit
        return label if self.unit[k] < 0 or names is None else f"{label}, unit {names[self.unit[k]]}"

    def to_arrow(self) -> "pa.Table":
        """One row per state with units: what they have, what binds, the last and the next segment."""
        import pyarrow as pa

        problem = self.allocation.curves.problem
        columns: dict[str, object] = {}
        if problem.state_type:
            columns["type"] = pa.array(problem.state_type).take(pa.array(self.state))
        columns |= {
            "state": pa.array(problem.states).take(pa.array(self.state)),
            "unit": pa.array(self._unit_names(), type=pa.string()),
            "count": self.units,
            "budget": self.budget,
            "value": self.value,
            "action": _names(problem.actions, self.action),
            "price": self.price,
            "binding": [str(reason) for reason in self.binding],
            "limit": pa.array([name or None for name in self.limit], type=pa.string()),
        }
        for side, step in (("last", self.last), ("next", self.next)):
            columns[f"{side}_price"] = step.price
            columns[f"{side}_length"] = step.length
            columns[f"{side}_gain"] = step.gain
            columns[f"{side}_action"] = _names(problem.actions, step.action)
            columns[f"{side}_total_budget"] = step.total
        columns |= {"loss_of_less": self.loss_of_less, "loss_of_more": self.loss_of_more}
        return pa.table(columns)

    def _unit_names(self) -> list[str | None]:
        names = self.allocation.population.unit
        return [None if u < 0 or names is None else str(names[u]) for u in self.unit.tolist()]

    def __repr__(self) -> str:
        number = np.unique(self.state).size
        states = f"{number:,} state" + ("" if number == 1 else "s")
        return f"Explanation({states}, price {self.allocation.price:.4g})"


def _names(actions: tuple[str, ...], chosen: Actions) -> "pa.Array":
    import pyarrow as pa

    names = pa.array([*actions, None], type=pa.string())
    return names.take(pa.array(np.where(chosen < 0, len(actions), chosen)))


@dataclass(frozen=True, eq=False, repr=False)
class Difference:
    """Two allocations state by state, and the change of their value in three exact parts.

    A state is one label; where one of the two knows no such state, or has no units in it, its count there
    is 0. The parts sum to the change of value but for rounding:

    * `of_units`: units came or went, each worth what one was worth before;
    * `of_model`: the model changed: the same money per unit, at its value now;
    * `of_money`: money moved: the new money per unit less the old, both at their value now.

    Attributes
    ----------
    before, after : the two
    label : k labels; those of `after` first, then those that only `before` has
    units_before, units_after : (k,) int64
    budget_before, budget_after : (k,) money per unit, in expectation; NaN without units
    spend_before, spend_after : (k,) money of all units
    value_before, value_after : (k,) value of all units
    action_before, action_after : k names of what most units do now, or None
    of_units, of_model, of_money : (k,) value
    """

    before: Allocation
    after: Allocation
    label: tuple[str, ...]
    units_before: Integers
    units_after: Integers
    budget_before: Floats
    budget_after: Floats
    spend_before: Floats
    spend_after: Floats
    value_before: Floats
    value_after: Floats
    action_before: tuple[str | None, ...]
    action_after: tuple[str | None, ...]
    of_units: Floats
    of_model: Floats
    of_money: Floats

    @property
    def change(self) -> float:
        """Value of `after` less that of `before`."""
        return self.after.value - self.before.value

    def to_arrow(self) -> "pa.Table":
        """One row per state."""
        import pyarrow as pa

        names = (
            "label", "units_before", "units_after", "budget_before", "budget_after", "spend_before",
            "spend_after", "value_before", "value_after", "action_before", "action_after", "of_units",
            "of_model", "of_money",
        )  # fmt: skip
        columns = {name: getattr(self, name) for name in names}
        for name in ("label", "action_before", "action_after"):
            columns[name] = pa.array(columns[name], type=pa.string())
        return pa.table({"state" if name == "label" else name: column for name, column in columns.items()})

    def __repr__(self) -> str:
        return (
            f"Difference({len(self.label):,} states, value {self.before.value:.6g} to "
            f"{self.after.value:.6g}, spent {self.before.spent:.6g} to {self.after.spent:.6g})"
        )
