"""The modelling tools, imported when a formulation first needs them."""

from importlib import import_module
from typing import Any

from optbudget.errors import MissingExtraError


def pyomo_environ() -> Any:
    """`pyomo.environ`.

    Raises
    ------
    MissingExtraError
        If Pyomo is not installed; the message is the command that installs it.
    """
    return _imported("pyomo.environ", "Pyomo")


def mathopt() -> Any:
    """OR-Tools' `mathopt`.

    Raises
    ------
    MissingExtraError
        If OR-Tools is not installed, or cannot be loaded because this process has loaded highspy, whose
        HiGHS library has the same name.
    """
    return _imported("ortools.math_opt.python.mathopt", "OR-Tools")


def _imported(module: str, tool: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise MissingExtraError(f"{tool} is not installed: pip install 'optbudget[solvers]'") from None
    except ImportError as error:
        if "undefined symbol" not in str(error):
            raise
        raise MissingExtraError(
            f"{tool} cannot be loaded in this process because highspy is: both carry a HiGHS library of one "
            "name. State the model in another process, or through optbudget.study, which does."
        ) from None
