"""A health network's money under limits: minima per kind of service, a locked line, a fair share for all.

Seventy-three services have waiting lists; the board wants primary care to have its part whatever the lists
say, no more than so much for surgery, imaging's budget fixed where its lists are short, and nobody below a
third of an equal share. What does each wish cost, and what happens when wishes contradict each other?
"""

import tempfile
from pathlib import Path

from optbudget import allocate, load, save, solve, verify
from optbudget.allocation import limit_worths
from optbudget.files import load_limits, load_population

MODELS = Path(__file__).parents[1] / "models"
BUDGET = 14_000.0

LIMITS = """
[[group]]
name = "primary care"
types = ["primary_care"]
least = 5000

[[group]]
name = "surgery"
types = ["surgery"]
most = 4200

[[group]]
name = "theatres"
groups = ["surgery"]
types = ["emergency"]
most = 8000

[[limit]]
state = "imaging/short"
fixed = 40

[fairness]
least_share = 0.333
"""

problem = load(MODELS / "health_network")
curves = solve(problem, tolerance=1e-4)
services = load_population(MODELS / "health_network", problem)
free = allocate(curves, services, BUDGET)

with tempfile.TemporaryDirectory() as place:
    file = Path(place) / "limits.toml"
    file.write_text(LIMITS, encoding="utf-8")
    limits = load_limits(file, problem, services)
    answer = allocate(curves, services, BUDGET, limits=limits)
    print(f"free: {free.value:,.0f}; under the limits: {answer.value:,.0f} (bound {answer.bound:,.0f})")
    for one in limit_worths(answer):
        print(f"  {one.name}, {one.side} {one.limit:g}: assigned {one.assigned:,.1f}; {one.sentence}")
    save(answer, Path(place) / "result")
    print("proved from disk:", verify(load(Path(place) / "result")).ok)

    file.write_text(LIMITS.replace("4200", "900"), encoding="utf-8")
    impossible = allocate(curves, services, BUDGET, limits=load_limits(file, problem, services))
    print(impossible.outcome.message)
