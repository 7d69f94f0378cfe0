"""The commands that make and read results: solve, allocate, verify, report, and their folders."""

import itertools
import json
import re
import shutil
import subprocess
import sys
from fractions import Fraction

import pyarrow.parquet as pq
import pytest
from commands import ROOT, run, run_json

from optbudget.errors import UsageError

EXTRA = ["matplotlib", "altair", "vl_convert", "jinja2"]


@pytest.fixture(scope="module")
def solved_once(tmp_path_factory):
    """The model of `new` and its result, made once."""
    place = tmp_path_factory.mktemp("once")
    run("new", place / "shop", "--quiet")
    run("solve", place / "shop", "--out", place / "result", "--keep-stages", "--quiet")
    return place


@pytest.fixture
def result(solved_once, tmp_path):
    """A copy of that result, for tests that change it."""
    shutil.copytree(solved_once / "result", tmp_path / "result")
    return tmp_path / "result"


class TestSolve:
    @pytest.mark.parametrize("method", ["auto", "exact", "walk", "sweep"])
    def test_json(self, model, tmp_path, method):
        out = tmp_path / "out"
        fields = run_json("solve", model, "--out", out, "--method", method, "--at", "-1,0,2,1e6")
        written = json.loads((out / "result.json").read_text())
        assert written.items() <= {**fields, "gap": written["gap"]}.items()
        assert fields["states"] == 4 and fields["segments_max"] >= fields["segments_mean"] > 1
        assert fields["gap"] <= (1e-4 if method == "sweep" else 1e-9)
        assert fields["termination"] in ("OPTIMAL", "TOLERANCE") and fields["solution"] == "CERTIFIED"
        assert set(fields["at"]) == {"visitor", "basket", "buyer", "gone"}
        least, some, most = fields["at"]["visitor"][1:]
        assert fields["at"]["visitor"][0] is None and least < some < most
        assert not (tmp_path / "out.checkpoint").exists()

    def test_tables_for_a_person(self, model, tmp_path):
        done = run("solve", model, "--out", tmp_path / "out", "--at", "-1,2")
        for word in ("visitor", "infeasible", "certified gap", "Written to"):
            assert word in done.stdout
        assert "walked" in done.stderr
        assert run("solve", model, "--out", tmp_path / "out", "--quiet").stderr == ""

    def test_the_model_as_it_was_written(self, model, tmp_path):
        run("solve", model, "--out", tmp_path / "out", "--no-copy", "--quiet")
        assert not (tmp_path / "out" / "model").exists()
        assert json.loads((tmp_path / "out" / "result.json").read_text())["model"]["path"] == "../shop"

    def test_a_located_error_leaves_nothing(self, model, tmp_path):
        text = (model / "transitions.csv").read_text().replace("0.80", "0.90")
        (model / "transitions.csv").write_text(text)
        done = run("solve", model, "--out", tmp_path / "out", code=3)
        assert "visitor" in done.stderr and "nothing" in done.stderr and "Traceback" not in done.stderr
        assert run_json("solve", model, "--out", tmp_path / "out", code=3)["issues"][0]["code"] == "row-sum"
        assert not (tmp_path / "out").exists() and not (tmp_path / "out.checkpoint").exists()

    def test_a_warning_is_a_line_of_the_log(self, model, tmp_path):
        path = model / "population.csv"
        rows = (model / "actions.csv").read_text().splitlines()
        (model / "actions.csv").write_text(
            "\n".join([rows[0] + ",colour", *(f"{row},red" for row in rows[1:]), ""])
        )
        done = run("solve", model, "--out", tmp_path / "out", "--json")
        assert path.exists() and "warning: " in done.stderr and "colour" in done.stderr
        json.loads(done.stdout)

    def test_pruning(self, model, tmp_path):
        (tmp_path / "mild.toml").write_text("[[phase]]\nstages = 8\nproduct = 0.5\n[[phase]]\n")
        options = ["--method", "exact", "--prune", tmp_path / "mild.toml"]
        pruned = run_json("solve", model, "--out", tmp_path / "out", *options, code=6)
        assert 1e-4 < pruned["gap"] < 1 and pruned["termination"] == "NUMERICAL"
        fine = run_json("solve", model, "--out", tmp_path / "out", *options, "--tolerance", "1")
        assert fine["termination"] == "TOLERANCE"
        run("solve", model, "--out", tmp_path / "out", "--prune", tmp_path / "mild.toml", code=2)

    @pytest.mark.parametrize("text", ["phase = 3", "[[phase]]\nslop = 1", "[[phase", "[[phase]]\nslope = -1"])
    def test_a_bad_schedule_names_its_file(self, model, tmp_path, text):
        (tmp_path / "bad.toml").write_text(text)
        options = ["--method", "exact", "--prune", tmp_path / "bad.toml"]
        assert "bad.toml" in run("solve", model, "--out", tmp_path / "out", *options, code=3).stderr

    def test_deterministic(self, tmp_path):
        out = tmp_path / "out"
        model = ROOT / "models" / "synthetic_ad"
        text = (model / "model.toml").read_text()
        shutil.copytree(model, tmp_path / "short")
        (tmp_path / "short" / "model.toml").write_text(re.sub(r"horizon = \d+", "horizon = 2", text))
        fields = run_json(
            "solve", tmp_path / "short", "--out", out, "--method", "deterministic", "--at", "1", code=7
        )
        assert fields["solution"] == "FEASIBLE" and fields["frontier"]["states"] == 15
        assert (out / "frontier.parquet").is_file()
        assert "Traceback" not in run("verify", out, code=3).stderr

    def test_limits(self, model, tmp_path):
        out = tmp_path / "out"
        tiny = ["--max-memory", "1kB"]
        assert "the limit is" in run("solve", model, "--out", out, "--method", "exact", *tiny, code=7).stderr
        assert not out.exists()
        assert "the limit is" in run("solve", model, "--out", out, *tiny, code=7).stderr
        little = run_json("solve", model, "--out", out, "--max-memory", "4kB", code=6)
        assert (little["termination"], little["solution"]) == ("MEMORY_LIMIT", "CERTIFIED")
        stopped = run_json("solve", model, "--out", out, "--time-limit", "0", code=6)
        assert (stopped["termination"], stopped["solution"]) == ("TIME_LIMIT", "CERTIFIED")
        assert 1e-4 < stopped["gap"] < 1

    def test_normalize(self, model, tmp_path):
        text = (model / "transitions.csv").read_text()
        (model / "transitions.csv").write_text(text.replace("0.80", "0.90"))
        out = tmp_path / "out"
        said = run("solve", model, "--out", out, "--normalize").stderr
        assert "transitions.csv:2" in said and "sum" in said
        run("verify", out)
        (model / "transitions.csv").write_text(text)
        assert run_json("solve", model, "--out", tmp_path / "other")["gap"] <= 1e-9

    def test_a_normalized_model_has_a_checkpoint_of_its_own(self, model, tmp_path, monkeypatch):
        """A model that was mended in memory has no hash; its files have one, and the mending is part."""
        keys = []

        def seen(folder, key, **_):
            keys.append(key)
            raise UsageError("seen")

        monkeypatch.setattr("optbudget.workers.Checkpoint", seen)
        good = (model / "transitions.csv").read_text()
        for number in ("0.80", "0.90", "0.70"):
            (model / "transitions.csv").write_text(good.replace("0.80", number))
            run("solve", model, "--out", tmp_path / "out", "--normalize", "--quiet", code=2)
        assert len(set(keys)) == 3

    def test_no_answer_without_bounds(self, model, tmp_path):
        text = (model / "model.toml").read_text().replace("horizon = 12", 'horizon = "infinite"')
        (model / "model.toml").write_text(text.replace("discount = 0.975", "discount = 1.0"))
        loop = (model / "transitions.csv").read_text()
        (model / "transitions.csv").write_text(
            loop.replace(
                "visitor,nothing,visitor,0.80\nvisitor,nothing,basket,0.05\nvisitor,nothing,gone,0.15",
                "visitor,nothing,visitor,1",
            )
        )
        (model / "actions.csv").write_text(
            (model / "actions.csv").read_text().replace("visitor,nothing,0,0", "visitor,nothing,0,1")
        )
        fields = run_json("solve", model, "--out", tmp_path / "out", code=5)
        assert fields["error"] and not (tmp_path / "out").exists()

    def test_same_bytes_twice(self, model, tmp_path):
        for name, threads in (("one", 1), ("two", 2)):
            run("solve", model, "--out", tmp_path / name / "out", "--threads", threads, "--quiet")
        one, two = tmp_path / "one" / "out", tmp_path / "two" / "out"
        files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
        assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
        for name in files:
            if name.name != "timings.json":
                assert (one / name).read_bytes() == (two / name).read_bytes(), name


