"""Slow, obvious versions of the fast paths. They import nothing from the package."""

import itertools
import math
from fractions import Fraction
from itertools import product


def concave_points(points):
    """Vertices of the least nondecreasing concave curve above points (budget, value), in exact arithmetic."""
    chain = []
    for b, v in sorted(points, key=lambda point: (point[0], -point[1])):
        if chain and v <= chain[-1][1]:
            continue
        if chain and b == chain[-1][0]:
            chain.pop()
        while len(chain) > 1:
            (b1, v1), (b2, v2) = chain[-2:]
            if (v2 - v1) * (b - b2) > (v - v2) * (b2 - b1):
                break
            chain.pop()
        chain.append((b, v))
    return chain


def plain_non_dominated(points):
    """Rows that no other dominates; of equal rows the first."""
    return [
        i
        for i, x in enumerate(points)
        if not any(
            all(b >= a for a, b in zip(x, y, strict=True)) and (list(y) != list(x) or j < i)
            for j, y in enumerate(points)
        )
    ]


def plain_hull(points):
    """Vertices of the upper right convex hull of points in the plane, exactly, by the first coordinate."""
    chain = []
    for x, y in sorted({tuple(map(Fraction, point)) for point in points}):
        while chain and y >= chain[-1][1]:
            chain.pop()
        while len(chain) > 1:
            (x1, y1), (x2, y2) = chain[-2:]
            if (y2 - y1) * (x - x2) > (y - y2) * (x2 - x1):
                break
            chain.pop()
        chain.append((x, y))
    return chain


def policy_vector(transition, reward, discount, initial, policy, sweeps=2_000):
    """Value of a policy by applying its equation until nothing changes; -1: a state without actions."""
    states, columns = range(len(initial)), range(len(reward[0][0]))
    value = [[0.0 for _ in columns] for _ in states]
    for _ in range(sweeps):
        value = [
            [
                0.0
                if policy[s] < 0
                else reward[s][policy[s]][k]
                + discount * sum(p * value[j][k] for j, p in enumerate(transition[s][policy[s]]) if p)
                for k in columns
            ]
            for s in states
        ]
    return [sum(p * value[s][k] for s, p in enumerate(initial)) for k in columns]


def plain_q_learning(moments, weights, actions, discount, rate):
    """Watkins' rule for the weighted reward: {(state, action): value} after the moments, in their order.

    moments: (state, action, reward vector, what followed or None at the end); rate(n): of the n-th visit.
    """
    value, visits = {}, {}
    for state, action, reward, following in moments:
        ahead = 0.0 if following is None else max(value.get((following, a), 0.0) for a in range(actions))
        here = (state, action)
        visits[here] = visits.get(here, 0) + 1
        target = sum(w * r for w, r in zip(weights, reward, strict=True)) + discount * ahead
        value[here] = value.get(here, 0.0) + rate(visits[here]) * (target - value.get(here, 0.0))
    return value


def counted_value(moments, weights, actions, discount, sweeps):
    """Values of states for the weighted reward if the shares of what followed were the truth."""
    followed, earned = {}, {}
    for state, action, reward, following in moments:
        followed.setdefault((state, action), []).append(following)
        earned.setdefault((state, action), []).append(
            sum(w * r for w, r in zip(weights, reward, strict=True))
        )
    value = {}
    for _ in range(sweeps):
        new = {}
        for (state, action), after in followed.items():
            here = (state, action)
            q = sum(earned[here]) / len(after) + discount * sum(value.get(j, 0.0) for j in after) / len(after)
            new[state] = max(new.get(state, -math.inf), q)
        value = new
    return value


def joint_value(point_lists, weights, budget):
    """Best sum of weight * value over concave curves given by points, in all at most `budget` in mean.

    By duality: the least over prices of price * budget + sum of weight * max(value - price * budget).
    None where the budget is below the least feasible one.
    """
    if budget < sum(w * min(points)[0] for w, points in zip(weights, point_lists, strict=True)):
        return None
    prices = {Fraction(0)}
    for points in point_lists:
        for b1, v1 in points:
            for b2, v2 in points:
                if b2 > b1 and v2 > v1:
                    prices.add(Fraction(v2 - v1) / Fraction(b2 - b1))
    # The minimum of a convex piecewise linear function of the price is at a kink, or beyond all of them
    # where only the least spends count.
    prices.add(max(prices) + 1)
    return min(
        price * budget
        + sum(
            w * max(v - price * b for b, v in points) for w, points in zip(weights, point_lists, strict=True)
        )
        for price in prices
    )


def rational_backup(pairs, terminal, discount, cost_discount, horizon, net=True):
    """Vertices (budget, value) of every state's curve, by whole-curve backups in rational arithmetic.

    pairs[i] = [(cost, utility, [(next state, probability)])]; all numbers int or Fraction.
    """
    curves = [[(Fraction(0), Fraction(u))] for u in terminal]
    for _ in range(horizon):
        new = []
        for i, options in enumerate(pairs):
            points = [] if options else [(Fraction(0), Fraction(terminal[i]))]
            for cost, utility, row in options:
                b = cost + cost_discount * sum(p * curves[j][0][0] for j, p in row)
                v = utility - (cost if net else 0) + discount * sum(p * curves[j][0][1] for j, p in row)
                steps = []
                for j, p in row:
                    for (b1, v1), (b2, v2) in zip(curves[j], curves[j][1:], strict=False):
                        steps.append((cost_discount * p * (b2 - b1), discount * p * (v2 - v1)))
                points.append((b, v))
                for length, gain in sorted(steps, key=lambda step: -step[1] / step[0]):
                    b, v = b + length, v + gain
                    points.append((b, v))
            new.append(concave_points(points))
        curves = new
    return curves


