"""Back ends that lie: each asks GLOP or SCIP and spoils its answer a little. For the conformance kit only."""

from dataclasses import replace

import numpy as np

from optbudget.solvers import BackEnd, Options, mathopt
from optbudget.solvers.answer import RawAnswer
from optbudget.status import Termination

WITHOUT_OPTIMUM = (Termination.INFEASIBLE, Termination.UNBOUNDED, Termination.ILL_POSED)


def row(method, **changes):
    """The table row of a liar."""
    return BackEnd(
        f"liar-{method}", method, "ortools", "lying_backends", ("ortools",), **{"mip": True, **changes}
    )


def solve(program, method, options):
    """The answer of an honest back end, spoiled by `method`."""
    raw = mathopt.solve(program, "GSCIP" if program.is_integer else "GLOP", options)
    return LIES[method](program, raw)


def _honest(program, raw):
    return raw


def _a_little_off(program, raw):
    return raw if raw.x is None else replace(raw, value=raw.value + 1e-4)


def _a_little_off_in_everything(program, raw):
    if raw.x is None or not program.n_columns:
        return raw
    x = raw.x + np.where(program.integer, 0.0, 1e-4)
    return replace(raw, x=x, value=program.value(x))


def _flipped_prices(program, raw):
    return raw if raw.row_price is None else replace(raw, row_price=-raw.row_price)


def _never_infeasible(program, raw):
    if raw.termination not in WITHOUT_OPTIMUM:
        return raw
    x = np.clip(np.zeros(program.n_columns), program.lower, program.upper)
    return RawAnswer("OPTIMAL", Termination.OPTIMAL, x=x, value=program.value(x))


def _never_feasible(program, raw):
    return RawAnswer("INFEASIBLE", Termination.INFEASIBLE)


def _says_nothing(program, raw):
    return RawAnswer("DONE")


def _wrong_bound(program, raw):
    better = -1.0 if program.sense == "max" else 1.0
    return raw if raw.x is None else replace(raw, bound=raw.value + better)


def _relaxes(program, raw):
    if not program.is_integer:
        return raw
    return mathopt.solve(replace(program, integer=np.zeros(program.n_columns, dtype=bool)), "GLOP", _USUAL)


def _remembers(program, raw):
    if _MEMORY:
        raw = replace(raw, termination=_MEMORY[0].termination, x=_MEMORY[0].x, value=_MEMORY[0].value)
    elif raw.termination in WITHOUT_OPTIMUM:
        _MEMORY.append(raw)
    return raw


def _garbage(program, raw):
    return {"x": raw.x}


def _crash(program, raw):
    raise RuntimeError("no licence")


_MEMORY: list = []
_USUAL = Options(time_limit=20.0)
LIES = {
    "honest": _honest,
    "off-by-1e-4": _a_little_off,
    "point-off-by-1e-4": _a_little_off_in_everything,
    "flipped-prices": _flipped_prices,
    "never-infeasible": _never_infeasible,
    "never-feasible": _never_feasible,
    "says-nothing": _says_nothing,
    "wrong-bound": _wrong_bound,
    "relaxes": _relaxes,
    "remembers": _remembers,
    "garbage": _garbage,
    "raises": _crash,
}
