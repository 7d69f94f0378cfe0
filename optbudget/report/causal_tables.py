"""Tables of effects, of where their two adjustments disagree, and of the side effects of actions."""

from collections.abc import Sequence

from optbudget.problems import CausalAnswer, Effect
from optbudget.report.tables import Grid
from optbudget.report.words import chance, number, percent, plural

NOT_AS_STATED = (
    "The interval by the graph takes the graph for known. If it was learned from the same rows, it covers "
    "the truth less often than its level says."
)


def estimate_text(row: Effect) -> str:
    """An effect and its interval for a person, or the range over the class, or "not known"."""
    if row.estimate is not None:
        one = row.estimate
        if row.method == "no path":
            return "0 (no path)"
        return f"{number(one.effect, 4)} [{number(one.lower, 3)}, {number(one.upper, 3)}]"
    if row.members:
        effects = [one.effect for one in row.members]
        return f"{number(min(effects), 4)} to {number(max(effects), 4)} (open edges)"
    return "not known"


def effects_grid(answer: CausalAnswer, *, limit: int = 30) -> Grid:
    """One row per decision and outcome: the effect by both adjustments, those that disagree first."""
    pairs = sorted(answer.effects.pairs(), key=lambda both: not both.disagree)
    rows = tuple(
        (
            both.tiers.decision, both.tiers.outcome, estimate_text(both.tiers), estimate_text(both.graph),
            "disagree" if both.disagree else "",
        )
        for both in pairs[:limit]
    )  # fmt: skip
    notes = [NOT_AS_STATED]
    if len(pairs) > limit:
        notes.append(f"{len(pairs) - limit:,} more are in effects.parquet.")
    columns = ("decision", "outcome", ">by the tiers", ">by the graph", "")
    title = f"Effect of one unit of each decision, with intervals of {percent(answer.effects.level)}"
    return Grid(title, columns, rows, " ".join(notes))


def refusals_grid(answer: CausalAnswer, *, limit: int = 30) -> Grid:
    """Why effects are not known, each reason once with the effects that it is the reason for."""
    held: dict[str, list[str]] = {}
    for row in answer.effects.rows:
        if not row.identified:
            held.setdefault(row.reason, []).append(f"{row.decision} on {row.outcome} ({row.adjustment})")
    rows = tuple((_some(pairs), reason) for reason, pairs in list(held.items())[:limit])
    return Grid("Effects that are not known", ("effects", "why"), rows)


def harm_grid(answer: CausalAnswer, *, limit: int = 30) -> Grid:
    """One row per action and outcome that may be harmed, the largest risk first."""
    found = sorted(answer.side_effects.rows, key=lambda row: -row.risk)
    rows = tuple(
        (
            row.action, row.outcome, number(row.risk, 4), f"{number(row.lower, 3)} to {number(row.upper, 3)}",
            chance(row.probability), " -> ".join(row.path) or "no path in the graph",
        )
        for row in found[:limit]
    )  # fmt: skip
    notes = [f"{plural(len(found) - limit, 'row')} more in risk.parquet."] if len(found) > limit else []
    if not answer.question.harm:
        notes.append("No outcome hurts in either direction: without [harm] no action has a risk.")
    notes += [f"{one.action} on {one.outcome}: refused. {one.reason}." for one in answer.side_effects.refused]
    columns = (
        "action",
        "outcome",
        ">expected harm, value",
        ">at the interval's ends",
        ">P(harm)",
        "carried by",
    )
    return Grid("Unintended consequences of each action", columns, rows, " ".join(notes))


def refutation_grid(answer: CausalAnswer, *, limit: int = 15) -> Grid:
    """The effects that fared worst under the tests, and how strong a hidden cause would undo them."""
    put = [
        (row, row.estimate, dict(row.refutations))
        for row in answer.effects.rows
        if row.refutations and row.estimate is not None
    ]
    put.sort(key=lambda entry: min(v for name, v in entry[2].items() if name.endswith("_p")))
    rows = tuple(
        (
            row.decision, row.outcome, row.adjustment, number(one.effect, 3),
            *(f"{_shown(tests, name)} (p {_shown(tests, name + '_p', 2)})" for name in TESTS),
            _shown(tests, "robustness", 2),
        )
        for row, one, tests in put[:limit]
    )  # fmt: skip
    columns = ("decision", "outcome", "by", ">effect", ">placebo", ">random cause", ">subset", ">robustness")
    note = (
        "Placebo: near 0 where all is well; the others: near the effect; p small: it is not. Robustness: the "
        "share of what is left of decision and of outcome that a hidden cause would have to explain to bring "
        "the effect to 0."
    )
    return Grid("What refutation tests leave of the effects, the worst first", columns, rows, note)


TESTS = ("placebo", "random_common_cause", "data_subset")


def _shown(tests: dict[str, float], name: str, digits: int = 3) -> str:
    return number(tests[name], digits) if name in tests else "-"


def _some(texts: Sequence[str], most: int = 3) -> str:
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more