class TestOutFolder:
    @pytest.mark.parametrize("command", ["solve", "demo", "allocate"])
    def test_a_foreign_folder_is_refused_before_any_work(self, solved_once, tmp_path, monkeypatch, command):
        for work in ("budgeted.solve", "allocation.allocate"):
            monkeypatch.setattr(f"optbudget.{work}", lambda *_, **__: pytest.fail("it worked for nothing"))
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "notes.txt").write_text("mine")
        given = {
            "solve": [solved_once / "shop"],
            "demo": [],
            "allocate": [solved_once / "result", "--budget", 1],
        }
        done = run(command, *given[command], "--out", tmp_path / "mine", code=2)
        assert "mine" in done.stderr and [path.name for path in (tmp_path / "mine").iterdir()] == [
            "notes.txt"
        ]
        (tmp_path / "file").write_text("mine")
        run(command, *given[command], "--out", tmp_path / "file", code=2)
        assert (tmp_path / "file").read_text() == "mine"

    def test_one_folder_within_the_other_is_refused_before_any_work(self, solved_once, monkeypatch):
        monkeypatch.setattr("optbudget.files.load_model", lambda *_, **__: pytest.fail("it was read"))
        monkeypatch.setattr("optbudget.files.load_result", lambda *_, **__: pytest.fail("it was read"))
        shop, result = solved_once / "shop", solved_once / "result"
        for out in (shop, shop / "out", shop / "deep" / "out"):
            said = run("solve", shop, "--out", out, code=2).stderr
            assert "--out" in said and "shop" in said
        run("solve", result / "model", "--out", result, "--no-copy", code=2)
        run("allocate", result, "--budget", 1, "--out", result / "split", code=2)
        assert not (shop / "out").exists() and not (shop / "deep").exists()

    def test_a_result_is_replaced_whole_and_an_empty_folder_used(self, model, tmp_path):
        (tmp_path / "out").mkdir()
        run("solve", model, "--out", tmp_path / "out", "--keep-stages", "--quiet")
        assert (tmp_path / "out" / "stages").is_dir()
        run("solve", model, "--out", tmp_path / "out", "--quiet")
        assert not (tmp_path / "out" / "stages").exists()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "shop"]


