"""OR-Tools' solvers behind its MathOpt interface; runs in a worker of the family "ortools" only.

The model goes over as one message built from arrays. MathOpt defines a dual value as the change of the
objective per unit of the row's limit in both senses, which is our `row_price`.
"""

import datetime
import time
from typing import Any

import numpy as np

from optbudget.problems.linear_program import LinearProgram
from optbudget.solvers.answer import RawAnswer, StatusMap
from optbudget.solvers.options import Options
from optbudget.status import Termination

STATUS: StatusMap = {
    "OPTIMAL": (Termination.OPTIMAL, True),
    "INFEASIBLE": (Termination.INFEASIBLE, False),
    "UNBOUNDED": (Termination.UNBOUNDED, False),
    "INFEASIBLE_OR_UNBOUNDED": (Termination.ILL_POSED, False),
    "IMPRECISE": (Termination.NUMERICAL, True),
    "FEASIBLE": (Termination.UNKNOWN, True),
    "NO_SOLUTION_FOUND": (Termination.UNKNOWN, False),
    "NUMERICAL_ERROR": (Termination.NUMERICAL, False),
    "OTHER_ERROR": (Termination.BACKEND_FAILED, False),
}
LIMIT: dict[str, Termination] = {
    "UNDETERMINED": Termination.UNKNOWN,
    "ITERATION": Termination.NUMERICAL,
    "TIME": Termination.TIME_LIMIT,
    "NODE": Termination.UNKNOWN,
    "SOLUTION": Termination.UNKNOWN,
    "MEMORY": Termination.MEMORY_LIMIT,
    "OBJECTIVE": Termination.UNKNOWN,
    "NORM": Termination.NUMERICAL,
    "INTERRUPTED": Termination.INTERRUPTED,
    "SLOW_PROGRESS": Termination.NUMERICAL,
    "OTHER": Termination.UNKNOWN,
}
"""Where MathOpt stopped at a limit (FEASIBLE, NO_SOLUTION_FOUND), the limit is the better word."""


def warm() -> None:
    """Import what `solve` needs."""
    from ortools.math_opt import model_pb2  # noqa: F401
    from ortools.math_opt.python import mathopt  # noqa: F401


def solve(program: LinearProgram, method: str, options: Options) -> RawAnswer:
    """Solve by `method`, a member name of MathOpt's SolverType."""
    from ortools.math_opt.python import mathopt

    model = mathopt.Model.from_model_proto(to_message(program))
    begun = time.perf_counter()
    try:
        result = mathopt.solve(
            model, mathopt.SolverType[method], params=_parameters(mathopt, method, options)
        )
    except (RuntimeError, ValueError, NotImplementedError, AttributeError) as error:
        return _refused(method, error)
    return _answer(mathopt, model, result, time.perf_counter() - begun)


def to_message(program: LinearProgram) -> Any:
    """The program as MathOpt's ModelProto."""
    from ortools.math_opt import model_pb2

    message = model_pb2.ModelProto(name=program.name)
    columns, rows = message.variables, message.linear_constraints
    columns.ids.extend(range(program.n_columns))
    columns.lower_bounds.extend(program.lower.tolist())
    columns.upper_bounds.extend(program.upper.tolist())
    columns.integers.extend(program.integer.tolist())
    rows.ids.extend(range(program.n_rows))
    rows.lower_bounds.extend(program.row_lower.tolist())
    rows.upper_bounds.extend(program.row_upper.tolist())
    message.objective.maximize = program.sense == "max"
    message.objective.offset = program.offset
    used = np.flatnonzero(program.objective)
    message.objective.linear_coefficients.ids.extend(used.tolist())
    message.objective.linear_coefficients.values.extend(program.objective[used].tolist())
    # MathOpt wants entries by row, then column, and none that are zero.
    order = np.lexsort((program.column, program.entry_row))
    order = order[program.coefficient[order] != 0]
    message.linear_constraint_matrix.row_ids.extend(program.entry_row[order].tolist())
    message.linear_constraint_matrix.column_ids.extend(program.column[order].tolist())
    message.linear_constraint_matrix.coefficients.extend(program.coefficient[order].tolist())
    return message


def _parameters(mathopt: Any, method: str, options: Options) -> Any:
    parameters = mathopt.SolveParameters()
    if method != "PDLP":
        parameters.random_seed = options.seed
    if options.time_limit is not None:
        parameters.time_limit = datetime.timedelta(seconds=options.time_limit)
    if method not in ("GLOP", "HIGHS"):
        parameters.threads = options.threads
    if method in ("GSCIP", "HIGHS"):
        parameters.relative_gap_tolerance = options.relative_gap
        parameters.absolute_gap_tolerance = options.absolute_gap
    tolerance = options.feasibility
    if method == "GLOP":
        # Its default of 1e-6 leaves reduced costs that prove no more than that.
        parameters.glop.primal_feasibility_tolerance = tolerance or 1e-9
        parameters.glop.dual_feasibility_tolerance = tolerance or 1e-9
    elif method == "PDLP":
        criteria = parameters.pdlp.termination_criteria.simple_optimality_criteria
        criteria.eps_optimal_absolute = criteria.eps_optimal_relative = tolerance or 1e-8
    elif method == "GSCIP" and tolerance is not None:
        parameters.gscip.real_params["numerics/feastol"] = tolerance
    return parameters


def _refused(method: str, error: Exception) -> RawAnswer:
    if "canonical_code" in str(error) and isinstance(error.__context__, Exception):
        # In translating what the library says, some wheels of ortools trip over a name of their own.
        return _refused(method, error.__context__)
    said = f"{error} {error.__cause__ or error.__context__ or ''}".strip()
    if "not registered" in said or "not linked" in said:
        return RawAnswer("unavailable", unavailable=f"this wheel of ortools was built without {method}")
    if "objective_value" in said and "value: inf" in said:
        # MathOpt refuses SCIP's answer to an unbounded program, whose value is infinite.
        return RawAnswer("infinite objective", Termination.ILL_POSED, message=said)
    return RawAnswer(type(error).__name__, Termination.BACKEND_FAILED, message=said)


def _answer(mathopt: Any, model: Any, result: Any, seconds: float) -> RawAnswer:
    reason, limit = result.termination.reason, result.termination.limit
    termination, may_have = STATUS[reason.name]
    if limit is not None and termination is Termination.UNKNOWN:
        termination = LIMIT[limit.name]
    x = row_price = None
    value = np.nan
    best = result.solutions[0] if may_have and result.solutions else None
    if best is not None and best.primal_solution is not None:
        found = best.primal_solution.variable_values
        x = np.array([found[column] for column in model.variables()])
        value = float(best.primal_solution.objective_value)
    if best is not None and best.dual_solution is not None:
        prices = best.dual_solution.dual_values
        row_price = np.array([prices[row] for row in model.linear_constraints()])
    bound = float(result.termination.objective_bounds.dual_bound)
    return RawAnswer(
        reason.name, termination, x, row_price, value, bound, str(result.termination.detail), seconds
    )