def stationary_points(plain):
    """(spend, value) of every stationary deterministic policy over an infinite horizon, per state, exact."""
    return [[point[:2] for point in points] for points in stationary_spread(plain)]


def stationary_spread(plain):
    """(spend, value, variance of spend) of every stationary deterministic policy, per state, exact.

    plain["pairs"][state] = [(cost, utility, [(next state, probability)])]; no pairs: terminal.
    """
    pairs, terminal = plain["pairs"], plain["terminal"]
    points = [[] for _ in pairs]
    for policy in itertools.product(*[options or [None] for options in pairs]):
        cost = [0 if pair is None else pair[0] for pair in policy]
        gain = [
            terminal[i] if pair is None else pair[1] - plain["net"] * pair[0] for i, pair in enumerate(policy)
        ]
        spend = _fixed_point(cost, policy, plain["cost_discount"])
        value = _fixed_point(gain, policy, plain["discount"])
        rate = Fraction(plain["cost_discount"])
        ahead = [(b - c) for b, c in zip(spend, cost, strict=True)]
        square = [c * (c + 2 * b) for b, c in zip(ahead, cost, strict=True)]
        second = _fixed_point(square, policy, rate * rate)
        for i in range(len(pairs)):
            points[i].append((spend[i], value[i], second[i] - spend[i] ** 2))
    return points


def _fixed_point(gain, policy, discount):
    """x = gain + discount P x by Gauss-Jordan elimination in fractions."""
    n = len(gain)
    table = []
    for i in range(n):
        row = [Fraction(int(i == j)) for j in range(n)] + [Fraction(gain[i])]
        for j, p in policy[i][2] if policy[i] is not None else ():
            row[j] -= Fraction(discount) * Fraction(p)
        table.append(row)
    for i in range(n):
        pivot = next(k for k in range(i, n) if table[k][i] != 0)
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [x / table[i][i] for x in table[i]]
        for k in range(n):
            if k != i and table[k][i] != 0:
                table[k] = [x - table[k][i] * y for x, y in zip(table[k], table[i], strict=True)]
    return [row[-1] for row in table]


def best_split(point_lists, counts, budget):
    """Value and price interval of the best split of `budget`, by enumerating the dual.

    point_lists[s] = [(money, value), ...] are what a unit of state s can be given; mixtures are allowed.
    By linear duality the optimum is the least over prices p >= 0 of p B + sum_s n_s max_k (v_k - p b_k),
    and the least is at p = 0 or at a slope between two points of one state. None if infeasible.
    """
    occupied = [(points, n) for points, n in zip(point_lists, counts, strict=True) if n]
    if sum(n * min(b for b, _ in points) for points, n in occupied) > budget:
        return None
    prices = {Fraction(0)}
    for points, _ in occupied:
        for (b1, v1), (b2, v2) in itertools.combinations(points, 2):
            if b1 != b2 and (v2 - v1) / Fraction(b2 - b1) > 0:
                prices.add((v2 - v1) / Fraction(b2 - b1))
    return min(p * budget + sum(n * max(v - p * b for b, v in pts) for pts, n in occupied) for p in prices)


def deterministic_trees(pairs, terminal, discount, cost_discount, horizon, net=True):
    """All (budget, value, variance of spend) of policies deterministic in (state, stage, assigned budget).

    One set per state, by enumeration: an action now, and for each next state any policy from there.
    """
    known = [{(Fraction(0), Fraction(u), Fraction(0))} for u in terminal]
    for _ in range(horizon):
        new = []
        for i, options in enumerate(pairs):
            found = set() if options else {(Fraction(0), Fraction(terminal[i]), Fraction(0))}
            for cost, utility, row in options:
                for ahead in product(*(known[j] for j, _ in row)):
                    mean = sum(p * b for (_, p), (b, _, _) in zip(row, ahead, strict=True))
                    value = sum(p * v for (_, p), (_, v, _) in zip(row, ahead, strict=True))
                    variance = sum(
                        p * (var + (b - mean) ** 2) for (_, p), (b, _, var) in zip(row, ahead, strict=True)
                    )
                    found.add(
                        (
                            cost + cost_discount * mean,
                            utility - (cost if net else 0) + discount * value,
                            cost_discount**2 * variance,
                        )
                    )
            new.append(found)
        known = new
    return known


def staircase(points):
    """Of points (budget, value), those worth more than every cheaper or equally dear one."""
    kept = []
    for b, v in sorted(set(points), key=lambda point: (point[0], -point[1])):
        if not kept or v > kept[-1][1]:
            kept.append((b, v))
    return kept


def rational_pass(plain, price):
    """One backward pass at a price (a Fraction, or None for infinity), ties to least spend.

    Returns per state (spend, value, spend variance), exactly; price None wants least spend, then
    most value, and price 0 most value, then least spend.
    """
    rate, cost_rate = plain["discount"], plain["cost_discount"]
    now = [(Fraction(0), Fraction(u), Fraction(0)) for u in plain["terminal"]]
    for stage in reversed(range(plain["horizon"])):
        then = now
        now = []
        for i, options in enumerate(plain["pairs"]):
            candidates = [] if options else [(Fraction(0), Fraction(plain["terminal"][i]), Fraction(0))]
            for cost, utility, row in options:
                mean = sum(p * then[j][0] for j, p in row)
                spread = sum(p * (then[j][2] + (then[j][0] - mean) ** 2) for j, p in row)
                reward = utility - (cost if plain["net"] else 0)
                value = reward + rate * sum(p * then[j][1] for j, p in row)
                candidates.append((cost + cost_rate * mean, value, cost_rate**2 * spread))
            if price is None:
                now.append(min(candidates, key=lambda c: (c[0], -c[1])))
            else:
                there = price * (cost_rate / rate) ** stage
                now.append(min(candidates, key=lambda c, there=there: (there * c[0] - c[1], c[0])))
    return now