class TestAllocate:
    def test_json(self, result):
        fields = run_json("allocate", result, "--budget", 1000)
        assert {
            "budget",
            "value",
            "bound",
            "gap",
            "gap_absolute",
            "price",
            "spent",
            "unspent",
            "why_unspent",
        } <= set(fields)
        rows = fields["allocation"]
        assert set(rows[0]) == {"state", "count", "budget", "probability", "action"}
        assert sum(row["count"] * row["probability"] for row in rows) == 1000
        spent = sum(
            Fraction(row["count"]) * Fraction(row["probability"]) * Fraction(row["budget"]) for row in rows
        )
        assert spent <= 1000 and float(spent) == fields["spent"]
        assert fields["value"] <= fields["bound"] and fields["gap"] <= 1e-9
        run("verify", result)

    def test_table(self, result):
        done = run("allocate", result, "--budget", 1000)
        assert "visitor" in done.stdout and "price" in done.stdout

    def test_greedy_and_price_agree_and_uniform_is_below(self, result):
        answers = {
            method: run_json("allocate", result, "--budget", 1000, "--method", method, code=code)
            for method, code in (("greedy", 0), ("price", 0), ("uniform", 0))
        }
        assert answers["greedy"]["value"] == answers["price"]["value"] > answers["uniform"]["value"]
        assert answers["uniform"]["gap"] > 1e-4
        done = run("allocate", result, "--budget", 1000, "--method", "uniform")
        assert "not an optimum" in done.stderr and "stopped" not in done.stderr

    def test_money_left_has_a_reason(self, result):
        fields = run_json("allocate", result, "--budget", 1e6)
        assert fields["price"] == 0 and fields["unspent"] > 9e5 and "useful" in fields["why_unspent"]

    def test_a_range_changes_nothing(self, result):
        before = (result / "result.json").read_bytes()
        points = run_json("allocate", result, "--budget", "0:2000:5")["points"]
        assert [point["budget"] for point in points] == [0, 500, 1000, 1500, 2000]
        for one, other in itertools.pairwise(points):
            assert one["value"] < other["value"] and one["price"] >= other["price"]
        assert "1,500" in run("allocate", result, "--budget", "0:2000:5").stdout
        assert (result / "result.json").read_bytes() == before

    def test_out_leaves_the_result_alone(self, result, tmp_path):
        before = {path: path.read_bytes() for path in result.rglob("*") if path.is_file()}
        run("allocate", result, "--budget", 1000, "--out", tmp_path / "split")
        assert before == {path: path.read_bytes() for path in result.rglob("*") if path.is_file()}
        run("verify", tmp_path / "split")
        again = run_json("allocate", tmp_path / "split", "--budget", 500)
        assert again["budget"] == 500

    def test_populations(self, result, tmp_path):
        (tmp_path / "people.csv").write_text("unit,state\nAnn,visitor\nBob,basket\n")
        fields = run_json("allocate", result, "--budget", 4, "--population", tmp_path / "people.csv")
        assert sum(row["count"] * row["probability"] for row in fields["allocation"]) == 2
        assert (result / "assignment.parquet").is_file() and (result / "assignment.csv").is_file()
        (tmp_path / "wrong.csv").write_text("state,count\nnowhere,1\n")
        done = run("allocate", result, "--budget", 4, "--population", tmp_path / "wrong.csv", code=3)
        assert "wrong.csv:2" in done.stderr and "nowhere" in done.stderr

    def test_without_a_population_one_unit_at_the_start(self, result):
        (result / "model" / "population.csv").unlink()
        [row, *_] = run_json("allocate", result, "--budget", 100)["allocation"]
        assert (row["state"], row["count"]) == ("visitor", 1)

    @pytest.mark.parametrize(
        ("option", "asked"), [("target-value", 9000), ("least-roi", 3), ("least-marginal-roi", 2.75)]
    )
    def test_inverse_questions(self, result, option, asked):
        fields = run_json("allocate", result, f"--{option}", asked)
        found = fields[option.replace("-", "_")]
        assert found["asked"] == asked and found["budget"] == fields["budget"] > 0
        if option == "target-value":
            assert asked <= fields["value"] <= asked * (1 + 1e-9)
        else:
            assert fields["price"] <= asked
        assert option.replace("-", " ") in run("allocate", result, f"--{option}", asked).stdout

    def test_a_target_out_of_reach_is_infeasible(self, result):
        before = (result / "result.json").read_bytes()
        fields = run_json("allocate", result, "--target-value", 1e9, code=4)
        assert fields["value"] is None and fields["termination"] == "INFEASIBLE" and fields["message"]
        assert (result / "result.json").read_bytes() == before

    def test_a_budget_below_the_least_is_infeasible(self, tmp_path):
        model = ROOT / "models" / "toll"
        run("solve", model, "--out", tmp_path / "out", "--quiet")
        done = run("allocate", tmp_path / "out", "--budget", 0, code=4)
        assert "least" in done.stderr

    def test_stages(self, result, tmp_path):
        later = run_json("allocate", result, "--budget", 1000, "--stage", 6)
        now = run_json("allocate", result, "--budget", 1000)
        assert later["value"] < now["value"]
        assert json.loads((result / "result.json").read_text())["curves"]["stage"] == 0
        run("allocate", result, "--budget", 1000, "--stage", 6, "--out", tmp_path / "later")
        run("verify", tmp_path / "later")
        assert "stage 99" in run("allocate", result, "--budget", 1, "--stage", 99, code=2).stderr

    def test_baseline(self, result, tmp_path):
        file = tmp_path / "today.csv"
        file.write_text("state,count,budget\nvisitor,900,1\nbasket,100,1\n")
        fields = run_json("allocate", result, "--budget", 1000, "--baseline", file)
        today = fields["baseline"]
        assert today["budget"] == 1000 and today["change"] == pytest.approx(fields["value"] - today["value"])
        assert [row["state"] for row in today["rows"]] == ["visitor", "basket"]
        assert (
            "today" in run("allocate", result, "--budget", 1000, "--baseline", tmp_path / "today.csv").stdout
        )
        (tmp_path / "today.csv").write_text("state,count,budget\nvisitor,9,x\n")
        done = run("allocate", result, "--budget", 1000, "--baseline", tmp_path / "today.csv", code=3)
        assert "today.csv:2" in done.stderr
        run("allocate", result, "--budget", 1000, "--baseline", tmp_path / "none.csv", code=3)

    def test_what_a_range_does_not_go_with_is_named(self, result, tmp_path):
        for options in (["--out", tmp_path / "x"], ["--baseline", tmp_path / "b"], ["--target-value", 1]):
            said = run("allocate", result, "--budget", "0:9:3", *options, code=2).stderr
            assert str(options[0]) in said and said.count(" --") == 1 + said.count("--budget")

    def test_the_last_line_says_where_it_was_written(self, result, tmp_path):
        for options, out in (([], result), (["--out", tmp_path / "split"], tmp_path / "split")):
            last = run("allocate", result, "--budget", 1000, *options).stdout.splitlines()[-1]
            assert str(out) in last and ("--out" in last) == (not options)

    def test_several_initial_states_need_a_population(self, model, tmp_path):
        (model / "population.csv").unlink()
        text = (model / "model.toml").read_text()
        start = "initial = {visitor = 0.75, basket = 0.25}\n"
        (model / "model.toml").write_text(re.sub(r"initial = .*\n", start, text))
        run("solve", model, "--out", tmp_path / "out", "--quiet")
        said = run("allocate", tmp_path / "out", "--budget", 1, code=2).stderr
        for word in ("--population", "state,count", "visitor 0.75", "basket 0.25"):
            assert word in said

    def test_no_units_is_an_error_of_the_file(self, result, tmp_path):
        (tmp_path / "none.csv").write_text("state,count\n")
        said = run("allocate", result, "--budget", 1, "--population", tmp_path / "none.csv", code=3).stderr
        assert "none.csv" in said and "no units" in said


