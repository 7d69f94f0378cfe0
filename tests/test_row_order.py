"""Rows in order, duplicates, pauses and terminal events: the kernel beside its plain twin."""

from itertools import pairwise

import event_twin
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optbudget.errors import ProblemError, UsageError
from optbudget.learn.row_order import LastSeen, judge_rows
from optbudget.problems import EventBatch
from optbudget.problems.event_rules import EventRules, Gap

NAMES = ("a", "b", "c")


def grouped(batch):
    """The batch's rows by unit, and the units, each once."""
    units = batch.unit.to_pylist()
    distinct = list(dict.fromkeys(units))
    order = sorted(range(len(units)), key=lambda row: distinct.index(units[row]))
    ptr = np.cumsum([0] + [units.count(unit) for unit in distinct])
    return np.array(order, dtype=np.int64), ptr.astype(np.int64), distinct


def last_of(memory, distinct):
    """What is remembered of these units, as judge_rows takes it."""
    known = [memory.get(unit, (0, -1, [])) for unit in distinct]
    widths = [len(ties) for _, _, ties in known]
    return LastSeen(
        np.array([time for time, _, _ in known], dtype=np.int64),
        np.array([event for _, event, _ in known], dtype=np.int64),
        np.append(0, np.cumsum(widths)).astype(np.int64),
        np.array([event for _, _, ties in known for event in ties], dtype=np.int64),
    )


def judge_in_pieces(rows, cuts, rules):
    """Verdicts of every row, the log cut into batches; None where something is refused."""
    memory, verdicts = {}, []
    bounds = sorted({0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)})
    for begin, end in pairwise(bounds):
        units, times, events = zip(*rows[begin:end], strict=True)
        batch = EventBatch(EventBatch.of(units, times, events).unit, np.array(times),
                           np.array([NAMES.index(e) for e in events]), NAMES)  # fmt: skip
        order, ptr, distinct = grouped(batch)
        try:
            found = judge_rows(batch, order, ptr, batch.event.astype(np.int64), NAMES,
                               last_of(memory, distinct), rules)  # fmt: skip
        except ProblemError:
            return None
        kept, begins = np.empty(len(order), dtype=bool), np.empty(len(order), dtype=bool)
        kept[order], begins[order] = found.kept, found.begins
        verdicts += [
            ("begins" if b else "on") if k else "duplicate" for k, b in zip(kept, begins, strict=True)
        ]
        after = found.last
        for j, unit in enumerate(distinct):
            ties = after.tied_event[after.tied_ptr[j] : after.tied_ptr[j + 1]].tolist()
            assert len(ties) != 1
            memory[unit] = (int(after.time[j]), int(after.event[j]), ties)
    return verdicts


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(-2, 4), st.sampled_from(NAMES)), min_size=1,
                max_size=12)  # fmt: skip


@example([(0, 1, "a"), (0, 1, "b"), (0, 1, "a")], False, [2], None, (), "drop")
@example([(0, 1, "a"), (0, 1, "b"), (1, 1, "a"), (0, 1, "c"), (0, 1, "a")], False, [2, 4], None, (), "drop")
@given(
    rows=ROWS,
    ordered=st.booleans(),
    cuts=st.lists(st.integers(0, 12), max_size=3),
    gap=st.sampled_from([None, 1, 2]),
    terminal=st.sampled_from([(), ("c",), ("a", "c")]),
    duplicates=st.sampled_from(["refuse", "drop", "keep"]),
)
def test_judged_as_by_the_twin_however_the_log_is_cut(rows, ordered, cuts, gap, terminal, duplicates):
    rows = sorted(rows, key=lambda row: row[1]) if ordered else rows
    rules = EventRules(None if gap is None else Gap.parse(gap), terminal, {}, duplicates)
    expected = event_twin.judged(rows, gap=gap, terminal=terminal, duplicates=duplicates)
    found = judge_in_pieces(rows, cuts, rules)
    if "backwards" in expected or (duplicates == "refuse" and "duplicate" in expected):
        assert found is None
    else:
        assert found == ["begins" if word in ("new", "paused", "returned") else word for word in expected]


def test_what_is_out_of_order_is_located_and_the_first_twenty_shown():
    batch = EventBatch.of([1] * 50, [99, *range(49)], ["a"] * 50)
    order, ptr, distinct = grouped(batch)
    with pytest.raises(ProblemError) as refused:
        judge_rows(batch, order, ptr, batch.event.astype(np.int64), batch.names,
                   last_of({}, distinct), EventRules())  # fmt: skip
    first = refused.value.issues[0]
    assert "unit 1" in str(first) and "at 0" in str(first) and "at 99" in str(first) and "row 1" in str(first)
    assert first.code == "order" and len(refused.value.issues) == 20
    batch = EventBatch.of([1, 1], [9, 9], ["a", "a"])
    with pytest.raises(ProblemError, match=r"'a' at 9 is listed twice \(row 1\)"):
        judge_rows(batch, np.arange(2), np.array([0, 2]), np.zeros(2, dtype=np.int64), ("a",),
                   LastSeen.nothing(1), EventRules())  # fmt: skip


def test_the_gap_is_in_the_units_of_the_log():
    assert EventRules(Gap.parse("2h")).pause("instant") == 7_200_000_000
    assert EventRules(Gap.parse(2)).pause("integer") == 2
    assert EventRules().pause("integer") == 2**63 - 1
    with pytest.raises(UsageError, match="integers"):
        EventRules(Gap.parse("2h")).pause("integer")
    with pytest.raises(UsageError, match="dates"):
        EventRules(Gap.parse(2)).pause("local")
    for text in ("", "0", "-1", "1.5d", "1y", "d", "9" * 13):
        with pytest.raises(UsageError, match="gap"):
            Gap.parse(text)


def test_conversions_fill_in_values_and_never_replace_another():
    batch = EventBatch.of([1, 1, 1], [1, 2, 3], ["a", "b", "a"], value=[0, 3, 2])
    assert EventRules(conversion={"a": 2.0}).valued(batch).value.tolist() == [2, 3, 2]
    with pytest.raises(ProblemError, match="unit 1: the log gives 'b' the value 3, and the conversion 5"):
        EventRules(conversion={"b": 5.0}).valued(batch)
    assert EventRules(conversion={"z": 5.0}).valued(batch) is batch


def test_events_that_are_not_allowed_are_refused_by_row():
    rules = EventRules(events=("email", "visit"))
    with pytest.raises(ProblemError, match=r"unit 2: 'emial' is not .*; did you mean 'email'\? \(row 1\)"):
        list(rules.prepared([EventBatch.of([1, 2], [1, 1], ["email", "emial"])]))
    with pytest.raises(ProblemError, match="did you mean 'visit'"):
        EventRules(events=("email", "visit"), terminal=("visits",))


def test_rules_survive_json():
    import json

    rules = EventRules(Gap.parse("30d"), ("churn",), {"buy": 2.5}, "drop", ("buy", "churn"))
    assert EventRules.from_dict(json.loads(json.dumps(rules.as_dict()))) == rules
    with pytest.raises(ProblemError, match="rules"):
        EventRules.from_dict({"gap": 3})
