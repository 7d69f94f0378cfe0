"""A small linear program out of one line of text, so that the kit's problems can be read.

Statements are separated by semicolons, words by blanks. The first is the objective, ``max`` or ``min``
and a sum. A statement with a label, ``roof: x + 2 y <= 4``, is a row; ``=``, ``>=`` and ranges
``1 <= x + y <= 4`` work alike, and a row may be empty (``0 <= 3``). A statement without a label is about
one column: a bound, or one of the words ``free``, ``whole``, ``binary``. Columns are >= 0 unless bounded
otherwise, and come in the order in which they are first named. A coefficient of 0 is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np

from optbudget.errors import ProblemError
from optbudget.problems.linear_program import LinearProgram

_RELATIONS = ("<=", ">=", "=")
Terms = list[tuple[str, float]]


def program_of(text: str, *, name: str = "program") -> LinearProgram:
    """The program that a line of text states.

    Raises
    ------
    ProblemError
        Naming the statement that cannot be read.

    Examples
    --------
    >>> program = program_of("max 3 x + 5 y; a: x <= 4; b: 2 y <= 12; c: 3 x + 2 y <= 18")
    >>> program, program.column_names, program.dual_bound([0.0, 1.5, 1.0])
    (LinearProgram(max, 2 columns, 3 rows, 4 entries), ('x', 'y'), 36.0)
    >>> program_of("min x - 7; r: -2 <= x + y <= 5; x free; y binary").lower
    array([-inf, 0.])
    """
    draft = _Draft()
    first, *others = (statement.split() for statement in text.split(";"))
    if not first or first[0] not in ("max", "min"):
        raise ProblemError(f"the objective begins with max or min, not {' '.join(first)!r}")
    objective, offset = _terms(first[1:])
    draft.meet(objective)
    for words in others:
        if words[0].endswith(":"):
            draft.add_row(words[0][:-1], words[1:])
        else:
            draft.bound(words)
    cost = dict.fromkeys(draft.columns, 0.0) | dict(objective)
    sense = cast(Literal["max", "min"], first[0])
    return LinearProgram(
        sense,
        np.array([cost[column] for column in draft.columns]),
        np.cumsum([0] + [len(row) for row in draft.rows]),
        np.array([draft.columns[column] for row in draft.rows for column, _ in row], dtype=np.int64),
        np.array([number for row in draft.rows for _, number in row], dtype=np.float64),
        np.array([low for low, _ in draft.limits], dtype=np.float64),
        np.array([high for _, high in draft.limits], dtype=np.float64),
        np.array(draft.lower),
        np.array(draft.upper),
        np.array(draft.whole, dtype=np.bool_),
        offset,
        name,
        tuple(draft.columns),
        tuple(draft.row_names),
    )


@dataclass
class _Draft:
    """A program while its statements are read."""

    columns: dict[str, int] = field(default_factory=dict)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[Terms] = field(default_factory=list)
    row_names: list[str] = field(default_factory=list)
    limits: list[tuple[float, float]] = field(default_factory=list)

    def meet(self, terms: Terms) -> None:
        for column, _ in terms:
            if column not in self.columns:
                self.columns[column] = len(self.columns)
                self.lower.append(0.0)
                self.upper.append(np.inf)
                self.whole.append(False)

    def add_row(self, label: str, words: Sequence[str]) -> None:
        terms, low, high = _limited(words)
        self.meet(terms)
        self.rows.append(terms)
        self.row_names.append(label)
        self.limits.append((low, high))

    def bound(self, words: Sequence[str]) -> None:
        if len(words) == 2 and words[1] in ("free", "whole", "binary"):
            self.meet([(words[0], 1.0)])
            j = self.columns[words[0]]
            self.whole[j] |= words[1] != "free"
            if words[1] == "free":
                self.lower[j], self.upper[j] = -np.inf, np.inf
            elif words[1] == "binary":
                self.lower[j], self.upper[j] = 0.0, 1.0
            return
        terms, low, high = _limited(words)
        if len(terms) != 1 or terms[0][1] != 1.0:
            raise ProblemError(f"a bound is about one column: {' '.join(words)!r}")
        self.meet(terms)
        j = self.columns[terms[0][0]]
        if low != -np.inf:
            self.lower[j] = low
        if high != np.inf:
            self.upper[j] = high


def _limited(words: Sequence[str]) -> tuple[Terms, float, float]:
    """The terms between relations, and the least and the most that their sum may be."""
    at = [k for k, word in enumerate(words) if word in _RELATIONS]
    if len(at) == 1:
        terms, constant = _terms(words[: at[0]])
        other, limit = _terms(words[at[0] + 1 :])
        relation, limit = words[at[0]], limit - constant
        if not other:
            low = -np.inf if relation == "<=" else limit
            return terms, low, np.inf if relation == ">=" else limit
    elif len(at) == 2 and words[at[0]] == words[at[1]] == "<=":
        (none, low), (terms, constant), (nothing, high) = (
            _terms(part) for part in (words[: at[0]], words[at[0] + 1 : at[1]], words[at[1] + 1 :])
        )
        if not none and not nothing:
            return terms, low - constant, high - constant
    raise ProblemError(f"not a sum with limits: {' '.join(words)!r}")


def _terms(words: Sequence[str]) -> tuple[Terms, float]:
    """(column, coefficient) of a sum, and its constant."""
    found: Terms = []
    constant, sign, number = 0.0, 1.0, None
    for word in [*words, "+"]:
        if word in ("+", "-"):
            constant += 0.0 if number is None else sign * number
            sign, number = (1.0 if word == "+" else -1.0), None
            continue
        try:
            number = float(word)
        except ValueError:
            column = word.removeprefix("-")
            if not column.isidentifier():
                raise ProblemError(f"{word!r} is neither a number nor a column's name") from None
            sign = sign if column == word else -sign
            found.append((column, sign * (1.0 if number is None else number)))
            number = None
    return found, constant
