"""Customers of two kinds that a log does not name: EM finds them, and the budget goes to those it moves.

Two sources write one log. Regulars answer to e-mail; strollers do not. The model of a mixture has a type per
component, a population by membership, and curves per type. A word of caution comes with each action: how
far the log can tell what it does.
"""

import numpy as np
import pyarrow as pa

from optbudget import allocate, solve
from optbudget.learn import EventBatch, ModelOptions, identify, learn_mixture, mixture_scores, unit_histories

EVENTS = ("email", "browse", "basket", "order")
NEXT = {  # After each event, per kind: email, browse, basket, order; the rest leaves.
    "regular": {"email": (0.15, 0.2, 0.5, 0.05), "browse": (0.3, 0.4, 0.12, 0.03),
                "basket": (0.2, 0.3, 0.1, 0.35), "order": (0.3, 0.3, 0.1, 0.05)},
    "stroller": {"email": (0.2, 0.55, 0.04, 0.01), "browse": (0.3, 0.5, 0.05, 0.0),
                 "basket": (0.25, 0.5, 0.1, 0.05), "order": (0.3, 0.3, 0.05, 0.0)},
}  # fmt: skip


def written(customers: int, seed: int) -> tuple[EventBatch, np.ndarray]:
    """The log, and who is a regular."""
    draw = np.random.default_rng(seed)
    regular = draw.random(customers) < 0.4
    unit, time, event = [], [], []
    for u in range(customers):
        now, t = 1, 0
        while now < len(EVENTS):
            unit.append(u), time.append(t), event.append(now)
            chances = NEXT["regular" if regular[u] else "stroller"][EVENTS[now]]
            now, t = int(np.searchsorted(np.cumsum(chances), draw.random())), t + 1
    code = np.array(event, dtype=np.int32)
    worth = np.where(code == 3, 40.0, 0.0)
    return EventBatch(pa.array(unit), np.array(time), code, EVENTS, worth), regular


log, regular = written(8000, seed=7)
histories = unit_histories([log], order=2, held_out=0.2)
options = ModelOptions(actions=["email"], costs={"email": 1.5}, min_count=50, horizon=20)
for score in mixture_scores(histories, options, 3):
    print(f"{score.components} components: {score.log_likelihood:.5f} nats per event of units held out")

learned = learn_mixture(histories, options, 2)
print(learned)
kind = learned.mixture.member.argmax(axis=1)
true = regular[np.array(histories.counts.units.id)]
print(f"kinds guessed right: {100 * max((kind == true).mean(), (kind != true).mean()):.1f} %")

for each in identify(histories.counts, learned.tree, options):
    d = each.difference
    assert d is not None
    print(f"{each.action}: naive difference {d.naive:.3f}, between like histories {d.matched:.3f}")
    print("\n".join(each.warnings()) or "no warning")

curves = solve(learned.problem)
population = learned.population
for money in (1000.0, 4000.0):
    plan = allocate(curves, population, money)
    print(f"budget {money:,.0f}: value {plan.value:,.0f}, at most {plan.bound:,.0f}")
for name in learned.types:
    share = sum(int(population.count[i]) for i, t in enumerate(learned.problem.state_type) if t == name)
    value = [float(curves.value(f"{name}/browse", money)) for money in (0.0, 2.0)]
    print(f"{name}: {share:,} customers; after browsing worth {value[0]:.2f}, with 2 to spend {value[1]:.2f}")
