"""What is asked of a budget history: which columns decide, which follow, and what would hurt.

The columns are in three tiers, in the order in which they come to be within a period:

.. math:: \\text{context} \\;<\\; \\text{decisions} \\;<\\; \\text{outcomes}.

A cause never lies in a later tier than its effect; within a tier either of two columns may cause the other.
An outcome with a direction of harm that a decision is not meant to move is a *side effect* of that decision.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from optbudget.errors import Issue, ProblemError
from optbudget.problems.columns import did_you_mean, name_problem

Edge = tuple[str, str]

TIERS = ("context", "decisions", "outcomes")
"""The tiers by number: 0, 1, 2."""

NAMING = ("unit", "time")
"""Roles of columns that name a row; nothing is adjusted for them."""


class QuestionFinding(NamedTuple):
    """Something wrong with a question: at which key, ("harm", "delay"), and about which word of its value."""

    code: str
    message: str
    key: tuple[str, ...]
    word: str | None = None


class QuestionError(ProblemError):
    """A question is not valid; `findings` say at which of its keys."""

    def __init__(self, findings: Sequence[QuestionFinding]) -> None:
        self.findings = tuple(findings)
        super().__init__([Issue("error", f.code, f"{'.'.join(f.key)}: {f.message}") for f in self.findings])


@dataclass(frozen=True)
class CausalQuestion:
    """Roles of the columns of a history, what hurts, what is known of the graph, what actions change.

    Attributes
    ----------
    context, decisions, outcomes : names of columns, tiers 0, 1 and 2; at least one decision and one outcome
    unit, time : columns that name a row's unit and period; None where there is none
    harm : outcome -> +1 or -1, the direction that hurts
    weights : outcome -> value per unit of harm, >= 0; 1 where it is not given
    targets : decision -> the outcomes that it is meant to move
    required, forbidden : edges (a, b), a causes b, that the graph must have or must not have
    actions : action, or "type/action", of a model -> decision -> the amount by which taking it changes that

    Raises
    ------
    QuestionError
        Naming every column that has no or two roles, every unknown name, and every edge that cannot be.

    Examples
    --------
    >>> question = CausalQuestion(("revenue",), ("training", "cuts"), ("output", "delay"),
    ...                           harm={"delay": 1}, targets={"cuts": ("delay",)})
    >>> question.tier("cuts"), question.side_effects("training"), question.side_effects("cuts")
    (1, ('delay',), ())
    """

    context: tuple[str, ...]
    decisions: tuple[str, ...]
    outcomes: tuple[str, ...]
    unit: str | None = None
    time: str | None = None
    harm: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    required: tuple[Edge, ...] = ()
    forbidden: tuple[Edge, ...] = ()
    actions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role in TIERS:
            object.__setattr__(self, role, tuple(getattr(self, role)))
        found = list(_findings(self))
        if found:
            raise QuestionError(found)
        frozen: dict[str, dict[str, Any]] = {
            "harm": {name: int(sign) for name, sign in self.harm.items()},
            "weights": {name: float(self.weights.get(name, 1.0)) for name in self.outcomes},
            "targets": {name: tuple(aims) for name, aims in self.targets.items()},
            "actions": {
                action: MappingProxyType({name: float(amount) for name, amount in changes.items()})
                for action, changes in self.actions.items()
            },
        }
        for key, mapping in frozen.items():
            object.__setattr__(self, key, MappingProxyType(mapping))
        for key in ("required", "forbidden"):
            object.__setattr__(self, key, tuple((a, b) for a, b in getattr(self, key)))

    @property
    def columns(self) -> tuple[str, ...]:
        """Context, decisions, outcomes: the order of every matrix of a history or graph."""
        return self.context + self.decisions + self.outcomes

    @property
    def tiers(self) -> tuple[int, ...]:
        """The tier of each of `columns`."""
        return (0,) * len(self.context) + (1,) * len(self.decisions) + (2,) * len(self.outcomes)

    def tier(self, name: str) -> int:
        """0 for context, 1 for decisions, 2 for outcomes."""
        return self.tiers[self.columns.index(name)]

    def side_effects(self, decision: str) -> tuple[str, ...]:
        """The outcomes with a direction of harm that a decision is not meant to move."""
        aims = self.targets.get(decision, ())
        return tuple(name for name in self.outcomes if name in self.harm and name not in aims)

    def unintended(self) -> Iterator[tuple[str, str, dict[str, float]]]:
        """Action, outcome, and the changes of decisions that do not target it, with the sign of harm."""
        for action, amounts in self.actions.items():
            for outcome, sign in self.harm.items():
                changes = {
                    decision: sign * amount
                    for decision, amount in amounts.items()
                    if amount != 0 and outcome in self.side_effects(decision)
                }
                if changes:
                    yield action, outcome, changes


def _findings(question: CausalQuestion) -> Iterator[QuestionFinding]:
    """Everything that is wrong with a question."""
    broken = list(_role_findings(question))
    yield from broken
    yield from _outcome_findings(question)
    yield from _target_findings(question)
    yield from _action_findings(question)
    if not broken:
        yield from _edge_findings(question)


def _role_findings(question: CausalQuestion) -> Iterator[QuestionFinding]:
    roles: dict[str, str] = {}
    given = [(role, name) for role in TIERS for name in getattr(question, role)]
    given += [(role, name) for role in NAMING if (name := getattr(question, role)) is not None]
    for role, name in given:
        if problem := name_problem(name):
            yield QuestionFinding("name", f"column {name!r} {problem}", (role,), name)
        elif name in roles:
            also = "twice in it" if roles[name] == role else f"in {roles[name]} too"
            if role in NAMING and roles[name] in TIERS:
                also += "; to adjust for it as well, give the table a copy of it under another name"
            yield QuestionFinding("two-roles", f"column {name!r} is {also}", (role,), name)
        roles.setdefault(name, role)
    for role in ("decisions", "outcomes"):
        if not getattr(question, role):
            yield QuestionFinding("no-columns", f"there are no {role}; name at least one column", (role,))


def _outcome_findings(question: CausalQuestion) -> Iterator[QuestionFinding]:
    for name, sign in question.harm.items():
        yield from _unknown(name, question.outcomes, "outcome", ("harm", name))
        if isinstance(sign, bool) or sign not in (-1, 1):
            message = f"the direction of harm of {name!r} is {sign!r:.40}; it must be +1 or -1"
            yield QuestionFinding("harm", message, ("harm", name))
    for name, weight in question.weights.items():
        yield from _unknown(name, question.outcomes, "outcome", ("weights", name))
        if not (_is_number(weight) and weight >= 0):
            message = f"the weight of {name!r} is {weight!r:.40}; it must be a number >= 0"
            yield QuestionFinding("weight", message, ("weights", name))


def _target_findings(question: CausalQuestion) -> Iterator[QuestionFinding]:
    for decision, aims in question.targets.items():
        key = ("targets", decision)
        yield from _unknown(decision, question.decisions, "decision", key)
        for name in aims:
            yield from _unknown(name, question.outcomes, "outcome", key, name)


def _action_findings(question: CausalQuestion) -> Iterator[QuestionFinding]:
    for action, changes in question.actions.items():
        for decision, amount in changes.items():
            key = ("actions", action, decision)
            yield from _unknown(decision, question.decisions, "decision", key)
            if not _is_number(amount):
                message = f"action {action!r} changes {decision!r} by {amount!r:.40}; it must be a number"
                yield QuestionFinding("amount", message, key)


def _edge_findings(question: CausalQuestion) -> Iterator[QuestionFinding]:
    columns = question.columns
    known = True
    for kind in ("required", "forbidden"):
        for a, b in getattr(question, kind):
            for name in (a, b):
                for finding in _unknown(name, columns, "column", ("edges", kind), name):
                    known = False
                    yield finding
            if a == b:
                yield QuestionFinding("loop", f"the edge {a!r} -> {b!r} is a loop", ("edges", kind), a)
    if not known:
        return
    for a, b in question.required:
        if question.tier(a) > question.tier(b):
            message = (
                f"the required edge {a!r} -> {b!r} goes from {TIERS[question.tier(a)]} "
                f"back to {TIERS[question.tier(b)]}"
            )
            yield QuestionFinding("tier", message, ("edges", "required"), a)
        if (a, b) in question.forbidden:
            message = f"the edge {a!r} -> {b!r} is required and forbidden"
            yield QuestionFinding("contradiction", message, ("edges", "required"), a)
    cycle = cycle_of(question.required)
    if cycle and len(set(cycle)) > 1:
        message = f"the required edges make a cycle: {' -> '.join(cycle)}"
        yield QuestionFinding("cycle", message, ("edges", "required"), cycle[0])


def _unknown(
    name: str, known: Sequence[str], kind: str, key: tuple[str, ...], word: str | None = None
) -> Iterator[QuestionFinding]:
    if name not in known:
        message = f"no {kind} is called {name!r}{did_you_mean(name, known)}"
        yield QuestionFinding("unknown-name", message, key, word)


def _is_number(value: object) -> bool:
    """Whether a value is a number that a finite double holds."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def cycle_of(edges: Sequence[Edge]) -> tuple[str, ...]:
    """The nodes of a directed cycle, the first one again at its end; empty where there is none.

    Examples
    --------
    >>> cycle_of([("a", "b"), ("b", "c"), ("c", "b")]), cycle_of([("a", "b")])
    (('b', 'c', 'b'), ())
    """
    parents: dict[str, list[str]] = {}
    for a, b in edges:
        parents.setdefault(b, []).append(a)
        parents.setdefault(a, [])
    left = dict(parents)
    while left:
        done = [node for node, above in left.items() if not any(p in left for p in above)]
        if not done:
            break
        for node in done:
            del left[node]
    if not left:
        return ()
    # Every node that is left has a parent that is left: going up must come round.
    walk = [next(iter(left))]
    while walk[-1] not in walk[:-1]:
        walk.append(next(p for p in left[walk[-1]] if p in left))
    return tuple(reversed(walk[walk.index(walk[-1]) :]))
