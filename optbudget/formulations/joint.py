"""A small population as one problem: its states are counts of units, its actions say who does what.

With the budget in expectation the joint optimum, although it may shift money between units as chance
falls, equals the sum of the units' curves at the best split: for a price the joint problem separates
(weakly coupled problems, Meuleau et al. 1998), and linear duality closes the gap. The paper's remark after
Observation 9 says otherwise. With a budget that no path may exceed it lies below: see
`optbudget.formulations.strict`.
"""

import numpy as np

from optbudget.errors import LimitError
from optbudget.formulations.joint_units import Law, Units
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Population

MOST_PAIRS = 50_000
"""Joint states and actions beyond which the joint problem is refused."""


def joint_problem(unit: BudgetedMDP, population: Population, budget: float) -> tuple[ConstrainedMDP, float]:
    """All units of a small population as one constrained problem, and a constant to add to its value.

    The constant is what units are worth that start in terminal states.

    Raises
    ------
    LimitError
        If the joint problem has more than `MOST_PAIRS` joint states and actions.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> unit = two_action_example(horizon=2)
    >>> joint_problem(unit, Population.at(unit, {"s": 3}), 5.0)
    (ConstrainedMDP(1 state, horizon 2, budget 5), 0.0)
    """
    units = Units(unit)
    first, ended = units.start(population)
    order, position = [first], {first: 0}
    pair_ptr, cost, utility, words, rows = [0], list[float](), list[float](), list[str](), list[Law]()
    for counts in order:
        for word, step in units.together(counts) if any(counts) else []:
            for after in step.law:
                if after not in position:
                    position[after] = len(order)
                    order.append(after)
            cost.append(float(step.cost))
            utility.append(float(step.reward))
            words.append(word)
            rows.append(step.law)
        pair_ptr.append(len(cost))
        if len(cost) > MOST_PAIRS:
            raise LimitError(
                f"the joint problem has more than {MOST_PAIRS:,} joint states and actions; it is made for "
                "a few units of small problems: allocate() serves the others"
            )
    actions = tuple(dict.fromkeys(words)) or ("none",)
    index = {word: i for i, word in enumerate(actions)}
    joint = BudgetedMDP(
        states=tuple(units.name(counts) for counts in order),
        actions=actions,
        pair_ptr=np.array(pair_ptr),
        pair_action=np.array([index[word] for word in words], dtype=np.int32),
        pair_row=np.arange(len(rows), dtype=np.int32),
        cost=np.array(cost),
        utility=np.array(utility),
        row_ptr=np.append(0, np.cumsum([len(law) for law in rows])).astype(np.int64),
        next_state=np.array([position[after] for law in rows for after in law], dtype=np.int32),
        probability=np.array([float(p) for law in rows for p in law.values()]),
        terminal_utility=np.array([float(units.final(counts)) for counts in order]),
        discount=unit.discount,
        cost_discount=unit.cost_discount,
        horizon=unit.horizon,
        reward="gross",
        initial_state=np.array([0]),
        initial_probability=np.array([1.0]),
    )
    return ConstrainedMDP(joint, budget), float(ended)
