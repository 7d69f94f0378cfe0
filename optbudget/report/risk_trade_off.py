"""The trade-off over the risk weight: its table, its flips in words, the plans at the intervals."""

from collections.abc import Mapping

from optbudget.planning.explaining import difference
from optbudget.problems import Allocation
from optbudget.problems.risk_trade_off import RiskTradeOff
from optbudget.report.tables import Grid
from optbudget.report.words import number, plural

NAMED = 3
"""States that are named at a flip, most money moved first."""


def trade_off_grid(found: RiskTradeOff, *, limit: int = 30) -> Grid:
    """One row per plan: for which weights it is best, what it is worth and harms, beside the first."""
    rows = found.to_arrow().to_pylist()
    shown = tuple(
        (
            f"{number(row['from'])} to {number(row['to'])}",
            *(number(row[name]) for name in ("value", "harm", "given_up", "avoided")),
        )
        for row in rows[:limit]
    )
    hidden = len(rows) - len(shown)
    note = "Value is before harm is held against it. At a flip both plans are best."
    note += f" {plural(hidden, 'plan')} more." if hidden else ""
    columns = ("best for risk weights", ">value", ">harm", ">value given up", ">harm avoided")
    return Grid(f"Value against harm at a budget of {number(found.budget, 10)}", columns, shown, note)


def flip_sentences(found: RiskTradeOff, *, limit: int = 20) -> list[str]:
    """What changes at each flip, and what is still open."""
    said = []
    for flip, before, after in list(zip(found.flips, found.plans, found.plans[1:], strict=False))[:limit]:
        moved = _moved(before.allocation, after.allocation)
        avoided, given_up = number(before.harm - after.harm), number(before.value - after.value)
        where = "At" if flip.settled else "Near"
        said.append(
            f"{where} a risk weight of {number(flip.weight)} the decision flips: {avoided} of harm is "
            f"avoided for {given_up} of value{moved}."
        )
    if len(found.flips) > limit:
        said.append(f"{plural(len(found.flips) - limit, 'flip')} more.")
    said += _open(found)
    low, high = number(found.low), number(found.high)
    if not found.flips:
        said.append(f"The same plan is best for every risk weight from {low} to {high}.")
    elif found.settled:
        said.append(f"There is no other flip from {low} to {high}, given the effects.")
    return said


def _open(found: RiskTradeOff) -> list[str]:
    """What the flips that are not settled may hide, and what helps."""
    said = []
    for unsaid in dict.fromkeys(flip.unsaid for flip in found.flips if not flip.settled):
        left = [flip for flip in found.flips if not flip.settled and flip.unsaid == unsaid]
        worst = number(max(flip.error for flip in left))
        what = (
            "solve more often (--most)" if not unsaid
            else f"their harm cannot be said ({unsaid}), so look at one side at a time, a little beside the "
            "flip (--risk-weights)"
        )  # fmt: skip
        said.append(
            f"Beside {plural(len(left), 'flip')} more may hide: plans there are worth at most {worst} more "
            f"than those found; {what}."
        )
    return said


def _moved(before: Allocation, after: Allocation) -> str:
    """Which states' actions or money change most."""
    change = difference(before, after)
    size = abs(change.spend_after - change.spend_before)
    words = []
    for k in sorted(range(len(change.label)), key=lambda k: -size[k])[:NAMED]:
        was, now = change.action_before[k], change.action_after[k]
        if was != now and was is not None and now is not None:
            words.append(f"{change.label[k]} from {was!r} to {now!r}")
        elif size[k] > 1e-9 * (1 + abs(before.budget)):
            more = change.spend_after[k] > change.spend_before[k]
            words.append(f"{change.label[k]} has {'more' if more else 'less'}")
    return f" ({'; '.join(words)})" if words else ""


def ends_grid(ends: Mapping[str, Allocation], weight: float) -> Grid:
    """The splits if all effects are at one end of their intervals, beside the one in expectation."""
    expected = ends["expected"]
    rows = []
    for end in ("lower", "expected", "upper"):
        split = ends[end]
        change = difference(expected, split)
        moved = float(abs(change.spend_after - change.spend_before).sum()) / 2
        same = moved <= 1e-9 * (1 + abs(split.spent)) and change.action_before == change.action_after
        rows.append((
            end, number(split.value), number(split.spent), number(split.price),
            "" if end == "expected" else "the same" if same else f"{number(moved)} of money moves",
        ))  # fmt: skip
    columns = ("effects at", ">value less harm", ">spent", ">price", "split")
    note = "lower, upper: every effect at the less or the more harmful end of its interval."
    return Grid(f"Both ends of the intervals, risk weight {number(weight)}", columns, tuple(rows), note)
