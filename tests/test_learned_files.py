"""Learned models on disk: what is written comes back, shared rows, and files that do not belong together."""

import json
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_learn import batch_of, moves_of, random_log

from optbudget.errors import ProblemError, UsageError
from optbudget.files import check, load_counts, load_model, model_hash
from optbudget.files.learned_models import COUNTED, load_history_counts, save_learned
from optbudget.files.model_writer import write_model
from optbudget.files.seals import sealed
from optbudget.learn import EventRules, ModelOptions, count_histories, learn_model, update
from optbudget.planning.draws import drawn_rows

RULES = EventRules(duplicates="drop")
OPTIONS = ModelOptions(actions=["mail", "call"], costs={"mail": 1.0, "call": 2.5}, min_count=2)


def learned_of(batches, **given):
    return learn_model(count_histories(batches, order=3, rows=RULES, **given), OPTIONS)


@pytest.fixture(scope="module")
def rows():
    return [(10 * seed + u, *rest) for seed in range(6) for u, *rest in random_log(seed)]


@pytest.fixture
def folder(rows, tmp_path):
    save_learned(learned_of([batch_of(rows)], held_out=0.3), tmp_path / "model", options=asdict(OPTIONS))
    return tmp_path / "model"


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_learned_model_comes_back(rows, tmp_path, form):
    learned = learned_of([batch_of(rows)])
    save_learned(learned, tmp_path / "model", options={}, format=form)
    problem = load_model(tmp_path / "model")
    assert problem.states == learned.problem.states and problem.actions == learned.problem.actions
    assert moves_of(problem) == moves_of(learned.problem)
    assert (problem.utility == learned.problem.utility).all() and (problem.cost == learned.problem.cost).all()
    assert (problem.initial == learned.problem.initial).all()
    assert all(issue.severity == "warning" for issue in check(tmp_path / "model"))


def test_text_units_and_ties_come_back(rows, tmp_path):
    tied = [*rows, *((row[0], 99, name, 0.0) for row in rows[:9] for name in ("mail", "visit"))]
    tied = sorted(set(tied), key=lambda row: row[1])
    counts = count_histories([batch_of(tied, text=True)], order=2, rows=RULES)
    assert counts.units.tied_event.size > 0
    save_learned(learn_model(counts, OPTIONS), tmp_path / "model", options={})
    again, _ = load_history_counts(tmp_path / "model")
    assert again.units.id.equals(counts.units.id)
    assert (again.units.tied_event == counts.units.tied_event).all()
    repeated = batch_of([(tied[-1][0], 99, tied[-1][2], 0.0)], text=True)
    assert update(again, [repeated]).seen.dropped == counts.seen.dropped + 1


@pytest.mark.parametrize("parts", [2, 5])
def test_updates_write_the_same_bytes_as_learning_at_once(rows, tmp_path, parts):
    ends = np.linspace(0, len(rows), parts + 1).astype(int)
    batches = [batch_of(rows[a:b], text=True) for a, b in pairwise(ends.tolist())]
    save_learned(learned_of([batch_of(rows, text=True)], held_out=0.3), tmp_path / "once", options={})
    save_learned(
        learn_model(count_histories(batches[:1], order=3, rows=RULES, held_out=0.3), OPTIONS),
        tmp_path / "grown",
        options={},
    )
    for batch in batches[1:]:
        counts, _ = load_history_counts(tmp_path / "grown")
        save_learned(learn_model(update(counts, [batch]), OPTIONS), tmp_path / "grown", options={})
    names = sorted(path.name for path in (tmp_path / "once").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "grown").iterdir())
    for name in names:
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "grown" / name).read_bytes(), name


def test_what_else_is_in_the_folder_stays(folder, rows):
    (folder / "README.md").write_text("ours\n")
    save_learned(learned_of([batch_of(rows)]), folder, options={})
    assert (folder / "README.md").read_text() == "ours\n"
    assert not (folder / "held_out.parquet").exists()


def test_a_folder_of_something_else_is_not_written_over(rows, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not a learned"):
        save_learned(learned_of([batch_of(rows)]), tmp_path / "x", options={})


def test_rows_that_pairs_share_are_drawn_once(folder):
    problem = load_model(folder)
    counts = load_counts(folder, problem)
    assert counts.owner is not None
    names = np.array(problem.actions)[problem.pair_action]
    assert set(names[np.unique(counts.owner)]) == {"none"}
    drawn = drawn_rows(counts, 2, seed=3)
    owner = np.repeat(counts.owner, np.diff(counts.ptr))
    place = np.arange(owner.size) - np.repeat(counts.ptr[:-1], np.diff(counts.ptr))
    assert (drawn == drawn[:, counts.ptr[owner] + place]).all()
    assert counts.to_arrow().num_rows == pq.read_table(folder / "counts.parquet").num_rows


def test_counts_of_a_pair_that_uses_anothers_row_are_refused(folder):
    problem = load_model(folder)
    table = pq.read_table(folder / "counts.parquet").to_pylist()
    table.append({**table[0], "action": "mail"})
    pq.write_table(pa.Table.from_pylist(table), folder / "counts.parquet")
    with pytest.raises(ProblemError, match="uses another's row"):
        load_counts(folder, problem)


def edited(path, change):
    """A CSV table with its lines changed."""
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: [*t, t[-1]], "said twice"),
        (lambda t: [*t, "visit,call,nowhere,none"], "state 'nowhere' has no action 'none'"),
        (lambda t: [*t, "visit,fly,visit,none"], "state 'visit' has no action 'fly'"),
        (lambda t: [*t, "visit,none,mail,none"], "other transitions than the row it has by shared_rows"),
        (lambda t: [line.rsplit(",", 1)[0] + ",call" for line in t[:1]] + t[1:2], "column"),
        (
            lambda t: [*t[:-1], ",".join([*t[-1].split(",")[:2], *t[1].split(",")[:2]])],
            "itself another one's",
        ),
    ],
)
def test_shared_rows_that_cannot_be(folder, change, message):
    edited(folder / "shared_rows.csv", change)
    with pytest.raises(ProblemError, match=message) as caught:
        load_model(folder)
    assert any(issue.file in ("shared_rows.csv", "actions.csv") for issue in caught.value.issues)