def best_choice(groups, budget):
    """Most value of one option per copy within the budget, by enumeration; None if nothing fits.

    groups = [(copies, [(cost, value), ...]), ...]
    """
    copies = [points for n, points in groups for _ in range(n)]
    return max(
        (sum(v for _, v in chosen) for chosen in product(*copies) if sum(c for c, _ in chosen) <= budget),
        default=None,
    )


def best_choice_by_table(groups, budget):
    """The same for whole costs and a whole budget, by a table of the best value at each money left."""
    table = [0] * (budget + 1)
    for n, points in groups:
        for _ in range(n):
            table = [
                max(
                    (table[b - c] + v for c, v in points if c <= b and table[b - c] is not None), default=None
                )
                for b in range(budget + 1)
            ]
    return table[budget]


def markov_policies(plain):
    """Every deterministic Markov policy of a finite horizon: value by state, and spend by stage and state.

    Yields (value[i], spend[stage][i]) in exact arithmetic, discounted to now.
    """
    n, horizon = len(plain["pairs"]), plain["horizon"]
    choices = [range(len(options)) if options else (None,) for options in plain["pairs"]]
    rate, cost_rate = plain["discount"], plain["cost_discount"]
    for policy in product(product(*choices), repeat=horizon):
        value = [Fraction(u) for u in plain["terminal"]]
        spend = [[Fraction(0)] * n for _ in range(horizon)]
        for stage in reversed(range(horizon)):
            old, used = value, [list(row) for row in spend]
            value = list(old)
            for i, action in enumerate(policy[stage]):
                if action is None:
                    value[i] = Fraction(plain["terminal"][i])
                    continue
                cost, utility, row = plain["pairs"][i][action]
                value[i] = utility - (cost if plain["net"] else 0) + rate * sum(p * old[j] for j, p in row)
                spend[stage][i] = Fraction(cost)
                for later in range(stage + 1, horizon):
                    spend[later][i] = cost_rate * sum(p * used[later][j] for j, p in row)
        yield value, spend


def worst_needs(plain):
    """need[k][i][a]: what a unit needs in the worst case if it takes action a; least[k][i] over actions."""
    least = [[Fraction(0)] * len(plain["pairs"])]
    need = []
    for _ in range(plain["horizon"]):
        now = [
            [cost + plain["cost_discount"] * max(least[0][j] for j, _ in row) for cost, _, row in options]
            for options in plain["pairs"]
        ]
        need.insert(0, now)
        least.insert(0, [min(options, default=Fraction(0)) for options in now])
    return need, least


def dearest_that_fits(options, need, least, slack):
    """The dearest action whose need beyond the least is within the slack, the first of equals."""
    fits = [a for a in range(len(options)) if need[a] - least <= slack or need[a] == least]
    return max(fits, key=lambda a: (options[a][0], -a))


def _law_of(units):
    """Law of how many units are where, from one law {state: probability} for each unit."""
    law = {(): Fraction(1)}
    for row in units:
        after = {}
        for where, p in law.items():
            for j, q in row:
                key = tuple(sorted((*where, j)))
                after[key] = after.get(key, 0) + p * q
        law = after
    return law


def reallocation(plain, stages, units, money):
    """(expected value, largest discounted spend) of dynamic reallocation over every path, exactly.

    stages[k][i] = (least budget, [(length, price)], [action of each level]); units are states, sorted.
    """
    need, least = worst_needs(plain)

    def acting(k, units, money):
        """(probability, action of each unit) once the lottery is drawn."""
        curves = stages[k]
        level = dict.fromkeys(units, 0)
        when = dict.fromkeys(units, -1)
        rest = money - sum(curves[i][0] for i in units)
        segments = [(-price, i, s) for i in set(units) for s, (_, price) in enumerate(curves[i][1])]
        marginal, raised = None, Fraction(0)
        for turn, (_, i, s) in enumerate(sorted(segments)):
            length = curves[i][1][s][0]
            if units.count(i) * length > rest:
                marginal, raised = i, max(rest, Fraction(0)) / length
                break
            rest -= units.count(i) * length
            level[i], when[i] = level[i] + 1, turn
        whole = int(raised)
        lot = raised - whole
        order = sorted((i for i in set(units) if plain["pairs"][i]), key=lambda i: (when[i], i))
        plan = []
        for i in order:
            count = units.count(i) - (whole + (lot > 0) if i == marginal else 0)
            plan += [(i, level[i])] * count
        if marginal is not None:
            plan += [(marginal, level[marginal] + 1)] * whole
        if lot > 0:
            return [
                (1 - lot, [*plan, (marginal, level[marginal])]),
                (lot, [*plan, (marginal, level[marginal] + 1)]),
            ]
        return [(Fraction(1), plan)]

    def served(k, plan, money):
        slack = money - sum(least[k][i] for i, _ in plan)
        for i, at in plan:
            a = stages[k][i][2][at]
            if need[k][i][a] - least[k][i] > max(slack, 0):
                a = dearest_that_fits(plain["pairs"][i], need[k][i], least[k][i], slack)
            slack -= need[k][i][a] - least[k][i]
            yield i, a

    def worth(k, units, money):
        if k == plain["horizon"]:
            return Fraction(sum(plain["terminal"][i] for i in units)), Fraction(0)
        key = (k, units, money)
        if key not in known:
            value, most = Fraction(0), Fraction(0)
            for chance, plan in acting(k, units, money):
                options = [plain["pairs"][i][a] for i, a in served(k, plan, money)]
                spend = sum(cost for cost, _, _ in options)
                reward = sum(utility - (cost if plain["net"] else 0) for cost, utility, _ in options)
                rest = (money - spend) / plain["cost_discount"]
                ahead = most_ahead = Fraction(0)
                for where, p in _law_of([row for _, _, row in options]).items():
                    ended = sum(plain["terminal"][j] for j in where if not plain["pairs"][j])
                    going = tuple(j for j in where if plain["pairs"][j])
                    v, s = worth(k + 1, going, rest)
                    ahead, most_ahead = ahead + p * (ended + v), max(most_ahead, s)
                value += chance * (reward + plain["discount"] * ahead)
                most = max(most, spend + plain["cost_discount"] * most_ahead)
            known[key] = value, most
        return known[key]

    known = {}
    return worth(0, tuple(units), Fraction(money))


