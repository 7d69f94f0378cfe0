"""Histories, questions and graphs: what they hold, what they refuse, and where in which file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optbudget import ProblemError
from optbudget.errors import Issue
from optbudget.files import load_history
from optbudget.problems import CausalGraph, CausalQuestion, History
from optbudget.problems.history_checks import require_variation

CONFIG = """\
context = ["revenue"]
decisions = ["training",
             "cuts"]
outcomes = ["delay"]
unit = "who"
time = "month"
[harm]
delay = 1
[edges]
required = [["revenue", "training"]]
[actions."north/train"]
training = 2.0
"""
TABLE = """\
who,month,revenue,training,cuts,delay,unused
a,2020-01,1.5,1,0,3,x
a,2020-02,2.5,0,1,4,x
b,2020-01,0.5,1,1,1,y
b,2020-02,3.5,2,0,5,y
b,2020-03,1.0,2,2,0,z
a,2020-03,2.0,0,0,4,z
"""

Load = Callable[..., History]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def read(table: str = TABLE, config: str = CONFIG) -> History:
        (tmp_path / "h.csv").write_text(table, encoding="utf-8")
        (tmp_path / "h.toml").write_text(config, encoding="utf-8")
        return load_history(tmp_path / "h.csv", tmp_path / "h.toml")

    return read


def issue(load: Load, **given: str) -> Issue:
    with pytest.raises(ProblemError) as caught:
        load(**given)
    return caught.value.issues[0]


def test_a_history_is_read_by_role(load: Load) -> None:
    history = load()
    assert history.columns == ("revenue", "training", "cuts", "delay")
    assert history.units == ("a", "b") and history.unit.tolist() == [0, 0, 1, 1, 1, 0]
    assert history.time.tolist() == [0, 1, 0, 1, 2, 2]
    assert history.column("revenue").tolist() == [1.5, 2.5, 0.5, 3.5, 1.0, 2.0]
    assert history.question.actions["north/train"] == {"training": 2.0}
    assert history.question.weights == {"delay": 1.0}
    assert not history.values.flags.writeable


def test_texts_become_levels_and_truth_becomes_numbers(load: Load) -> None:
    texts = TABLE.replace("1.5,", "high,").replace("2.5,", "high,").replace("0.5,", "low,")
    texts = texts.replace("3.5,", "low,").replace("1.0,", "high,").replace("2.0,", "low,")
    history = load(texts)
    assert (
        history.levels == {"revenue": ("high", "low")} and history.discrete.tolist() == [True] + [False] * 3
    )
    assert history.column("revenue").tolist() == [0, 0, 1, 1, 0, 1]
    truth = load(texts.replace("high", "True").replace("low", "False"))
    assert not truth.levels and truth.column("revenue").tolist() == [1, 1, 0, 0, 1, 0]


def test_parquet_reads_as_csv_does(load: Load, tmp_path: Path) -> None:
    history = load()
    rows = {name: history.column(name) for name in history.columns}
    rows["cuts"] = pa.array([bool(v) for v in [0, 1, 1, 0, 0, 0]])
    rows |= {
        "who": ["a", "a", "b", "b", "b", "a"],
        "month": np.arange(6).astype("datetime64[M]").astype("datetime64[s]"),
    }
    pq.write_table(pa.table(rows), tmp_path / "h.parquet")
    again = load_history(tmp_path / "h.parquet", tmp_path / "h.toml")
    assert np.array_equal(again.column("delay"), history.column("delay"))
    assert again.column("cuts").tolist() == [0, 1, 1, 0, 0, 0]
    assert again.time.tolist() == [0, 1, 2, 3, 4, 5] and again.unit.tolist() == history.unit.tolist()


@pytest.mark.parametrize(
    ("change", "code", "place", "says"),
    [
        (("a,2020-01,1.5", "a,2020-01,"), "missing-value", (2, 3), "revenue is missing"),
        (("0.5,1,1,1", "0.5,1,nan,1"), "not-finite", (4, 5), "cuts is 'nan'"),
        (("3.5,2,0,5", "3.5,two,0,5"), "number", (5, 4), "training is 'two'"),
        (("b,2020-03", "b,2020-02"), "duplicate-period", (6, 2), "unit 'b' has the same period in"
         " column 'month' twice; it is first in line 5"),
        (("b,2020-03", "b,"), "missing-value", (6, 2), "month is missing"),
        (("revenue,training", "revenue,trainign"), "missing-column", (1, None), "is it 'trainign'?"),
        (("1.5,1,0,3", "1.5,1,0"), "field-count", (2, None), "fields"),
    ],
)  # fmt: skip
def test_tables_are_refused_where_they_are_wrong(
    load: Load, change: tuple[str, str], code: str, place: tuple[int, int | None], says: str
) -> None:
    found = issue(load, table=TABLE.replace(*change))
    assert (found.code, found.file, (found.line, found.column)) == (code, "h.csv", place)
    assert says in found.message


@pytest.mark.parametrize(
    ("change", "code", "place", "says"),
    [
        (("[harm]", "[hram]"), "unknown-key", (7, 2), "nearest known key is 'harm'"),
        (("delay = 1", "dellay = 1"), "unknown-name", (8, 1), "did you mean 'delay'?"),
        (("delay = 1", "delay = 2"), "harm", (8, 1), "must be +1 or -1"),
        (("delay = 1", f"delay = 1\n[weights]\ndelay = {'9' * 400}"), "weight", (10, None),
         "must be a number >= 0"),
        (("[harm]\ndelay = 1", "[weights]\ndelay = 2"), "weight", (8, 1), "no direction of harm"),
        (('["revenue", "training"]', '["delay", "training"]'), "tier", (10, 15), "back to decisions"),
        (('["revenue", "training"]', '["revenue", "traning"]'), "unknown-name", (10, 26), "mean 'training'?"),
        (("required", "requird"), "unknown-key", (10, 1), "nearest known key is 'required'"),
        (('"cuts"]', '"cuts", "revenue"]'), "two-roles", (3, 23), "'revenue' is in context too"),
        (('["revenue", "training"]', '["cuts", "training"], ["training", "cuts"]'), "cycle", (10, None),
         "make a cycle:"),
        (("training = 2.0", "training = nan"), "amount", (12, 1), "must be a number"),
        (("training = 2.0", "trainning = 2.0"), "unknown-name", (12, 1), "did you mean 'training'?"),
        (('outcomes = ["delay"]\n', ""), "missing-key", (None, None), "'outcomes' is missing"),
        (('unit = "who"', "unit = 3"), "value", (5, 1), "must be the name of a column"),
        (("[harm]", "[harm"), "toml", (7, 6), "not TOML"),
    ],
)  # fmt: skip
def test_questions_are_refused_where_they_are_wrong(
    load: Load, change: tuple[str, str], code: str, place: tuple[int | None, int | None], says: str
) -> None:
    found = issue(load, config=CONFIG.replace(*change, 1))
    assert (found.code, found.file, found.line) == (code, "h.toml", place[0])
    assert place[1] is None or found.column == place[1]
    assert says in found.message


def history_of(**columns: list[float]) -> History:
    names = tuple(columns)
    question = CausalQuestion(names[:-2], names[-2:-1], names[-1:])
    return History(question, np.array(list(columns.values())).T)


A, B, D, Y = [1.0, 2, 3, 4, 7, 1], [0.0, 1, 0, 2, 5, 5], [1.0, 0, 0, 1, 1, 0], [3.0, 1, 4, 1, 5, 9]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"a": A, "b": B, "d": [2.0] * 6, "y": Y}, "decision 'd' has no variation: it is 2 in every row"),
        ({"a": A, "b": [0.1] * 6, "d": D, "y": Y}, "column 'b' is constant: it is 0.1 in every row"),
        ({"a": A, "b": [5 - 2 * x for x in A], "d": D, "y": Y}, "column 'b' is the same as 'a' up to scale"),
        ({"a": A, "b": B, "c": D, "d": [x - 3 * y + 1e3 for x, y in zip(A, B, strict=True)], "y": Y},
         "column 'd' is a linear combination of 'a' and 'b'; leave one of the 3 out"),
        ({"a": A[:4], "b": B[:4], "d": D[:4], "y": Y[:4]}, "there are 4 rows for 4 columns"),
    ],
)  # fmt: skip
def test_columns_that_say_nothing_are_named(columns: dict[str, list[float]], says: str) -> None:
    with pytest.raises(ProblemError, match=r"column|decision|rows") as caught:
        require_variation(history_of(**columns))
    assert says in str(caught.value) and len(caught.value.issues) == 1


def test_a_category_that_another_determines_is_named() -> None:
    question = CausalQuestion(("region", "north"), ("d",), ("y",))
    region = [0, 1, 2, 0, 1, 2, 1]
    values = np.array([region, [3.0 if r == 0 else 4 for r in region], [*D, 3], [*Y, 2]]).T
    with pytest.raises(ProblemError, match=r"column 'north' is the same as 'region'"):
        require_variation(History(question, values, {"region": ("n", "s", "w")}))


def test_shapes_codes_and_infinities_are_refused() -> None:
    question = CausalQuestion((), ("d",), ("y",))
    for values, levels, says in [
        ([[1.0]], {}, r"must be \(rows, 2\)"),
        ([[1.0, np.inf]], {}, "y is inf in row 0"),
        ([[2.0, 1.0]], {"d": ("no", "yes")}, "row 0 holds the code 2"),
    ]:
        with pytest.raises(ProblemError, match=says):
            History(question, values, levels)


def test_a_resample_may_repeat_rows(load: Load) -> None:
    history = load()
    again = history.rows(np.array([0, 0, 3]))
    assert again.time.tolist() == [0, 0, 1] and again.column("delay").tolist() == [3, 3, 5]
    assert np.allclose(history.standardised().std(axis=0), 1) and np.allclose(
        history.standardised().mean(axis=0), 0
    )
    assert again.rows(np.array([True, True, False])).standardised().tolist() == [[0.0] * 4] * 2


def test_a_graph_knows_its_relations() -> None:
    graph = CausalGraph.of("abcde", [("a", "b"), ("b", "d"), ("a", "c"), ("c", "d")], [("d", "e")])
    assert graph.parents("d") == ("b", "c") and graph.children("a") == ("b", "c")
    assert graph.ancestors("d") == ("a", "b", "c") and graph.descendants("a") == ("b", "c", "d")
    assert graph.neighbours("e") == ("d",) and not graph.is_dag and graph.open_edges == (("d", "e"),)
    assert list(graph.paths("a", "d")) == [("a", "b", "d"), ("a", "c", "d")]
    assert list(graph.paths("a", "d", most=1)) == [("a", "b", "d")] and list(graph.paths("d", "a")) == []
    directed = graph.with_edge("e", "d")
    assert directed.is_dag and directed.order() == ("a", "b", "c", "e", "d")
    assert directed.frequency[3, 4] == 1 and directed.orientation[3, 4] == 0 == graph.orientation[3, 4]


def test_a_cycle_is_named() -> None:
    with pytest.raises(ProblemError, match="the graph has a cycle: b -> c -> d -> b"):
        CausalGraph.of("abcd", [("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")])
    with pytest.raises(ProblemError, match="the graph has a cycle: b -> c -> a -> b"):
        CausalGraph.of("abc", [("a", "b")]).with_edge("b", "c").with_edge("c", "a")
    with pytest.raises(ProblemError, match="two edges between 'a' and 'b'"):
        CausalGraph.of("ab", [("a", "b")], [("a", "b")])
    with pytest.raises(ProblemError, match="no column is called 'abd'; did you mean 'abc'"):
        CausalGraph.of(("abc", "d"), [("abd", "d")])
