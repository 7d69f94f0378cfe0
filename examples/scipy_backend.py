"""A back end in one file: SciPy's `milp`, its row of the table, and the conformance kit that it must pass."""

import numpy as np

from optbudget.solvers import BackEnd, Options, solve_program
from optbudget.solvers.answer import RawAnswer
from optbudget.status import Termination
from optbudget.testing import Verdict, check_backend, program_of

ROW = BackEnd(
    name="scipy-milp", method="", family="scipy", module="scipy_backend", packages=("scipy",),
    mip=True, duals=False, note="HiGHS, as SciPy has it",
)  # fmt: skip

STATUS = {
    0: Termination.OPTIMAL,
    1: Termination.TIME_LIMIT,
    2: Termination.INFEASIBLE,
    3: Termination.UNBOUNDED,
    4: Termination.ILL_POSED,
}


def solve(program, method: str, options: Options) -> RawAnswer:
    """Runs in a process of its own: the solver is imported here, and nowhere else."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    sign = -1.0 if program.sense == "max" else 1.0
    shape = (program.n_rows, program.n_columns)
    rows = csr_array((program.coefficient, program.column, program.row_ptr), shape=shape)
    # Whole columns get whole bounds: without this line the kit reports that lower_bound_of_-2.5 fails.
    lower = np.where(program.integer, np.ceil(program.lower), program.lower)
    upper = np.where(program.integer, np.floor(program.upper), program.upper)
    settings = {"mip_rel_gap": options.relative_gap}
    if options.time_limit is not None:
        settings["time_limit"] = options.time_limit
    found = milp(
        sign * program.objective,
        integrality=program.integer.astype(int),
        bounds=Bounds(lower, upper),
        constraints=LinearConstraint(rows, program.row_lower, program.row_upper) if program.n_rows else (),
        options=settings,
    )
    if found.x is None:
        return RawAnswer(found.message, STATUS[found.status])
    bound = np.nan if found.mip_dual_bound is None else sign * found.mip_dual_bound + program.offset
    return RawAnswer(
        found.message, STATUS[found.status], x=found.x, value=program.value(found.x), bound=bound
    )


if __name__ == "__main__":
    knapsack = program_of(
        "max 60 a + 100 b + 120 c; w: 10 a + 20 b + 30 c <= 50; a binary; b binary; c binary"
    )
    solution = solve_program(knapsack, ROW)
    print(f"{solution.backend} takes {solution.x} for {solution.value:g}")
    report = check_backend(ROW)
    for finding in report.of(Verdict.FAILED) + report.of(Verdict.UNANSWERED):
        print(finding)
    passed, others = len(report.of(Verdict.PASSED)), len(report.of(Verdict.NOT_APPLICABLE))
    print(f"{passed} of the kit's problems passed, {others} do not apply")
    print("conforms" if report.ok else "does not conform")