def static_worth(plain, stages, state, money, strict):
    """Exact expected value of one unit that acts as if it had what is left of its money; stages as above."""
    need, least = worst_needs(plain)

    def worth(k, i, money):
        if k == plain["horizon"] or not plain["pairs"][i]:
            return Fraction(plain["terminal"][i])
        first, segments, actions = stages[k][i]
        budgets = list(itertools.accumulate([length for length, _ in segments], initial=first))
        level = max([at for at, b in enumerate(budgets) if b <= money], default=0)
        share = Fraction(0)
        if money > budgets[level] and level + 1 < len(budgets):
            share = (money - budgets[level]) / (budgets[level + 1] - budgets[level])
        total = Fraction(0)
        for at, chance in ((level, 1 - share), (level + 1, share)):
            if chance == 0:
                continue
            a = actions[at]
            slack = money - least[k][i]
            if strict and need[k][i][a] - least[k][i] > slack:
                a = dearest_that_fits(plain["pairs"][i], need[k][i], least[k][i], slack)
            cost, utility, row = plain["pairs"][i][a]
            rest = (money - cost) / plain["cost_discount"]
            ahead = sum(p * worth(k + 1, j, rest) for j, p in row)
            total += chance * (utility - (cost if plain["net"] else 0) + plain["discount"] * ahead)
        return total

    return worth(0, state, Fraction(money))


def unit_by_unit(plain, action, units, random):
    """(value, spend) of one trial in which every unit draws for itself; action[k][i] is what it does."""
    value = spend = 0.0
    for i in units:
        for k in range(plain["horizon"]):
            if not plain["pairs"][i]:
                value += float(plain["discount"]) ** k * plain["terminal"][i]
                break
            cost, utility, row = plain["pairs"][i][action[k][i]]
            value += float(plain["discount"]) ** k * (utility - (cost if plain["net"] else 0))
            spend += float(plain["cost_discount"]) ** k * cost
            i = random.choices([j for j, _ in row], [float(p) for _, p in row])[0]
        else:
            value += float(plain["discount"]) ** plain["horizon"] * plain["terminal"][i]
    return value, spend


def spends_of_paths(plain, chosen, state):
    """{spend: probability} of one unit, path by path; chosen[stage][state] says which pair it uses."""
    law = {}

    def walk(stage, i, spent, chance):
        if stage == plain["horizon"] or not plain["pairs"][i]:
            law[spent] = law.get(spent, Fraction(0)) + chance
            return
        cost, _, row = plain["pairs"][i][chosen[stage][i]]
        for j, p in row:
            walk(stage + 1, j, spent + plain["cost_discount"] ** stage * cost, chance * p)

    walk(0, state, Fraction(0), Fraction(1))
    return law


def law_of_sum(laws):
    """{total: probability} of independent numbers."""
    total = {Fraction(0): Fraction(1)}
    for law in laws:
        both = {}
        for a, p in total.items():
            for b, q in law.items():
                both[a + b] = both.get(a + b, Fraction(0)) + p * q
        total = both
    return total


def strict_value(plain, state, budget):
    """Most that one unit is worth if no path spends more than the budget (None: some path must), exact."""

    def best(stage, i, left):
        if stage == plain["horizon"] or not plain["pairs"][i]:
            return Fraction(plain["terminal"][i])
        values = []
        for cost, utility, row in plain["pairs"][i]:
            if cost <= left:
                ahead = [(p, best(stage + 1, j, (left - cost) / plain["cost_discount"])) for j, p in row]
                if all(value is not None for _, value in ahead):
                    worth = sum(p * value for p, value in ahead)
                    values.append(utility - plain["net"] * cost + plain["discount"] * worth)
        return max(values, default=None)

    return best(0, state, Fraction(budget))


def limited_value(node, budget):
    """Best value of units under nested limits, by merging concave curves bottom-up and cutting them; exact.

    node = (least, most, blocks, inner nodes) with blocks = [(points, count, least, most of one unit)]; most
    may be None. Money may be assigned beyond what is of use. None where the limits cannot be kept.
    """
    found = _merged_and_cut(node)
    if found is None or found[0] > budget:
        return None
    start, value, steps, end = found
    return _cut((start, value, steps, end), start, budget)[4]


def least_limited_budget(node):
    """The least that units under nested limits must be assigned; None where the limits cannot be kept."""
    found = _merged_and_cut(node)
    return None if found is None else found[0]


