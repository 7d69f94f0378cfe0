"""Whether there is enough in a history to learn from: every column varies, and none is made of others.

A column :math:`x_j` is *collinear* where :math:`x_j = c + \\sum_{k \\in K} \\beta_k x_k` to rounding. The
columns before it that are kept are independent, so K and :math:`\\beta` are unique and can be named. A
discrete column stands for the indicators of its levels but the first.
"""

from collections.abc import Iterator

import numpy as np

from optbudget.errors import ProblemError
from optbudget.problems.columns import Finding, Floats, repeats
from optbudget.problems.history import History

DEPENDENT = 1e-9
"""Residual of a column of norm 1 below which it is made of others."""
TAKES_PART = 1e-6
"""Coefficient, of columns of norm 1, below which a column takes no part in a dependence."""
MOST_LEVELS = 100
"""Levels of a discrete column above which it is a name and no category."""


def require_variation(history: History) -> None:
    """Refuse a history that nothing can be learnt from.

    Raises
    ------
    ProblemError
        Naming constant columns, decisions without variation, columns made of others and of which.

    Examples
    --------
    >>> from optbudget.problems import CausalQuestion
    >>> question = CausalQuestion(("a",), ("b",), ("c",))
    >>> require_variation(History(question, [[0, 1, 1], [1, 2, 3], [3, 0, 3], [1, 1, 2]]))
    Traceback (most recent call last):
    optbudget.errors.ProblemError: column 'c' is a linear combination of 'a' and 'b'; leave one of the 3 out
    """
    found = list(variation_findings(history))
    if found:
        raise ProblemError([finding.issue() for finding in found])


def variation_findings(history: History) -> Iterator[Finding]:
    """Every column that is constant, a name, or made of others; the table is called "history"."""
    if len(history) < 3:
        there = "there is 1 row" if len(history) == 1 else f"there are {len(history)} rows"
        message = f"{there}; nothing can be learnt from fewer than 3"
        yield Finding("too-few-rows", message, "history")
        return
    constant = (history.values == history.values[:1]).all(axis=0)
    for name in np.array(history.columns, dtype=object)[constant].tolist():
        role = f"decision {name!r} has no variation" if name in history.question.decisions else (
            f"column {name!r} is constant"
        )  # fmt: skip
        where = f"it is {_shown(history, name)} in every row"
        yield Finding("constant", f"{role}: {where}; leave it out", "history", None, name)
    many = [name for name, labels in history.levels.items() if len(labels) > MOST_LEVELS]
    for name in many:
        message = (
            f"column {name!r} has {len(history.levels[name])} different texts; a category has at most "
            f"{MOST_LEVELS}: is it a name, or a number written as text?"
        )
        yield Finding("levels", message, "history", None, name)
    if not many:
        yield from _collinear_findings(history, constant)


def repeated_rows(history: History) -> list[tuple[int, int]]:
    """Rows of a unit and period that an earlier row, also given, has already; the first twenty."""
    if history.time is None:
        return []
    _, key = np.unique(history.time, return_inverse=True)
    if history.unit is not None:
        key = key * (int(history.unit.max(initial=0)) + 1) + history.unit
    return repeats(key.astype(np.int64))


def _shown(history: History, name: str) -> str:
    value = history.column(name)[0]
    return repr(history.levels[name][int(value)]) if name in history.levels else f"{value:g}"


def _collinear_findings(
    history: History, constant: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
) -> Iterator[Finding]:
    """Columns in their order, each against those before it that are independent (Gram-Schmidt, twice)."""
    varied = [name for name, still in zip(history.columns, constant.tolist(), strict=True) if not still]
    design, owner = _indicators(history, varied)
    m, width = design.shape
    if width >= m:
        message = (
            f"there are {m} rows for {width} columns (levels counted); more rows than columns are needed"
        )
        yield Finding("too-few-rows", message, "history")
        return
    basis, factor, kept = np.empty((m, width), order="F"), np.zeros((width, width)), list[int]()
    said = set[str]()
    for j in range(width):
        n = len(kept)
        rest, coordinates = design[:, j].copy(), np.zeros(n)
        for _ in range(2):
            step = basis[:, :n].T @ rest
            rest -= basis[:, :n] @ step
            coordinates += step
        norm = float(np.linalg.norm(rest))
        if norm > DEPENDENT:
            basis[:, n], factor[:n, n], factor[n, n] = rest / norm, coordinates, norm
            kept.append(j)
        elif owner[j] not in said:
            said.add(owner[j])
            share = np.abs(np.linalg.solve(factor[:n, :n], coordinates))
            yield _dependence(owner[j], [owner[kept[k]] for k in np.flatnonzero(share > TAKES_PART)])


def _indicators(history: History, names: list[str]) -> tuple[Floats, list[str]]:
    """Centred columns of norm 1, a discrete one as the indicators of all levels seen but the first."""
    parts, owner = list[Floats](), list[str]()
    for name in names:
        column = history.column(name)
        seen = np.unique(column)[1:] if name in history.levels else None
        several = [column] if seen is None else [(column == code).astype(float) for code in seen]
        for one in several:
            unit = one / np.abs(one).max()  # Squares of very large and very small numbers are no doubles.
            centred = unit - unit.mean()
            parts.append(centred / np.linalg.norm(centred))
            owner.append(name)
    return np.array(parts).reshape(len(parts), len(history)).T, owner


def _dependence(name: str, others: list[str]) -> Finding:
    """That a column is made of others, which are named."""
    distinct = [repr(other) for other in dict.fromkeys(others) if other != name]
    if len(distinct) == 1:
        message = f"column {name!r} is the same as {distinct[0]} up to scale; leave one of the two out"
    else:
        listed = f"{', '.join(distinct[:-1])} and {distinct[-1]}"
        message = (
            f"column {name!r} is a linear combination of {listed}; leave one of the {len(distinct) + 1} out"
        )
    return Finding("collinear", message, "history", None, name)
