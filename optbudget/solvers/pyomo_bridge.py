"""Any solver that Pyomo calls; runs in a worker of the family "pyomo", which never imports ortools.

The program becomes a Pyomo model with a suffix for duals. Pyomo's interfaces do not agree on the sign of a
maximisation's duals, so the model handed over is always a minimisation, with c and y negated on the way.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.linear_program import Floats, LinearProgram
from optbudget.solvers.answer import RawAnswer, StatusMap
from optbudget.solvers.options import Options
from optbudget.status import Termination

STATUS: StatusMap = {
    "unknown": (Termination.UNKNOWN, True),
    "maxTimeLimit": (Termination.TIME_LIMIT, True),
    "maxIterations": (Termination.NUMERICAL, True),
    "minFunctionValue": (Termination.UNKNOWN, True),
    "minStepLength": (Termination.NUMERICAL, True),
    "globallyOptimal": (Termination.OPTIMAL, True),
    "locallyOptimal": (Termination.UNKNOWN, True),
    "feasible": (Termination.UNKNOWN, True),
    "optimal": (Termination.OPTIMAL, True),
    "maxEvaluations": (Termination.NUMERICAL, True),
    "other": (Termination.UNKNOWN, True),
    "unbounded": (Termination.UNBOUNDED, False),
    "infeasible": (Termination.INFEASIBLE, False),
    "infeasibleOrUnbounded": (Termination.ILL_POSED, False),
    "invalidProblem": (Termination.BACKEND_FAILED, False),
    "intermediateNonInteger": (Termination.UNKNOWN, False),
    "noSolution": (Termination.UNKNOWN, False),
    "solverFailure": (Termination.BACKEND_FAILED, False),
    "internalSolverError": (Termination.BACKEND_FAILED, False),
    "error": (Termination.BACKEND_FAILED, False),
    "userInterrupt": (Termination.INTERRUPTED, True),
    "resourceInterrupt": (Termination.UNKNOWN, True),
    "licensingProblems": (Termination.BACKEND_FAILED, False),
}
TIME_OPTION = {
    "glpk": "tmlim", "cbc": "seconds", "gurobi": "TimeLimit", "gurobi_direct": "TimeLimit",
    "gurobi_persistent": "TimeLimit", "cplex": "timelimit", "cplex_direct": "timelimit",
    "scip": "limits/time", "xpress": "maxtime", "xpress_direct": "maxtime",
}  # fmt: skip
"""What some solvers call a time limit; the others are stopped from outside."""
LIKELY = ("highs", "appsi_highs", "gurobi", "cplex", "xpress", "mosek", "scip", "cbc", "glpk")
"""Solvers that `optbudget doctor` asks Pyomo about."""


def warm() -> None:
    """Import what `solve` needs."""
    import pyomo.environ  # noqa: F401


def solve(program: LinearProgram, method: str, options: Options) -> RawAnswer:
    """Solve by `method`, the name of a solver in Pyomo."""
    import pyomo.environ as pyo

    if why := unavailable(method):
        return RawAnswer("unavailable", unavailable=why)
    model = _model(pyo, program)
    solver = pyo.SolverFactory(method)
    _tell(solver, method, options)
    begun = time.perf_counter()
    try:
        results = solver.solve(model, load_solutions=False)
    except Exception as error:  # Every interface raises its own.
        text = f"{type(error).__name__}: {error}".strip()
        return RawAnswer("raised", Termination.BACKEND_FAILED, message=text)
    return _answer(model, results, program, time.perf_counter() - begun)


def unavailable(method: str) -> str:
    """Why Pyomo cannot call a solver here; "" if it can."""
    import pyomo.environ as pyo

    if method not in set(pyo.SolverFactory):
        return f"Pyomo knows no solver called {method!r}"
    try:
        ready = bool(pyo.SolverFactory(method).available(exception_flag=False))
    except Exception as error:
        return f"Pyomo cannot ask {method}: {type(error).__name__}: {error}"
    return "" if ready else f"Pyomo finds no {method}: install it and have it on the path"


def available(methods: tuple[str, ...] = LIKELY) -> dict[str, str]:
    """For each name, why Pyomo cannot call that solver; "" if it can."""
    return {method: unavailable(method) for method in methods}


def _model(pyo: Any, program: LinearProgram) -> Any:
    from pyomo.core.expr.numeric_expr import LinearExpression

    sign = -1.0 if program.sense == "max" else 1.0
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(program.n_columns))
    columns = list(model.x.values())
    for column, low, high, whole in zip(
        columns, program.lower.tolist(), program.upper.tolist(), program.integer.tolist(), strict=True
    ):
        column.domain = pyo.Integers if whole else pyo.Reals
        # Whole bounds for whole columns: see `optbudget.solvers.highs`.
        column.setlb(None if low == -np.inf else np.ceil(low) if whole else low)
        column.setub(None if high == np.inf else np.floor(high) if whole else high)
    used = np.flatnonzero(program.objective).tolist()
    aim = LinearExpression(
        constant=sign * program.offset,
        linear_coefs=(sign * program.objective[used]).tolist(),
        linear_vars=[columns[j] for j in used],
    )
    model.aim = pyo.Objective(expr=aim, sense=pyo.minimize)
    model.row = pyo.Constraint(range(program.n_rows))
    if not program.is_integer:  # Some interfaces raise where duals are asked of a program that has none.
        model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    place, coefficient = program.column.tolist(), program.coefficient.tolist()
    for i in range(program.n_rows):
        span = slice(int(program.row_ptr[i]), int(program.row_ptr[i + 1]))
        low, high = float(program.row_lower[i]), float(program.row_upper[i])
        if span.start == span.stop or (low == -np.inf and high == np.inf):
            continue
        body = LinearExpression(
            constant=0.0, linear_coefs=coefficient[span], linear_vars=[columns[j] for j in place[span]]
        )
        model.row[i] = (low, body, high) if low != high else (body, low)
    return model


def _tell(solver: Any, method: str, options: Options) -> None:
    limit = options.time_limit
    if limit is not None and method in ("highs", "appsi_highs"):
        solver.options["time_limit"] = limit
    elif limit is not None and method in TIME_OPTION:
        solver.options[TIME_OPTION[method]] = limit
    if method in ("highs", "appsi_highs"):
        solver.options["small_matrix_value"] = 1e-12
        solver.options["mip_rel_gap"] = options.relative_gap
        solver.options["mip_abs_gap"] = options.absolute_gap
        solver.options["random_seed"] = options.seed


def _answer(model: Any, results: Any, program: LinearProgram, seconds: float) -> RawAnswer:
    sign = -1.0 if program.sense == "max" else 1.0
    claimed = results.solver.termination_condition.name
    termination, may_have = STATUS[claimed]
    message = str(results.solver.message or "") if termination is Termination.BACKEND_FAILED else ""
    bounds = results.problem
    bound = sign * _number(bounds.lower_bound)
    x = row_price = None
    value = np.nan
    if may_have and _loaded(model, results):
        found = np.array([_number(column.value) for column in model.x.values()])
        x = np.where(_unused(program) & np.isnan(found), _nearest_to_zero(program), found)
        # Columns in no row and without a cost are not handed over and come back without a value.
        unused = np.isnan(x) & (program.objective == 0)
        x[unused] = np.clip(0.0, program.lower, program.upper)[unused]
        value = program.value(x)
        if not program.is_integer and (len(model.dual) or not len(model.row)):
            prices = [
                model.dual.get(model.row[i], 0.0) if i in model.row else 0.0 for i in range(program.n_rows)
            ]
            row_price = sign * np.array(prices, dtype=np.float64)
    return RawAnswer(claimed, termination, x, row_price, value, bound, message, seconds)


def _loaded(model: Any, results: Any) -> bool:
    try:
        model.solutions.load_from(results)
    except Exception:  # Every interface raises its own where there is no solution.
        return False
    return True


def _unused(program: LinearProgram) -> NDArray[np.bool_]:
    """Columns in no row and not in the objective: some interfaces never tell the solver of them."""
    unused: NDArray[np.bool_] = program.objective == 0
    unused[program.column[program.coefficient != 0]] = False
    return unused


def _nearest_to_zero(program: LinearProgram) -> Floats:
    nearest: Floats = np.clip(np.zeros(program.n_columns), program.lower, program.upper)
    whole: Floats = np.where(nearest > 0, np.ceil(nearest), np.floor(nearest))
    nearest[program.integer] = whole[program.integer]
    return nearest


def _number(found: Any) -> float:
    try:
        return float(found)
    except (TypeError, ValueError):
        return float("nan")