def _merged_and_cut(node):
    """(start, value there, steps (length, gain) by falling slope, most that can be assigned or None)."""
    least, most, blocks, inner = node
    start, value, steps, end = Fraction(0), Fraction(0), [], Fraction(0)
    parts = [_merged_and_cut(child) for child in inner]
    for points, count, low, high in blocks:
        if count:
            pairs = list(itertools.pairwise([(Fraction(b), Fraction(v)) for b, v in points]))
            curve = (
                Fraction(points[0][0]),
                Fraction(points[0][1]),
                [(c - a, w - v) for (a, v), (c, w) in pairs],
                None,
            )
            one = _cut(curve, low, high)
            if one is None:
                return None
            a, v, segments, z = one[:4]
            scaled = [(count * x, count * y) for x, y in segments]
            parts.append((count * a, count * v, scaled, None if z is None else count * z))
    for part in parts:
        if part is None:
            return None
        start, value, steps = start + part[0], value + part[1], steps + part[2]
        end = None if end is None or part[3] is None else end + part[3]
    steps = sorted(steps, key=lambda step: -Fraction(step[1]) / Fraction(step[0]))
    found = _cut((start, value, steps, end), least, most)
    return None if found is None else found[:4]


def _cut(curve, least, most):
    """A curve from `least` to `most` (None: no end), and its value at the end; None if nothing is left."""
    start, value, steps, end = curve
    end = most if end is None else end if most is None else min(end, most)
    begin = max(start, least)
    if end is not None and begin > end:
        return None
    kept, at, v = [], start, value
    top = value
    for length, gain in steps:
        low, high = max(at, begin), at + length if end is None else min(at + length, end)
        before = min(max(begin - at, 0), length)
        v += gain * before / length
        if high > low:
            kept.append((high - low, gain * (high - low) / length))
        top += gain * max(0, min(length, (high - at))) / length
        at += length
    return begin, v, kept, end, top


def dirichlet_spread(counts, prior):
    """Mean and variance of every entry of a Dirichlet row, exactly."""
    shape = [Fraction(n) + Fraction(prior) for n in counts]
    total = sum(shape)
    return [(a / total, a * (total - a) / (total * total * (total + 1))) for a in shape]


def extreme_rows(intervals):
    """Vertices of {low <= p <= high, sum p = 1}: all entries but one at an end, the last takes the rest."""
    found = set()
    for free in range(len(intervals)):
        ends = [pair if k != free else (None,) for k, pair in enumerate(intervals)]
        for chosen in product(*ends):
            rest = 1 - sum(p for p in chosen if p is not None)
            if intervals[free][0] <= rest <= intervals[free][1]:
                found.add(tuple(rest if p is None else p for p in chosen))
    return sorted(found)


def policy_numbers(plain, policy):
    """Exact (value, spend) of each state under policy[stage][state] = index of an option."""
    value, spend = [Fraction(u) for u in plain["terminal"]], [Fraction(0)] * len(plain["pairs"])
    for stage in reversed(range(plain["horizon"])):
        before = []
        for i, options in enumerate(plain["pairs"]):
            if not options:
                before.append((value[i], spend[i]))
                continue
            cost, utility, row = options[policy[stage][i]]
            reward = utility - (cost if plain["net"] else 0)
            v = reward + plain["discount"] * sum(p * value[j] for j, p in row)
            b = cost + plain["cost_discount"] * sum(p * spend[j] for j, p in row)
            before.append((v, b))
        value, spend = [v for v, _ in before], [b for _, b in before]
    return list(zip(value, spend, strict=True))


def expected_positive_part(mean, sd, steps=20_000):
    """E[X+] of a normal X by the midpoint rule over twelve standard deviations."""
    if sd == 0:
        return max(mean, 0.0)
    low, high = mean - 12 * sd, mean + 12 * sd
    width = (high - low) / steps
    points = (low + (k + 0.5) * width for k in range(steps))
    return sum(
        x * math.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi)) * width
        for x in points if x > 0
    )  # fmt: skip


def worst_harm(candidates, changes, sign):
    """Largest E[X+] over one candidate (effect, se) per decision; sd of the sum as if they went together."""
    return max(
        expected_positive_part(
            sign * sum(effect * change for (effect, _), change in zip(chosen, changes, strict=True)),
            sum(error * abs(change) for (_, error), change in zip(chosen, changes, strict=True)),
            2_000,
        )
        for chosen in product(*candidates)
    )


def weighted_departments(actions, transitions, weights):
    """(department, regime, state, action) -> [cost, utility, {next state: probability}].

    `actions` and `transitions` are rows of the tables as dictionaries; `weights` carry the objectives' signs.
    """
    keys = ("department", "regime", "state", "action")
    found = {}
    for row in actions:
        worth = sum(weight * row[name] for name, weight in weights.items())
        found[tuple(row[key] for key in keys)] = [row["cost"], worth, {}]
    for row in transitions:
        found[tuple(row[key] for key in keys)][2][row["next_state"]] = row["probability"]
    return found


