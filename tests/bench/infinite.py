"""Rows 5 and 6 of the yardsticks: whole curves over an infinite horizon, beside solvers and beside Storm.

`python -m tests.bench 5 6` prints them. Ours is the best of several calls after
compilation; the others run once, with a limit, in processes of their own. Compare the times as
ratios within one run.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from optbudget.budgeted.infinite import ASKED, stationary_solve
from optbudget.budgeted.lines import STATE_AXIS_FIRST, PriceLines
from optbudget.budgeted.refine import refine
from optbudget.budgeted.stationary import gather_witnesses, stationary_lines
from optbudget.formulations import declared
from optbudget.problems import BudgetedMDP, ConstrainedMDP, CurveSet
from optbudget.solvers import Options, solve_program
from tests.bench.allocation import best_of
from tests.bench.instances import advertiser

LIMIT_SECONDS = 240.0
"""What each solver, and Storm, may take."""
SOLVERS = ("highs-simplex", "highs-ipm", "glop", "pdlp")


def row_6(states: int = 200, *, limit: float = LIMIT_SECONDS) -> dict[str, object]:
    """Every state's curve of a 200-state problem: at least 200 times as fast as Storm's one curve."""
    problem = _discounted(advertiser(states, successors=12, hot=False))
    answer = stationary_solve(problem)
    seconds = best_of(5, lambda: stationary_solve(problem))
    swept = best_of(3, lambda: stationary_solve(problem, method="sweep"))
    other = _storm(problem, limit)
    row: dict[str, object] = {
        "row": 6,
        "work": f"curves of all {states} states, infinite horizon; walked: every vertex",
        "seconds": seconds,
        "target": 146 / 200,
        "gap": answer.gap,
        "swept to 1e-4": swept,
    }
    if other is None:
        return row | {"Storm, one state": "stormpy is not installed"}
    if "seconds" not in other:
        return row | {"Storm, one state": f"> {limit:.0f}", "ratio": f"> {limit / seconds:.0f}"}
    return row | {
        "Storm, one state": other["seconds"],
        "ratio": other["seconds"] / seconds,
        "Storm below our curve by at most": _distance(answer, other["vertices"]),
    }


def row_5(states: int = 1_469, *, limit: float = LIMIT_SECONDS) -> dict[str, object]:
    """Curves to 1e-4 against one budget of one state by HiGHS: at least 20 times as fast."""
    problem = _discounted(advertiser(states, successors=12, hot=False))
    answer = stationary_solve(problem, method="sweep")
    seconds = best_of(3, lambda: stationary_solve(problem, method="sweep"))
    one = best_of(3, lambda: _one_curve(problem))
    curve = answer.curves[0]
    budget = (curve.start_budget + curve.largest_useful_budget) / 2
    program, building = declared("cmdp_primal", "mathopt", ConstrainedMDP(problem, budget))
    taken, numbers = dict[str, float](), dict[str, object]()
    for backend in SOLVERS:
        found = solve_program(program, backend, options=Options(time_limit=limit))
        taken[backend] = min(found.solve_seconds, limit)
        numbers[f"{backend}, one state and budget, {found.outcome.termination.name}"] = taken[backend]
        if found.x is not None:
            above = (found.value - float(curve.value(budget))) / (1 + abs(found.value))
            numbers[f"{backend} above our curve by, relative"] = above
        elif found.outcome.message:
            numbers[f"{backend} said"] = found.outcome.message
    other = taken[SOLVERS[0]]
    return {
        "row": 5,
        "work": f"curves of {states:,} states to 1e-4, infinite horizon",
        "seconds": seconds,
        "target": other / 20,
        "ratio": other / seconds,
        "prices": int(answer.prices.size),
        "gap": answer.gap,
        "the curve of one state alone": one,
        f"{SOLVERS[0]} over the curve of one state": other / one,
        "stating the program": building,
        **numbers,
    }


def _one_curve(problem: BudgetedMDP, tolerance: float = 1e-4) -> int:
    """Prices that the first state's whole curve takes: what a linear programme with one start is about."""
    ends, known = stationary_lines(problem, [np.inf, 0.0])

    def oracle(prices: np.ndarray) -> dict[int, PriceLines]:
        nonlocal known
        lines, more = stationary_lines(problem, prices, warm=known, accuracy=1e-4 * tolerance)
        known = gather_witnesses([known, more])
        return {0: _first_state(lines)}

    lines, _ = refine(oracle, {0: _first_state(ends)}, tolerance, batch=ASKED)
    return len(lines[0])


def _first_state(lines: PriceLines) -> PriceLines:
    return replace(lines, **{name: getattr(lines, name)[:1] for name in STATE_AXIS_FIRST})


def _discounted(problem: BudgetedMDP) -> BudgetedMDP:
    return replace(problem, horizon=None, cost_discount=problem.discount)


def _storm(problem: BudgetedMDP, limit: float) -> dict[str, object] | None:
    """Storm's Pareto curve of the first state in a process of its own; None if it is not installed."""
    if importlib.util.find_spec("stormpy") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.drn"
        path.write_text(_explicit(problem))
        program = Path(__file__).with_name("storm_pareto.py")
        try:
            done = subprocess.run(
                [sys.executable, str(program), str(path)], capture_output=True, text=True, timeout=limit
            )
        except subprocess.TimeoutExpired:
            return {}
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def _explicit(problem: BudgetedMDP) -> str:
    """The problem in Storm's explicit format; with probability 1 - discount it ends in one more state."""
    end = problem.n_states
    lines = [
        "@type: MDP", "@parameters", "", "@reward_models", "value spend",
        "@nr_states", str(end + 1), "@nr_choices", str(problem.cost.size + 1), "@model",
    ]  # fmt: skip
    for state in range(end):
        lines.append(f"state {state} [0, 0]" + (" init" if state == 0 else ""))
        for pair in range(problem.pair_ptr[state], problem.pair_ptr[state + 1]):
            lines.append(f"\taction {pair} [{float(problem.pair_reward[pair])}, {float(problem.cost[pair])}]")
            row = problem.pair_row[pair]
            span = slice(problem.row_ptr[row], problem.row_ptr[row + 1])
            survive = problem.discount * problem.probability[span]
            lines += [
                f"\t\t{j} : {float(p)!r}" for j, p in zip(problem.next_state[span], survive, strict=True)
            ]
            lines.append(f"\t\t{end} : {float(1 - survive.sum())!r}")
    lines += [f"state {end} [0, 0]", f"\taction {problem.cost.size} [0, 0]", f"\t\t{end} : 1"]
    return "\n".join(lines) + "\n"


def _distance(answer: CurveSet, vertices: object) -> float:
    """How far, relatively, Storm's achievable corners (value, spend) stay below our curve at most."""
    value, spend = np.array(vertices).T
    ours = answer.curves[0].value(np.maximum(spend, answer.curves[0].start_budget))
    return float(((ours - value) / (1 + np.abs(ours))).max())
