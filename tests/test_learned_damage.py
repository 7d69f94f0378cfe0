"""R6 of the promises for a learned model's folder: damaged anywhere, it is refused or says what it said."""

import json
import random
import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_files_tampering import assert_says, damaged, plain
from test_learn import batch_of, moves_of, random_log
from test_learned_files import seal_again
from typer.testing import CliRunner

from optbudget.cli import app
from optbudget.errors import OptBudgetError
from optbudget.files import load_counts, load_model, load_population
from optbudget.files.learned_models import COUNTED, load_history_counts, load_positions, save_learned
from optbudget.files.model_folder import TABLES
from optbudget.learn import (
    EventRules,
    ModelOptions,
    count_histories,
    learn_mixture,
    learn_model,
    standing,
    unit_histories,
)  # fmt: skip

OPTIONS = ModelOptions(actions=["mail", "call"], costs={"mail": 1.0, "call": 2.5}, min_count=2)
MORE = [(7, 10**6, "mail", 0.0), (7, 10**6 + 1, "buy", 2.0), (999, 10**6 + 1, "visit", 0.0)]


def saved(folder, seed, form, *, text):
    """A learned model of a random log, with units held out, ties, a population and a position."""
    rows = [(10 * s + u, *rest) for s in range(seed, seed + 5) for u, *rest in random_log(s)]
    rules = EventRules(duplicates="drop", conversion={"call": 0.5})
    counts = count_histories([batch_of(rows, text=text)], order=3, rows=rules, held_out=0.3)
    learned = learn_model(counts, OPTIONS)
    save_learned(
        learned, folder, options=asdict(OPTIONS), population=standing(learned), format=form,
        positions={"folder x": {"files": {"a.csv": [9, "ab"]}}},
    )  # fmt: skip
    return folder


def saved_mixture(folder, seed):
    rows = [(10 * s + u, *rest) for s in range(seed, seed + 5) for u, *rest in random_log(s)]
    histories = unit_histories([batch_of(rows)], order=1, rows=EventRules(duplicates="drop"))
    mixture = learn_mixture(histories, ModelOptions(actions=["mail"], costs={"mail": 1.0}, min_count=2), 2)
    members = mixture.memberships(), mixture.population_table()
    save_learned(mixture, folder, options={"actions": ["mail"], "components": 2}, members=members)
    return folder


@pytest.fixture(scope="module", params=["csv", "parquet", "mixture"])
def models(request, tmp_path_factory):
    """A model and another of the same kind."""
    place = tmp_path_factory.mktemp("models")
    if request.param == "mixture":
        return saved_mixture(place / "one", 0), saved_mixture(place / "other", 50)
    text = request.param == "csv"
    return (saved(place / "one", 0, request.param, text=text),
            saved(place / "other", 50, request.param, text=text))  # fmt: skip


# Damage ---------------------------------------------------------------------------------------------

TYPES = [pa.int32(), pa.int64(), pa.uint64(), pa.float64(), pa.string(), pa.list_(pa.int64())]
NUMBERS = [0, -1, 1, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 2**64 - 1, 2**70]
WORTHLESS = [None, True, "x", "", [], {}, [1], {"a": 1}, 0.5, -3.5, 1e300, *NUMBERS]


def other_file(file, other, draw):
    """The bytes of another file: of the same name in another model, or of another name in this one."""
    if (other / file.name).is_file() and draw.random() < 0.7:
        return (other / file.name).read_bytes()
    return draw.choice(sorted(path for path in file.parent.iterdir() if path.is_file())).read_bytes()


def other_table(file, draw):
    """The table with a column gone, of another name or type, or with other cells or rows."""
    table = pq.read_table(file)
    k = draw.randrange(table.num_columns)
    name, column = table.column_names[k], table.column(k)
    kind = draw.choice(["gone", "name", "type", "null", "cell", "rows", "rows", "cell", "none"])
    if kind == "gone":
        return table.drop_columns([name])
    if kind == "name":
        return table.rename_columns([name + "x" if n == name else n for n in table.column_names])
    if kind == "none":
        return table.slice(0, 0)
    if kind == "rows":
        rows = list(range(table.num_rows))
        at = draw.randrange(len(rows))
        rows[at:at] = draw.choices(rows, k=draw.randrange(2))
        rows[at : at + draw.randrange(3)] = []
        draw.choice([draw.shuffle, lambda _: None])(rows)
        return table.take(pa.array(rows, pa.int64()))
    values, type = column.to_pylist(), column.type
    if kind == "type":
        type = draw.choice(
            [pa.int32(), pa.int64(), pa.uint64(), pa.float64(), pa.string(), pa.list_(pa.int64())]
        )
    elif values:
        at = draw.randrange(len(values))
        values[at] = None if kind == "null" else draw.choice([*NUMBERS, draw.choice(values), "x", [0], [9]])
    try:
        return table.set_column(k, name, pa.array(values, type))
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return table.set_column(k, name, pa.array(map(str, values)))


def other_json(file, draw):
    """JSON of which a value somewhere is gone, or another one."""
    content = json.loads(file.read_bytes())
    place = content
    while True:
        key = draw.choice(sorted(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], dict | list) or not place[key] or draw.random() < 0.2:
            break
        place = place[key]
    if draw.random() < 0.2:
        del place[key]
    else:
        worth = place[key]
        nearby = [worth + 1, worth - 1, 2 * worth] if isinstance(worth, int) else []
        place[key] = draw.choice([*WORTHLESS, *nearby])
    return content


