"""An allocation unit by unit, where the population was given by unit.

Equal units are interchangeable, so a rule says who is raised: the units of a state, in the order in
which they were listed, take the allocation's rows of that state in theirs: whole units at the upper of
two useful budgets first, then those at the lower, last a randomised one.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.problems.allocation import Allocation

if TYPE_CHECKING:
    import pyarrow as pa


def assignment(allocation: Allocation) -> "pa.Table":
    """Which unit gets which budget, and what to do with it now.

    Parameters
    ----------
    allocation : of a population that was given by unit

    Returns
    -------
    pyarrow.Table
        The columns of `assignment.parquet`: unit, state (with type before it where there are types),
        budget, probability, action. One row per unit in the population's order; a randomised unit has
        two, whose probabilities sum to 1: draw one of them.

    Raises
    ------
    UsageError
        If the population was given by counts, or there is no allocation of it.

    Examples
    --------
    >>> from optbudget.allocation import allocate
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.problems import Population
    >>> curves = two_state_curves()
    >>> people = Population.of_units(curves.problem, ["Ann", "Bob", "Cat"], ["cold", "warm", "cold"])
    >>> assignment(allocate(curves, people, 4.0)).select(["unit", "budget", "probability"]).to_pylist()
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'unit': 'Ann', 'budget': 2.0, 'probability': 1.0}, {'unit': 'Bob', 'budget': 1.0, 'probability': 1.0},
     {'unit': 'Cat', 'budget': 0.0, 'probability': 0.5}, {'unit': 'Cat', 'budget': 2.0, 'probability': 0.5}]
    """
    import pyarrow as pa

    population = allocation.population
    if population.unit is None or population.unit_state is None:
        raise UsageError("the population was given by counts; list its units to have them named")
    in_order = np.argsort(allocation.state, kind="stable")
    # The two rows of a randomised unit follow each other; the first alone uses up a unit.
    second = in_order[allocation.probability[in_order] < 1][1::2]
    uses = allocation.count.copy()
    uses[second] = 0
    if not np.array_equal(np.bincount(allocation.state, uses, population.count.size), population.count):
        raise UsageError("the allocation does not serve its population")
    place = np.repeat(np.arange(in_order.size), uses[in_order])
    unit = _units_in_order(allocation, in_order[place])
    drawn = allocation.probability[in_order[place]] < 1
    row = in_order[np.concatenate((place, place[drawn] + 1))]
    unit = np.concatenate((unit, unit[drawn]))
    shown = np.argsort(unit, kind="stable")
    table = allocation.to_arrow().take(pa.array(row[shown])).drop_columns("count")
    return table.add_column(0, "unit", pa.array(population.unit).take(pa.array(unit[shown])))


def _units_in_order(allocation: Allocation, row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which unit takes each row; rows are by state, and some may single out a unit of their own."""
    population = allocation.population
    assert population.unit_state is not None
    unit = np.argsort(population.unit_state, kind="stable")
    single = np.full(row.size, -1) if allocation.unit is None else allocation.unit[row]
    if (single >= 0).any():
        rest = unit[~np.isin(unit, single)]
        unit = np.where(single >= 0, single, 0)
        unit[single < 0] = rest
    return np.asarray(unit)