def department_run(actions, transitions, chain, start, taken, draws):
    """What happens when departments act for some periods: [(regime, states, spends, rewards)] after each.

    `actions` is (department, regime, state) -> {action: (cost, rewards)}; `transitions` the same and an
    action -> {next state: probability}; `chain` regime -> {next regime: probability}; `start` (regime,
    {department: state}); `taken` lists {department: action}, and an action that is not there becomes the
    cheapest; `draws` lists a number of [0, 1) per department and one for the regime.
    """

    def fallen(shares, draw):
        for outcome, share in shares.items():
            if draw < share:
                return outcome
            draw -= share
        return outcome

    regime, states = start[0], dict(start[1])
    told = []
    for wanted, draw in zip(taken, draws, strict=True):
        spends, rewards, after = [], [], {}
        for k, (department, state) in enumerate(states.items()):
            open_to_it = actions[department, regime, state]
            action = wanted[department]
            if action not in open_to_it:
                action = min(open_to_it, key=lambda name: open_to_it[name][0])
            spends.append(open_to_it[action][0])
            rewards.append(open_to_it[action][1])
            after[department] = fallen(transitions[department, regime, state, action], draw[k])
        regime, states = fallen(chain[regime], draw[len(states)]), after
        told.append((regime, tuple(states.values()), spends, rewards))
    return told


def counted_departments(rows, min_count):
    """(department, regime, state, action) -> (mean of the numbers, {next state: share}), of observed rows.

    A row is (department, regime, state, action, next state, numbers); with fewer than `min_count` rows of a
    regime, the rows of all regimes count.
    """
    found = {}
    for department, state, action in {(row[0], row[2], row[3]) for row in rows}:
        for regime in {row[1] for row in rows}:
            every = [row for row in rows if (row[0], row[2], row[3]) == (department, state, action)]
            mine = [row for row in every if row[1] == regime]
            used = mine if len(mine) >= min_count else every
            after = [row[4] for row in used]
            shares = {to: after.count(to) / len(after) for to in after}
            means = [sum(column) / len(used) for column in zip(*(row[5] for row in used), strict=True)]
            found[department, regime, state, action] = (means, shares)
    return found


def all_paths(edges, source, target, nodes):
    """Simple paths between two nodes along edges of any direction."""
    waiting = [(source,)]
    while waiting:
        path = waiting.pop()
        if path[-1] == target:
            yield path
            continue
        for node in nodes:
            joined = (path[-1], node) in edges or (node, path[-1]) in edges
            if joined and node not in path:
                waiting.append((*path, node))


def below(edges, node):
    """A node and what directed paths from it reach."""
    found, fresh = {node}, {node}
    while fresh:
        fresh = {b for a, b in edges if a in fresh} - found
        found |= fresh
    return found


def separates(edges, path, given):
    """Whether a set blocks a path of a directed acyclic graph."""
    for before, here, after in zip(path, path[1:], path[2:], strict=False):
        collider = (before, here) in edges and (after, here) in edges
        if (not collider and here in given) or (collider and not below(edges, here) & set(given)):
            return True
    return False


def adjusts(edges, nodes, x, y, given):
    """The generalised adjustment criterion of a directed acyclic graph, path by path."""
    causal = set()
    other = []
    for path in all_paths(edges, x, y, nodes):
        if all((a, b) in edges for a, b in itertools.pairwise(path)):
            causal |= set(path[1:])
        else:
            other.append(path)
    forbidden = {x, y}.union(*(below(edges, node) for node in causal))
    return not forbidden & set(given) and all(separates(edges, path, given) for path in other)


def equivalent_graphs(nodes, edges):
    """All directed acyclic graphs with the same adjacencies and unshielded colliders."""
    joined = [frozenset(edge) for edge in edges]

    def colliders(directed):
        return {
            (frozenset((a, b)), c)
            for (a, c), (b, d) in itertools.combinations(sorted(directed), 2)
            if c == d and frozenset((a, b)) not in joined
        }

    for turned in itertools.product((False, True), repeat=len(edges)):
        member = {(b, a) if turn else (a, b) for (a, b), turn in zip(edges, turned, strict=True)}
        acyclic = all(a not in below(member, b) for a, b in member)
        if acyclic and colliders(member) == colliders(set(edges)):
            yield member


def solve_exactly(matrix, right):
    """The solution of a square system in rational arithmetic; None where there is not just one."""
    rows = [[Fraction(v) for v in (*row, r)] for row, r in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k] != 0), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for i in range(len(rows)):
            if i != k:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]


def first_coefficient(columns, y):
    """Coefficient of the first of some columns, and its squared standard error, by the normal equations."""
    design = [[1, *row] for row in zip(*columns, strict=True)]
    width = len(design[0])
    square = [[sum(row[i] * row[j] for row in design) for j in range(width)] for i in range(width)]
    found = solve_exactly(
        square, [sum(row[i] * v for row, v in zip(design, y, strict=True)) for i in range(width)]
    )
    if found is None:
        return None
    residual = [
        v - sum(a * b for a, b in zip(row, found, strict=True)) for row, v in zip(design, y, strict=True)
    ]
    variance = solve_exactly(square, [int(i == 1) for i in range(width)])[1]
    return found[1], sum(e * e for e in residual) / (len(y) - width) * variance


def pc_stable(p, independent, may_cause):
    """Adjacent pairs of PC-stable; the sets given are of neighbours z of x with may_cause(z, x)."""
    around = {x: {y for y in range(p) if y != x and (may_cause(x, y) or may_cause(y, x))} for x in range(p)}
    depth = 0
    while any(len(near) > depth for near in around.values()):
        frozen = {x: set(near) for x, near in around.items()}
        for x in range(p):
            for y in sorted(frozen[x]):
                others = [z for z in sorted(frozen[x] - {y}) if may_cause(z, x)]
                if any(independent(x, y, given) for given in itertools.combinations(others, depth)):
                    around[x].discard(y)
                    around[y].discard(x)
        depth += 1
    return {(x, y) for x in range(p) for y in around[x] if x < y}


