"""What a payment for learning one's HIV result does, to whom, and how best to spend a budget on payments.

In a trial in Malawi (Thornton 2008) people drew by lot what they would be paid (see docs/incentives.md).
"""

import sys
from importlib.metadata import PackageNotFoundError, files

import numpy as np

from optbudget import verify
from optbudget.allocation import allocate_knapsack
from optbudget.causal import estimate_effects
from optbudget.problems import CausalGraph, CausalQuestion, History, Knapsack

LEVELS = ["none", "up to 90", "100 to 190", "200 to 300"]  # kwacha; 100 of them were 0.95 dollars
SEGMENTS = [f"{a} {d} {y}" for a in ("south", "north") for d in ("near", "far") for y in ("young", "older")]
QUESTION = CausalQuestion(("distance", "age"), tuple(LEVELS[1:]), ("learned", "paid"))
GRAPH = CausalGraph.of(QUESTION.columns, [(a, b) for a in QUESTION.columns[:5] for b in QUESTION.outcomes])


def trial():
    """Of the 2,812 people of the paper: segment, level, and the columns of the question."""
    try:
        place = next(file for file in files("causaldata") or () if file.name == "thornton_hiv.dta")
    except PackageNotFoundError:
        print("the data are in causaldata: pip install --no-deps causaldata==0.1.5", file=sys.stderr)
        sys.exit(9)
    import pandas as pd

    data = pd.read_stata(place.locate()).dropna().query("hiv2004 >= 0")
    level = np.digitize(np.round(data.tinc / 0.009456), [1, 100, 200])
    segment = 4 * (data.villnum >= 100) + 2 * (data.distvct > 1.5) + (data.age >= 25)
    columns = data.distvct, data.age, *(level == k for k in (1, 2, 3)), data.got, data.tinc * data.got
    return segment.to_numpy(), level, np.column_stack(columns).astype(float)


def estimated(segment, values):
    """(segments, levels): effect on the chance to learn, its lower and upper end, money paid per person."""
    found = np.zeros((4, len(SEGMENTS), len(LEVELS)))
    for s in range(len(SEGMENTS)):
        effects = estimate_effects(History(QUESTION, values[segment == s]), GRAPH, robust=True, refutations=0)
        for k, level in enumerate(LEVELS[1:], 1):
            learned, paid = (effects[level, outcome].tiers.known for outcome in QUESTION.outcomes)
            found[:, s, k] = learned.effect, learned.lower, learned.upper, paid.effect
    return found


def best(people, value, cost, budget):
    """The best split of a budget, and the share of every segment that is offered each level."""
    ptr, names = 4 * np.arange(len(value) + 1), LEVELS * len(value)
    offers = Knapsack.from_arrays(ptr, cost.ravel(), value.ravel(), count=people, options=names)
    split, share = allocate_knapsack(offers, budget), np.zeros(value.size)
    np.add.at(share, split.option, split.count * split.probability)
    return split, share.reshape(value.shape) / people[:, None]


def same(people, value, cost, budget):
    """The best split that offers the same to all segments."""
    return best(people.sum(keepdims=True), *(people[None] @ x / people.sum() for x in (value, cost)), budget)


def main():
    segment, _, values = trial()
    people, (effect, low, high, cost) = np.bincount(segment), estimated(segment, values)
    for s, name in enumerate(SEGMENTS):
        row = zip(effect[s, 1:], low[s, 1:], high[s, 1:], cost[s, 1:], strict=True)
        print(f"{name:17}{people[s]:4}", *("  {:.2f} ({:.2f} to {:.2f}) for {:.2f}".format(*x) for x in row))
    for budget in (500.0, 1000.0, 2000.0):
        split, share = best(people, effect, cost, budget)
        sure = 1 - np.linalg.norm(people * (share * (effect - low)).sum(axis=1)) / split.value
        print(f"{split}; proved: {verify(split).ok}")
        ends = [best(people, end, cost, budget)[0].value for end in (low, high)]
        alike = same(people, effect, cost, budget)[0].value
        print(f"  {sure:.0%} certain, {ends[0]:.0f} to {ends[1]:.0f} at the ends; all alike {alike:.0f}")


if __name__ == "__main__":
    main()
