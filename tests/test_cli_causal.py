"""`optbudget causal`: files, JSON, tables, refusals and exit codes."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from optbudget.files import load_causal
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
    assert "--level" in run("causal", history, *config, "--level", 1.5, code=2).stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    assert "not a causal" in run("causal", history, *config[:-1], tmp_path / "mine", code=2).stderr
    asked = write_history(tmp_path, cuts=np.full(150, 3.0))
    assert "cuts" in run("causal", *asked, code=3).stderr
    broken = json.loads(run("causal", *asked, "--json", code=3).stdout)
    assert broken["exit"] == 3
    assert any("cuts" in issue["message"] for issue in broken["issues"])