def colliders_in_turn(p, adjacent, independent, may_cause, directed, deepest, unanimous):
    """Edges after each collider x -> z <- y in turn, the surest first, where no edge or cycle is against it.

    `directed` are edges known before. Pairs between which no edge may be have no tests, and no colliders.
    Also gives the triples that are neither colliders nor clearly none.
    """
    around = {x: {y for y in range(p) if (min(x, y), max(x, y)) in adjacent} for x in range(p)}
    found, unclear = [], set()
    for z in range(p):
        for x, y in itertools.combinations(sorted(around[z]), 2):
            if (x, y) in adjacent or not (may_cause(x, z) and may_cause(y, z)):
                continue
            if {(x, z), (y, z)} <= set(directed):
                continue
            if not may_cause(x, y) and not may_cause(y, x):
                unclear.add((x, z, y))
                continue
            sets = []
            for k, (one, other) in enumerate(((x, y), (y, x))):
                parents = sorted(c for c in around[one] - {other} if may_cause(c, one))
                for size in range(k, min(deepest, len(parents)) + 1):
                    sets += [s for s in itertools.combinations(parents, size) if independent(one, other, s)]
            with_z = sum(z in s for s in sets)
            if sets and (with_z == 0 or (2 * with_z < len(sets) and not unanimous)):
                found.append((with_z / len(sets), with_z - len(sets), (x, z, y)))
            elif 2 * with_z == len(sets) or (unanimous and with_z < len(sets)):
                unclear.add((x, z, y))
    edges = set(directed)
    for _, _, (x, z, y) in sorted(found, key=lambda one: one[:2]):
        wanted = {(x, z), (y, z)}
        if not {(z, x), (z, y)} & edges and acyclic(p, edges | wanted):
            edges |= wanted
    return edges, unclear


def acyclic(p, edges):
    """Whether directed edges (a, b) have no cycle."""
    left = set(range(p))
    while left:
        ends = {x for x in left if not any((x, y) in edges for y in left)}
        if not ends:
            return False
        left -= ends
    return True


def open_colliders(p, edges):
    """The triples (a, b, c), a -> b <- c, a < c, with a and c apart."""
    return {
        (a, b, c)
        for a, b, c in itertools.permutations(range(p), 3)
        if a < c and {(a, b), (c, b)} <= edges and not {(a, c), (c, a)} & edges
    }


def directions(p, pairs, fixed, wanted, may_cause):
    """Every acyclic graph that directs the pairs, has the fixed edges, and has the colliders wanted."""
    for flips in product((False, True), repeat=len(pairs)):
        edges = {(b, a) if flip else (a, b) for (a, b), flip in zip(pairs, flips, strict=True)} | set(fixed)
        fits = all(may_cause(a, b) for a, b in edges) and acyclic(p, edges)
        if fits and open_colliders(p, edges) == wanted:
            yield edges


def essential_graph(p, edges, may_cause):
    """(directed, open pairs) common to all graphs equivalent to an acyclic one that may be."""
    pairs = sorted({(min(edge), max(edge)) for edge in edges})
    same = list(directions(p, pairs, (), open_colliders(p, set(edges)), may_cause))
    common = set.intersection(*same)
    return common, {pair for pair in pairs if pair not in common and pair[::-1] not in common}


def enumerated_shares(tables, sizes, fixed, target):
    """P(target = level | do(fixed)) by summing the joint law; tables[j] = (parents, shares by level)."""
    total = [0.0] * sizes[target]
    for state in product(*(range(size) for size in sizes)):
        if all(state[j] == code for j, code in fixed.items()):
            share = 1.0
            for j, (parents, probability) in enumerate(tables):
                if j not in fixed:
                    share *= probability[tuple(state[k] for k in parents)][state[j]]
            total[state[target]] += share
    return total


def meeting_support(planes, levels, wanted):
    """Most of wanted · x over {x : plane · x <= level}, by all meeting points of planes; inf if none.

    Planes are in two or three dimensions, > 0, and `wanted` is a sum of some of them with factors >= 0, or
    there is no bound. All numbers are Fractions.
    """
    size = len(wanted)
    best = math.inf
    for some in itertools.combinations(range(len(planes)), size):
        columns = [[planes[p][k] for p in some] for k in range(size)]
        share = solve_exactly(columns, list(wanted))
        if share is not None and min(share) >= 0:
            best = min(best, sum(y * levels[p] for y, p in zip(share, some, strict=True)))
    return best


def path_sum(causes, coefficients, source, target):
    """Sum over all directed paths from source to target of the product of their coefficients."""
    if source == target:
        return 1.0
    return sum(
        coefficients[target][j] * path_sum(causes, coefficients, source, j)
        for j in causes[target] if j >= source
    )  # fmt: skip


def expected_uses_of_paths(moves, start, policy, discount):
    """How often each (state, action) is used, discounted: every path from `start`, one after another.

    `moves` is {(state, action): {next state: probability}}, `policy` one function (state, stage) -> action
    per decision; a state without the action has ended.
    """
    use = {}

    def follow(state, stage, chance):
        if stage == len(policy):
            return
        pair = state, policy[stage](state, stage)
        if pair not in moves:
            return
        use[pair] = use.get(pair, 0.0) + chance * discount**stage
        for after, p in moves[pair].items():
            follow(after, stage + 1, chance * p)

    for state, number in start.items():
        follow(state, 0, number)
    return use


