"""What is wrong with a folder of departments, or with what is asked of it, is said once and truly."""

import re

import pytest
from commands import run
from model_names import MODELS

from optbudget import save
from optbudget.cli import exits
from optbudget.cli.starters import STARTERS
from optbudget.errors import LimitError, ProblemError
from optbudget.files import check
from optbudget.pareto import exact_front
from optbudget.pareto.front_learning import require_room_to_learn
from optbudget.pareto.scalarisations import LearningTask
from optbudget.problems.examples import two_departments
from optbudget.report.front_tables import front_grid
from optbudget.workers import Monitor


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name, text in STARTERS["departments"].items():
        (folder / name).write_text(text)
    return folder


def edited(folder, name, pattern, text):
    file = folder / name
    file.write_text(re.sub(pattern, text, file.read_text(), flags=re.MULTILINE))
    return folder


class TestOnlyTrueErrors:
    @pytest.mark.parametrize(
        "pattern, text, said",
        [
            ("^discount = .*", "discount = 2", "model.toml:7: discount is 2; it must be a number in (0, 1]"),
            ("^discount = .*", "discount =", "not TOML"),
            ("^kind = .*", "", "key 'kind' is missing"),
            ("^kind = .*", 'kind = "department"', "did you mean 'departments'?"),
            ("^objectives = .*", "objectives = 3", "objectives is 3"),
        ],
    )
    def test_in_model_toml(self, model, pattern, text, said):
        (issue,) = check(edited(model, "model.toml", pattern, text))
        assert said in str(issue) and issue.file == "model.toml"

    def test_in_both_files(self, model):
        edited(model, "model.toml", "^discount = .*", "discount = 2")
        edited(model, "actions.csv", "cost", "price")
        assert [issue.file for issue in check(model)] == ["model.toml", "actions.csv"]

    def test_no_terminal_states_are_advised(self, model):
        edited(model, "actions.csv", "^roads,high,good,.*\n", "")
        edited(model, "transitions.csv", "^roads,high,good,.*\n", "")
        (issue,) = check(model)
        said = "department 'roads' has no action in state 'good' in regime 'high'"
        assert said in issue.message and issue.file == "transitions.csv" and issue.line == 4
        (model / "actions.csv").write_text(STARTERS["departments"]["actions.csv"].splitlines()[0] + "\n")
        assert not any("terminal" in str(issue) for issue in check(model))


class TestAnotherFolder:
    @pytest.mark.parametrize(
        "name, instead",
        [
            ("two_action", "`optbudget solve`"),
            ("whole_units", "`optbudget allocate`"),
            ("two_limits", "`optbudget compare`"),
        ],
    )
    def test_of_another_kind(self, name, instead, tmp_path):
        done = run("pareto", MODELS / name, "--out", tmp_path / "f", code=exits.INVALID)
        assert instead in done.stderr and done.stderr.startswith("model.toml:")

    @pytest.mark.parametrize("command", ["pareto", "solve"])
    def test_a_front(self, tmp_path, command):
        save(exact_front(two_departments(), weights=3, refine=0).with_plans(), tmp_path / "front")
        done = run(command, tmp_path / "front", "--out", tmp_path / "x", code=exits.USAGE)
        assert "is a front, not a model" in done.stderr and "front/model" in done.stderr


class TestTooMuch:
    def test_weights(self, model, tmp_path):
        options = ("--out", tmp_path / "f", "--weights", "1000000000", "--episodes", "0")
        done = run("pareto", model, *options, code=exits.NOTHING)
        assert "1,000,000,000 weights needs about" in done.stderr and "fewer --weights" in done.stderr

    def test_weights_within_a_limit(self):
        with pytest.raises(LimitError, match="5,000 weights"):
            exact_front(two_departments(), weights=5_000, monitor=Monitor(memory_limit=100_000_000))

    def test_episodes(self, model, tmp_path):
        options = ("--out", tmp_path / "f", "--weights", "3", "--episodes", "1000000000")
        done = run("pareto", model, *options, code=exits.NOTHING)
        assert "1,000,000,000 episodes" in done.stderr and "fewer --episodes" in done.stderr
        assert not (tmp_path / "f.checkpoint").exists() and not (tmp_path / "f").exists()

    def test_departments_together_need_less(self):
        task, limit = LearningTask.of(two_departments()), Monitor(memory_limit=10**6)
        require_room_to_learn(task, 20, 1_000, together=1, monitor=limit)
        with pytest.raises(LimitError, match=r"20 episodes of 1,000 steps needs about 1\.\d+ MiB"):
            require_room_to_learn(task, 20, 1_000, monitor=limit)