class TestKinds:
    """A folder of the other kind is named as such, with the command that wants it."""

    @pytest.mark.parametrize("command", ["allocate", "verify", "report"])
    def test_a_model_is_not_a_result(self, model, tmp_path, command):
        options = {"allocate": ["--budget", 1], "verify": [], "report": ["--out", tmp_path / "page.html"]}
        said = run(command, model, *options[command], code=2).stderr
        assert "is a model" in said and "optbudget solve" in said

    def test_a_result_is_not_a_model(self, result, tmp_path):
        said = run("solve", result, "--out", tmp_path / "out", code=2).stderr
        assert "is a result" in said and "optbudget allocate" in said
        said = run("verify", result, "--model", result, code=2).stderr
        assert "is a result" in said


class TestMaxMemory:
    """Files are weighed before they are read, by every command that reads them."""

    @pytest.mark.parametrize("command", ["solve", "allocate", "verify", "report"])
    def test_before_reading(self, result, model, tmp_path, monkeypatch, command):
        for name in ("load_model", "load_result", "load_population"):
            monkeypatch.setattr(f"optbudget.files.{name}", lambda *_, **__: pytest.fail("it was read"))
        given = {
            "solve": [model, "--out", tmp_path / "out"],
            "allocate": [result, "--budget", 1],
            "verify": [result],
            "report": [result, "--out", tmp_path / "page.html"],
        }[command]
        said = run(command, *given, "--max-memory", "100", code=7).stderr
        assert "--max-memory" in said and "read" in said

    def test_a_long_horizon_is_refused_before_any_work(self, model, tmp_path):
        text = (model / "model.toml").read_text().replace("horizon = 12", "horizon = 2000000")
        (model / "model.toml").write_text(text)
        said = run("solve", model, "--out", tmp_path / "out", "--max-memory", "50MB", code=7).stderr
        assert "2,000,000 stages" in said and "--max-memory" in said

    def test_the_population_is_weighed_too(self, result, tmp_path):
        rows = "".join(f"{k},visitor\n" for k in range(100_000))
        (tmp_path / "people.csv").write_text("unit,state\n" + rows)
        given = ["allocate", result, "--budget", 1, "--population", tmp_path / "people.csv"]
        assert "people.csv" in run(*given, "--max-memory", "1MB", code=7).stderr
        run(*given, "--max-memory", "1GB")


