"""Numbers on stdout: a table for a person, one JSON object for a program."""

import json
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any


def print_table(columns: Mapping[str, Sequence[Any]], *, title: str = "", color: bool = True) -> None:
    """Print columns side by side, numbers to the right; as wide as they need where nobody looks."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(no_color=not color or None, highlight=False)
    if not console.is_terminal:
        console = Console(width=400, no_color=True, highlight=False)
    table = Table(
        title=title or None, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False
    )
    for name, cells in columns.items():
        right = any(isinstance(cell, (int, float)) for cell in cells)
        table.add_column(name, justify="right" if right else "left")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*(number(cell) for cell in row))
    console.print(table)


def number(cell: object) -> str:
    """A cell as text: seven digits of a number, a dash for what is missing.

    Examples
    --------
    >>> number(1234567.891), number(1e-12), number(None), number(3), number("begin")
    ('1,234,568', '1.000e-12', '-', '3', 'begin')
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "-"
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return str(cell)
    if isinstance(cell, int):
        return f"{cell:,}"
    size = abs(cell)
    if size and not 1e-4 <= size < 1e12:
        return f"{cell:.3e}"
    return f"{cell:,.{max(0, min(6, 6 - math.floor(math.log10(size)))) if size else 0}f}" if size else "0"


def to_json(fields: Mapping[str, object]) -> str:
    """One JSON object; what is not finite becomes null, enums their names.

    Examples
    --------
    >>> to_json({"gap": float("nan"), "price": float("inf"), "at": (1, 2.5)})
    '{"gap": null, "price": null, "at": [1, 2.5]}'
    """
    return json.dumps(_plain(fields), ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in JSON")