def plain_support_ratio(points, front, weights):
    """Per weight what the points reach of the front's extent beyond its worst corner, and that extent."""
    corner = [min(point[k] for point in front) for k in range(len(front[0]))]
    told = {"ratio": [], "whole": []}
    for weight in weights:
        worth = [max(sum(w * x for w, x in zip(weight, p, strict=True)) for p in some)
                 for some in (points, front, [corner])]  # fmt: skip
        told["whole"].append(worth[1] - worth[2])
        told["ratio"].append((worth[0] - worth[2]) / (worth[1] - worth[2]) if worth[1] > worth[2] else 0.0)
    return told


def plain_hypervolume(points, reference, steps=2000):
    """Area above `reference` below lotteries over points in the plane: the sum of so many upright strips."""
    best_x = max(x for x, _ in points)
    width = (best_x - reference[0]) / steps
    area = 0.0
    for k in range(steps if width > 0 else 0):
        x = reference[0] + (k + 0.5) * width
        height = max(y for right, y in points if right >= x)
        for left, low in points:
            for right, high in points:
                if left < x <= right:
                    height = max(height, high + (low - high) * (right - x) / (right - left))
        area += width * max(0.0, height - reference[1])
    return area


def department_totals(plain, chain, start, regime, policy, discounts, horizon):
    """Totals of each column over all departments, by recursion over what can happen.

    plain[department, regime, state, action] = (columns, {next state: probability}); chain[regime] = {next
    regime: probability}; start[department] = state; policy(stage, department, regime, state) = {action:
    chance}; discounts, one per column.
    """

    def worth(stage, department, regime, state):
        if stage == horizon:
            return [0.0] * len(discounts)
        total = [0.0] * len(discounts)
        for action, chance in policy(stage, department, regime, state).items():
            columns, moves = plain[department, regime, state, action]
            for k, number in enumerate(columns):
                total[k] += chance * number
            for (after, q), (to, p) in product(chain[regime].items(), moves.items()):
                ahead = worth(stage + 1, department, after, to)
                for k, discount in enumerate(discounts):
                    total[k] += chance * discount * q * p * ahead[k]
        return total

    parts = [worth(0, department, regime, state) for department, state in start.items()]
    return [sum(column) for column in zip(*parts, strict=True)]


def plain_clipped_mean(outcomes, clip):
    """Ends of the interval of m where the sum of outcomes - m, each cut off at ±clip, is 0, by halving."""

    def halved(is_left):
        low, high = min(outcomes) - 1.0, max(outcomes) + 1.0
        for _ in range(80):
            middle = (low + high) / 2
            total = sum(min(max(x - middle, -clip), clip) for x in outcomes)
            low, high = (middle, high) if is_left(total) else (low, middle)
        return low

    return halved(lambda total: total > 1e-9), halved(lambda total: total >= -1e-9)


def best_known(table, known, aims, k, state):
    """The first best of a state's known actions with k + 1 decisions to go, and its vector; -1 if none is."""
    best = (-1, [0.0] * len(aims[k]), -math.inf)
    for action in sorted(known.get(state, ())):
        vector = table[state, action][k]
        score = sum(aim * x for aim, x in zip(aims[k], vector, strict=True))
        if score > best[2]:
            best = (action, vector, score)
    return best[:2]


def learned_in_one_pass(transitions, aims, discounts, rate, *, endless=False):
    """Vector Q-learning: {(state, action): [vector with k + 1 decisions to go]}, and the known actions.

    A transition is (state, action, measured, state after or -1); `aims` holds, for each k, what each
    component counts; `rate` is a function of the visits. Endless, the one table bootstraps from itself.
    """
    table, known, visits = {}, {}, {}
    for state, action, measured, after in transitions:
        row = table.setdefault((state, action), [[0.0] * len(discounts) for _ in aims])
        visits[state, action] = visits.get((state, action), 0) + 1
        step = rate(visits[state, action])
        moved = []
        for k in range(len(aims)):
            ahead = [0.0] * len(discounts)
            if after != -1 and (k > 0 or endless):
                ahead = best_known(table, known, aims, k if endless else k - 1, after)[1]
            moved.append([
                x + step * (m + g * f - x)
                for x, m, g, f in zip(row[k], measured, discounts, ahead, strict=True)
            ])  # fmt: skip
        row[:] = moved
        known.setdefault(state, set()).add(action)
    return table, known


def learned_by_phases(transitions, aims, discounts, phases):
    """The same, replayed for each k and averaged: Q_k is the mean of measured + discount * ahead."""
    known = {}
    for state, action, _, _ in transitions:
        known.setdefault(state, set()).add(action)
    table = {}
    for phase in range(phases):
        k = min(phase, len(aims) - 1)
        gathered = {}
        for state, action, measured, after in transitions:
            ahead = [0.0] * len(discounts)
            if phase > 0 and after != -1:
                ahead = best_known(table, known, aims, min(phase - 1, len(aims) - 1), after)[1]
            target = [m + g * f for m, g, f in zip(measured, discounts, ahead, strict=True)]
            gathered.setdefault((state, action), []).append(target)
        for key, targets in gathered.items():
            mean = [sum(column) / len(targets) for column in zip(*targets, strict=True)]
            table[key] = [*table.get(key, [])[:k], mean]
    return table, known


def watkins(transitions, rate, discount):
    """Q-learning of one number: Q(s, a) += rate * (R + discount * max Q(s', a') - Q(s, a))."""
    table = {}
    for state, action, reward, after in transitions:
        ahead = [value for (s, _), value in table.items() if s == after]
        old = table.get((state, action), 0.0)
        table[state, action] = old + rate * (reward + discount * max(ahead, default=0.0) - old)
    return table
