"""What a back end's adapter hands over from its process: numbers and words, nothing of the solver's own.

It is a claim. Nothing in it is believed before `optbudget.solvers.audit` has held it against the program.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optbudget.status import Termination

StatusMap = Mapping[str, tuple[Termination, bool]]
"""Member name of a solver's own enum -> (our word for it, whether a solution may be there).

OPTIMAL is a claim until it is certified; ILL_POSED stands for "infeasible or unbounded"."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A back end's answer, unchecked.

    Attributes
    ----------
    claimed : the solver's own word
    termination : that word in ours
    x : (n,) or None
    row_price : (m,) change of the best objective per unit of a row's limit, or None
    value, bound : objective and bound as the solver says; NaN where it gives none
    message : what else it said
    seconds : inside the solver; NaN if not measured
    unavailable : why this back end cannot run at all in this installation; empty if it can
    """

    claimed: str
    termination: Termination = Termination.UNKNOWN
    x: Any = None
    row_price: Any = None
    value: float = np.nan
    bound: float = np.nan
    message: str = ""
    seconds: float = np.nan
    unavailable: str = ""
