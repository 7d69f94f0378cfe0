"""The allocation unit by unit, where the population was given by unit.

Equal units are interchangeable, so a rule says which of them are raised: within a state, in the
population's order, first the units at the highest useful budget, then those at the next, last the
randomised ones.
"""

from typing import TYPE_CHECKING

import numpy as np

from optbudget.errors import UsageError
from optbudget.problems import Allocation

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
        two, whose probabilities sum to 1.

    Raises
    ------
    UsageError
        If the population was given by counts.

    Examples
    --------
    >>> import numpy as np
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.allocation import allocate
    >>> from optbudget.problems import Population
    >>> curves = two_state_curves()
    >>> people = Population.of_units(curves.problem, ["Ann", "Bob", "Cat"], ["cold", "warm", "cold"])
    >>> assignment(allocate(curves, people, 2.0)).select(["unit", "budget", "probability"]).to_pylist()
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'unit': 'Ann', 'budget': 0.0, 'probability': 1.0}, {'unit': 'Bob', 'budget': 1.0, 'probability': 1.0},
     {'unit': 'Cat', 'budget': 0.0, 'probability': 0.5}, {'unit': 'Cat', 'budget': 2.0, 'probability': 0.5}]
    """
    import pyarrow as pa

    population = allocation.population
    if population.unit is None or population.unit_state is None:
        raise UsageError("the population was given by counts; list its units to have them named")
    by_state = np.argsort(population.unit_state, kind="stable")
    order = np.lexsort((-allocation.unit_budget, allocation.probability < 1, allocation.state))
    # Rows of a randomised unit come in pairs; only the first of a pair uses up a unit.
    drawn = np.flatnonzero(allocation.probability[order] < 1)
    uses = allocation.count[order].copy()
    uses[drawn[1::2]] = 0
    first_row = np.repeat(np.arange(order.size), uses)
    unit, row = by_state, order[first_row]
    is_drawn = allocation.probability[row] < 1
    unit = np.concatenate((unit, unit[is_drawn]))
    row = np.concatenate((row, order[first_row[is_drawn] + 1]))
    shown = np.lexsort((allocation.unit_budget[row], unit))
    table = allocation.to_arrow().take(pa.array(row[shown])).drop_columns("count")
    return table.add_column(0, "unit", pa.array(population.unit).take(pa.array(unit[shown])))