def test_rows_written_once_are_missed_where_nothing_names_them(rows, tmp_path, monkeypatch):
    monkeypatch.setattr("optbudget.files.model_writer.MOST_IN_FULL", 10)
    write_model(learned_of([batch_of(rows)]).problem, tmp_path)
    edited(tmp_path / "shared_rows.csv", lambda t: t[:-1])
    with pytest.raises(ProblemError, match="has no row in transitions"):
        load_model(tmp_path)


def test_a_learned_model_has_the_transitions_of_every_action(folder):
    lines = (folder / "transitions.csv").read_text().splitlines()[1:]
    pairs = {tuple(line.split(",")[:2]) for line in (folder / "actions.csv").read_text().splitlines()[1:]}
    assert {tuple(line.split(",")[:2]) for line in lines} == pairs


def test_shared_rows_are_part_of_the_models_hash(folder):
    before = model_hash(folder)
    edited(folder / "shared_rows.csv", lambda t: [*t[:1], *t[2:], t[1]])
    assert model_hash(folder) != before


def test_large_models_share_rows_on_disk(rows, tmp_path, monkeypatch):
    monkeypatch.setattr("optbudget.files.model_writer.MOST_IN_FULL", 10)
    problem = learned_of([batch_of(rows)]).problem
    write_model(problem, tmp_path)
    assert (tmp_path / "shared_rows.csv").is_file()
    assert moves_of(load_model(tmp_path)) == moves_of(problem)


def seal_again(folder):
    """learned.json holds the hashes of what it says, and of what lies beside it."""
    content = json.loads((folder / "learned.json").read_bytes())
    content = {key: content[key] for key in content if key not in ("files", "sha256")}
    (folder / "learned.json").write_text(json.dumps(sealed(content, folder, COUNTED)))


def broken(folder, file, change):
    """The folder with a table of it changed."""
    table = pq.read_table(folder / file)
    pq.write_table(change(table), folder / file)


@pytest.mark.parametrize(
    "file, change, message",
    [
        ("histories.parquet", lambda t: t.slice(1), "does not hold the events"),
        ("histories.parquet", lambda t: t.take(list(range(t.num_rows))[::-1]), "do not rise"),
        ("histories.parquet", lambda t: t.drop_columns("count"), "column 'count' is missing"),
        ("histories.parquet", lambda t: t.set_column(0, "gram0", t.column("count")), "must hold uint64"),
        ("held_out.parquet", lambda t: t.slice(1), "does not hold the events"),
        ("units.parquet", lambda t: t.drop_columns("unit"), "column 'unit' is missing"),
        ("units.parquet", lambda t: t.set_column(0, "unit", pa.nulls(t.num_rows)), "missing values|whole"),
        ("units.parquet", lambda t: t.set_column(
            1, "history0", pa.array([2**64 - 1] * t.num_rows, pa.uint64())), "does not name"),
    ],
)  # fmt: skip
def test_counts_that_are_damaged_are_refused(folder, file, change, message):
    broken(folder, file, change)
    with pytest.raises(ProblemError, match=message) as caught:
        load_history_counts(folder)
    assert caught.value.issues[0].file in (file, "histories.parquet")


def test_units_out_of_order_are_refused(folder, rows):
    broken(folder, "units.parquet", lambda t: t.take(list(range(t.num_rows))[::-1]))
    seal_again(folder)
    counts, _ = load_history_counts(folder)
    with pytest.raises(ProblemError, match="not in their order"):
        update(counts, [batch_of(rows[:1])])


@pytest.mark.parametrize("text", ["{}", "[]", '{"schema": "optbudget-learned-1"}', "no json"])
def test_a_learned_json_that_says_nothing_is_refused(folder, text):
    (folder / "learned.json").write_text(text)
    with pytest.raises((ProblemError, Exception)) as caught:
        load_history_counts(folder)
    assert type(caught.value).__module__ == "optbudget.errors"


@pytest.mark.parametrize("key", ["order", "rows", "held_out", "events", "seen", "time_kind", "options"])
def test_keys_of_learned_json_that_are_missing_or_wrong_are_refused(folder, key):
    whole = json.loads((folder / "learned.json").read_text())
    for value in (None, "x", -3.5, []):
        (folder / "learned.json").write_text(json.dumps({**whole, key: value}))
        seal_again(folder)
        with pytest.raises(ProblemError):
            load_history_counts(folder)
