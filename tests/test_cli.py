"""The command line around the mathematics: exit codes, arguments, JSON, and the commands that only look."""

import json
import signal
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from commands import run, run_json

from optbudget import errors
from optbudget.cli import exits
from optbudget.cli.arguments import budget_or_range, list_of_budgets, size_in_bytes
from optbudget.cli.plain import to_json
from optbudget.cli.run import Run, as_command
from optbudget.status import Outcome, Solution, Termination

# DESIGN section 6: termination, exit code with a certified answer, exit code without one.
EXIT_CODES = [
    ("OPTIMAL", 0, 7),
    ("TOLERANCE", 0, 7),
    ("TIME_LIMIT", 6, 7),
    ("MEMORY_LIMIT", 6, 7),
    ("INTERRUPTED", 130, 130),
    ("INFEASIBLE", 4, 4),
    ("UNBOUNDED", 5, 5),
    ("ILL_POSED", 5, 5),
    ("NUMERICAL", 6, 7),
    ("BACKEND_FAILED", 9, 9),
    ("UNKNOWN", 6, 7),
]


class TestExitCodes:
    @pytest.mark.parametrize(("name", "certified", "without"), EXIT_CODES)
    def test_of_outcomes(self, name, certified, without):
        why = Termination[name]
        assert exits.of_outcome(Outcome(why, Solution.CERTIFIED)) == certified
        assert exits.of_outcome(Outcome(why, Solution.NONE)) == without
        assert exits.of_outcome(Outcome(why, Solution.FEASIBLE)) == without

    def test_every_termination_is_in_the_table(self):
        assert set(exits.OF_OUTCOME) == set(Termination) and len(EXIT_CODES) == len(Termination)

    def test_every_error_of_ours_is_in_the_table(self):
        ours = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, Exception)]
        assert {cls for cls in ours if cls is not errors.OptBudgetError} <= set(exits.OF_ERROR)

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (errors.UsageError("x"), 2),
            (errors.ProblemError("x"), 3),
            (errors.ResultError("x"), 3),
            (errors.IllPosedError("x"), 5),
            (errors.LimitError("x"), 7),
            (errors.MissingExtraError("x"), 9),
            (errors.InterruptedWork("x"), 130),
            (KeyboardInterrupt(), 130),
            (PermissionError(13, "Permission denied", "there"), 3),
            (MemoryError(), 7),
            (ValueError("x"), 70),
            (ZeroDivisionError(), 70),
            (errors.OptBudgetError("x"), 70),
        ],
    )
    def test_of_errors(self, monkeypatch, error, code):
        def fail(*_, **__):
            raise error

        monkeypatch.setattr("optbudget.files.check", fail)
        done = run("check", "anything", code=code)
        assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) == 1
        assert ("bug of ours" in done.stderr) == (code == 70)
        fields = run_json("check", "anything", code=code)
        assert fields["exit"] == code and fields["error"] in done.stderr

    def test_out_of_memory_says_what_to_change(self, monkeypatch):
        def fail(*_, **__):
            raise MemoryError("Unable to allocate 14.9 GiB for an array with shape (2000000000,)")

        monkeypatch.setattr("optbudget.files.check", fail)
        said = run("check", "anything", code=7).stderr
        for word in ("14.9 GiB", "--tolerance", "horizon", "--max-memory"):
            assert word in said

    def test_a_bug_shows_where_if_asked(self, monkeypatch):
        monkeypatch.setattr("optbudget.files.check", lambda *_, **__: 1 / 0)
        monkeypatch.setenv("OPTBUDGET_DEBUG", "1")
        assert "ZeroDivisionError" in run("check", "anything", code=70).stderr.splitlines()[-1]

    @pytest.mark.parametrize(
        "arguments",
        [
            ["nonsense"],
            ["solve"],
            ["solve", "m", "--out", "o", "--method", "magic"],
            ["solve", "m", "--out", "o", "--tolerance", "-1"],
            ["solve", "m", "--out", "o", "--tolerance", "nan"],
            ["solve", "m", "--out", "o", "--at", "1;2"],
            ["solve", "m", "--out", "o", "--at", "1,inf"],
            ["solve", "m", "--out", "o", "--max-memory", "much"],
            ["solve", "m", "--out", "o", "--max-memory", "-1GiB"],
            ["solve", "m", "--out", "o", "--threads", "0"],
            ["solve", "m", "--out", "o", "--time-limit", "-1"],
            ["allocate", "r"],
            ["allocate", "r", "--budget", "-1"],
            ["allocate", "r", "--budget", "nan"],
            ["allocate", "r", "--budget", "1:2"],
            ["allocate", "r", "--budget", "2:1:3"],
            ["allocate", "r", "--budget", "1:2:1"],
            ["allocate", "r", "--budget", "1", "--target-value", "1", "--least-roi", "1"],
            ["verify", "r", "--all"],
            ["new", "d", "--kind", "unknown"],
            ["doctor", "--need", "unknown"],
        ],
    )
    def test_usage(self, arguments, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        done = run(*arguments, code=2)
        assert done.stderr and not done.stdout
        assert list(tmp_path.iterdir()) == []


class TestArguments:
    @pytest.mark.parametrize(
        ("text", "size"),
        [("1", 1), ("2kB", 2000), ("1.5GiB", 3 * 2**29), ("3M", 3_000_000), ("1 TiB", 2**40), ("7b", 7)],
    )
    def test_sizes(self, text, size):
        assert size_in_bytes(text) == size

    @pytest.mark.parametrize("text", ["", "GiB", "0", "nan", "inf", "1XB", "1e30", "1 2"])
    def test_what_is_no_size(self, text):
        with pytest.raises(errors.UsageError, match="max-memory"):
            size_in_bytes(text)

    def test_ranges_hold_both_ends(self):
        assert budget_or_range("0.1:0.7:4")[0] == 0.1 and budget_or_range("0.1:0.7:4")[-1] == 0.7
        assert list_of_budgets("0,1e3") == (0.0, 1000.0)

    def test_json_never_holds_nan(self):
        fields = {"x": np.float64("nan"), "y": np.array([1.0, np.inf]), "z": Solution.NONE, "p": Path("a/b")}
        assert json.loads(to_json(fields)) == {"x": None, "y": [1.0, None], "z": "NONE", "p": "a/b"}
        assert json.loads(to_json({"n": np.int64(3), "t": True, "u": np.bool_(True)})) == {
            "n": 3,
            "t": True,
            "u": True,
        }
        with pytest.raises(TypeError, match="no place in JSON"):
            to_json({"x": object()})


class TestNew:
    def test_the_model_passes_check(self, model):
        fields = run_json("check", model)
        assert fields == {"ok": True, "issues": []}

    def test_refuses_a_folder_in_use(self, model):
        before = sorted(path.read_bytes() for path in model.iterdir())
        run("new", model, code=2)
        assert sorted(path.read_bytes() for path in model.iterdir()) == before

    def test_json(self, tmp_path):
        fields = run_json("new", tmp_path / "a b")
        assert sorted(fields["files"]) == sorted(path.name for path in (tmp_path / "a b").iterdir())

    def test_a_name_that_toml_would_misread(self, tmp_path):
        folder = tmp_path / 'odd"name\\x'
        run("new", folder)
        assert run_json("check", folder)["ok"]


class TestCheck:
    def test_a_located_error(self, model):
        text = (model / "actions.csv").read_text().replace("email,0.5", "email,-0.5")
        (model / "actions.csv").write_text(text)
        line = next(k for k, row in enumerate(text.splitlines(), 1) if "-0.5" in row)
        done = run("check", model, code=3)
        assert f"actions.csv:{line}" in done.stdout and not done.stderr
        fields = run_json("check", model, code=3)
        [issue] = fields["issues"]
        assert fields["ok"] is False
        assert set(issue) >= {"severity", "code", "file", "line", "state", "action", "message"}
        assert (issue["severity"], issue["line"]) == ("error", line)

    def test_warnings_keep_exit_0(self, model):
        path = model / "actions.csv"
        rows = path.read_text().splitlines()
        path.write_text("\n".join([rows[0] + ",colour"] + [row + ",red" for row in rows[1:]]))
        assert "warning" in run("check", model).stdout
        assert {issue["severity"] for issue in run_json("check", model)["issues"]} == {"warning"}

    def test_the_horizon_of_a_lifetime(self, model):
        text = (model / "model.toml").read_text().replace("horizon = 12", "horizon = 2000000000")
        (model / "model.toml").write_text(text)
        said = run("check", model, code=3).stdout
        assert "model.toml:" in said and "infinite" in said and "10,000,000" in said

    def test_normalize(self, model):
        """What --normalize and --sum-duplicates mend is a warning that says what was changed."""
        text = (model / "transitions.csv").read_text().replace("0.80", "0.90")
        (model / "transitions.csv").write_text(text + "buyer,nothing,gone,0\nbasket,coupon,gone,0.20\n")
        codes = {issue["code"] for issue in run_json("check", model, code=3)["issues"]}
        assert codes >= {"row-sum", "duplicate-transition"}
        run("check", model, "--normalize", code=3)
        issues = run_json("check", model, "--normalize", "--sum-duplicates")["issues"]
        found = {issue["code"]: issue for issue in issues}
        assert (found["normalized"]["state"], found["normalized"]["action"]) == ("visitor", "nothing")
        assert found["normalized"]["line"] == 2 and "1.1" in found["normalized"]["message"]
        assert found["summed"]["line"] == 20

    def test_memory_is_asked_for_before_a_file_is_read(self, model, monkeypatch):
        monkeypatch.setattr("optbudget.files.check", lambda *_, **__: pytest.fail("it was read"))
        assert "--max-memory" in run("check", model, "--max-memory", "100", code=7).stderr

    def test_no_folder(self, tmp_path):
        assert not run_json("check", tmp_path / "nothing", code=3)["ok"]


class TestDoctor:
    def test_tells_what_is_there(self):
        fields = run_json("doctor")
        assert fields["machine"]["numpy"] == np.__version__ and set(fields["extras"]) == {
            "report",
            "solvers",
            "cluster",
        }
        assert "numba" in run("doctor").stdout

    def test_what_is_missing_comes_with_its_cure(self, monkeypatch):
        monkeypatch.setattr("optbudget.cli.doctor.find_spec", lambda name: None)
        fields = run_json("doctor")
        assert fields["extras"]["report"]["install"] == "pip install 'optbudget[report]'"
        assert "pip install 'optbudget[solvers]'" in run("doctor", "--need", "solvers", code=9).stderr
        run("doctor", "--need", "report", code=9)


def test_help_names_every_command():
    text = run("--help").stdout
    for name in ("new", "demo", "check", "solve", "allocate", "verify", "report", "doctor"):
        assert name in text
        assert "--max-memory" in run(name, "--help").stdout


def test_an_interrupt_that_native_code_swallows_is_not_lost():
    """Ctrl-C while something is loaded or compiled may vanish; the work after it is stopped."""
    stopped = []

    def command(run: Run) -> None:
        with suppress(KeyboardInterrupt):  # What native code does with it.
            signal.raise_signal(signal.SIGINT)
        with run.working("something long") as monitor:
            stopped.append(monitor.stop_reason())

    as_command(command)(json=False, quiet=True, threads=None, max_memory=None, time_limit=None, no_color=True)
    assert stopped == [Termination.INTERRUPTED]
