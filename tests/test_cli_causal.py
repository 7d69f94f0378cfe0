"""`optbudget causal`: files, JSON, tables, refusals and exit codes."""

import json
import re
from shutil import copytree

import numpy as np
import pyarrow.parquet as pq
import pytest

from optbudget.errors import ResultError
from optbudget.files import load_causal
from optbudget.files.causal_results import SCHEMAS
from optbudget.files.seals import sealed
from tests.commands import run, run_json

CONFIG = """context = ["revenue"]
decisions = ["training", "cuts"]
outcomes = ["output", "delay"]
[harm]
delay = 1
[weights]
delay = 10.0
[actions.save]
cuts = 1.0
"""


def write_history(folder, **changed):
    rng = np.random.default_rng(2)
    revenue = rng.normal(size=150)
    training, cuts = revenue + rng.normal(size=150), rng.normal(size=150) - revenue
    columns = {
        "revenue": revenue, "training": training, "cuts": cuts,
        "output": 2 * training + revenue + rng.normal(size=150),
        "delay": cuts + revenue + rng.normal(size=150), **changed,
    }  # fmt: skip
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(f"{cell:.6f}" for cell in row) for row in rows)]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")
    (folder / "history.toml").write_text(CONFIG)
    return folder / "history.csv", "--config", folder / "history.toml", "--out", folder / "out"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    place = tmp_path_factory.mktemp("causal")
    asked = write_history(place)
    said = run("causal", *asked, "--bootstraps", 5, "--refutations", 0, "--seed", 3).stdout
    return place, asked, said


def test_the_folder_holds_tables_and_figures(found):
    place, _, said = found
    names = {path.name for path in (place / "out").iterdir()}
    assert {"effects.parquet", "edges.parquet", "risk.parquet", "effects.svg", "graph.svg"} <= names
    assert pq.read_table(place / "out" / "effects.parquet").num_rows == 8
    assert "by the tiers" in said
    assert "Unintended consequences" in said
    answer = load_causal(place / "out")
    assert (answer.rows, answer.seed, answer.bootstraps) == (150, 3, 5)
    assert answer.side_effects.rows[0].risk == pytest.approx(10.0, rel=0.3)


