"""Programs out of models that somebody else stated: MathOpt and Pyomo models become arrays.

Columns and rows come in the order of their declaration, whole arrays at a time: a model of 100,000 entries
takes a fraction of a second. What is not linear is refused, naming it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError, UsageError
from optbudget.problems.linear_program import Floats, LinearProgram


def from_mathopt(model: Any) -> LinearProgram:
    """The program of an `ortools.math_opt.python.mathopt.Model`.

    Raises
    ------
    ProblemError
        For quadratic, second-order-cone, SOS or indicator parts, or several objectives.
    UsageError
        For anything that is no model of MathOpt's.
    """
    if not hasattr(model, "export_model"):
        raise UsageError(f"from_mathopt takes a model of MathOpt's, not a {_kind(model)}")
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
        For anything but one linear objective and linear constraints over reals and whole numbers.
    UsageError
        For anything that is no model of Pyomo's.
    """
    if not hasattr(model, "component_objects"):
        raise UsageError(f"from_pyomo takes a model of Pyomo's, not a {_kind(model)}")
    import pyomo.environ as pyo

    variables = [(name, v) for name, v in _parts(model, pyo.Var) if not v.fixed]
    read = _linear_reader([v for _, v in variables])
    objectives = _parts(model, pyo.Objective)
    if len(objectives) != 1:
        raise ProblemError(f"the model has {len(objectives)} active objectives, not one")
    name, aim = objectives[0]
    places, coefficients, offset = read(aim.expr, f"objective {name}")
    objective = np.zeros(len(variables))
    objective[places] = coefficients
    lower, upper, whole = _columns(variables)
    constraints = _parts(model, pyo.Constraint)
    return LinearProgram(
        "max" if aim.sense == pyo.maximize else "min",
        objective,
        *_rows(constraints, read),
        lower,
        upper,
        whole,
        offset,
        str(model.name or "program"),
        tuple(name for name, _ in variables),
        tuple(name for name, _ in constraints),
    )


def _kind(model: object) -> str:
    return f"{type(model).__module__}.{type(model).__name__}".removeprefix("builtins.")


_Reader = Callable[[Any, str], tuple[list[int], list[float], float]]


def _parts(model: Any, kind: Any) -> list[tuple[str, Any]]:
    """Names and data of all active parts of a kind; a name per part is what Pyomo takes longest for."""
    from pyomo.core.base.component_namer import index_repr

    found = []
    for component in model.component_objects(kind, active=True, descend_into=True):
        indexed, whole = component.is_indexed(), component.name
        for index, data in component.items():
            if data.active:
                found.append((whole + index_repr(index) if indexed else whole, data))
    return found


def _linear_reader(variables: list[Any]) -> _Reader:
    from pyomo.repn.linear import LinearRepnVisitor
    from pyomo.repn.util import OrderedVarRecorder

    place = {id(v): j for j, v in enumerate(variables)}
    recorder = OrderedVarRecorder({id(v): v for v in variables}, dict(place), None)
    visitor = LinearRepnVisitor({}, var_recorder=recorder)

    def read(expression: Any, what: str) -> tuple[list[int], list[float], float]:
        found = visitor.walk_expression(expression)
        if found.nonlinear is not None:
            raise ProblemError(f"{what} is not linear")
        strange = [key for key in found.linear if key not in place]
        if strange:
            raise ProblemError(f"{what} has the variable {visitor.var_map[strange[0]]}, not of the model")
        return [place[key] for key in found.linear], list(found.linear.values()), float(found.constant)

    return read


def _columns(variables: list[tuple[str, Any]]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    bounds = [v.bounds for _, v in variables]
    whole = [not v.is_continuous() for _, v in variables]
    for (name, v), discrete in zip(variables, whole, strict=True):
        if discrete and not v.is_integer():
            raise ProblemError(f"variable {name} is neither continuous nor whole")
    return (
        np.array([-np.inf if low is None else low for low, _ in bounds], dtype=np.float64),
        np.array([np.inf if high is None else high for _, high in bounds], dtype=np.float64),
        np.array(whole, dtype=np.bool_),
    )


def _rows(
    constraints: list[tuple[str, Any]], read: _Reader
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats, Floats]:
    row_ptr, column, low, high = [0], [], [], []
    coefficient: list[float] = []
    for name, constraint in constraints:
        least, body, most = constraint.to_bounded_expression(True)
        places, coefficients, constant = read(body, f"constraint {name}")
        column += places
        coefficient += coefficients
        row_ptr.append(len(column))
        low.append(-np.inf if least is None else float(least) - constant)
        high.append(np.inf if most is None else float(most) - constant)
    return (
        np.array(row_ptr, dtype=np.int64),
        np.array(column, dtype=np.int64),
        np.array(coefficient, dtype=np.float64),
        np.array(low, dtype=np.float64),
        np.array(high, dtype=np.float64),
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
