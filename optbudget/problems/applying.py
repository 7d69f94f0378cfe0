"""The declared programs by name, and which apply to a model of each kind.

`optbudget.formulations.STATEMENTS` holds the programs; this list, which needs no solver and lies below
the files that name programs, is held against it by a test.
"""

from collections.abc import Mapping, Sequence

from optbudget.problems.columns import Finding, did_you_mean

ONE_UNIT = ("cmdp_primal", "cmdp_dual", "deterministic_stage", "deterministic_budget")
"""One unit at one budget."""

A_SPLIT = ("mckp_ip", "mckp_unit", "mckp_lp")
"""A split among options: those of a knapsack, or the useful budgets of a population's curves."""

APPLYING: Mapping[str, tuple[str, ...]] = {
    "budgeted_mdp": ONE_UNIT + A_SPLIT,
    "constrained_mdp": ONE_UNIT,
    "knapsack": A_SPLIT,
    "departments": ONE_UNIT + A_SPLIT,
}
"""The programs that can apply to each kind of model."""


def formulation_findings(kind: str, listed: Sequence[str]) -> list[Finding]:
    """What is wrong with the programs that a model of a kind lists.

    Examples
    --------
    >>> for finding in formulation_findings("knapsack", ["mckp_lp", "mckp_units", "cmdp_dual"]):
    ...     print(finding.message)
    formulations lists 'mckp_units', which is no declared program; did you mean 'mckp_unit'?
    formulations lists 'cmdp_dual', which is not for kind 'knapsack'; those are mckp_ip, mckp_unit, mckp_lp
    """
    fitting = APPLYING.get(kind, ())
    found = []
    for name in dict.fromkeys(listed):
        if name in fitting:
            continue
        known = ONE_UNIT + A_SPLIT
        if name in known:
            why = f"which is not for kind {kind!r}; those are {', '.join(fitting)}"
        else:
            why = f"which is no declared program{did_you_mean(name, known)}"
        found.append(Finding("formulation", f"formulations lists {name!r}, {why}", column="formulations"))
    return found
