"""What decisions do to outcomes: one estimate with its interval per decision, outcome and adjustment.

An effect is the change of the outcome's mean that one unit of the decision brings about,
:math:`\\partial E[Y \\mid do(d)] / \\partial d`, in outcome units per unit of decision. Every pair has two
rows: adjusted by the tiers alone (all context and all other decisions), and by what the graph asks for. A
graph that was learned from the same data is taken for known in the second row, so its interval is too
narrow; the first row makes no use of it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from optbudget.errors import Issue, NoAnswerError, ProblemError
from optbudget.problems.columns import did_you_mean

Adjustment = Literal["tiers", "graph"]
ADJUSTMENTS: tuple[Adjustment, ...] = ("tiers", "graph")

Method = Literal["backdoor", "front-door", "instrument", "no path", "class", "none"]
METHODS: tuple[Method, ...] = ("backdoor", "front-door", "instrument", "no path", "class", "none")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its uncertainty; `lower` and `upper` are the ends of its interval."""

    effect: float
    std_error: float
    lower: float
    upper: float

    def __post_init__(self) -> None:
        finite = all(map(math.isfinite, (self.effect, self.std_error, self.lower, self.upper)))
        if not (finite and self.std_error >= 0 and self.lower <= self.effect <= self.upper):
            raise ProblemError(
                f"an effect of {self.effect} with standard error {self.std_error} and interval "
                f"{self.lower} to {self.upper} is none: finite numbers in order are needed"
            )


ZERO = Estimate(0.0, 0.0, 0.0, 0.0)
"""The effect of a decision from which the graph has no path to the outcome."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of a decision varies for other reasons than what is adjusted for.

    Attributes
    ----------
    residual_share : Var(d | adjusted for) / Var(d), in [0, 1]; near 0 the data hardly tell
    propensity : smallest and largest estimated chance of the second level, for a decision with two
        levels; else None
    """

    residual_share: float
    propensity: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """One decision's effect on one outcome under one adjustment.

    Attributes
    ----------
    estimate : None where the effect is not identified, or was refused; `reason` says why
    method : how it was identified; "class": only up to the members of the graph's equivalence class;
        "none": not at all
    adjusted_for : names of what was adjusted for (the mediators, with "front-door"; the instruments, with
        "instrument")
    reason : why there is no estimate, why it is exactly zero, or what was left out of the adjustment because
        it is the same in every row; else ""
    members : estimates of the members of the equivalence class, where the graph leaves edges open
    refutations : numbers of the refutation tests by name
    """

    decision: str
    outcome: str
    adjustment: Adjustment
    estimate: Estimate | None
    method: Method
    adjusted_for: tuple[str, ...] = ()
    reason: str = ""
    members: tuple[Estimate, ...] = ()
    refutations: tuple[tuple[str, float], ...] = ()
    overlap: Overlap | None = None

    def __post_init__(self) -> None:
        pair = f"the effect of {self.decision!r} on {self.outcome!r}"
        if self.adjustment not in ADJUSTMENTS or self.method not in METHODS:
            raise ProblemError(f"{pair} is by {self.adjustment!r} and {self.method!r}; no such is known")
        if self.estimate is None and not self.reason:
            raise ProblemError(f"{pair} has neither an estimate nor a reason why there is none")
        if not all(math.isfinite(number) for _, number in self.refutations):
            raise ProblemError(f"{pair}: a refutation is no finite number; leave it out")

    @property
    def identified(self) -> bool:
        """Whether there is one estimate."""
        return self.estimate is not None

    @property
    def known(self) -> Estimate:
        """The estimate.

        Raises
        ------
        NoAnswerError
            Saying why there is none.
        """
        if self.estimate is None:
            pair = f"the effect of {self.decision!r} on {self.outcome!r} (by {self.adjustment})"
            raise NoAnswerError(f"{pair} is not known: {self.reason}")
        return self.estimate

    @property
    def candidates(self) -> tuple[Estimate, ...]:
        """What the effect may be: the estimate, else those of the equivalence class; () if unknown."""
        return self.members if self.estimate is None else (self.estimate,)


class BothEffects(NamedTuple):
    """The two rows of a decision and an outcome."""

    tiers: Effect
    graph: Effect

    @property
    def disagree(self) -> bool:
        """Whether one is known and the other is not, or the graph's lies outside the tiers' interval."""
        tiers, graph = self.tiers.estimate, self.graph.estimate
        if tiers is None or graph is None:
            return (tiers is None) != (graph is None)
        return not tiers.lower <= graph.effect <= tiers.upper

    @property
    def unknown(self) -> str:
        """Why nothing can be based on the effect; "" where something can.

        A zero that only the graph vouches for is not enough: the graph may lack an edge that is there. Nor is
        what the tiers say of an effect that the graph calls confounded: they would take its bias for it.
        """
        if self.graph.candidates and (self.tiers.candidates or self.graph.method != "no path"):
            return ""
        return f"{self.tiers.decision}: {self.tiers.reason if self.graph.candidates else self.graph.reason}"


@dataclass(frozen=True, eq=False)
class Effects:
    """The effects of every decision on every outcome under both adjustments.

    Attributes
    ----------
    rows : by decision, outcome, adjustment ("tiers", then "graph"); one for each
    level : of the intervals, in (0, 1)

    Raises
    ------
    ProblemError
        If a decision, outcome and adjustment has no row, or two.

    Examples
    --------
    >>> known = Estimate(2.0, 0.5, 1.0, 3.0)
    >>> effects = Effects((Effect("d", "y", "tiers", known, "backdoor", ("x",)),
    ...                    Effect("d", "y", "graph", ZERO, "no path", reason="no path leads from d to y")))
    >>> effects["d", "y"].tiers.known.effect, effects.disagreements()
    (2.0, (('d', 'y'),))
    """

    rows: tuple[Effect, ...]
    level: float = 0.95
    _position: dict[tuple[str, str], int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ProblemError(f"the level of the intervals is {self.level}; it must be between 0 and 1")
        pairs = [(d, y) for d in self.decisions for y in self.outcomes]
        expected = [(d, y, kind) for d, y in pairs for kind in ADJUSTMENTS]
        given = [(row.decision, row.outcome, row.adjustment) for row in self.rows]
        if given != expected:
            wrong = next((g for g, e in zip(given, expected, strict=False) if g != e), None)
            text = f"the first that is not: {wrong}" if wrong else f"{len(given)} rows, not {len(expected)}"
            raise ProblemError(
                [Issue("error", "effects", f"a row per decision, outcome, adjustment is needed; {text}")]
            )
        object.__setattr__(self, "_position", {pair: 2 * k for k, pair in enumerate(pairs)})

    @property
    def decisions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.decision for row in self.rows))

    @property
    def outcomes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.outcome for row in self.rows))

    def __getitem__(self, pair: tuple[str, str]) -> BothEffects:
        decision, outcome = pair
        if pair not in self._position:
            for kind, name, known in (
                ("decision", decision, self.decisions), ("outcome", outcome, self.outcomes),
            ):  # fmt: skip
                if name not in known:
                    raise ProblemError(f"there is no {kind} {name!r}{did_you_mean(name, known)}")
        at = self._position[pair]
        return BothEffects(self.rows[at], self.rows[at + 1])

    def pairs(self) -> Iterator[BothEffects]:
        """Both rows of every decision and outcome, in order."""
        return (self[pair] for pair in self._position)

    def disagreements(self) -> tuple[tuple[str, str], ...]:
        """The pairs whose two adjustments do not agree."""
        return tuple(pair for pair in self._position if self[pair].disagree)
