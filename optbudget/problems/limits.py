"""Limits on a split: what each unit, and what groups of units, may have of the money.

Every unit i is *assigned* money :math:`b_i`, and may spend less than that: it is worth :math:`V(b_i)`, and
:math:`V` is flat past its largest useful budget. Wanted is the best assignment with

.. math:: \\ell_i \\le b_i \\le u_i, \\quad L_G \\le \\sum_{i \\in G} b_i \\le U_G, \\quad \\sum_i b_i \\le B.

A least therefore keeps money from the others even where the unit or group cannot use it; what it cannot use
stays unspent. Limits of one unit hold one by one: where :math:`b_i` is between two useful budgets, that
unit draws between the two, and expects to spend at most :math:`b_i`. The limits that name a unit, its
state and its type all hold.

*Fairness*: with a least share :math:`\\sigma`, every unit is assigned at least
:math:`\\min(\\sigma B / M, u_i)`, the share of what M equal units would have; a unit that may have no
more than :math:`u_i` is owed no more.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

from optbudget.errors import ProblemError
from optbudget.problems.columns import Finding, did_you_mean

MEMBERS = ("states", "types", "units", "groups")
"""What a group may be made of."""


@dataclass(frozen=True, slots=True)
class UnitLimit:
    """What each unit of a type, each unit in a state, or one named unit may be assigned.

    Attributes
    ----------
    type, state, unit : which units: a type, a state (its label "type/state", or its name beside `type`),
        or one unit of a population that was given by unit
    least, most : money per unit, 0 <= least <= most; equal where it is fixed
    """

    type: str | None = None
    state: str | None = None
    unit: str | None = None
    least: float = 0.0
    most: float = math.inf

    def __post_init__(self) -> None:
        _as_doubles(self)

    @property
    def name(self) -> str:
        """Whom it is about, for a person."""
        if self.unit is not None:
            return f"unit {self.unit}"
        if self.state is None:
            return f"type {self.type}"
        return f"state {self.state}" if self.type is None else f"state {self.type}/{self.state}"


@dataclass(frozen=True, slots=True)
class GroupLimit:
    """What some units may be assigned together.

    Attributes
    ----------
    name : of the group
    states, types, units, groups : its members: labels of states, types, names of units, other groups
    least, most : money in total, 0 <= least <= most
    """

    name: str
    states: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    least: float = 0.0
    most: float = math.inf

    def __post_init__(self) -> None:
        _as_doubles(self)


@dataclass(frozen=True, slots=True)
class Multiplier:
    """What one binding limit of a group is worth.

    Attributes
    ----------
    group : its name
    side : "most" or "least"
    limit : money in total
    value : >= 0; what raising a most, or lowering a least, by one unit of money adds to the value
    """

    group: str
    side: Literal["least", "most"]
    limit: float
    value: float


@dataclass(frozen=True)
class Limits:
    """Limits on a split, not yet tied to a population (see `optbudget.problems.LimitedPopulation`).

    Attributes
    ----------
    units : limits of units, one by one
    groups : limits of groups, in total
    least_share : in [0, 1]; every unit is assigned at least this share of an equal share

    Raises
    ------
    ProblemError
        Naming every limit that is no limit, every group listed twice, unknown, or inside itself.

    Examples
    --------
    >>> Limits((UnitLimit(state="cold", most=2.0),), (GroupLimit("all", states=("cold",), least=3.0),))
    Limits(1 unit limit, 1 group)
    """

    units: tuple[UnitLimit, ...] = ()
    groups: tuple[GroupLimit, ...] = ()
    least_share: float = 0.0

    def __post_init__(self) -> None:
        found = list(_kind_findings(self.units, self.groups))
        if found:
            raise ProblemError([finding.issue() for finding in found])
        found = list(limit_findings(self.units, self.groups, self.least_share))
        if found:
            raise ProblemError([finding.issue() for finding in found])

    @property
    def summary(self) -> str:
        """How many there are, of each kind."""
        counts = [(len(self.units), "unit limit"), (len(self.groups), "group")]
        parts = [f"{n} {noun}" + ("" if n == 1 else "s") for n, noun in counts if n]
        if self.least_share:
            parts.append(f"at least {self.least_share:g} of an equal share")
        return ", ".join(parts) or "none"

    def __repr__(self) -> str:
        return f"Limits({self.summary})"


def limit_findings(
    units: Sequence[UnitLimit], groups: Sequence[GroupLimit], least_share: float
) -> Iterator[Finding]:
    """What is wrong with limits by themselves; tables are called limit, group and fairness."""
    for k, limit in enumerate(units):
        whom = [limit.unit is not None, limit.state is not None or limit.type is not None]
        if sum(whom) != 1:
            yield Finding("whom", "a limit names a type, a state or a unit, and one of them", "limit", k)
        yield from _range("limit", k, limit.name, limit.least, limit.most)
    known = [group.name for group in groups]
    for k, group in enumerate(groups):
        if not group.name.strip():
            yield Finding("no-name", "a group needs a name that is not empty", "group", k, "name")
        if group.name in known[:k]:
            yield Finding("duplicate-group", f"group {group.name!r} is listed twice", "group", k, "name")
        if not any(getattr(group, kind) for kind in MEMBERS):
            yield Finding("no-members", f"group {group.name!r} has no members", "group", k, "name")
        for inner in group.groups:
            if inner not in known:
                hint = did_you_mean(inner, known)
                yield Finding("unknown-group", f"no group is called {inner!r}{hint}", "group", k, "groups")
        yield from _range("group", k, f"group {group.name!r}", group.least, group.most)
    for k in _inside_themselves(groups):
        message = f"group {groups[k].name!r} contains itself"
        yield Finding("circular-group", message, "group", k, "groups")
    if not (isinstance(least_share, (int, float)) and 0 <= least_share <= 1):
        message = f"least_share is {least_share}; it must be a number from 0 to 1"
        yield Finding("share", message, "fairness", 0, "least_share")


def _kind_findings(units: object, groups: object) -> Iterator[Finding]:
    """What is of another kind than it must be."""
    for table, given, kind in (("limit", units, UnitLimit), ("group", groups, GroupLimit)):
        what = "units" if table == "limit" else "groups"
        if not isinstance(given, (list, tuple)):
            message = f"{what} is {given!r:.60}; it must be a tuple of {kind.__name__}"
            yield Finding("kind", message, table, 0)
            continue
        for k, one in enumerate(given):
            if not isinstance(one, kind):
                message = f"{what}[{k}] is {one!r:.60}; it must be a {kind.__name__}"
                yield Finding("kind", message, table, k)
            elif isinstance(one, UnitLimit):
                yield from _names_of_units(k, one)
            else:
                yield from _names_of_groups(k, one)


def _names_of_units(k: int, limit: UnitLimit) -> Iterator[Finding]:
    for key in ("type", "state", "unit"):
        name = getattr(limit, key)
        if not (name is None or isinstance(name, str) or (key == "unit" and isinstance(name, Integral))):
            yield Finding("kind", f"{key} is {name!r:.60}; it must be a text", "limit", k, key)


def _names_of_groups(k: int, group: GroupLimit) -> Iterator[Finding]:
    if not isinstance(group.name, str):
        yield Finding("kind", f"name is {group.name!r:.60}; it must be a text", "group", k, "name")
    for key in MEMBERS:
        names = getattr(group, key)
        kinds = (str, Integral) if key == "units" else str
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, kinds) for name in names):
            message = f"group {group.name!r}: {key} is {names!r:.60}; it must be a tuple of texts"
            yield Finding("kind", message, "group", k, key)


def _as_doubles(limit: "UnitLimit | GroupLimit") -> None:
    """Store amounts as doubles where they are numbers that fit."""
    for side in ("least", "most"):
        amount = getattr(limit, side)
        if isinstance(amount, Real) and not isinstance(amount, bool):
            try:
                object.__setattr__(limit, side, float(amount))
            except OverflowError:  # Said by `limit_findings`.
                continue


def _range(table: str, k: int, name: str, least: float, most: float) -> Iterator[Finding]:
    """That 0 <= least <= most, with a finite least."""
    for side, amount in (("least", least), ("most", most)):
        if not isinstance(amount, float):
            message = f"{name}: {side} is {_short(amount)}; it must be a number >= 0"
            yield Finding(side, message, table, k, side)
            return
    if not 0 <= least < math.inf:
        yield Finding("least", f"{name}: least is {least}; it must be a number >= 0", table, k, "least")
    elif not most >= 0:
        yield Finding("most", f"{name}: most is {most}; it must be a number >= 0", table, k, "most")
    elif least > most:
        yield Finding("least", f"{name}: least {least!r} is above most {most!r}", table, k, "least")


def _short(amount: object) -> str:
    if isinstance(amount, int) and not isinstance(amount, bool):
        return "a whole number that no double holds"
    return f"{amount!r:.60}"


def _inside_themselves(groups: Sequence[GroupLimit]) -> Iterator[int]:
    """Groups from which a path of members leads back to them."""
    inner = {group.name: group.groups for group in groups}
    for k, group in enumerate(groups):
        seen, todo = set[str](), list(group.groups)
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += inner.get(name, ())
        if group.name in seen:
            yield k