def test_json_says_the_same_and_equal_runs_write_equal_bytes(found, tmp_path):
    place, (history, *config), _ = found
    asked = (history, *config[:-1], tmp_path / "again", "--bootstraps", 5, "--refutations", 0, "--seed", 3)
    fields = run_json("causal", *asked)
    rows = pq.read_table(place / "out" / "effects.parquet").to_pylist()
    assert [row["effect"] for row in fields["effects"]] == [row["effect"] for row in rows]
    assert fields["risk"][0]["action"] == "save"
    assert fields["refused"] == []
    for name in ("effects.parquet", "edges.parquet", "risk.parquet", "effects.svg", "graph.svg"):
        assert (place / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_figures_can_be_left_out_and_a_level_chosen(found, tmp_path):
    _, (history, *config), _ = found
    fields = run_json("causal", history, *config[:-1], tmp_path / "plain", "--bootstraps", 0,
                      "--refutations", 0, "--no-figures", "--level", 0.5, "--robust")  # fmt: skip
    assert fields["level"] == 0.5
    assert not list((tmp_path / "plain").glob("*.svg"))


def test_what_is_refused(found, tmp_path):
    _, (history, *config), _ = found
    for level in (1.5, 1.0 - 2.0**-53):
        assert "--level" in run("causal", history, *config, "--level", level, code=2).stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    assert (
        "not a folder that optbudget causal wrote"
        in run("causal", history, *config[:-1], tmp_path / "mine", code=2).stderr
    )
    asked = write_history(tmp_path, cuts=np.full(150, 3.0))
    assert "cuts" in run("causal", *asked, code=3).stderr
    broken = json.loads(run("causal", *asked, "--json", code=3).stdout)
    assert broken["exit"] == 3
    assert any("cuts" in issue["message"] for issue in broken["issues"])


def test_actions_without_a_direction_of_harm_are_told_so(tmp_path):
    asked = write_history(tmp_path)
    asked[2].write_text(re.sub(r"\[(harm|weights)\]\n.*\n", "", CONFIG))
    said = run("causal", *asked, "--bootstraps", 0, "--refutations", 0, "--no-figures").stdout
    assert "[harm]" in said


def test_a_number_too_large_for_a_double_is_located(tmp_path):
    asked = write_history(tmp_path)
    lines = asked[0].read_text().splitlines()
    lines[4] = lines[4].rsplit(",", 1)[0] + ",1e400"
    asked[0].write_text("\n".join(lines) + "\n")
    assert "history.csv:5:5: delay is '1e400'; no double is so large" in run("causal", *asked, code=3).stderr


def test_one_row_is_one_row(tmp_path):
    asked = write_history(tmp_path)
    asked[0].write_text("\n".join(asked[0].read_text().splitlines()[:2]) + "\n")
    assert "there is 1 row; nothing" in run("causal", *asked, code=3).stderr


@pytest.mark.parametrize(
    "refused", [None, [{"action": "save"}], [{"action": "save", "outcome": 3, "reason": ""}], ["save"], 3]
)
def test_a_refusal_that_is_none_is_told_in_our_words(found, tmp_path, refused):
    copytree(found[0] / "out", tmp_path / "out")
    stated = json.loads((tmp_path / "out" / "causal.json").read_text()) | {"refused": refused}
    names = [f"{name}.parquet" for name in SCHEMAS]
    del stated["sha256"], stated["files"]
    (tmp_path / "out" / "causal.json").write_text(json.dumps(sealed(stated, tmp_path / "out", names)))
    with pytest.raises(ResultError, match="refused must be a list of objects of action, outcome, reason"):
        load_causal(tmp_path / "out")


def given_graph(tmp_path, *edges):
    (tmp_path / "graph.csv").write_text("source,target\n" + "".join(f"{a},{b}\n" for a, b in edges))
    return "--graph", tmp_path / "graph.csv", "--refutations", 0, "--no-figures"


def test_a_graph_of_the_domain_is_taken_as_it_is(found, tmp_path):
    place, (history, *config), _ = found
    edges = [("revenue", "cuts"), ("revenue", "delay"), ("cuts", "delay"), ("mood", "output")]
    asked = (history, *config[:-1], tmp_path / "out", *given_graph(tmp_path, *edges))
    fields = run_json("causal", *asked)
    assert {(row["source"], row["target"]) for row in fields["edges"]} == set(edges)
    assert fields["bootstraps"] == 0
    both = {row["adjustment"]: row for row in fields["effects"] if row["decision"] == "cuts"
            and row["outcome"] == "delay"}  # fmt: skip
    assert both["graph"]["adjusted_for"] == ["revenue"]
    assert "no such column: mood" in run("causal", *asked).stderr
    again = ("--graph", place / "out" / "edges.parquet", "--refutations", 0, "--no-figures")
    learned = pq.read_table(place / "out" / "edges.parquet").to_pylist()
    fields = run_json("causal", history, *config[:-1], tmp_path / "out", *again)
    assert len(fields["edges"]) + 2 * len(fields["open_edges"]) == len(learned)


@pytest.mark.parametrize(
    ("edges", "says"),
    [
        (
            [("cuts", "delay"), ("delay", "h"), ("h", "revenue")],
            "graph.csv:3: the given path 'delay'",
        ),
        ([("cuts", "delay"), ("delay", "output"), ("output", "revenue")], "graph.csv:4: the given edge"),
        (
            [("cuts", "training"), ("training", "h"), ("h", "cuts")],
            "graph.csv:3: the graph has a cycle",
        ),
        ([("cuts", "cuts")], "graph.csv:2: 'cuts' has an edge to itself"),
        ([("cuts", "")], "graph.csv:2"),
    ],
)
def test_a_graph_that_cannot_be_is_refused_by_line(found, tmp_path, edges, says):
    _, (history, *config), _ = found
    asked = (history, *config[:-1], tmp_path / "out", *given_graph(tmp_path, *edges))
    assert says in run("causal", *asked, code=3).stderr


def test_a_given_graph_is_asked_about_where_it_may_be_a_slip(tmp_path):
    asked = write_history(tmp_path)
    graph = tmp_path / "graph.csv"
    few = ("--graph", graph, "--refutations", 0, "--no-figures")
    graph.write_text("source,target\nrevenue,cuts\nrevenu,delay\n")
    said = run("causal", *asked, *few).stderr
    assert "'revenu' is no column; did you mean 'revenue'?" in said
    graph.write_text("source,target\n")
    assert "graph.csv has no edge" in run("causal", *asked, *few).stderr


def test_text_that_must_be_a_number_is_refused_by_file(tmp_path):
    asked = write_history(tmp_path)
    head, *lines = asked[0].read_text().splitlines()
    at = head.split(",").index("delay")
    rows = [line.split(",") for line in lines]
    for k, row in enumerate(rows):
        row[at] = ("early", "late")[k % 2]
    asked[0].write_text("\n".join([head, *map(",".join, rows)]))
    assert "history.csv: column 'delay' holds text" in run("causal", *asked, code=3).stderr


def test_a_folder_is_no_history(tmp_path):
    asked = write_history(tmp_path)
    said = run("causal", ".", *asked[1:], code=3).stderr
    assert said.startswith(".: a history is a .csv or .parquet table")


def test_a_level_is_not_rounded_to_certainty(tmp_path):
    asked = write_history(tmp_path)
    few = ("--bootstraps", 0, "--refutations", 0, "--no-figures", "--level", 0.9999999)
    assert "intervals of 99.99999%" in run("causal", *asked, *few).stdout


def test_a_folder_is_no_configuration(tmp_path):
    history, _, *out = write_history(tmp_path)
    assert run("causal", history, "--config", ".", *out[1:], code=3).stderr.startswith(
        ".: the file cannot be"
    )