def harm(file, other, kind, draw):
    """A file is gone, another one, or has other content or bytes."""
    if kind == "gone":
        file.unlink()
    elif kind == "other":
        file.write_bytes(other_file(file, other, draw))
    elif kind == "content" and file.suffix == ".parquet":
        pq.write_table(other_table(file, draw), file)
    elif kind == "content" and file.suffix == ".json":
        file.write_text(json.dumps(other_json(file, draw), indent=1))
    else:
        file.write_bytes(damaged(file.read_bytes(), draw))


def damage(folder, other, draw):
    """One file of a folder is not what it was: its name, and whether people may have written it like that."""
    file = draw.choice(sorted(folder.iterdir()))
    kind = draw.choice(["bytes", "gone", "other", "content", "content"])
    harm(file, other, kind, draw)
    theirs = file.stem in (*TABLES, "model", "population") and file.name != "counts.parquet"
    return file.name, theirs and (file.suffix != ".parquet" or kind != "bytes")


def forge(folder, other, draw):
    """A file that learned.json has the hash of, or itself, has other content, and is sealed again."""
    file = folder / draw.choice(["learned.json", *(name for name in COUNTED if (folder / name).is_file())])
    harm(file, other, draw.choice(["other", "content", "content", "content"]), draw)
    with suppress(ValueError):
        seal_again(folder)


# What a folder says ---------------------------------------------------------------------------------


def counts_said(folder):
    """All that an update goes on from."""
    counts, options = load_history_counts(folder)
    units = counts.units
    arrays = [a for t in (counts.kept, counts.held) for a in (t.words, t.count, t.value)]
    arrays += [
        units.history,
        units.time,
        units.value,
        units.tied_ptr,
        units.tied_event,
        counts.times,
        counts.cost,
    ]
    words = counts.rule, counts.names, counts.seen, counts.costed, counts.time_kind, units.id.to_pylist()
    return repr(words), [a.tolist() for a in arrays], options, load_positions(folder)


def model_said(problem):
    """All that solving begins with."""
    words = problem.states, problem.actions, problem.horizon, problem.discount, problem.cost_discount
    numbers = problem.cost, problem.utility, problem.terminal_utility, problem.pair_state
    return words, [a.tolist() for a in numbers], moves_of(problem), repr(problem.initial)


def units_said(folder, problem):
    population = load_population(folder, problem)
    named = population.unit is not None and (population.unit.tolist(), population.unit_state.tolist())
    return population.count.tolist(), named


def unless_refused(call, *arguments):
    """What a call gives; None if it refuses as it should, or has nothing to begin with."""
    if any(argument is None for argument in arguments):
        return None
    try:
        return call(*arguments)
    except (OptBudgetError, UserWarning) as error:
        assert str(error)
        return None


def said(folder):
    """What every reader of the folder makes of it, and the model itself."""
    problem = unless_refused(load_model, folder)
    drawn = unless_refused(load_counts, folder, problem)
    return problem, {
        "counts": unless_refused(counts_said, folder),
        "model": None if problem is None else model_said(problem),
        "units": unless_refused(units_said, folder, problem),
        "drawn": None if drawn is None else drawn.to_arrow().to_pylist(),
    }


def damage_folders(models, target, seeds):
    """Damaged folders are refused or say what they said; tables that people may edit, what these say now."""
    folder, other = models
    _, meant = said(folder)
    found = Counter()
    for seed in seeds:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        name, edited = damage(target, other, random.Random(seed))
        problem, says = said(target)
        for part in says:
            if says[part] is None:
                found[part] += meant[part] is not None
            elif part == "counts" or not edited:
                assert says[part] == meant[part], (seed, name, part)
        if problem is not None and name in ("actions.csv", "transitions.csv") and not problem.state_type:
            assert_says(problem, plain(target))
    return found


def test_damaged_folders(models, tmp_path):
    found = damage_folders(models, tmp_path / "damaged", range(40))
    assert min(found["counts"], found["model"]) > 3


@pytest.mark.nightly
def test_many_damaged_folders(models, tmp_path):
    found = damage_folders(models, tmp_path / "damaged", range(1000, 5000))
    assert min(found["counts"], found["model"]) > 200


def forge_folders(models, target, seeds):
    """An update of a folder that was changed and sealed again is refused, or makes some model."""
    folder, other = models
    ended = Counter()
    more = target.with_name("more.csv")
    unit = "u7" if load_history_counts(folder)[0].units.id.type == pa.string() else 7
    more.write_text(f"unit,time,event,value\n{unit},100000,mail,0\n{unit},100001,buy,2\n{unit}9,3,visit,0\n")
    for seed in seeds:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        forge(target, other, random.Random(seed))
        done = CliRunner().invoke(app, ["learn", str(more), "--update", "--out", str(target), "--quiet"])
        assert done.exception is None or isinstance(done.exception, SystemExit), (seed, done.exception)
        assert done.exit_code in (0, 2, 3, 5, 7), (seed, done.exit_code, done.stderr)
        ended[done.exit_code] += 1
    return ended


def test_forged_folders(models, tmp_path):
    """Two seeds once ended in a traceback: a tally of rows that was no number, a history without events."""
    assert forge_folders(models, tmp_path / "forged", [*range(10), 2196, 2276])


@pytest.mark.nightly
def test_many_forged_folders(models, tmp_path):
    """Some forgeries are models in their own right; a mixture is never updated."""
    accepted = forge_folders(models, tmp_path / "forged", range(1000, 4000))[0]
    assert accepted == 0 if "components" in load_history_counts(models[0])[1] else accepted > 20
