"""Knapsacks on coarse grids, so that ties, dominated options and exhausted budgets are common."""

from hypothesis import strategies as st

from optbudget.problems import Knapsack


@st.composite
def plain_knapsacks(draw, max_groups=3):
    """[(copies, [(cost, value), ...]), ...] of whole numbers."""
    pairs = st.tuples(st.integers(0, 4), st.integers(-4, 4))
    return [
        (draw(st.integers(0, 3)), draw(st.lists(pairs, min_size=1, max_size=4)))
        for _ in range(draw(st.integers(1, max_groups)))
    ]


def knapsack_of(plain, *, money=1.0, worth=1.0, **more):
    """The package's knapsack of it, both axes scaled."""
    ptr, cost, value = [0], [], []
    for _, points in plain:
        cost += [c * money for c, _ in points]
        value += [v * worth for _, v in points]
        ptr.append(len(cost))
    return Knapsack.from_arrays(ptr, cost, value, count=[n for n, _ in plain], **more)
