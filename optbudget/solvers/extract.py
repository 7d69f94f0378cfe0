"""Programs out of models that somebody else stated: MathOpt and Pyomo models become arrays.

Columns and rows come in the order of their declaration, whole arrays at a time: a model of 100,000 entries
takes a fraction of a second. What is not linear is refused, naming it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.problems.linear_program import LinearProgram


def from_mathopt(model: Any) -> LinearProgram:
    """The program of an `ortools.math_opt.python.mathopt.Model`.

    Raises
    ------
    ProblemError
        For quadratic, second-order-cone, SOS or indicator parts, or several objectives.
    """
    message = model.export_model()
    for part in _NOT_LINEAR:
        if len(getattr(message, part, ())):
            raise ProblemError(f"the model has {part.replace('_', ' ')}: not a linear program")
    if len(message.objective.quadratic_coefficients.row_ids):
        raise ProblemError("the model has a quadratic objective: not a linear program")
    columns, rows, matrix = message.variables, message.linear_constraints, message.linear_constraint_matrix
    column_ids, row_ids = _integers(columns.ids), _integers(rows.ids)
    objective = np.zeros(column_ids.size)
    linear = message.objective.linear_coefficients
    objective[np.searchsorted(column_ids, _integers(linear.ids))] = _floats(linear.values)
    entry_row = np.searchsorted(row_ids, _integers(matrix.row_ids))
    return LinearProgram(
        "max" if message.objective.maximize else "min",
        objective,
        _row_ptr(entry_row, row_ids.size),
        np.searchsorted(column_ids, _integers(matrix.column_ids)),
        _floats(matrix.coefficients),
        _floats(rows.lower_bounds),
        _floats(rows.upper_bounds),
        _floats(columns.lower_bounds),
        _floats(columns.upper_bounds),
        np.array(columns.integers, dtype=np.bool_),
        float(message.objective.offset),
        message.name or "program",
        _names(columns.names, "x", column_ids),
        _names(rows.names, "r", row_ids),
    )


def from_pyomo(model: Any) -> LinearProgram:
    """The program of a Pyomo model: its active objective and constraints, every variable that is not fixed.

    Columns are all active variables of the model in the order of their declaration, also those that appear
    in no row; fixed variables become constants.

    Raises
    ------
    ProblemError
        For anything but one linear objective and linear constraints.
    """
    import pyomo.environ as pyo
    from pyomo.core.expr.numvalue import value
    from pyomo.repn.linear import LinearRepnVisitor
    from pyomo.repn.util import OrderedVarRecorder

    variables = [
        v for v in model.component_data_objects(pyo.Var, active=True, descend_into=True) if not v.fixed
    ]
    place = {id(v): j for j, v in enumerate(variables)}
    known = {id(v): v for v in variables}
    visitor = LinearRepnVisitor(
        {}, var_recorder=OrderedVarRecorder(known, {id(v): j for j, v in enumerate(variables)}, None)
    )

    def linear(expression: Any, what: str) -> tuple[dict[int, float], float]:
        found = visitor.walk_expression(expression)
        if found.nonlinear is not None:
            raise ProblemError(f"{what} is not linear")
        return found.linear, found.constant * found.multiplier

    objectives = list(model.component_data_objects(pyo.Objective, active=True, descend_into=True))
    if len(objectives) != 1:
        raise ProblemError(f"the model has {len(objectives)} active objectives, not one")
    terms, offset = linear(objectives[0].expr, f"objective {objectives[0].name}")
    objective = np.zeros(len(variables))
    for key, coefficient in terms.items():
        objective[place[key]] += coefficient
    row_ptr, column, low, high, row_names = [0], [], [], [], []
    coefficient_list: list[float] = []
    for constraint in model.component_data_objects(pyo.Constraint, active=True, descend_into=True):
        lower, body, upper = constraint.to_bounded_expression(True)
        terms, constant = linear(body, f"constraint {constraint.name}")
        column.extend([place[key] for key in terms])
        coefficient_list.extend(terms.values())
        row_ptr.append(len(column))
        low.append(-np.inf if lower is None else value(lower) - constant)
        high.append(np.inf if upper is None else value(upper) - constant)
        row_names.append(constraint.name)
    bounds = [v.bounds for v in variables]
    for v in variables:
        if not (v.is_continuous() or v.is_integer() or v.is_binary()):
            raise ProblemError(f"variable {v.name} is neither continuous nor whole")
    return LinearProgram(
        "max" if objectives[0].sense == pyo.maximize else "min",
        objective,
        np.array(row_ptr),
        np.array(column, dtype=np.int64),
        np.array(coefficient_list, dtype=np.float64),
        np.array(low, dtype=np.float64),
        np.array(high, dtype=np.float64),
        np.array([-np.inf if b[0] is None else b[0] for b in bounds]),
        np.array([np.inf if b[1] is None else b[1] for b in bounds]),
        np.array([not v.is_continuous() for v in variables], dtype=np.bool_),
        float(offset),
        str(model.name or "program"),
        tuple(v.name for v in variables),
        tuple(row_names),
    )


_NOT_LINEAR = (
    "quadratic_constraints",
    "second_order_cone_constraints",
    "sos1_constraints",
    "sos2_constraints",
    "indicator_constraints",
    "auxiliary_objectives",
)


def _integers(field: Any) -> NDArray[np.int64]:
    return np.array(field, dtype=np.int64)


def _floats(field: Any) -> NDArray[np.float64]:
    return np.array(field, dtype=np.float64)


def _row_ptr(entry_row: NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(entry_row, minlength=n_rows))]).astype(np.int64)


def _names(given: Any, letter: str, ids: NDArray[np.int64]) -> tuple[str, ...]:
    if not any(given):
        return ()
    return tuple(name or f"{letter}{k}" for name, k in zip(given, ids.tolist(), strict=True))