class TestVerify:
    def test_json(self, result):
        fields = run_json("verify", result)
        assert fields["ok"] and all(set(check) == {"name", "ok", "detail"} for check in fields["checks"])

    def test_a_changed_number_fails(self, result):
        stated = json.loads((result / "result.json").read_text())
        stated["gap"] = stated["curves"]["gap"] = 0.0
        (result / "result.json").write_text(json.dumps(stated))
        done = run("verify", result, code=8)
        assert "FAILED" in done.stdout
        assert not run_json("verify", result, code=8)["ok"]

    def test_another_model_is_refused(self, result, model):
        (model / "model.toml").write_text((model / "model.toml").read_text().replace("0.975", "0.95"))
        assert "hash" in run("verify", result, "--model", model, code=3).stderr

    def test_a_copy_that_was_edited_is_named(self, result):
        file = result / "model" / "model.toml"
        file.write_text(file.read_text().replace("0.975", "0.95"))
        said = run("verify", result, code=3).stderr
        assert "result/model" in said and "given" not in said

    def test_what_cannot_be_read(self, result, tmp_path):
        run("verify", tmp_path / "nothing", code=3)
        (result / "curves.parquet").write_bytes(b"PAR1")
        assert "curves.parquet" in run("verify", result, code=3).stderr