class TestObjectives:
    def test_of_which_one_point_is_best_at_all_weights(self, model, tmp_path):
        """The computed front is kept: there is nothing to hold learned points against."""
        edited(model, "model.toml", "^objectives = .*", 'objectives = ["performance"]')
        options = ("--weights", "6", "--refine", "0", "--episodes", "1", "--no-figures")
        done = run("pareto", model, "--out", tmp_path / "f", *options)
        assert "learned points are left out" in done.stderr and (tmp_path / "f" / "front.json").is_file()

    @pytest.mark.parametrize("name", ["spend", "point", "value"])
    def test_named_as_a_column_of_a_front(self, model, tmp_path, name):
        edited(model, "model.toml", '"efficiency"', f'"{name}"')
        edited(model, "actions.csv", ",efficiency,", f",{name},")
        done = run("pareto", model, "--out", tmp_path / "f", "--episodes", "0", code=exits.INVALID)
        assert f"objectives names '{name}'" in done.stderr and not (tmp_path / "f").exists()


class TestBudgets:
    def test_a_point_of_a_front_at_another_budget(self, model, tmp_path):
        options = ("--out", tmp_path / "f", "--weights", "3", "--refine", "0", "--episodes", "0")
        run("pareto", model, *options, "--no-figures", "--budget", "100")
        run("pareto", model, *options, "--budget", "100", "--point", "1")
        run("pareto", model, *options, "--point", "1")
        done = run("pareto", model, *options, "--budget", "90", "--point", "1", code=exits.USAGE)
        assert "is the front at a budget of 100" in done.stderr

    def test_a_little_too_little(self, model, tmp_path):
        edited(model, "actions.csv", "decrease,0", "decrease,3.1")
        done = run(
            "pareto", model, "--out", tmp_path / "f", "--budget", "30.99", "--episodes", "0",
            code=exits.INFEASIBLE,
        )  # fmt: skip
        needed = re.search(r"a budget of ([\d.]+) suffices", done.stderr)[1]
        run(
            "pareto", model, "--out", tmp_path / "f", "--budget", needed, "--episodes", "0",
            "--weights", "3", "--refine", "0", "--no-figures",
        )  # fmt: skip

    def test_a_cost_out_of_all_proportion(self, model, tmp_path):
        edited(model, "actions.csv", "^roads,high,worn,hold,10", "roads,high,worn,hold,1e12")
        options = ("--weights", "5", "--refine", "0", "--no-figures", "--episodes", "0")
        done = run("pareto", model, "--out", tmp_path / "f", *options, code=exits.GAP)
        assert re.search(r"the gap is 0\.00\d+ at point \d, and 1e-06 was asked for; rounding", done.stderr)

    def test_endless_plans_are_not_offered_to_pareto(self, model):
        edited(model, "model.toml", "^horizon = 5", 'horizon = "infinite"')
        said = STARTERS["departments"]["model.toml"]
        assert re.search("^horizon.*pareto needs a number$", said, flags=re.MULTILINE)
        from optbudget.files import load_departments

        with pytest.raises(ProblemError, match="finite horizon"):
            exact_front(load_departments(model))


def test_equal_points_are_one_row():
    answer = exact_front(two_departments(), weights=20, refine=0).with_plans()
    front, grid = answer.front, front_grid(answer)
    named = [[int(p) for p in re.findall(r"\d+", row[0].split(" and ")[0])] for row in grid.rows]
    assert any(len(points) > 1 for points in named) and "Equal points are one row" in grid.note
    assert len({row[3:5] for row in grid.rows}) == len(grid.rows) < len(front)
    service = [front.point[points[0], 0] for points in named]
    assert service == sorted(service, reverse=True)
    for points in named:
        assert abs(front.point[points] - front.point[points[0]]).max() < 1e-5
    short = front_grid(answer, limit=2)
    assert len(short.rows) == 2 and f"{len(grid.rows) - 2} other points in front.parquet." in short.note
