"""The folder of a causal answer: what it holds, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optbudget.causal.risk import side_effects
from optbudget.errors import ProblemError, ResultError, UsageError
from optbudget.files.causal_results import load_causal, save_causal
from optbudget.files.seals import sealed
from optbudget.problems.causal_answer import CausalAnswer
from optbudget.problems.causal_graph import CausalGraph
from optbudget.problems.causal_question import CausalQuestion
from optbudget.problems.effects import ZERO, Effect, Effects, Estimate, Overlap

QUESTION = CausalQuestion(
    ("x",), ("d", "e"), ("y",), harm={"y": -1}, weights={"y": 2.0}, targets={"e": ("y",)},
    required=(("x", "y"),), actions={"more": {"d": 1.5}, "hold": {}},
)  # fmt: skip
NAMES = QUESTION.columns


@pytest.fixture
def answer():
    known = Estimate(-1.0, 0.5, -2.0, 0.0)
    rows = (
        Effect("d", "y", "tiers", known, "backdoor", ("x", "e"), refutations=(("placebo", 0.25),),
               overlap=Overlap(0.5, (0.1, 0.9))),
        Effect("d", "y", "graph", None, "class", reason="d - e is open", members=(known, ZERO)),
        Effect("e", "y", "tiers", None, "none", reason="e does not vary"),
        Effect("e", "y", "graph", ZERO, "no path", reason="no path leads from e to y"),
    )  # fmt: skip
    effects = Effects(rows, 0.9)
    open_edge = np.zeros((4, 4), dtype=bool)
    open_edge[1, 2] = open_edge[2, 1] = True
    directed = np.zeros((4, 4), dtype=bool)
    directed[0, 3] = True
    frequency = np.where(directed | directed.T | open_edge, 0.75, 0.0)
    frequency[0, 1] = frequency[1, 0] = 0.25
    graph = CausalGraph(NAMES, directed, open_edge, frequency, directed * 0.5)
    found = side_effects(QUESTION, effects, paths={("d", "y", -1): ("d", "y")})
    return CausalAnswer(QUESTION, graph, effects, found, rows=100, seed=3, bootstraps=20, refutations=5)


def test_what_is_saved_is_what_is_loaded(answer, tmp_path):
    save_causal(answer, tmp_path / "out")
    read = load_causal(tmp_path / "out")
    assert read.effects.rows == answer.effects.rows
    assert read.side_effects.rows == answer.side_effects.rows
    assert read.side_effects.refused == answer.side_effects.refused
    assert read.question == answer.question
    for matrix in ("directed", "undirected", "frequency", "orientation"):
        assert np.array_equal(getattr(read.graph, matrix), getattr(answer.graph, matrix))
    assert (read.rows, read.seed, read.bootstraps, read.refutations) == (100, 3, 20, 5)
    assert read.effects.level == 0.9


def test_the_fixed_tables_have_their_columns(answer, tmp_path):
    save_causal(answer, tmp_path / "out")
    fixed = {
        "effects": ["decision", "outcome", "adjustment", "effect", "std_error", "lower", "upper", "level",
                    "identified", "refutations"],
        "edges": ["source", "target", "frequency", "orientation_frequency"],
        "risk": ["action", "state", "outcome", "risk", "lower", "upper", "path"],
    }  # fmt: skip
    tables = {name: pq.read_table(tmp_path / "out" / f"{name}.parquet") for name in fixed}
    assert {name: table.column_names for name, table in tables.items()} == fixed
    effects = tables["effects"].to_pylist()
    assert len(effects) == 4
    assert json.loads(effects[0]["refutations"]) == {"placebo": 0.25}
    assert effects[1]["effect"] is None
    assert effects[1]["identified"] is False
    assert effects[3]["effect"] == 0.0
    assert tables["risk"].to_pylist()[0]["path"] == "d -> y"
    edges = {(row["source"], row["target"]) for row in tables["edges"].to_pylist()}
    assert edges == {("x", "y"), ("d", "e"), ("e", "d")}


def test_equal_answers_give_equal_bytes_and_replace_one_another_only(answer, tmp_path):
    save_causal(answer, tmp_path / "one")
    save_causal(answer, tmp_path / "two")
    save_causal(answer, tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(UsageError, match="not a folder that optbudget causal wrote"):
        save_causal(answer, tmp_path / "mine")


def _change(folder, name, column, row, value):
    path = folder / f"{name}.parquet"
    table = pq.read_table(path)
    cells = table[column].to_pylist()
    cells[row] = value
    at = table.column_names.index(column)
    pq.write_table(
        table.set_column(at, table.schema.field(at), pa.array(cells, table.schema.field(at).type)), path
    )


def _seal_again(folder, **changed):
    path = folder / "causal.json"
    content = {k: v for k, v in json.loads(path.read_text()).items() if k not in ("files", "sha256")}
    path.write_text(
        json.dumps(sealed(content | changed, folder, [one.name for one in folder.glob("*.parquet")]))
    )


def test_what_was_edited_is_not_believed(answer, tmp_path):
    save_causal(answer, tmp_path / "out")
    _change(tmp_path / "out", "risk", "risk", 0, 0.0)
    with pytest.raises(ResultError, match=r"risk.parquet is not as it was written"):
        load_causal(tmp_path / "out")
    save_causal(answer, tmp_path / "out")
    path = tmp_path / "out" / "causal.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"level": 7}))
    with pytest.raises(ResultError, match=r"causal.json is not as it was written"):
        load_causal(tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "column", "row", "value", "says"),
    [
        ("effects", "effect", 0, 5.0, "interval"),
        ("effects", "effect", 1, 5.0, "identified"),
        ("effects", "effect", 0, float("nan"), "finite|interval"),
        ("effects", "decision", 0, "dd", "adjustments|row"),
        ("effects", "level", 0, 0.8, "level"),
        ("effects", "refutations", 0, "nonsense", "not as it must be"),
        ("adjustments", "method", 0, "magic", "magic"),
        ("members", "lower", 0, 7.0, "interval"),
        ("edges", "source", 0, "who", "not as it must be"),
        ("risk", "risk", 0, -1.0, "order"),
        ("risk", "risk", 0, None, "not as it must be"),
        ("risk", "path", 0, "d -> x -> y", "do not agree"),
        ("chances", "probability", 0, 2.0, "probability"),
    ],
)  # fmt: skip
def test_tampering_is_a_result_error(answer, tmp_path, name, column, row, value, says):
    save_causal(answer, tmp_path / "out")
    _change(tmp_path / "out", name, column, row, value)
    _seal_again(tmp_path / "out")
    with pytest.raises(ResultError, match=says):
        load_causal(tmp_path / "out")


@pytest.mark.parametrize(
    ("emptied", "says"),
    [(("risk",), "do not agree"), (("risk", "chances"), "'more' for 'y' is neither given")],
)
def test_no_risk_is_lost(answer, tmp_path, emptied, says):
    save_causal(answer, tmp_path / "out")
    for name in emptied:
        path = tmp_path / "out" / f"{name}.parquet"
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    _seal_again(tmp_path / "out")
    with pytest.raises(ResultError, match=says):
        load_causal(tmp_path / "out")


def test_no_risk_stands_on_an_effect_that_is_not_known(answer):
    """Neither where the graph calls it confounded, nor where only the graph says that there is none."""
    tiers, graph, *others = answer.effects.rows
    hidden = replace(graph, method="none", members=(), reason="measuring h would identify it")
    none = replace(tiers, estimate=None, method="none", reason="d does not vary", overlap=None)
    apart = replace(graph, estimate=ZERO, method="no path", members=())
    for rows in ((tiers, hidden), (none, apart)):
        effects = Effects((*rows, *others), answer.effects.level)
        with pytest.raises(ProblemError, match="'more' for 'y' is given, but an effect that it needs is not"):
            replace(answer, effects=effects)
        refused = side_effects(QUESTION, effects)
        assert replace(answer, effects=effects, side_effects=refused).side_effects.rows == ()


def test_no_risk_is_there_that_nobody_asked_for(answer, tmp_path):
    save_causal(answer, tmp_path / "out")
    question = json.loads((tmp_path / "out" / "causal.json").read_text())["question"]
    _seal_again(tmp_path / "out", question=question | {"harm": {}})
    with pytest.raises(ResultError, match="'more' for 'y' is not asked for"):
        load_causal(tmp_path / "out")


@pytest.mark.parametrize(
    ("key", "value"),
    [("schema", "other"), ("question", 3), ("nodes", None), ("refused", [{"a": 1}]), ("rows", -1)],
)
def test_a_stated_field_that_is_none_is_a_result_error(answer, tmp_path, key, value):
    save_causal(answer, tmp_path / "out")
    _seal_again(tmp_path / "out", **{key: value})
    with pytest.raises(ResultError):
        load_causal(tmp_path / "out")


@pytest.mark.parametrize("file", ["causal.json", "effects.parquet", "chances.parquet"])
def test_a_missing_or_garbled_file_is_a_result_error(answer, tmp_path, file):
    save_causal(answer, tmp_path / "out")
    (tmp_path / "out" / file).write_bytes(b"PAR1 garbled")
    with pytest.raises(ResultError):
        load_causal(tmp_path / "out")
    (tmp_path / "out" / file).unlink()
    with pytest.raises(ResultError, match=file):
        load_causal(tmp_path / "out")
