"""What runs inside a worker: a piece of work, with what all pieces share held from the first one on."""

import platform
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from optbudget.errors import LimitError, OptBudgetError
from optbudget.workers.shared import Packed

HELD_AT_ONCE = 2
"""Shared values that a worker keeps: that of this computation, and one more."""

_held: "OrderedDict[str, Any]" = OrderedDict()


@dataclass(frozen=True)
class Absent:
    """The worker does not hold what the piece needs: it was started anew, or let it go."""


@dataclass(frozen=True)
class Failed:
    """An error of ours that the work itself raised; it would raise it anywhere."""

    error: OptBudgetError


def run_piece(function: Callable[[Any, Any], Any], key: str, packed: Packed | None, piece: Any) -> Any:
    """``function(shared, piece)``, or `Absent`, or `Failed`."""
    try:
        if packed is not None:
            _held[key] = packed.open()
            while len(_held) > HELD_AT_ONCE:
                _held.popitem(last=False)
        if key not in _held:
            return Absent()
        _held.move_to_end(key)
        return function(_held[key], piece)
    except OptBudgetError as error:
        return Failed(error)
    except MemoryError as error:
        return Failed(LimitError(f"a worker ran out of memory: {error}"))


def versions() -> dict[str, str]:
    """What has to be the same on every machine for the same bytes to come out."""
    import numba
    import numpy

    return {
        "optbudget": import_module("optbudget").__version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": numpy.__version__,
        "numba": numba.__version__,
        "machine": platform.machine(),
    }
