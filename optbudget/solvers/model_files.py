"""Programs as MPS and LP files that other tools read back to the same numbers.

The writers of the libraries round (HiGHS to 15 digits, OR-Tools' MPS to 6), so a file of theirs is another
program. Here every number is written as the shortest decimal that denotes it. Limits are always written
out, because readers differ in their defaults for whole columns. A row with two limits becomes an MPS range
if its far side, as a reader computes it (u - R or l + R), is the stored number; else,
and in LP files, two rows.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from optbudget.errors import UsageError
from optbudget.problems.linear_program import LinearProgram
from optbudget.solvers.file_names import LP, MPS, allowed_names

_LINE = 200
"""Characters of a sum in one line of an LP file; some readers take 560 in all."""


def write_program(program: LinearProgram, path: str | Path) -> None:
    """Write a program to a file that ends in .mps (free format) or .lp; an existing file is replaced whole.

    Names are kept where the format allows them and mended where it does not; of a program of more than
    100,000 columns or rows all become short then: x0, x1, ... and r0, r1, ...

    Raises
    ------
    UsageError
        For another ending.
    OSError
        If the file cannot be written; an earlier one is as it was.

    Examples
    --------
    >>> program = LinearProgram("max", [0.1], [0, 1], [0], [1 / 3], [-np.inf], [3.0], [0.0], [np.inf])
    >>> print("".join(_lp(program)))
    maximize
     obj: + 0.1 x0
    subject to
     r0: + 0.3333333333333333 x0 <= 3.0
    bounds
     0.0 <= x0 <= +inf
    end
    """
    target = Path(path)
    writers = {".mps": _mps, ".lp": _lp}
    if target.suffix.lower() not in writers:
        raise UsageError(f"{target.name}: a program is written to a file that ends in .mps or .lp")
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with aside.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(writers[target.suffix.lower()](program))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _MpsRow:
    name: str
    kind: str
    side: float = 0.0
    length: float | None = None


def _mps(program: LinearProgram) -> Iterator[str]:
    columns = allowed_names(program.column_names, program.n_columns, "x", MPS)
    names = allowed_names(program.row_names, program.n_rows, "r", MPS)
    aim = "objective" if "objective" not in names else "objective_function"
    rows = [_mps_rows(name, *limits) for name, limits in zip(names, _limits(program), strict=True)]
    every = [row for parts in rows for row in parts]
    (name,) = allowed_names([program.name or "program"], 1, "program", MPS)
    yield f"NAME {name}\nOBJSENSE\n    {'MAX' if program.sense == 'max' else 'MIN'}\nROWS\n N {aim}\n"
    yield from (f" {row.kind} {row.name}\n" for row in every)
    yield "COLUMNS\n"
    yield from _mps_columns(program, columns, rows, aim)
    yield "RHS\n"
    if program.offset:
        yield f" RHS {aim} {-program.offset!r}\n"  # By convention the constant is minus this.
    yield from (f" RHS {row.name} {row.side!r}\n" for row in every if row.kind != "N")
    ranges = [f" RANGES {row.name} {row.length!r}\n" for row in every if row.length is not None]
    yield from ["RANGES\n", *ranges] if ranges else []
    yield "BOUNDS\n"
    for column, low, high in zip(columns, program.lower.tolist(), program.upper.tolist(), strict=True):
        yield _mps_bounds(column, low, high)
    yield "ENDATA\n"


def _limits(program: LinearProgram) -> list[tuple[float, float]]:
    return list(zip(program.row_lower.tolist(), program.row_upper.tolist(), strict=True))


def _mps_rows(name: str, low: float, high: float) -> list[_MpsRow]:
    """A row with two limits as a range if one is exact: a reader computes high - length or low + length."""
    if low == high:
        return [_MpsRow(name, "E", low)]
    if np.isinf(low) and np.isinf(high):
        return [_MpsRow(name, "N")]
    if np.isinf(low) or np.isinf(high):
        return [_MpsRow(name, "L", high) if np.isinf(low) else _MpsRow(name, "G", low)]
    length = high - low
    for candidate in (length, float(np.nextafter(length, 0.0)), float(np.nextafter(length, np.inf))):
        if high - candidate == low:
            return [_MpsRow(name, "L", high, candidate)]
        if low + candidate == high:
            return [_MpsRow(name, "G", low, candidate)]
    return [_MpsRow(f"{name}_low", "G", low), _MpsRow(f"{name}_high", "L", high)]


def _mps_columns(
    program: LinearProgram, columns: list[str], rows: list[list[_MpsRow]], aim: str
) -> Iterator[str]:
    order = np.argsort(program.column, kind="stable")
    starts = np.searchsorted(program.column[order], np.arange(program.n_columns + 1)).tolist()
    row, coefficient = program.entry_row[order].tolist(), program.coefficient[order].tolist()
    whole = False
    for j, (column, cost) in enumerate(zip(columns, program.objective.tolist(), strict=True)):
        if bool(program.integer[j]) != whole:
            whole = not whole
            yield f" MARKER{j} 'MARKER' '{'INTORG' if whole else 'INTEND'}'\n"
        if cost or starts[j] == starts[j + 1]:
            yield f" {column} {aim} {cost!r}\n"
        for k in range(starts[j], starts[j + 1]):
            yield from (f" {column} {part.name} {coefficient[k]!r}\n" for part in rows[row[k]])
    if whole:
        yield f" MARKER{program.n_columns} 'MARKER' 'INTEND'\n"


def _mps_bounds(column: str, low: float, high: float) -> str:
    if low == high:
        return f" FX BOUNDS {column} {low!r}\n"
    if np.isinf(low) and np.isinf(high):
        return f" FR BOUNDS {column}\n"
    below = f" MI BOUNDS {column}\n" if np.isinf(low) else f" LO BOUNDS {column} {low!r}\n"
    above = f" PL BOUNDS {column}\n" if np.isinf(high) else f" UP BOUNDS {column} {high!r}\n"
    return below + above


def _lp(program: LinearProgram) -> Iterator[str]:
    columns = allowed_names(program.column_names, program.n_columns, "x", LP)
    rows = allowed_names(program.row_names, program.n_rows, "r", LP)
    yield "maximize\n obj:" if program.sense == "max" else "minimize\n obj:"
    used = np.flatnonzero(program.objective).tolist()
    yield _wrapped(_term(float(program.objective[j]), columns[j]) for j in used)
    yield (f" {_signed(program.offset)}" if program.offset or not used else "") + "\nsubject to\n"
    place, coefficient = program.column.tolist(), program.coefficient.tolist()
    for i, (low, high) in enumerate(_limits(program)):
        span = range(int(program.row_ptr[i]), int(program.row_ptr[i + 1]))
        body = _wrapped(_term(coefficient[k], columns[place[k]]) for k in span)
        body = body or _term(0.0, columns[0])  # A row needs a term.
        yield from _lp_row(rows[i], body, low, high)
    yield "bounds\n"
    for column, low, high in zip(columns, program.lower.tolist(), program.upper.tolist(), strict=True):
        both = np.isinf(low) and np.isinf(high)
        yield f" {column} free\n" if both else f" {_end(low)} <= {column} <= {_end(high)}\n"
    if program.is_integer:
        yield "general\n"
        yield from (f" {columns[j]}\n" for j in np.flatnonzero(program.integer).tolist())
    yield "end\n"


def _lp_row(name: str, body: str, low: float, high: float) -> Iterator[str]:
    """One line; two for a row with two limits, which not every reader takes in one."""
    if low == high:
        yield f" {name}:{body} = {low!r}\n"
        return
    if np.isfinite(low):
        yield f" {name}{'_low' if np.isfinite(high) else ''}:{body} >= {low!r}\n"
    if np.isfinite(high):
        yield f" {name}{'_high' if np.isfinite(low) else ''}:{body} <= {high!r}\n"


def _wrapped(terms: Iterable[str]) -> str:
    """A sum of terms in lines that no reader finds too long."""
    text, length = [], 0
    for term in terms:
        length += len(term)
        if length > _LINE:
            text.append("\n ")
            length = len(term)
        text.append(term)
    return "".join(text)


def _term(coefficient: float, column: str) -> str:
    return f" {_signed(coefficient)} {column}"


def _signed(number: float) -> str:
    return f"- {-number!r}" if number < 0 else f"+ {number!r}"


def _end(limit: float) -> str:
    return ("+inf" if limit > 0 else "-inf") if np.isinf(limit) else repr(limit)
