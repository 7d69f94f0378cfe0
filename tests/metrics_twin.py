"""Plain twins of how departments are played and judged: dictionaries and loops, nothing of the package.

A model is (departments, chain, moves, acts, start): chain[r][r'] and moves[d, r, s, a][s'] are chances in the
order of the model's tables, acts[d, r, s, a] = (cost, rewards so signed that more is better), and start is
(r, [s, ...]).
"""

import numpy as np


def plain_model(departments):
    """The model's numbers by name, read off its tables."""
    held = departments.held
    names = [label.split("/", 1)[0] for label in held.labels]
    where = [name.split("|", 1) for name in held.states]
    moves, acts = {}, {}
    for pair in range(held.cost.size):
        s = int(held.pair_state[pair])
        key = (names[s], *where[s], held.actions[held.pair_action[pair]])
        row = int(held.pair_row[pair])
        span = range(int(held.row_ptr[row]), int(held.row_ptr[row + 1]))
        moves[key] = {where[int(held.next_state[e])][1]: float(held.probability[e]) for e in span}
        rewards = [
            float(x) * int(g) for x, g in zip(departments.reward[pair], departments.direction, strict=True)
        ]
        acts[key] = (float(held.cost[pair]), rewards)
    chain = {
        r: dict(zip(departments.regimes, row, strict=True))
        for r, row in zip(departments.regimes, departments.regime_probability.tolist(), strict=True)
    }
    start = departments.initial_regime, list(departments.start)
    return list(departments.departments), chain, moves, acts, start


def picked(chances, draw):
    """The name at which the running sum of chances passes the draw."""
    total = 0.0
    for name, chance in chances.items():
        total += chance
        if draw < total:
            return name
    return name


def options(acts, d, r, s):
    """(cost, action) of a state, in the order of the tables."""
    return [(acts[key][0], key[3]) for key in acts if key[:3] == (d, r, s)]


def dearest_paid(some, money):
    """The first of the dearest actions that the money pays for, else the first of the cheapest."""
    paid = [cost for cost, _ in some if cost <= money * (1 + 1e-9)]
    wanted = max(paid) if paid else min(cost for cost, _ in some)
    return next((cost, action) for cost, action in some if cost == wanted)


def plain_runs(model, act, draws, discount, cost_discount):
    """Discounted totals (rewards, spend) of each run; draws[k][run][d], the regime's last."""
    names, chain, moves, acts, (regime, start) = model
    size = len(next(iter(acts.values()))[1])
    totals = []
    for run in range(len(draws[0])):
        r, states, books = regime, list(start), {}
        rewards, spend = [0.0] * size, 0.0
        for k, drawn in enumerate(draws):
            taken = act(k, r, states, books)
            after = []
            for d, s, a, draw in zip(names, states, taken, drawn[run], strict=False):
                cost, worth = acts[d, r, s, a]
                spend += cost_discount**k * cost
                rewards = [total + discount**k * x for total, x in zip(rewards, worth, strict=True)]
                after.append(picked(moves[d, r, s, a], draw))
            states, r = after, picked(chain[r], drawn[run][len(names)])
        totals.append((rewards, spend))
    return totals


def plain_incremental(model, total, weights, recent, step=0.05):
    """Incremental budgeting as a rule of `plain_runs`, which hands each run its own books."""
    names, _, _, acts, _ = model

    def act(k, r, states, books):
        if k == 0:
            books["left"], books["budget"] = total, list(recent)
        money = books["left"] / sum(weights[k:])
        whole = sum(books["budget"])
        budget = [money * (b / whole if whole > 0 else 1 / len(names)) for b in books["budget"]]
        taken, books["budget"] = [], []
        for d, s, b in zip(names, states, budget, strict=True):
            cost, action = dearest_paid(options(acts, d, r, s), b)
            taken.append(action)
            books["left"] = books["left"] - weights[k] * cost
            books["budget"].append(b * (1 + step if cost >= (1 - step) * b else 1 - step))
        books["left"] = max(books["left"], 0.0)
        return taken

    return act


def draws_of(seed, periods, runs, departments):
    """The draws that a played rule sees."""
    generator = np.random.default_rng(seed)
    return [generator.random((runs, departments + 1)).tolist() for _ in range(periods)]


def plain_least_spend(departments, wanted, goals):
    """Least expected spend at which goals @ rewards is at least goals @ wanted.

    One program of how often each pair is taken at each stage, all departments together.
    """
    from scipy.optimize import linprog

    names, chain, moves, acts, (regime, start) = plain_model(departments)
    held, stages = departments.held, departments.held.horizon
    keys = [(k, key) for k in range(stages) for key in acts]
    column = {key: j for j, key in enumerate(keys)}
    money = [held.cost_discount**k * acts[key][0] for k, key in keys]
    reward = np.array([[held.discount**k * x for x in acts[key][1]] for k, key in keys])
    states = {key[:3] for key in acts}
    rows, right = [], []
    for k in range(stages):
        for d, r, s in sorted(states):
            row = np.zeros(len(keys))
            for key in acts:
                if key[:3] == (d, r, s):
                    row[column[k, key]] = 1.0
                if k > 0 and key[0] == d:
                    row[column[k - 1, key]] -= moves[key].get(s, 0.0) * chain[key[1]][r]
            rows.append(row)
            right.append(float(k == 0 and r == regime and s == start[names.index(d)]))
    return linprog(
        money, A_ub=-(reward @ goals.T).T, b_ub=-(goals @ wanted), A_eq=np.array(rows), b_eq=right
    ).fun


def plain_changes(departments, policy):
    """Expected share of decisions, but the first, that differ from the one before."""
    names, chain, moves, _, (regime, start) = plain_model(departments)
    held, total = departments.held, 0.0

    def action(k, d, r, s):
        return held.actions[held.pair_action[policy[k][held.index(f"{d}/{r}|{s}")]]]

    for d, first in zip(names, start, strict=True):
        here = {(regime, first): 1.0}
        for k in range(len(policy) - 1):
            after = {}
            for (r, s), chance in here.items():
                a = action(k, d, r, s)
                for s2, p in moves[d, r, s, a].items():
                    for r2, q in chain[r].items():
                        after[r2, s2] = after.get((r2, s2), 0.0) + chance * p * q
                        total += chance * p * q * (action(k + 1, d, r2, s2) != a)
            here = after
    return total / (len(names) * (len(policy) - 1))
