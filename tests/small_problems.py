"""Small problems on coarse grids, so that ties, collinear points and free improvements are common."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from optbudget.problems import BudgetedMDP

ROWS = [(1,), (Fraction(1, 2), Fraction(1, 2)), (Fraction(1, 4), Fraction(3, 4)),
        (Fraction(1, 4), Fraction(1, 4), Fraction(1, 2))]  # fmt: skip
RATES = [Fraction(1), Fraction(1, 2), Fraction(3, 4)]


@st.composite
def plain_models(draw, max_states=3, max_actions=3, max_horizon=4, free_action=False):
    """A problem in rational numbers: pairs[state] = [(cost, utility, [(next state, probability)])]."""
    n = draw(st.integers(1, max_states))
    pairs = []
    for _ in range(n):
        options = []
        for action in range(draw(st.integers(0, max_actions))):
            row = draw(st.sampled_from([row for row in ROWS if len(row) <= n]))
            successors = draw(st.permutations(range(n)))[: len(row)]
            cost = 0 if free_action and action == 0 else draw(st.integers(0, 4))
            options.append((cost, draw(st.integers(-4, 4)), list(zip(successors, row, strict=True))))
        pairs.append(options)
    return {
        "pairs": pairs,
        "terminal": draw(st.lists(st.integers(-4, 4), min_size=n, max_size=n)),
        "discount": draw(st.sampled_from(RATES)),
        "cost_discount": draw(st.sampled_from(RATES)),
        "horizon": draw(st.integers(1, max_horizon)),
        "net": draw(st.booleans()),
    }


def problem_of(plain, **changes):
    """The BudgetedMDP of plain data."""
    pairs = [pair for options in plain["pairs"] for pair in options]
    rows = [row for _, _, row in pairs]
    arguments = {
        "states": tuple(f"s{i}" for i in range(len(plain["pairs"]))),
        "actions": tuple(f"a{k}" for k in range(max([len(options) for options in plain["pairs"]] + [1]))),
        "pair_ptr": np.cumsum([0] + [len(options) for options in plain["pairs"]]),
        "pair_action": np.array([k for options in plain["pairs"] for k in range(len(options))], dtype=int),
        "pair_row": np.arange(len(pairs)),
        "cost": np.array([float(cost) for cost, _, _ in pairs]),
        "utility": np.array([float(utility) for _, utility, _ in pairs]),
        "row_ptr": np.cumsum([0] + [len(row) for row in rows]),
        "next_state": np.array([j for row in rows for j, _ in row], dtype=np.int32),
        "probability": np.array([float(p) for row in rows for _, p in row]),
        "terminal_utility": np.array([float(u) for u in plain["terminal"]]),
        "discount": float(plain["discount"]),
        "cost_discount": float(plain["cost_discount"]),
        "horizon": plain["horizon"],
        "reward": "net" if plain["net"] else "gross",
    }
    return BudgetedMDP(**(arguments | changes))
