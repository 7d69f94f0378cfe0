"""Row 10 of the yardsticks: reallocation of one budget over a million customers, trial by trial.

`python -m tests.bench.simulation` prints it by itself. The time of a trial is the difference of two runs, so
that what is done once (laying out the curves of all stages) is not counted; it is given beside.
"""

import time

from optbudget import Population, load, solve
from optbudget.problems import CurveSet
from optbudget.simulate import POLICIES, simulate

FEW, MANY = 5, 105


def per_trial(curves: CurveSet, units: int, policy: str, times: int = 5) -> tuple[float, float]:
    """Seconds of one trial on one thread, and of what is done once: the least of several runs each."""
    people = Population.at(curves.problem, {"begin": units})

    def seconds(trials: int) -> float:
        taken = []
        for _ in range(times):
            begin = time.perf_counter()
            simulate(curves, people, 5.0 * units, policies=[policy], trials=trials, threads=1)
            taken.append(time.perf_counter() - begin)
        return min(taken)

    few, many = seconds(FEW), seconds(MANY)
    each = (many - few) / (MANY - FEW)
    return each, few - FEW * each


def row_10(units: int = 1_000_000) -> dict[str, object]:
    """DBRA over a million customers, 15 states, 50 stages: at most 0.1 s per trial."""
    curves = solve(load("models/synthetic_ad"), method="exact", keep_stages=True)
    for policy in POLICIES:
        per_trial(curves, 1000, policy, times=1)
    each = {policy: per_trial(curves, units, policy) for policy in POLICIES}
    people = Population.at(curves.problem, {"begin": 1000})
    begin = time.perf_counter()
    simulate(curves, people, 5000.0, trials=100)
    hundred = time.perf_counter() - begin
    return {
        "row": 10,
        "work": f"dbra, {units:,} customers, 15 states, 50 stages, one trial on one thread",
        "seconds": each["dbra"][0],
        "target": 0.1,
        **{f"{policy}: one trial": trial for policy, (trial, _) in each.items()},
        "dbra: done once": each["dbra"][1],
        "dbra: one trial of 1,000 customers": per_trial(curves, 1000, "dbra")[0],
        "all five policies, 1,000 customers, 100 trials": hundred,
    }


if __name__ == "__main__":
    for name, number in row_10().items():
        print(f"{name:>50}  {number:.6g}" if isinstance(number, float) else f"{name:>50}  {number}")
