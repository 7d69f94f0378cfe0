"""Bad models: each class of mistake, in each format it can be made in, and what must be said of it."""

import copy
import math
import warnings

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optbudget.errors import ProblemError, ResultError
from optbudget.files import check, load, load_model, load_population, read_model

SETTINGS = """\
kind = "budgeted_mdp"
discount = 0.9
cost_discount = 1.0
horizon = 3
reward = "net"
initial = "a"
terminal_states = ["end"]
"""

TABLES = {
    "actions": {
        "state": ["a", "a", "b"],
        "action": ["wait", "act", "wait"],
        "cost": [0.0, 2.0, 0.0],
        "utility": [0.0, 5.0, 1.0],
    },
    "transitions": {
        "state": ["a", "a", "a", "b", "b"],
        "action": ["wait", "act", "act", "wait", "wait"],
        "next_state": ["a", "a", "b", "b", "end"],
        "probability": [1.0, 0.25, 0.75, 0.5, 0.5],
    },
    "states": {"state": ["end", "a"], "terminal_utility": [3.0, 1.0]},
    "population": {"state": ["a", "b"], "count": [5, 0]},
}


def write(folder, tables, form, settings=SETTINGS):
    (folder / "model.toml").write_text(settings)
    for name, columns in tables.items():
        if form == "parquet":
            pq.write_table(pa.table(columns), folder / f"{name}.parquet")
        else:
            rows = zip(*columns.values(), strict=True)
            lines = [",".join(columns), *(",".join("" if x is None else str(x) for x in row) for row in rows)]
            (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def errors(folder):
    return [issue for issue in check(folder) if issue.severity == "error"]


def put(table, column, row, value):
    """An edit: one cell changed."""

    def edit(tables):
        tables[table][column][row] = value

    return edit


def more(table, *row):
    """An edit: one row added."""

    def edit(tables):
        for column, value in zip(tables[table].values(), row, strict=True):
            column.append(value)

    return edit


def less(table, row):
    """An edit: one row removed."""

    def edit(tables):
        for column in tables[table].values():
            del column[row]

    return edit


def rename(table, old, new):
    """An edit: one column called otherwise."""

    def edit(tables):
        tables[table] = {new if name == old else name: column for name, column in tables[table].items()}

    return edit


def without(table):
    """An edit: one table gone."""

    def edit(tables):
        del tables[table]

    return edit


def also(table, column, values):
    """An edit: one column added."""

    def edit(tables):
        tables[table][column] = values

    return edit


A, T, S, P = "actions", "transitions", "states", "population"
M, C = "model.toml", "actions.csv"

# class, edit, code, table, row (from 0; None: no row), state, action
DATA = [
    ("negative cost", put(A, "cost", 1, -1.0), "negative-cost", A, 1, "a", "act"),
    ("NaN cost", put(A, "cost", 1, math.nan), "not-finite", A, 1, None, None),
    ("infinite utility", put(A, "utility", 2, math.inf), "not-finite", A, 2, None, None),
    ("missing cost", put(A, "cost", 0, None), "missing-value", A, 0, None, None),
    ("missing action name", put(A, "action", 0, None), ("missing-value", "name"), A, 0, None, None),
    ("action listed twice", more(A, "a", "act", 1.0, 1.0), "duplicate-action", A, 3, "a", "act"),
    ("action without transitions", more(A, "b", "act", 1.0, 1.0), "no-transitions", A, 3, "b", "act"),
    ("transition of an unlisted action", more(T, "b", "act", "a", 1.0), "unlisted-action",
     T, 5, "b", "act"),
    ("transition of an unlisted state", more(T, "c", "wait", "a", 1.0), "unlisted-action",
     T, 5, "c", "wait"),
    ("dead end", put(T, "next_state", 4, "pit"), "dead-end", T, 4, "pit", None),
    ("negative probability", put(T, "probability", 1, -0.25), "probability", T, 1, "a", "act"),
    ("probability above 1", put(T, "probability", 0, 1.5), "probability", T, 0, "a", "wait"),
    ("NaN probability", put(T, "probability", 0, math.nan), "not-finite", T, 0, None, None),
    ("infinite probability", put(T, "probability", 0, math.inf), "not-finite", T, 0, None, None),
    ("missing probability", put(T, "probability", 2, None), "missing-value", T, 2, None, None),
    ("row sum below 1", put(T, "probability", 2, 0.7), "row-sum", T, 1, "a", "act"),
    ("row sum off by 2e-9", put(T, "probability", 2, 0.75 + 2e-9), "row-sum", T, 1, "a", "act"),
    ("truncated row", less(T, 4), "row-sum", T, 3, "b", "wait"),
    ("next state listed twice", more(T, "a", "act", "b", 0.0625), "duplicate-transition",
     T, 5, "a", "act"),
    ("missing next state", put(T, "next_state", 2, None), ("missing-value", "name"), T, 2, None, None),
    ("name with blanks", put(T, "next_state", 2, "b "), "name", T, 2, None, None),
    ("name with a control character", put(T, "next_state", 2, "b\x07"), "name", T, 2, None, None),
    ("terminal utility NaN", put(S, "terminal_utility", 0, math.nan), "not-finite", S, 0, None, None),
    ("state listed twice", more(S, "end", 3.0), "duplicate-state", S, 2, "end", None),
    ("state without actions in states", more(S, "pit", 3.0), "dead-end", S, 2, "pit", None),
    ("population of an unknown state", more(P, "pit", 3), "unknown-state", P, 2, "pit", None),
    ("population state twice", more(P, "a", 3), "duplicate-state", P, 2, None, None),
    ("negative count", put(P, "count", 1, -3), "count", P, 1, None, None),
    ("count not whole", also(P, "count", [1.5, 2.0]), "count", P, 0, None, None),
    ("count beyond what is exact", also(P, "count", [5, 2**62 + 2]), "count", P, 1, None, None),
    ("no units", also(P, "count", [0, 0]), "no-units", P, None, None, None),
    ("population without rows", lambda tables: tables.update(
        population={k: v[:0] for k, v in TABLES["population"].items()}), "no-units", P, None, None, None),
    ("units listed, none there", lambda tables: tables.update(
        population={"unit": [], "state": []}), "no-units", P, None, None, None),
    ("column missing", rename(A, "utility", "utilty"), "missing-column", A, None, None, None),
    ("table missing", without(T), "missing-file", T, None, None, None),
    ("types in one table only", also(A, "type", ["x", "x", "x"]), "types", M, None, None, None),
    ("no rows at all", lambda tables: tables.update(
        actions={k: v[:0] for k, v in TABLES["actions"].items()},
        transitions={k: v[:0] for k, v in TABLES["transitions"].items()}), "dead-end", S, 1, "a", None),
    ("no actions at all", lambda tables: tables.update(
        actions={k: v[:0] for k, v in TABLES["actions"].items()}), "no-rows", A, None, None, None),
]  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("case", DATA, ids=lambda case: case[0].replace(" ", "-"))
def test_bad_data(case, form, tmp_path):
    _, edit, code, table, row, state, action = case
    tables = copy.deepcopy(TABLES)
    edit(tables)
    write(tmp_path, tables, form)
    issues = errors(tmp_path)
    codes = code if isinstance(code, tuple) else (code,)
    fitting = [issue for issue in issues if issue.code in codes]
    assert fitting, issues
    issue = fitting[0]
    ending = "" if table == M else ".csv" if code == "missing-file" else f".{form}"
    assert issue.file == table + ending
    if row is not None:
        assert issue.line == row + (2 if form == "csv" else 1)
    if state is not None:
        assert issue.state == state
    if action is not None:
        assert issue.action == action


# class, file, text (a function of the good text), code, line, column
TEXT = [
    ("semicolons", C, lambda t: t.replace(",", ";"), "separator", 1, None),
    ("tabs", C, lambda t: t.replace(",", "\t"), "separator", 1, None),
    ("semicolon in one line", C, lambda t: t.replace(",act,2.0", ";act;2.0"), "field-count", 3, None),
    ("decimal comma", C, lambda t: t.replace("2.0", "2,0"), "field-count", 3, None),
    ("decimal comma in quotes", C, lambda t: t.replace("2.0", '"2,0"'), "decimal-comma", 3, 3),
    ("word for a number", C, lambda t: t.replace("2.0", "two"), "number", 3, 3),
    ("number with a unit", C, lambda t: t.replace("2.0", "2.0 EUR"), "number", 3, 3),
    ("underscore in a number", C, lambda t: t.replace("2.0", "2_0"), "number", 3, 3),
    ("hexadecimal number", C, lambda t: t.replace("2.0", "0x2"), "number", 3, 3),
    ("number beyond range", C, lambda t: t.replace("2.0", "1e999"), "not-finite", 3, 3),
    ("written infinity", C, lambda t: t.replace("2.0", "Infinity"), "not-finite", 3, 3),
    ("field too many", C, lambda t: t.replace("2.0,5.0", "2.0,5.0,1"), "field-count", 3, None),
    ("field too few", C, lambda t: t.replace("2.0,5.0", "2.0"), "field-count", 3, None),
    ("empty file", C, lambda t: "", "empty-file", 1, None),
    ("blank first line", C, lambda t: "   \n" + t, "missing-column", 1, None),
    ("open quote", C, lambda t: t.replace("a,act", '"a,act'), "csv", 3, None),
    ("text after a quote", C, lambda t: t.replace("a,act", '"a"x,act'), "csv", 3, None),
    ("a line without end", C, lambda t: t + "x" * (1 << 24), "csv", 5, None),
    ("line break in a name", C, lambda t: t.replace("a,act", '"a\n",act'), "name", 3, 1),
    ("column twice", C, lambda t: t.replace("utility", "cost"), "duplicate-column", 1, 4),
    ("not UTF-8", C, lambda t: t.encode().replace(b"a,act", b"a,\xe4ct"), "encoding", 3, 2),
    ("UTF-16", C, lambda t: t.encode("utf-16"), "encoding", 1, None),
    ("zero bytes", C, lambda t: "\0" * 50, "missing-column", 1, None),
    ("unknown key", M, lambda t: t.replace("cost_discount", "cost_discont"), "unknown-key", 3, None),
    ("key missing", M, lambda t: t.replace('reward = "net"\n', ""), "missing-key", None, None),
    ("unknown kind", M, lambda t: t.replace("budgeted_mdp", "budget_mdp"), "kind", 1, None),
    ("discount 0", M, lambda t: t.replace("0.9", "0"), "value", 2, None),
    ("discount above 1", M, lambda t: t.replace("0.9", "1.01"), "value", 2, None),
    ("discount nan", M, lambda t: t.replace("0.9", "nan"), "value", 2, None),
    ("discount true", M, lambda t: t.replace("0.9", "true"), "value", 2, None),
    ("horizon 0", M, lambda t: t.replace("= 3", "= 0"), "value", 4, None),
    ("horizon not whole", M, lambda t: t.replace("= 3", "= 3.0"), "value", 4, None),
    ("horizon beyond reach", M, lambda t: t.replace("= 3", "= 2000000000"), "value", 4, None),
    ("horizon in words", M, lambda t: t.replace("= 3", '= "forever"'), "value", 4, None),
    ("unknown reward", M, lambda t: t.replace('"net"', '"profit"'), "value", 5, None),
    ("unknown initial state", M, lambda t: t.replace('"a"', '"z"'), "unknown-state", 6, None),
    ("initial sums to 0.9", M, lambda t: t.replace('"a"', "{a = 0.5, b = 0.4}"), "initial", 6, None),
    ("initial negative", M, lambda t: t.replace('"a"', "{a = 1.5, b = -0.5}"), "initial", 6, None),
    ("terminal state with actions", M, lambda t: t.replace('["end"]', '["end", "a"]'), "terminal", 7, None),
    ("terminal state twice", M, lambda t: t.replace('["end"]', '["end", "end"]'), "terminal", 7, None),
    ("negative budget cap", M, lambda t: t + "budget_cap = -1\n", "value", 8, None),
    ("not TOML", M, lambda t: t.replace("= 0.9", "0.9"), "toml", 2, None),
    ("TOML cut short", M, lambda t: t[:-5], "toml", None, None),
    ("key twice", M, lambda t: t + "discount = 0.9\n", "toml", 8, None),
    ("TOML not UTF-8", M, lambda t: t.encode() + b'title = "\xff"\n', "encoding", 8, None),
    ("TOML nested without end", M, lambda t: t + "x = " + "[" * 5000, "toml", None, None),
]  # fmt: skip


@pytest.mark.parametrize("case", TEXT, ids=lambda case: case[0].replace(" ", "-"))
def test_bad_text(case, tmp_path):
    _, file, edit, code, line, column = case
    write(tmp_path, TABLES, "csv")
    changed = edit((tmp_path / file).read_text())
    (tmp_path / file).write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    fitting = [issue for issue in errors(tmp_path) if issue.code == code]
    assert fitting, errors(tmp_path)
    assert fitting[0].file == file
    if line is not None:
        assert fitting[0].line == line
    if column is not None:
        assert fitting[0].column == column


NEAR = {
    "basket": ("population", put(P, "state", 1, "baskett")),
    "visitor": ("transitions", more(T, "visitr", "wait", "basket", 1.0)),
    "wait": ("transitions", more(T, "basket", "wiat", "basket", 1.0)),
    "gone": ("transitions", put(T, "next_state", 4, "gonne")),
}


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("meant", NEAR)
def test_what_was_meant(meant, form, tmp_path):
    """A misspelt state or action is held against the names that are there."""
    table, edit = NEAR[meant]
    calls = {"a": "visitor", "b": "basket", "end": "gone"}
    tables = {
        name: {column: [calls.get(cell, cell) for cell in cells] for column, cells in columns.items()}
        for name, columns in TABLES.items()
    }
    edit(tables)
    settings = SETTINGS.replace('"a"', '"visitor"').replace('"end"', '"gone"')
    write(tmp_path, tables, form, settings)
    said = [str(issue) for issue in errors(tmp_path) if issue.file == f"{table}.{form}"]
    assert any(f"did you mean {meant!r}?" in line for line in said), errors(tmp_path)


def test_a_terminal_state_that_is_misspelt(tmp_path):
    write(tmp_path, TABLES, "csv", SETTINGS.replace('["end"]', '["ende"]'))
    [issue, *_] = [issue for issue in errors(tmp_path) if issue.state == "end"]
    assert issue.file == "transitions.csv" and "did you mean 'ende'?" in issue.message


def test_a_terminal_state_that_no_table_names(tmp_path):
    write(tmp_path, TABLES, "csv", SETTINGS.replace('["end"]', '["edn"]'))
    [issue] = [issue for issue in errors(tmp_path) if issue.state == "edn"]
    assert (issue.file, issue.line) == ("model.toml", 7)
    assert "'edn', which no table names; did you mean 'end'?" in issue.message


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_is_listed_twice_says_where_it_is_first(form, tmp_path):
    tables = copy.deepcopy(TABLES)
    more(A, "a", "act", 1.0, 1.0)(tables)
    more(S, "end", 3.0)(tables)
    write(tmp_path, tables, form)
    first = {"csv": 3, "parquet": 2}[form]
    action, state = errors(tmp_path)
    assert action.code == "duplicate-action" and action.message.endswith(f"it is first in line {first}")
    assert state.code == "duplicate-state" and state.message.endswith(f"it is first in line {first - 1}")


def test_a_folder_in_place_of_a_table(tmp_path):
    write(tmp_path, TABLES, "csv")
    (tmp_path / "actions.csv").unlink()
    (tmp_path / "actions.csv").mkdir()
    assert [str(issue) for issue in errors(tmp_path)] == [
        "actions.csv: actions.csv is a folder; a table is a file"
    ]


@pytest.mark.parametrize("kind", ["budgetedmdp", "department", "x"])
def test_the_kinds_that_are_offered_are_those_that_are_read(kind, tmp_path):
    write(tmp_path, TABLES, "csv", SETTINGS.replace('"budgeted_mdp"', repr(kind)))
    [said] = [issue.message for issue in errors(tmp_path) if issue.code == "kind"]
    for offered in ("budgeted_mdp", "constrained_mdp", "knapsack", "departments"):
        assert offered in said
    assert ("did you mean 'budgeted_mdp'?" in said) == (kind == "budgetedmdp")


def test_all_problems_of_a_population_at_once(tmp_path):
    write(tmp_path, TABLES, "csv")
    (tmp_path / "population.csv").write_text("state,count\nc,1\na,1.5\na,2\n,1\n")
    assert [(issue.code, issue.line) for issue in errors(tmp_path)] == [("name", 5), ("count", 3)]
    (tmp_path / "population.csv").write_text("state,count\nc,1\na,1.5\na,2\n")
    found = [(issue.code, issue.line) for issue in errors(tmp_path)]
    assert found == [("unknown-state", 2), ("count", 3), ("duplicate-state", 4)]


@pytest.mark.parametrize("name", ["count", "total"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_counts_that_are_too_large(tmp_path, form, name):
    """The row where the sum passes the largest population, and the largest count, are named."""
    counts = [5, 2**62] if name == "count" else [2**53] * 600
    states = [f"s{k}" for k in range(len(counts))]
    tables = copy.deepcopy(TABLES)
    for state in states:
        more("actions", state, "wait", 0.0, 0.0)(tables)
        more("transitions", state, "wait", state, 1.0)(tables)
    tables["population"] = {"state": states, "count": counts}
    write(tmp_path, tables, form)
    [issue] = errors(tmp_path)
    row = 1 if name == "count" else 512
    assert (issue.code, issue.line) == ("count", row + (2 if form == "csv" else 1))
    assert ("9,007,199,254,740,992" if name == "count" else "2^62") in issue.message


PARQUET = [
    ("not Parquet", lambda data: b"PAR1 this is not"),
    ("empty", lambda data: b""),
    ("cut short", lambda data: data[: len(data) // 2]),
    ("footer length wrong", lambda data: data[:-8] + b"\xff\xff\xff\x7f" + data[-4:]),
]


@pytest.mark.parametrize("case", PARQUET, ids=lambda case: case[0].replace(" ", "-"))
def test_bad_parquet(case, tmp_path):
    write(tmp_path, TABLES, "parquet")
    file = tmp_path / "actions.parquet"
    file.write_bytes(case[1](file.read_bytes()))
    assert [(issue.code, issue.file) for issue in errors(tmp_path)] == [("parquet", "actions.parquet")]


def test_column_of_the_wrong_type(tmp_path):
    tables = copy.deepcopy(TABLES)
    tables["actions"]["cost"] = ["0", "2", "0"]
    tables["transitions"]["next_state"] = [0.5, 1.5, 2.5, 3.5, 4.5]
    write(tmp_path, tables, "parquet")
    assert {(i.code, i.file) for i in errors(tmp_path)} == {
        ("column-type", "actions.parquet"),
        ("column-type", "transitions.parquet"),
    }


def test_declared_rows_are_not_believed(tmp_path):
    """Thirty million rows in a file of eighty thousand bytes are refused before memory is taken."""
    write(tmp_path, TABLES, "parquet")
    many = pa.table({"state": pa.array(["a"]).take(pa.array([0] * 30_000_000, pa.int8()))})
    pq.write_table(many, tmp_path / "actions.parquet", compression="zstd", row_group_size=30_000_000)
    assert (tmp_path / "actions.parquet").stat().st_size < 100_000
    assert [issue.code for issue in errors(tmp_path)] == ["parquet"]


def test_csv_and_parquet_of_one_table(tmp_path):
    write(tmp_path, TABLES, "csv")
    write(tmp_path, TABLES, "parquet")
    assert {issue.code for issue in errors(tmp_path)} == {"two-files"}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_good_model_and_its_variants(form, tmp_path):
    write(tmp_path, TABLES, form)
    assert check(tmp_path) == ()
    problem = load_model(tmp_path)
    assert problem.states == ("a", "b", "end")
    assert problem.actions == ("wait", "act")
    assert problem.terminal_utility.tolist() == [1.0, 0.0, 3.0]
    assert load_population(tmp_path, problem).count.tolist() == [5, 0, 0]


def test_all_problems_of_all_files_at_once(tmp_path):
    write(tmp_path, TABLES, "csv", SETTINGS.replace("0.9", "9"))
    (tmp_path / "actions.csv").write_text("state,action,cost,utility\na,wait,x,0\nb,wait,0,y\n")
    (tmp_path / "transitions.csv").write_text("state,action\n")
    places = [(issue.file, issue.line) for issue in errors(tmp_path)]
    assert places == [
        ("model.toml", 2), ("transitions.csv", 1), ("transitions.csv", 1),
        ("actions.csv", 2), ("actions.csv", 3),
    ]  # fmt: skip
    with pytest.raises(ProblemError) as raised:
        load_model(tmp_path)
    assert "actions.csv:2:3" in str(raised.value)


def test_only_the_first_twenty(tmp_path):
    write(tmp_path, TABLES, "csv")
    rows = "\n".join(f"s{k},wait,x,0" for k in range(100))
    (tmp_path / "actions.csv").write_text(f"state,action,cost,utility\n{rows}\n")
    assert len(errors(tmp_path)) == 20


def test_byte_order_mark_and_line_ends_are_accepted(tmp_path):
    write(tmp_path, TABLES, "csv")
    plain = load_model(tmp_path)
    for file in tmp_path.glob("*.csv"):
        text = file.read_text()
        file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n")
    assert check(tmp_path) == ()
    assert load_model(tmp_path).probability.tolist() == plain.probability.tolist()


def test_quotes_are_read_as_the_format_says(tmp_path):
    tables = copy.deepcopy(TABLES)
    for table in ("actions", "transitions"):
        for column in ("state", "next_state"):
            if column in tables[table]:
                tables[table][column] = [
                    f'"{name}, ""q"""' if name == "a" else name for name in tables[table][column]
                ]
    tables["states"]["state"][1] = tables["population"]["state"][0] = '"a, ""q"""'
    write(tmp_path, tables, "csv", SETTINGS.replace('"a"', "'a, \"q\"'"))
    assert check(tmp_path) == ()
    assert load_model(tmp_path).states == ('a, "q"', "b", "end")
    (tmp_path / "states.csv").write_text('"state","terminal_utility"\n')
    assert load_model(tmp_path).terminal_utility.tolist() == [0, 0, 0]


def test_warnings_do_not_stop(tmp_path):
    tables = copy.deepcopy(TABLES)
    also("actions", "utlity", [0.0, 0.0, 0.0])(tables)
    more("transitions", "b", "wait", "a", 0.0)(tables)
    write(tmp_path, tables, "csv")
    file = tmp_path / "states.csv"
    file.write_text(file.read_text().rstrip("\n"))
    issues = check(tmp_path)
    assert [(i.severity, i.code, i.file, i.line) for i in issues] == [
        ("warning", "unknown-column", "actions.csv", 1),
        ("warning", "no-final-newline", "states.csv", None),
        ("warning", "zero-probability", "transitions.csv", 7),
    ]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        load_model(tmp_path)
    assert len(seen) == 3 and "utlity" in str(seen[0].message)


def test_normalize_and_sum_duplicates_are_asked_for(tmp_path):
    tables = copy.deepcopy(TABLES)
    put("transitions", "probability", 2, 0.5)(tables)
    more("transitions", "a", "act", "b", 0.05)(tables)
    write(tmp_path, tables, "csv")
    assert {issue.code for issue in errors(tmp_path)} == {"duplicate-transition", "row-sum"}
    problem, odd = read_model(tmp_path, normalize=True, sum_duplicates=True)
    assert {issue.code for issue in odd} == {"normalized", "summed"}
    assert problem.probability.tolist() == [1.0, 0.25 / 0.8, 0.55 / 0.8, 0.5, 0.5]
    assert problem.folder is None


def test_unreachable_states_and_undiscounted_horizon_are_warned_of(tmp_path):
    write(tmp_path, TABLES, "csv", SETTINGS.replace("= 3", '= "infinite"').replace('"a"', '"b"'))
    (tmp_path / "population.csv").unlink()
    assert [(i.severity, i.code) for i in check(tmp_path)] == [
        ("warning", "undiscounted"),
        ("warning", "unreachable"),
    ]


def test_folders_that_are_nothing(tmp_path):
    with pytest.raises(ProblemError):
        load(tmp_path / "absent")
    with pytest.raises(ProblemError):
        load(tmp_path)
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(ResultError):
        load(tmp_path)
    assert [issue.code for issue in check(tmp_path)] == ["result"]
