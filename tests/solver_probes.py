"""What tests ask inside a worker: members of the solvers' own enums, and files read back by a solver."""

import os
import sys


def members(module, *path):
    """Names of the members of a solver's enum."""
    from importlib import import_module

    found = import_module(module)
    for name in path:
        found = getattr(found, name)
    return sorted(found.__members__)


def read_by_highs(path):
    """The program in a file as HiGHS reads it."""
    import highspy
    import numpy as np

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("small_matrix_value", 1e-12)
    assert solver.readModel(str(path)) == highspy.HighsStatus.kOk
    read = solver.getLp()
    solver.ensureRowwise()
    read = solver.getLp()
    whole = highspy.HighsVarType.kInteger
    return {
        "sense": "max" if read.sense_ == highspy.ObjSense.kMaximize else "min",
        "offset": read.offset_,
        "objective": np.array(read.col_cost_),
        "lower": np.array(read.col_lower_),
        "upper": np.array(read.col_upper_),
        "row_lower": np.array(read.row_lower_),
        "row_upper": np.array(read.row_upper_),
        "row_ptr": np.array(read.a_matrix_.start_),
        "column": np.array(read.a_matrix_.index_),
        "coefficient": np.array(read.a_matrix_.value_),
        "integer": np.array([kind == whole for kind in read.integrality_]),
    }


def process():
    return os.getpid()


def loaded(name):
    """Whether a module is loaded."""
    return name in sys.modules


def printed():
    """Output that must not reach the answers."""
    os.write(1, b"noise from a library\n")
    print("noise from Python", flush=True)
    return "quiet"


def endless():
    while True:
        pass


def slow(seconds):
    import time

    time.sleep(seconds)
    return seconds


def allocate(size):
    import numpy as np

    return float(np.ones(size // 8).sum())


def die(number):
    os.kill(os.getpid(), number)


def unsendable():
    return lambda: None
