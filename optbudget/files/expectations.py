"""expected.toml: the recorded answers of a model, each with its proof or source.

Every entry names a `quantity`, its `arguments`, the `value` and an absolute `tolerance`:

================================  ==========================  ==============================================
quantity                          arguments                   value
================================  ==========================  ==============================================
``value``                         state, budget               value of the state's curve at the budget
``price``                         state, budget               slope of the segment to the right of the budget
``breakpoints``                   state                       all [budget, value] of the curve, in order
``segments``                      state                       number of segments, in exact arithmetic
``least_budget``                  state                       the least feasible budget
``largest_useful_budget``         state                       the budget beyond which money is worth nothing
``spend_variance``                state, budget               of the policy at that breakpoint
``mean_largest_useful_budget``    states                      its mean over the listed states
``mean_largest_value``            states                      mean of the values at the largest useful budgets
``allocation_value``              budget, population          total value of the best split; population is a
                                                              table of state = count
``weighted_value``                budget, weights             of departments, with these weights of objectives
``optimum``                       none                        of a constrained MDP within all its limits
``deterministic_optimum``         none                        the same, nothing randomised
``limit_price``                   limit                       value of one more unit of a limit, by its column
``whole_value``                   budget                      of a knapsack, whole options only
``relaxed_value``                 budget                      of its relaxation
``relaxed_price``                 budget                      value of one more unit of money there
================================  ==========================  ==============================================

States of several types are written "type/state".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optbudget.errors import Issue, ProblemError
from optbudget.files.model_toml import read_toml

ARGUMENTS: Mapping[str, frozenset[str]] = {
    "value": frozenset({"state", "budget"}),
    "price": frozenset({"state", "budget"}),
    "breakpoints": frozenset({"state"}),
    "segments": frozenset({"state"}),
    "least_budget": frozenset({"state"}),
    "largest_useful_budget": frozenset({"state"}),
    "spend_variance": frozenset({"state", "budget"}),
    "mean_largest_useful_budget": frozenset({"states"}),
    "mean_largest_value": frozenset({"states"}),
    "allocation_value": frozenset({"budget", "population"}),
    "weighted_value": frozenset({"budget", "weights"}),
    "optimum": frozenset(),
    "deterministic_optimum": frozenset(),
    "limit_price": frozenset({"limit"}),
    "whole_value": frozenset({"budget"}),
    "relaxed_value": frozenset({"budget"}),
    "relaxed_price": frozenset({"budget"}),
}
"""The arguments of each quantity."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One recorded answer; `reason` is its proof or source."""

    quantity: str
    arguments: Mapping[str, Any]
    value: Any
    tolerance: float
    reason: str


def load_expected(folder: str | Path) -> tuple[Expected, ...]:
    """The recorded answers of a model folder; none if there is no expected.toml.

    Raises
    ------
    ProblemError
        If the file is not TOML, or an entry lacks a field, has an unknown one, or does not fit its
        quantity.
    """
    path = Path(folder) / "expected.toml"
    if not path.is_file():
        return ()
    issues: list[Issue] = []
    read = read_toml(path, issues)
    content = read[0] if read else {}
    entries = content.get("expected", [])
    for key in content:
        if key != "expected":
            issues.append(Issue("error", "unknown-key", f"key {key!r} is not known", path.name))
    found = []
    for k, entry in enumerate(entries if isinstance(entries, list) else [entries], start=1):
        reason = _wrong(entry)
        if reason:
            issues.append(Issue("error", "expected", f"entry {k} {reason}", path.name))
        else:
            why = entry.get("proof", entry.get("source", ""))
            found.append(
                Expected(entry["quantity"], entry["arguments"], entry["value"], entry["tolerance"], why)
            )
    if issues:
        raise ProblemError(issues)
    return tuple(found)


def _wrong(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return "is not a table"
    missing = {"quantity", "arguments", "value", "tolerance"} - set(entry)
    if missing:
        return f"lacks {', '.join(sorted(missing))}"
    unknown = set(entry) - {"quantity", "arguments", "value", "tolerance", "proof", "source"}
    if unknown:
        return f"has the unknown {', '.join(sorted(unknown))}"
    if not ("proof" in entry or "source" in entry):
        return "needs a proof or a source"
    if entry["quantity"] not in ARGUMENTS:
        return f"has the unknown quantity {entry['quantity']!r}; there are {', '.join(ARGUMENTS)}"
    if not isinstance(entry["arguments"], dict) or set(entry["arguments"]) != ARGUMENTS[entry["quantity"]]:
        return f"must have the arguments {', '.join(sorted(ARGUMENTS[entry['quantity']]))}"
    return None
