"""Rows 5 and 6 of the yardsticks: whole curves over an infinite horizon, beside HiGHS and beside Storm.

`python -m tests.bench 5 6` prints them. Ours is the best of several calls after
compilation; the others run once, with a limit. Compare the times as ratios within one run.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from optbudget.budgeted.infinite import ASKED, stationary_solve
from optbudget.budgeted.lines import STATE_AXIS_FIRST, PriceLines
from optbudget.budgeted.refine import refine
from optbudget.budgeted.stationary import gather_witnesses, stationary_lines
from optbudget.problems import BudgetedMDP, CurveSet
from tests.bench.allocation import best_of
from tests.bench.instances import advertiser

LIMIT_SECONDS = 240.0
"""What HiGHS and Storm may take, each."""


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
    status, value, other = _highs(problem, budget, limit)
    return {
        "row": 5,
        "work": f"curves of {states:,} states to 1e-4, infinite horizon",
        "seconds": seconds,
        "target": other / 20,
        "ratio": other / seconds,
        "prices": int(answer.prices.size),
        "gap": answer.gap,
        "the curve of one state alone": one,
        "HiGHS over the curve of one state": other / one,
        f"HiGHS simplex, one state and budget, {status}": other,
        "HiGHS above our curve by, relative": (value - float(curve.value(budget))) / (1 + abs(value)),
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


def _highs(problem: BudgetedMDP, budget: float, limit: float) -> tuple[str, float, float]:
    """The CMDP linear programme in occupancy measures of the first state: status, value and seconds."""
    import highspy

    pairs, n = problem.cost.size, problem.n_states
    widths = np.diff(problem.row_ptr)[problem.pair_row]
    pair = np.repeat(np.arange(pairs), widths)
    entry = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
    entry += np.repeat(problem.row_ptr[problem.pair_row], widths)
    row = np.concatenate((problem.next_state[entry], problem.pair_state, np.full(pairs, n)))
    column = np.concatenate((pair, np.arange(pairs), np.arange(pairs)))
    entries = np.concatenate(
        (-problem.discount * problem.probability[entry], np.ones(pairs), problem.cost)
    )  # fmt: skip
    place, inverse = np.unique(column * (n + 1) + row, return_inverse=True)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = pairs, n + 1
    lp.col_cost_ = -problem.pair_reward
    lp.col_lower_, lp.col_upper_ = np.zeros(pairs), np.full(pairs, highspy.kHighsInf)
    start = (np.arange(n) == 0).astype(float)
    lp.row_lower_ = np.append(start, -highspy.kHighsInf)
    lp.row_upper_ = np.append(start, budget)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.searchsorted(place // (n + 1), np.arange(pairs + 1))
    lp.a_matrix_.index_ = place % (n + 1)
    lp.a_matrix_.value_ = np.bincount(inverse, entries)
    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("solver", "simplex")
    solver.setOptionValue("time_limit", limit)
    solver.passModel(lp)
    begin = time.perf_counter()
    solver.run()
    seconds = time.perf_counter() - begin
    return solver.getModelStatus().name, -solver.getInfo().objective_function_value, seconds


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
