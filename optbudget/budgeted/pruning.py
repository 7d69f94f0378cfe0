"""Which breakpoints a backup may give up, at which stage, and what that can cost (section 4.4).

A vertex :math:`k` between segments of slopes :math:`\\beta_k > \\beta_{k+1}` lies no higher above the chord
of its neighbours than :math:`(\\beta_k - \\beta_{k+1}) \\Delta b_k`. It may go when

* slope: :math:`\\beta_k - \\beta_{k+1} \\le \\varepsilon`, or
* length: :math:`\\Delta b_k \\le \\delta`, or
* product: :math:`(\\beta_k - \\beta_{k+1}) \\Delta b_k`, added to what its two segments have given up
  before, is :math:`\\le \\tau`.

What is left is a subset of points, so a pruned curve stays achievable. Only the product limits the
error of a stage, to :math:`\\tau`; by the contraction the whole error with :math:`t` decisions is at most
:math:`\\sum_k \\gamma^k \\tau_k`, with :math:`k` counted from now. For one tolerance that is observation 8,
:math:`\\tau (1 - \\gamma^t) / (1 - \\gamma)`; for :math:`\\tau_{high}` in the first :math:`k` backups and
:math:`\\tau_{low}` in the last :math:`t - k` it is

.. math:: \\frac{\\gamma^{t-k} \\tau_{high} (1 - \\gamma^k) + \\tau_{low} (1 - \\gamma^{t-k})}{1 - \\gamma}.

The paper's two-phase bound is valid but leaves out the factor :math:`\\gamma^{t-k}` of the contraction.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from optbudget.errors import ProblemError


@dataclass(frozen=True, slots=True, kw_only=True)
class PruningPhase:
    """One rule for a number of backups in a row.

    Attributes
    ----------
    stages : backups it lasts, >= 1; None is "all that are left"
    slope : largest difference of neighbouring slopes, value per money, >= 0, or None
    length : largest budget of the segment before the vertex, money, >= 0, or None
    product : largest loss of value at one stage, >= 0, or None

    A phase without any limit is exact.
    """

    stages: int | None = None
    slope: float | None = None
    length: float | None = None
    product: float | None = None

    def __post_init__(self) -> None:
        if self.stages is not None and (self.stages != int(self.stages) or self.stages < 1):
            raise ProblemError(f"stages is {self.stages}; it must be a whole number >= 1")
        for name in ("slope", "length", "product"):
            limit = getattr(self, name)
            if limit is not None and not (0 <= limit < math.inf):
                raise ProblemError(f"pruning by {name} has limit {limit}; it must be >= 0 and finite")

    @property
    def rule(self) -> tuple[float, float, float]:
        """(slope, length, product); -1 where there is no such limit."""
        limits = (self.slope, self.length, self.product)
        return tuple(-1.0 if limit is None else float(limit) for limit in limits)  # type: ignore[return-value]

    @property
    def loss(self) -> float:
        """Most value one backup may lose under this rule alone; inf where only slope or length limit it."""
        if self.slope is not None or self.length is not None:
            return math.inf
        return self.product or 0.0


@dataclass(frozen=True, slots=True)
class PruningSchedule:
    """Phases of pruning in the order of the backups: the last decision first, now last.

    Examples
    --------
    Mild for 45 backups, exact for the last five:

    >>> schedule = PruningSchedule((PruningPhase(stages=45, product=0.01), PruningPhase(stages=5)))
    >>> schedule.rules(50)[44:46]
    ((-1.0, -1.0, 0.01), (-1.0, -1.0, -1.0))
    >>> round(schedule.bound(50, 0.975), 6)
    0.239643
    """

    phases: tuple[PruningPhase, ...]

    def __post_init__(self) -> None:
        if not self.phases:
            raise ProblemError("a pruning schedule needs at least one phase")
        if any(phase.stages is None for phase in self.phases[:-1]):
            raise ProblemError("only the last phase may leave out how many stages it lasts")

    @classmethod
    def parse(cls, table: Mapping[str, object]) -> "PruningSchedule":
        """The schedule that a parsed TOML file holds: `[[phase]]` with stages, slope, length, product.

        Raises
        ------
        ProblemError
            Naming an unknown key, a wrong type or a wrong number.

        Examples
        --------
        >>> PruningSchedule.parse({"phase": [{"stages": 45, "slope": 0.01}, {}]}).phases[1]
        PruningPhase(stages=None, slope=None, length=None, product=None)
        """
        unknown = sorted(set(table) - {"phase"})
        if unknown:
            raise ProblemError(f"{unknown[0]!r} is not a key of a pruning file; it holds [[phase]] only")
        entries = table.get("phase", [])
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            raise ProblemError("phase must be a list of tables: write [[phase]]")
        return cls(tuple(_phase(entry, number) for number, entry in enumerate(entries, 1)))

    def rules(self, horizon: int) -> tuple[tuple[float, float, float], ...]:
        """The rule of each of `horizon` backups, in their order; the last phase lasts to the end."""
        rules: list[tuple[float, float, float]] = []
        for phase in self.phases:
            rules += [phase.rule] * (horizon if phase.stages is None else phase.stages)
        return tuple((rules + [self.phases[-1].rule] * horizon)[:horizon])

    def bound(self, horizon: int, discount: float) -> float:
        """Most value that all `horizon` backups together may lose (observation 8 and its two phases).

        inf where slope or length limit a phase: their loss depends on the curves, and the backup
        measures it.
        """
        losses: list[float] = []
        for phase in self.phases:
            losses += [phase.loss] * (horizon if phase.stages is None else phase.stages)
        losses = (losses + [self.phases[-1].loss] * horizon)[:horizon]
        return sum(discount**k * loss for k, loss in enumerate(reversed(losses)))


_KEYS = tuple(field.name for field in fields(PruningPhase))


def _phase(entry: object, number: int) -> PruningPhase:
    if not isinstance(entry, Mapping):
        raise ProblemError(f"phase {number} must be a table")
    unknown = sorted(set(entry) - set(_KEYS))
    if unknown:
        raise ProblemError(f"phase {number} has the unknown key {unknown[0]!r}; known are {', '.join(_KEYS)}")
    for key, value in entry.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ProblemError(f"phase {number}: {key} is {value!r}; it must be a number")
    return PruningPhase(**entry)
