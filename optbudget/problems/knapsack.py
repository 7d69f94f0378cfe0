"""A multiple-choice knapsack: exactly one option of every group, within one budget.

Group :math:`g` comes in :math:`n_g` identical copies and offers options k of cost :math:`c_{gk} \\ge 0` and
value :math:`v_{gk}`. With :math:`x_{gk}` the number of copies that take option k,

.. math:: \\max \\sum_{g,k} v_{gk} x_{gk} \\quad\\text{s.t.}\\quad \\sum_{g,k} c_{gk} x_{gk} \\le B,
          \\quad \\sum_k x_{gk} = n_g, \\quad x_{gk} \\in \\{0, 1, 2, \\dots\\}

(Sinha & Zoltners 1979; Boutilier & Lu 2016, equations 4 to 7). There is no implied "nothing": where it
is allowed, it is an option of cost 0. Dropping the integrality gives the relaxation, in which one copy is
randomised between two options.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.curves import Curves
from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.problems.budgeted_mdp import ModelFolder
from optbudget.problems.curve_set import CurveSet
from optbudget.problems.population import MOST_UNITS, Population

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


LARGEST_TOTAL = 1e307
"""Largest total of costs or values: sums and their bounds must be doubles."""


@dataclass(frozen=True, eq=False, repr=False)
class Knapsack:
    """Groups of options with cost and value, validated; it does not solve.

    Attributes
    ----------
    groups : n names
    options : N names, group after group
    ptr : (n+1,) int64; the options of group g are ptr[g]:ptr[g+1], at least one
    cost : (N,) money, >= 0, for one copy
    value : (N,) of one copy; any sign
    count : (n,) int64, >= 0; identical copies of each group
    interpolate : amounts between two options can be bought (a response curve)
    title, source, money_unit : text
    formulations : names of the declared programs that apply
    folder : where it was read from, if it was

    Raises
    ------
    ProblemError
        Naming every group and option with something wrong.

    Examples
    --------
    >>> Knapsack.from_arrays([0, 2, 4], cost=[0, 3, 0, 4], value=[0, 5, 0, 6], count=[2, 1])
    Knapsack(2 groups, 4 options, 3 copies)
    """

    groups: tuple[str, ...]
    options: tuple[str, ...]
    ptr: Integers
    cost: Floats
    value: Floats
    count: Integers
    interpolate: bool = False
    title: str = ""
    source: str = ""
    money_unit: str = "money"
    formulations: tuple[str, ...] = ()
    folder: ModelFolder | None = None

    def __post_init__(self) -> None:
        n, size = len(self.groups), len(self.options)
        for name, kind, shape in (
            ("ptr", np.int64, (n + 1,)), ("cost", np.float64, (size,)), ("value", np.float64, (size,)),
        ):  # fmt: skip
            array = np.array(getattr(self, name), dtype=kind)
            if array.shape != shape:
                raise ProblemError(f"{name} must have shape {shape}; got {array.shape}")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "count", _whole_counts(self.count, self.groups))
        if n == 0:
            raise ProblemError("a knapsack needs at least one group")
        if self.ptr[0] != 0 or self.ptr[-1] != size or not (np.diff(self.ptr) >= 1).all():
            raise ProblemError("ptr must rise from 0 to the number of options: every group needs an option")
        if len(set(self.groups)) != n:
            raise ProblemError("two groups have the same name")
        self._check_options()

    def _check_options(self) -> None:
        issues = []
        for name, wrong, must in (
            ("cost", ~(np.isfinite(self.cost) & (self.cost >= 0)), "a finite number >= 0"),
            ("value", ~np.isfinite(self.value), "finite"),
        ):
            for k in np.flatnonzero(wrong)[:FIRST_ISSUES].tolist():
                group = self.groups[self.group_of[k]]
                message = f"{name} is {getattr(self, name)[k]}; it must be {must}"
                issues.append(Issue("error", name, message, state=group, action=self.options[k]))
        if not issues:
            issues += self._overflowing()
        for g, (a, b) in enumerate(zip(self.ptr[:-1].tolist(), self.ptr[1:].tolist(), strict=True)):
            if len(set(self.options[a:b])) != b - a and len(issues) < FIRST_ISSUES:
                message = "two options have the same name"
                issues.append(Issue("error", "duplicate", message, state=self.groups[g]))
        if issues:
            raise ProblemError(issues)

    def _overflowing(self) -> list[Issue]:
        """What adds up to more than a double holds, over all copies."""
        found = []
        for name in ("cost", "value"):
            most = np.maximum.reduceat(np.abs(getattr(self, name)), self.ptr[:-1]).tolist()
            total = sum(
                (n * Fraction(x) for n, x in zip(self.count.tolist(), most, strict=True)), Fraction(0)
            )
            if total > LARGEST_TOTAL:
                text = f"the {name}s of all copies add up to more than {LARGEST_TOTAL:g}; take a larger unit"
                found.append(Issue("error", name, text))
        return found

    @cached_property
    def group_of(self) -> Integers:
        """(N,) the group of each option."""
        return np.repeat(np.arange(len(self.groups)), np.diff(self.ptr))

    @cached_property
    def dominated(self) -> NDArray[np.bool_]:
        """(N,) options that another of the group matches: no dearer and worth no less.

        A free improvement (equal cost, more value) makes the poorer option dominated; of equal
        options the first is not.
        """
        order = np.lexsort((np.arange(self.cost.size), -self.value, self.cost, self.group_of))
        worth, group = self.value[order], self.group_of[order]
        # Groups are lifted above one another so that one running maximum serves them all.
        rank = np.unique(worth, return_inverse=True)[1].astype(np.int64) + group * (worth.size + 1)
        best = np.maximum.accumulate(rank)
        beaten = np.zeros(self.cost.size, dtype=bool)
        beaten[order[1:]] = (group[1:] == group[:-1]) & (rank[1:] <= best[:-1])
        return beaten

    @property
    def note(self) -> str:
        """What is odd about the options, counted, or "": an optimum never needs a dominated one."""
        found = int(self.dominated.sum())
        if not found:
            return ""
        words = "option is" if found == 1 else "options are"
        return f"{found:,} {words} dominated: another of the group costs no more and is worth no less"

    @property
    def size(self) -> int:
        """Number of copies of all groups together."""
        return int(self.count.sum())

    @classmethod
    def from_arrays(
        cls,
        ptr: ArrayLike,
        cost: ArrayLike,
        value: ArrayLike,
        *,
        count: ArrayLike | None = None,
        groups: Sequence[str] | None = None,
        options: Sequence[str] | None = None,
        interpolate: bool = False,
        title: str = "",
        money_unit: str = "money",
    ) -> "Knapsack":
        """From ragged arrays; groups are called "g0", "g1", ... and options "o0", "o1", ... in each group.

        Parameters
        ----------
        ptr : (n+1,) the options of group g are ptr[g]:ptr[g+1]
        cost, value : (N,)
        count : (n,) copies; default one each
        """
        begin = np.asarray(ptr, dtype=np.int64)
        width = np.diff(begin)
        if options is None:
            options = [f"o{k}" for w in width.tolist() for k in range(w)]
        return cls(
            tuple(groups) if groups is not None else tuple(f"g{g}" for g in range(width.size)),
            tuple(options), begin, np.asarray(cost), np.asarray(value),
            np.ones(width.size, dtype=np.int64) if count is None else np.asarray(count),
            interpolate=interpolate, title=title, money_unit=money_unit,
        )  # fmt: skip

    @classmethod
    def from_tables(
        cls,
        options: object,
        *,
        interpolate: bool = False,
        title: str = "",
        source: str = "",
        money_unit: str = "money",
        formulations: Sequence[str] = (),
    ) -> "Knapsack":
        """From a table with the columns of options.csv; any object that speaks the Arrow C stream protocol.

        Examples
        --------
        >>> Knapsack.from_tables({"group": ["a", "a", "b"], "option": ["no", "yes", "no"],
        ...                       "cost": [0, 2, 0], "value": [0, 3, 1]})
        Knapsack(2 groups, 3 options, 2 copies)
        """
        from optbudget.problems.columns import as_table
        from optbudget.problems.knapsack_tables import KnapsackSettings, assemble_knapsack

        settings = KnapsackSettings(interpolate, title, source, money_unit, tuple(formulations))
        problem, found = assemble_knapsack(as_table(options, "options"), settings)
        if problem is None:
            raise ProblemError([finding.issue() for finding in found if finding.severity == "error"])
        return problem

    @classmethod
    def from_curves(cls, curves: "CurveSet | Curves", population: "Population | ArrayLike") -> "Knapsack":
        """A group per state, its useful budgets as options and its units as copies.

        Examples
        --------
        >>> from optbudget.curves import Curve
        >>> Knapsack.from_curves(Curves.from_curves([Curve(0, 0, [1.0], [3.0])]), [4])
        Knapsack(1 group, 2 options, 4 copies)
        """
        flat = curves.curves if isinstance(curves, CurveSet) else curves
        groups = curves.problem.labels if isinstance(curves, CurveSet) else None
        count = population.count if isinstance(population, Population) else np.asarray(population)
        cost, value = flat.breakpoints()
        ptr = flat.indptr + np.arange(len(flat) + 1)
        unit = curves.problem.money_unit if isinstance(curves, CurveSet) else "money"
        return cls.from_arrays(ptr, cost, value, count=count, groups=groups, money_unit=unit)

    def to_arrow(self) -> "pa.Table":
        """The columns of options.csv: group, option, cost, value, count."""
        import pyarrow as pa

        return pa.table(
            {
                "group": pa.array(self.groups).take(pa.array(self.group_of)),
                "option": pa.array(self.options),
                "cost": self.cost,
                "value": self.value,
                "count": self.count[self.group_of],
            }
        )

    def counts(self) -> Mapping[str, int]:
        """Copies by name of the group."""
        return dict(zip(self.groups, self.count.tolist(), strict=True))

    def __repr__(self) -> str:
        def number(n: int, noun: str, plural: str) -> str:
            return f"{n:,} {noun if n == 1 else plural}"

        return (
            f"Knapsack({number(len(self.groups), 'group', 'groups')}, "
            f"{number(len(self.options), 'option', 'options')}, {number(self.size, 'copy', 'copies')}"
            + (", interpolated)" if self.interpolate else ")")
        )


def _whole_counts(count: ArrayLike, groups: Sequence[str]) -> Integers:
    given: NDArray[Any] = np.asarray(count)
    if given.shape != (len(groups),):
        raise ProblemError(f"count must have shape ({len(groups)},); got {given.shape}")
    wrong = [
        Issue("error", "count", f"count is {n}; it must be a whole number from 0 to 2^62", state=group)
        for group, n in zip(groups, given.tolist(), strict=True)
        if not (math.isfinite(n) and n == int(n) and 0 <= n <= MOST_UNITS)
    ]
    if wrong:
        raise ProblemError(wrong)
    if sum(int(n) for n in given.tolist()) > MOST_UNITS:
        raise ProblemError("the counts sum to more than 2^62 copies")
    whole = given.astype(np.int64)
    whole.flags.writeable = False
    return whole