class TestReport:
    def test_page(self, result, tmp_path):
        fields = run_json("report", result, "--out", tmp_path / "page.html")
        assert fields["out"].endswith("page.html") and "visitor" in (tmp_path / "page.html").read_text()

    def test_a_folder_is_no_page(self, result, tmp_path):
        said = run("report", result, "--out", tmp_path, code=2).stderr
        assert "--out" in said and ".html" in said
        said = run("report", result, "--out", tmp_path / "no" / "page.html", code=2).stderr
        assert "--out" in said and "no folder" in said

    def test_without_the_extra(self, result, tmp_path):
        script = (
            f"import sys; sys.modules.update(dict.fromkeys({EXTRA}))\nfrom optbudget.cli import main; main()"
        )
        command = [sys.executable, "-c", script, "report", str(result), "--out", str(tmp_path / "page.html")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.strip()) == (9, "optbudget: pip install 'optbudget[report]'")
        assert not (tmp_path / "page.html").exists()


class TestPolicy:
    def rows(self, folder):
        return pq.read_table(folder / "policy.parquet").to_pylist()

    def test_an_allocation_says_what_to_do_at_its_prices(self, result):
        fields = run_json("allocate", result, "--budget", 1000)
        rows = self.rows(result)
        assert {row["stage"] for row in rows} == set(range(12))
        edges = {row[name] for row in rows for name in ("price_low", "price_high")}
        assert fields["price"] in edges and len(edges) == 3
        now = {(r["state"], r["price_low"] < fields["price"]): r["action"] for r in rows if r["stage"] == 0}
        [lower, upper] = [row for row in fields["allocation"] if row["probability"] < 1]
        assert now.get((lower["state"], False), now.get((lower["state"], True))) == lower["action"]
        assert now[upper["state"], True] == upper["action"]

    def test_the_next_allocation_replaces_it(self, result):
        run("allocate", result, "--budget", 1000)
        first = self.rows(result)
        run("allocate", result, "--budget", 5000)
        assert self.rows(result) != first

    def test_a_kept_policy_stays(self, model, tmp_path):
        run("solve", model, "--out", tmp_path / "out", "--keep-policy", "--quiet")
        kept = self.rows(tmp_path / "out")
        run("allocate", tmp_path / "out", "--budget", 1000)
        assert self.rows(tmp_path / "out") == kept and len({row["price_low"] for row in kept}) > 20
