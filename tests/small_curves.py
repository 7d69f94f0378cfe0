"""Curves and populations on coarse grids, so that ties and budgets at breakpoints are common."""

import itertools
from fractions import Fraction

from hypothesis import strategies as st

from optbudget.curves import Curve, Curves


@st.composite
def plain_curves(draw, max_states=4):
    """Points [(money, value), ...] of each state, integers on a concave curve."""
    states = []
    for _ in range(draw(st.integers(1, max_states))):
        points = [(draw(st.integers(0, 2)), draw(st.integers(-4, 4)))]
        for slope in sorted(draw(st.sets(st.integers(1, 4), max_size=3)), reverse=True):
            step = draw(st.integers(1, 3))
            points.append((points[-1][0] + step, points[-1][1] + slope * step))
        states.append(points)
    return states


def curves_of(states, *, money=1.0, worth=1.0):
    """The package's curves through the points, both axes scaled."""
    curves = []
    for points in states:
        pairs = list(itertools.pairwise(points))
        length = [float(b - a) * money for (a, _), (b, _) in pairs]
        gain = [float(v - u) * worth for (_, u), (_, v) in pairs]
        curves.append(Curve(points[0][0] * money, points[0][1] * worth, length, gain))
    return Curves.from_curves(curves)


counts_for = st.lists(st.integers(0, 5), min_size=4, max_size=4)
quarters = st.integers(0, 160).map(lambda k: Fraction(k, 4))
