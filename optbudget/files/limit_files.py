"""Limits on a split, from disk and to it: a TOML file of [[limit]], [[group]] and [fairness].

[[limit]]                     # of each unit: a type, a state or a unit; least, most, or fixed
state = "cold"
most = 2.0

[[group]]                     # in total: states, types, units, or other groups; least, most
name = "north"
states = ["cold", "warm"]
least = 3.0

[fairness]
least_share = 0.5             # of an equal share, for every unit
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from optbudget.errors import Issue, ProblemError
from optbudget.files.model_toml import read_toml
from optbudget.problems import BudgetedMDP, GroupLimit, Limits, Population, UnitLimit
from optbudget.problems.columns import Finding, did_you_mean
from optbudget.problems.limited_population import Named
from optbudget.problems.limits import MEMBERS, limit_findings

TABLES = ("limit", "group", "fairness")
KEYS: Mapping[str, tuple[str, ...]] = {
    "limit": ("type", "state", "unit", "least", "most", "fixed"),
    "group": ("name", *MEMBERS, "least", "most"),
    "fairness": ("least_share",),
}
"""What each table may hold."""


def load_limits(
    path: str | Path, problem: BudgetedMDP | None = None, population: Population | None = None
) -> Limits:
    """Read limits; with a problem and a population, names that these do not have are errors too.

    Raises
    ------
    ProblemError
        With everything that is wrong, by file and line.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     file = Path(place) / "limits.toml"
    ...     _ = file.write_text('[[limit]]\\nstate = "s"\\nfixed = 2.0\\n')
    ...     load_limits(file).units[0]
    UnitLimit(type=None, state='s', unit=None, least=2.0, most=2.0)
    """
    file, issues = Path(path), list[Issue]()
    if file.is_dir():
        raise ProblemError([Issue("error", "directory", "it is a directory; give the TOML file", str(file))])
    if not file.is_file():
        raise ProblemError([Issue("error", "missing-file", "there is no such file", str(file))])
    read = read_toml(file, issues)
    if read is None:
        raise ProblemError(issues)
    content, lines = read[0], _lines(file)

    def locate(found: Iterator[Finding]) -> list[Issue]:
        return [
            Issue("error", f.code, f.message, file.name,
                  lines.get((f.table or "", f.row or 0, f.column or ""), lines.get((f.table or "", f.row or 0,
                  ""))))
            for f in found
        ]  # fmt: skip

    issues = locate(_content_findings(content))
    if issues:
        raise ProblemError(issues)
    units = [_unit_limit(entry) for entry in content.get("limit", [])]
    groups = [_group(entry) for entry in content.get("group", [])]
    share = float(content.get("fairness", {}).get("least_share", 0.0))
    issues = locate(limit_findings(units, groups, share))
    if issues:
        raise ProblemError(issues)
    limits = Limits(tuple(units), tuple(groups), share)
    if problem is not None and population is not None:
        issues = locate(iter(Named(limits, problem, population).findings))
        if issues:
            raise ProblemError(issues)
    return limits


def limits_text(limits: Limits) -> str:
    """The limits as a TOML file; equal limits give equal text.

    Examples
    --------
    >>> print(limits_text(Limits((UnitLimit(state="s", most=2.0),))))
    [[limit]]
    state = "s"
    most = 2.0
    <BLANKLINE>
    """
    parts = []
    for unit in limits.units:
        whom = [
            f"{key} = {_quoted(getattr(unit, key))}"
            for key in ("type", "state", "unit")
            if getattr(unit, key) is not None
        ]
        amounts = _amounts(unit.least, unit.most)
        if unit.least == unit.most:
            amounts = [f"fixed = {unit.least!r}"]
        parts.append(["[[limit]]", *whom, *amounts])
    for group in limits.groups:
        members = [
            f"{key} = [{', '.join(map(_quoted, getattr(group, key)))}]"
            for key in MEMBERS
            if getattr(group, key)
        ]
        parts.append(
            ["[[group]]", f"name = {_quoted(group.name)}", *members, *_amounts(group.least, group.most)]
        )
    if limits.least_share:
        parts.append(["[fairness]", f"least_share = {limits.least_share!r}"])
    return "\n".join("\n".join(part) + "\n" for part in parts)


def limits_hash(limits: Limits) -> str:
    """sha256 of `limits_text`."""
    return hashlib.sha256(limits_text(limits).encode()).hexdigest()


def _amounts(least: float, most: float) -> list[str]:
    found = [f"least = {float(least)!r}"] if least > 0 else []
    return found + ([f"most = {float(most)!r}"] if math.isfinite(most) else [])


def _quoted(text: str) -> str:
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines(file: Path) -> dict[tuple[str, int, str], int]:
    """Line of each table and key: (table, place among its kind, key or "")."""
    found: dict[tuple[str, int, str], int] = {}
    number = dict.fromkeys(TABLES, -1)
    table = ""
    for line, text in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        header = re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]", text)
        key = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", text)
        if header:
            table = header[1]
            number[table] = number.get(table, -1) + 1
            found.setdefault((table, number[table], ""), line)
        elif key:
            place = (table, number.get(table, 0), key[1]) if table else (key[1], 0, "")
            found.setdefault(place, line)
    return found


def _content_findings(content: Mapping[str, Any]) -> Iterator[Finding]:
    """Tables and keys that are not known, and values of another kind."""
    for name, entries in content.items():
        if name not in TABLES:
            hint = did_you_mean(name, TABLES)
            message = f"table {name!r} is not known; there are [[limit]], [[group]] and [fairness]{hint}"
            yield Finding("unknown-key", message, name, 0)
            continue
        several = [entries] if name == "fairness" else entries
        if not isinstance(several, list) or not all(isinstance(entry, dict) for entry in several):
            shape = "[fairness]" if name == "fairness" else f"[[{name}]]"
            yield Finding("shape", f"{name} must be given as {shape}", name, 0)
            continue
        for k, entry in enumerate(several):
            yield from _entry_findings(name, k, entry)


def _entry_findings(name: str, k: int, entry: Mapping[str, Any]) -> Iterator[Finding]:
    for key, value in entry.items():
        if name == "group" and key == "fixed":
            yield Finding("unknown-key", "a group has no fixed: give least and most equal", name, k, key)
        elif key not in KEYS[name]:
            message = f"key {key!r} is not known in {name}{did_you_mean(key, KEYS[name])}"
            yield Finding("unknown-key", message, name, k, key)
        elif wanted := _wanted(key)(value):
            yield Finding("value", f"{key} is {value!r:.60}; it must be {wanted}", name, k, key)
    if name == "group" and "name" not in entry:
        yield Finding("missing-key", "a group needs a name", name, k)
    if name == "limit" and "fixed" in entry and ("least" in entry or "most" in entry):
        yield Finding("fixed", "fixed is least and most at once: leave out the others", name, k, "fixed")
    if name != "fairness" and not {"least", "most", "fixed"} & entry.keys():
        yield Finding(
            "no-limit", f"nothing is limited: give least or most{' or fixed' * (name == 'limit')}", name, k
        )


def _wanted(key: str) -> Callable[[object], str]:
    """A function that says what the value of a key must be where it is not that, else ""."""

    def number(value: object) -> str:
        fits = (
            isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(_float(value))
        )
        return "" if fits else "a finite number"

    def text(value: object) -> str:
        return "" if _is_name(value, key) else "a text in quotes"

    def texts(value: object) -> str:
        fits = isinstance(value, list) and all(_is_name(one, key) for one in value)
        return "" if fits else "a list of texts"

    return texts if key in MEMBERS else text if key in ("type", "state", "unit", "name") else number


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _is_name(value: object, key: str) -> bool:
    """A text; for units, which may be numbered, a whole number too."""
    numbered = key in ("unit", "units") and isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str) or numbered


def _unit_limit(entry: Mapping[str, Any]) -> UnitLimit:
    least, most = entry.get("least", 0.0), entry.get("most", math.inf)
    if "fixed" in entry:
        least = most = entry["fixed"]
    unit = entry.get("unit")
    return UnitLimit(
        entry.get("type"), entry.get("state"), None if unit is None else str(unit), float(least), float(most)
    )


def _group(entry: Mapping[str, Any]) -> GroupLimit:
    members = {key: tuple(map(str, entry.get(key, ()))) for key in MEMBERS}
    return GroupLimit(
        entry["name"],
        **members,
        least=float(entry.get("least", 0.0)),
        most=float(entry.get("most", math.inf)),
    )
