"""HiGHS, called with arrays through highspy; runs in a worker of the family "highspy" only.

Every program is handed over as a minimisation, negated if need be, and its row duals are negated back: for a
maximisation that presolve reduces to nothing, the first-order method of HiGHS 1.15 returns row duals of the
wrong sign (max 3x + 2y, x + y <= 5, x <= 4: -2 for 2) and then doubts its own answer.
"""

import time
from typing import Any

import numpy as np

from optbudget.problems.linear_program import LinearProgram
from optbudget.solvers.answer import RawAnswer, StatusMap
from optbudget.solvers.options import Options
from optbudget.status import Termination

STATUS: StatusMap = {
    "kNotset": (Termination.UNKNOWN, False),
    "kLoadError": (Termination.BACKEND_FAILED, False),
    "kModelError": (Termination.BACKEND_FAILED, False),
    "kPresolveError": (Termination.BACKEND_FAILED, False),
    "kSolveError": (Termination.BACKEND_FAILED, False),
    "kPostsolveError": (Termination.BACKEND_FAILED, False),
    "kModelEmpty": (Termination.OPTIMAL, True),
    "kOptimal": (Termination.OPTIMAL, True),
    "kInfeasible": (Termination.INFEASIBLE, False),
    "kUnboundedOrInfeasible": (Termination.ILL_POSED, False),
    "kUnbounded": (Termination.UNBOUNDED, False),
    "kObjectiveBound": (Termination.UNKNOWN, True),
    "kObjectiveTarget": (Termination.UNKNOWN, True),
    "kTimeLimit": (Termination.TIME_LIMIT, True),
    "kIterationLimit": (Termination.NUMERICAL, True),
    "kUnknown": (Termination.UNKNOWN, True),
    "kSolutionLimit": (Termination.UNKNOWN, True),
    "kInterrupt": (Termination.INTERRUPTED, True),
    "kMemoryLimit": (Termination.MEMORY_LIMIT, True),
    "kHighsInterrupt": (Termination.INTERRUPTED, True),
}
SMALLEST_KEPT = 1e-12
"""The least that `small_matrix_value` may be; its default drops every coefficient up to 1e-9."""


def warm() -> None:
    """Import what `solve` needs."""
    import highspy  # noqa: F401


def solve(program: LinearProgram, method: str, options: Options) -> RawAnswer:
    """Solve by `method`, a value of HiGHS's option "solver"."""
    import highspy

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    if solver.setOptionValue("solver", method) == highspy.HighsStatus.kError:
        return RawAnswer("unavailable", unavailable=f"this highspy has no {method!r}")
    for name, value in _settings(options).items():
        if solver.setOptionValue(name, value) == highspy.HighsStatus.kError:
            return RawAnswer("kError", Termination.BACKEND_FAILED, message=f"refused {name} = {value}")
    highspy.Highs.resetGlobalScheduler(True)  # Another number of threads is refused otherwise.
    if solver.passModel(_model(highspy, program)) == highspy.HighsStatus.kError:
        return RawAnswer("kModelError", Termination.BACKEND_FAILED, message="refused the program")
    begun = time.perf_counter()
    solver.run()
    return _answer(solver, program, time.perf_counter() - begun)


def _settings(options: Options) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "small_matrix_value": SMALLEST_KEPT,
        "mip_rel_gap": options.relative_gap,
        "mip_abs_gap": options.absolute_gap,
        "threads": options.threads,
        "random_seed": options.seed,
    }
    if options.time_limit is not None:
        settings["time_limit"] = options.time_limit
    if options.feasibility is not None:
        for kind in ("primal", "dual", "mip"):
            settings[f"{kind}_feasibility_tolerance"] = max(1e-10, options.feasibility)
    return settings


def _model(highspy: Any, program: LinearProgram) -> Any:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = program.n_columns, program.n_rows
    sign = -1.0 if program.sense == "max" else 1.0
    model.col_cost_, model.offset_ = sign * program.objective, sign * program.offset
    # Its presolve returns -2.5 for the least whole x >= -2.5 (1.15.1), so whole columns get whole bounds.
    model.col_lower_ = np.where(program.integer, np.ceil(program.lower), program.lower)
    model.col_upper_ = np.where(program.integer, np.floor(program.upper), program.upper)
    model.row_lower_, model.row_upper_ = program.row_lower, program.row_upper
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.num_col_, matrix.num_row_ = program.n_columns, program.n_rows
    matrix.start_ = program.row_ptr.astype(np.int32)
    matrix.index_ = program.column.astype(np.int32)
    matrix.value_ = program.coefficient
    if program.is_integer:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[int(whole)] for whole in program.integer]
    return model


def _answer(solver: Any, program: LinearProgram, seconds: float) -> RawAnswer:
    claimed = solver.getModelStatus().name
    termination, may_have = STATUS[claimed]
    info, solution = solver.getInfo(), solver.getSolution()
    # 2 is kSolutionStatusFeasible; at a limit HiGHS also returns points that are not.
    there = may_have and solution.value_valid and info.primal_solution_status == 2
    sign = -1.0 if program.sense == "max" else 1.0
    has_duals = there and solution.dual_valid and not program.is_integer
    return RawAnswer(
        claimed,
        termination,
        x=np.array(solution.col_value) if there or claimed == "kModelEmpty" else None,
        row_price=sign * np.array(solution.row_dual) if has_duals else None,
        value=sign * float(info.objective_function_value),
        bound=sign * float(info.mip_dual_bound) if program.is_integer and may_have else np.nan,
        seconds=seconds,
    )
