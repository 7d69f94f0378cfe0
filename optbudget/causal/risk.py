"""From effects to the risk of actions: the expected harm of what an action was not meant to do.

An action changes decisions :math:`d` by :math:`\\Delta_d`. With :math:`o_k = \\pm 1` so that positive is
harmful, the harm to outcome :math:`k` is

.. math:: X_k \\sim N(\\mu, \\tau^2), \\quad
          \\mu = o_k \\sum_d \\text{effect}_{dk} \\Delta_d, \\quad
          \\tau = \\sum_d \\text{se}_{dk} |\\Delta_d|,

over the decisions that do not target :math:`k`, and

.. math:: E[X^+] = \\mu \\Phi(\\mu/\\tau) + \\tau \\varphi(\\mu/\\tau), \\quad
          \\mu^+ \\text{ at } \\tau = 0.

:math:`E[X^+]` rises with :math:`\\mu` and with :math:`\\tau`, and no joint law of the estimates has a larger
standard deviation than the sum, so nothing need be known about how the estimates go together. Where
adjustments or members of the equivalence class give several (effect, se), the largest :math:`E[X^+]` counts;
an interval end is never put together with its own standard error.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from optbudget.problems.causal_question import CausalQuestion
from optbudget.problems.effects import BothEffects, Effects
from optbudget.problems.side_effects import Refusal, SideEffect, SideEffects

Path = tuple[str, ...]


def expected_excess(mean: float, sd: float) -> float:
    """E[X+] of X ~ N(mean, sd^2), sd >= 0.

    Examples
    --------
    >>> round(expected_excess(0.0, 1.0), 6), expected_excess(-1.0, 0.0), expected_excess(2.0, 0.0)
    (0.398942, 0.0, 2.0)
    """
    if sd == 0.0 or not math.isfinite(mean / sd):
        return max(mean, 0.0)
    z = mean / sd
    density = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return max(mean * _normal_below(z) + sd * density, mean, 0.0)


def chance_of_harm(mean: float, sd: float) -> float:
    """P(X > 0) of X ~ N(mean, sd^2), sd >= 0.

    Examples
    --------
    >>> chance_of_harm(0.0, 1.0), chance_of_harm(0.0, 0.0), chance_of_harm(1.0, 0.0)
    (0.5, 0.0, 1.0)
    """
    if sd == 0.0 or not math.isfinite(mean / sd):
        return float(mean > 0)
    return _normal_below(mean / sd)


def _normal_below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def side_effects(
    question: CausalQuestion, effects: Effects, *, paths: Mapping[tuple[str, str, int], Path] | None = None
) -> SideEffects:
    """The side effects of every action that the question declares.

    Parameters
    ----------
    question : says what actions change, what outcomes hurt in which direction, and what is targeted
    effects : of its decisions on its outcomes
    paths : (decision, outcome, sign) -> the names along which one more of the decision moves the outcome
        most in that direction; see `optbudget.causal.paths`

    Returns
    -------
    SideEffects
        A row per action and outcome that one of the changed decisions does not target, also where the risk
        is 0; a refusal where an effect that is needed is not known.

    Examples
    --------
    >>> from optbudget.problems.effects import ZERO, Effect, Estimate
    >>> question = CausalQuestion((), ("d",), ("y",), harm={"y": 1}, weights={"y": 10.0},
    ...                           actions={"more": {"d": 2.0}})
    >>> rows = (Effect("d", "y", "tiers", Estimate(0.5, 0.0, 0.5, 0.5), "backdoor"),
    ...         Effect("d", "y", "graph", ZERO, "no path", reason="no path leads from d to y"))
    >>> side_effects(question, Effects(rows)).rows[0].risk
    10.0
    """
    rows: list[SideEffect] = []
    refused: list[Refusal] = []
    for action, outcome, changes in question.unintended():
        reasons = [reason for d in changes if (reason := effects[d, outcome].unknown)]
        if reasons:
            refused.append(Refusal(action, outcome, "; ".join(reasons)))
            continue
        parts = {d: _Part.of(effects[d, outcome], change) for d, change in changes.items()}
        route = _route(parts, outcome, changes, paths or {})
        rows.append(_row(action, outcome, list(parts.values()), question.weights[outcome], route))
    return SideEffects(tuple(question.actions), tuple(rows), tuple(refused), question.weights)


class _Law(NamedTuple):
    """The normal law of a harm."""

    mean: float
    sd: float

    @property
    def excess(self) -> float:
        return expected_excess(self.mean, self.sd)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one decision's change may add to a harm: the candidate laws, and the ends of all intervals."""

    laws: tuple[_Law, ...]
    low: float
    high: float

    @classmethod
    def of(cls, both: BothEffects, change: float) -> "_Part":
        """Of a change whose sign is that of harm: positive where more of the outcome hurts."""
        known = [one for row in both for one in row.candidates]
        ends = [end * change for one in known for end in (one.lower, one.upper)]
        laws = tuple(_Law(one.effect * change, one.std_error * abs(change)) for one in known)
        return cls(_undominated(laws), min(ends), max(ends))


def _undominated(laws: Iterable[_Law]) -> tuple[_Law, ...]:
    """The laws of which no other has at least the mean and the standard deviation; E[X+] rises with both."""
    kept: list[_Law] = []
    for law in sorted(set(laws), reverse=True):
        if not kept or law.sd > kept[-1].sd:
            kept.append(law)
    return tuple(kept)


def _sum(parts: Iterable[_Part]) -> tuple[_Law, ...]:
    """The laws that the sum of one candidate of each part may have, as far as they may be the worst."""
    sums: tuple[_Law, ...] = (_Law(0.0, 0.0),)
    for part in parts:
        sums = _undominated(_Law(a.mean + b.mean, a.sd + b.sd) for a in sums for b in part.laws)
    return sums


def _row(action: str, outcome: str, parts: Sequence[_Part], weight: float, path: Path) -> SideEffect:
    worst = max(_sum(parts), key=lambda law: law.excess)
    risk = weight * worst.excess
    low, high = sum(part.low for part in parts), sum(part.high for part in parts)
    return SideEffect(
        action, None, outcome, risk,
        lower=min(weight * max(low, 0.0), risk), upper=max(weight * high, risk),
        probability=chance_of_harm(*worst), mean=worst.mean, path=path,
    )  # fmt: skip


def _route(
    parts: Mapping[str, _Part],
    outcome: str,
    changes: Mapping[str, float],
    paths: Mapping[tuple[str, str, int], Path],
) -> Path:
    """The path of the decision that may do the most harm, in the direction in which it hurts."""
    by_harm = sorted(parts, key=lambda d: -max(law.excess for law in parts[d].laws))
    for decision in by_harm:
        direction = 1 if changes[decision] > 0 else -1
        found = paths.get((decision, outcome, direction))
        if found:
            return found
    return ()
