"""Back ends that crash, hang, lie or eat memory; they run in a spawned worker, never in the test process."""

import ctypes
import os
import signal
import time

import numpy as np

from optbudget.solvers.answer import RawAnswer
from optbudget.solvers.table import BackEnd
from optbudget.status import Termination

OPTIMAL, INFEASIBLE = Termination.OPTIMAL, Termination.INFEASIBLE


def _honest(program, **changed):
    """An answer at a point that is feasible in every case of the tests: its lower bounds."""
    x = program.lower.copy()
    said = {"x": x, "value": program.value(x), "bound": program.value(x)} | changed
    return RawAnswer("OPTIMAL", OPTIMAL, **said)


def segfault(program, method, options):
    return ctypes.string_at(0)


def killed_by_signal(program, method, options):
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)


def abort(program, method, options):
    os.abort()


def endless_loop(program, method, options):
    while True:
        pass


def nan_objective(program, method, options):
    return _honest(program, value=np.nan)


def infeasible_point(program, method, options):
    x = program.upper + 7.0
    return _honest(program, x=x, value=program.value(x), bound=program.value(x))


def wrong_bound(program, method, options):
    worse = -1.0 if program.sense == "max" else 1.0
    return _honest(program, bound=program.value(program.lower) + worse)


def wrong_length(program, method, options):
    return _honest(program, x=np.zeros(program.n_columns + 1))


def fractional(program, method, options):
    x = program.lower + 0.25
    return _honest(program, x=x, value=program.value(x), bound=program.value(x))


def claims_infeasible(program, method, options):
    return RawAnswer("INFEASIBLE", INFEASIBLE)


def huge_memory(program, method, options):
    held = []
    while True:
        held.append(np.ones(2**20))


# Beyond the ten: what else a back end may do.


def wrong_value(program, method, options):
    return _honest(program, value=program.value(program.lower) + 1.0)


def nan_point(program, method, options):
    return _honest(program, x=np.full(program.n_columns, np.nan))


def text_point(program, method, options):
    return _honest(program, x=["a"] * program.n_columns)


def no_point(program, method, options):
    return _honest(program, x=None)


def not_an_answer(program, method, options):
    return {"x": [1.0]}


def claims_unbounded(program, method, options):
    return RawAnswer("UNBOUNDED", Termination.UNBOUNDED)


def weak_prices(program, method, options):
    return _honest(program, row_price=np.zeros(program.n_rows))


def raises(program, method, options):
    raise ZeroDivisionError("in the solver")


def leaves(program, method, options):
    os._exit(3)


class _Unreadable:
    def __reduce__(self):
        return _cannot_be_read, ()


def _cannot_be_read():
    raise RuntimeError("made to fail")


def unreadable(program, method, options):
    return _Unreadable()


def unsendable(program, method, options):
    return lambda: None


def backend(name):
    """A row of the table for one of the functions above."""
    return BackEnd(name, "", "fakes", "fake_backends", function=name, mip=True)
