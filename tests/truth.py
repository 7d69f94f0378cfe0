"""What is true of a problem in exact arithmetic: the measure of the checker and of the forger.

Nothing here imports the package: problems are taken apart into fractions of their stored doubles.
"""

from fractions import Fraction
from itertools import pairwise

from reference import concave_points, rational_backup


def plain_of(problem):
    """Pairs, terminal utilities and discounts of a problem as fractions of what it stores."""
    pairs = []
    for i in range(len(problem.states)):
        options = []
        for a in range(int(problem.pair_ptr[i]), int(problem.pair_ptr[i + 1])):
            row = int(problem.pair_row[a])
            entries = range(int(problem.row_ptr[row]), int(problem.row_ptr[row + 1]))
            row = [(int(problem.next_state[e]), Fraction(float(problem.probability[e]))) for e in entries]
            cost, utility = Fraction(float(problem.cost[a])), Fraction(float(problem.utility[a]))
            options.append((cost, utility, row))
        pairs.append(options)
    return {
        "pairs": pairs,
        "terminal": [Fraction(float(u)) for u in problem.terminal_utility],
        "discount": Fraction(problem.discount),
        "cost_discount": Fraction(problem.cost_discount),
        "horizon": problem.horizon,
        "net": problem.reward == "net",
    }


def true_curves(problem, decisions=None):
    """Vertices of every state's curve, exactly."""
    plain = plain_of(problem)
    return rational_backup(
        plain["pairs"], plain["terminal"], plain["discount"], plain["cost_discount"],
        plain["horizon"] if decisions is None else decisions, plain["net"],
    )  # fmt: skip


def after_action(problem, state, action):
    """Vertices of the curve of one state when it takes one action now, exactly."""
    plain = plain_of(problem)
    later = true_curves(problem, plain["horizon"] - 1)
    first = int(problem.pair_ptr[state])
    names = [int(a) for a in problem.pair_action[first : int(problem.pair_ptr[state + 1])]]
    cost, utility, row = plain["pairs"][state][names.index(action)]
    rate, cost_rate = plain["discount"], plain["cost_discount"]
    b = cost + cost_rate * sum(p * later[j][0][0] for j, p in row)
    v = utility - (cost if plain["net"] else 0) + rate * sum(p * later[j][0][1] for j, p in row)
    steps = []
    for j, p in row:
        for (b1, v1), (b2, v2) in pairwise(later[j]):
            steps.append((cost_rate * p * (b2 - b1), rate * p * (v2 - v1)))
    points = [(b, v)]
    for length, gain in sorted(steps, key=lambda step: -step[1] / step[0]):
        b, v = b + length, v + gain
        points.append((b, v))
    return concave_points(points)


def value_at(points, budget):
    """Value of a concave curve at a budget; None below its first point."""
    budget = Fraction(budget)
    if budget < points[0][0]:
        return None
    best = points[0][1]
    for (b1, v1), (b2, v2) in pairwise(points):
        if budget >= b2:
            best = v2
        elif budget > b1:
            return v1 + (v2 - v1) * (budget - b1) / (b2 - b1)
    return best


def supremum(points, price):
    """max over the vertices of value - price * budget."""
    return max(v - Fraction(price) * b for b, v in points)


def stated_points(curve):
    """Breakpoints of a stored curve, its segments added up exactly."""
    points = [(Fraction(curve.start_budget), Fraction(curve.start_value))]
    for length, gain in zip(curve.length.tolist(), curve.gain.tolist(), strict=True):
        b, v = points[-1]
        points.append((b + Fraction(length), v + Fraction(gain)))
    return points


def true_gap(truth, stated):
    """max over budgets of (truth - stated) / (1 + |stated|), from where the stated curve begins."""
    budgets = {b for b, _ in truth} | {b for b, _ in stated}
    for (b1, v1), (b2, v2) in pairwise(stated):
        if v1 < 0 < v2:
            budgets.add(b1 - v1 * (b2 - b1) / (v2 - v1))
    worst = Fraction(0)
    for b in budgets:
        low, high = value_at(stated, b), value_at(truth, b)
        if low is not None and high is not None:
            worst = max(worst, (high - low) / (1 + abs(low)))
    return worst


def scale_of(truth):
    """The largest number on the curves, at least 1."""
    return max([Fraction(1)] + [abs(x) for points in truth for point in points for x in point])


def false_breakpoint(truth, b, v, slack):
    """Whether (b, v) cannot be achieved, even with `slack` more money, and is not within `slack` of it."""
    best = value_at(truth, Fraction(b) + slack)
    return best is None or Fraction(v) > best + slack
