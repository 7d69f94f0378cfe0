"""Fronts on disk: what is written is read again, its points verify as results, and forged ones are caught."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import run, run_json
from small_risks import causal_folder, harmful

from optbudget import load, save, verify
from optbudget.cli import exits
from optbudget.errors import ProblemError, ResultError, UsageError
from optbudget.files import load_answer, load_front
from optbudget.files.seals import sealed
from optbudget.pareto import evaluate_lottery, exact_front
from optbudget.planning import unintended
from optbudget.problems import DepartmentFront, DepartmentPlan, FrontPoint, PolicyMixture
from optbudget.problems.examples import two_departments
from optbudget.problems.side_effects import SideEffects


@pytest.fixture(scope="module")
def answer():
    return exact_front(two_departments(), weights=5, refine=2, tolerance=1e-9).with_plans()


@pytest.fixture
def folder(answer, tmp_path):
    save(answer, tmp_path / "front", seed=42)
    return tmp_path / "front"


def resealed(folder, **stated):
    """The folder as someone writes it who knows how to seal."""
    file = folder / "front.json"
    content = {**json.loads(file.read_text()), **stated}
    names = content.pop("files")
    content.pop("sha256")
    file.write_text(json.dumps(sealed(content, folder, names)))


def changed(file, column, row, number):
    table = pq.read_table(file)
    values = table[column].to_pylist()
    values[row] = number
    place = table.column_names.index(column)
    pq.write_table(
        table.set_column(place, table.field(place), pa.array(values, table.field(place).type)), file
    )


def failed(folder):
    return [check.name for check in verify(load_answer(folder)).checks if not check.ok]


class TestRoundTrip:
    def test_the_front(self, answer, folder):
        again = load(folder)
        assert isinstance(again, DepartmentFront)
        for name in ("weight", "point", "spend", "bound", "price"):
            assert np.array_equal(getattr(again.front, name), getattr(answer.front, name)), name
        assert again.front.objectives == ("service", "-risk") and again.front.outcome == answer.front.outcome
        assert again.stated["seed"] == 42
        for p in range(len(answer.front)):
            mine, theirs = answer.point_of(p), again.point_of(p)
            assert np.array_equal(mine.plan.policy, theirs.plan.policy)
            assert np.array_equal(mine.mean_spend, theirs.mean_spend)

    def test_the_columns_that_are_fixed(self, folder):
        front = pq.read_table(folder / "front.parquet")
        assert front.schema.names == ["point", "kind", "service", "-risk", "spend"]
        assert front.schema.field("point").type == pa.int64()
        assert all(front.schema.field(name).type == pa.float64() for name in ("service", "-risk", "spend"))
        assert pq.read_table(folder / "weights.parquet").num_rows == front.num_rows

    def test_everything_verifies(self, answer, folder):
        assert verify(load(folder)).ok
        for p in range(len(answer.front)):
            point = load(folder / "points" / str(p))
            assert isinstance(point, PolicyMixture) and verify(point).ok
            assert point.value == pytest.approx(answer.front.value[p], abs=1e-12)
            table = pq.read_table(folder / "points" / str(p) / "allocation.parquet").to_pydict()
            spent = np.dot(np.array(table["budget"]) * table["count"], table["probability"])
            assert spent == pytest.approx(answer.front.spend[p], abs=1e-12) and spent <= answer.front.budget

    def test_equal_answers_give_equal_bytes(self, answer, folder, tmp_path):
        save(answer, tmp_path / "again", seed=42)
        for file in folder.rglob("*"):
            if file.is_file():
                assert file.read_bytes() == (tmp_path / "again" / file.relative_to(folder)).read_bytes()

    def test_learned_points_have_no_bound_and_keep_the_planes(self, answer, tmp_path):
        d = answer.departments
        never = DepartmentPlan(d, [1.0], np.tile(d.held.pair_ptr[:-1], (1, 3, 1)))
        worth = evaluate_lottery(d, never.policy, never.share)
        front = replace(
            answer.front.take(np.array([0])), point=worth.point, spend=[worth.spent], bound=[np.inf],
            price=[np.nan], kind=("learned",),
        )  # fmt: skip
        point = FrontPoint(never, worth.reward[None], worth.spend[None])
        both = answer.joined(DepartmentFront(d, front, lambda _: point))
        save(both, tmp_path / "both")
        again = load(tmp_path / "both")
        assert again.front.kind[-1] == "learned" and np.isinf(again.front.bound[-1])
        assert verify(again).ok
        assert verify(load(tmp_path / "both" / "points" / str(len(both.front) - 1))).ok

    @pytest.mark.parametrize("name", ["point", "kind", "policy", "spend", "value", "bound", "gap", "price"])
    def test_an_objective_may_not_be_called_like_another_column(self, name):
        """Else one of the two columns is lost: the folder could not be read, or said something else."""
        two = replace(two_departments(), objectives=(name, "risk"))
        with pytest.raises(ProblemError, match="have columns of that name"):
            exact_front(two, weights=2, refine=0)

    def test_where_something_else_is(self, answer, folder, tmp_path):
        save(answer, folder)
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "notes.txt").write_text("mine")
        with pytest.raises(UsageError, match="is not a front"):
            save(answer, tmp_path / "mine")
        with pytest.raises(UsageError, match="is not a result"):
            save(load(folder / "points" / "0"), folder)


class TestForged:
    @pytest.mark.parametrize("name", ["front.parquet", "weights.parquet", "points/1/policies.parquet"])
    def test_edited(self, folder, name):
        column = {"front.parquet": "service", "weights.parquet": "bound"}.get(name, "stage")
        changed(folder / name, column, 0, 1)
        with pytest.raises(ResultError, match="is not as it was written"):
            load_front(folder).point_of(1)

    @pytest.mark.parametrize(
        "name, column, number, check",
        [
            ("front.parquet", "-risk", 0.0, "points"),
            ("front.parquet", "spend", 0.125, "points"),
        ],
    )
    def test_resealed(self, folder, name, column, number, check):
        rows = pq.read_table(folder / "front.parquet").to_pydict()["-risk"]
        row = int(np.argmin(rows))
        changed(folder / "weights.parquet", "bound", row, 100.0)
        changed(folder / name, column, row, number)
        resealed(folder, termination="TIME_LIMIT")
        assert check in failed(folder)

    def test_another_price(self, folder):
        """At which the bound that is stated is not proved."""
        price = pq.read_table(folder / "weights.parquet").to_pydict()["price"]
        row = int(np.argmax(price))
        changed(folder / "weights.parquet", "price", row, price[row] / 2)
        resealed(folder)
        assert failed(folder) == ["points", "bounds"]  # What its own result says is another price, too.

    def test_a_bound_too_low(self, folder):
        row = pq.read_table(folder / "weights.parquet").to_pydict()
        changed(folder / "weights.parquet", "bound", 0, row["value"][0] - 5e-10)
        resealed(folder)
        assert failed(folder) == ["front.json", "bounds"]  # The gap that is stated is another, too.

    def test_a_point_beyond_a_plane(self, folder):
        """Better in everything than any plan: its own bound is left out, but the others' planes hold."""
        front = pq.read_table(folder / "front.parquet").to_pydict()
        changed(folder / "front.parquet", "service", 1, max(front["service"]) + 1.0)
        changed(folder / "front.parquet", "-risk", 1, 0.0)
        changed(folder / "front.parquet", "kind", 1, "learned")
        changed(folder / "weights.parquet", "bound", 1, np.inf)
        resealed(folder)
        assert {"points", "planes"} <= set(failed(folder))

    def test_another_policy(self, folder):
        file = folder / "points" / "0" / "policies.parquet"
        table = pq.read_table(file)
        pq.write_table(table.set_column(4, "action", pa.array(["hold"] * table.num_rows)), file)
        assert table.column_names[4] == "action"
        resealed(folder)
        assert "points" in failed(folder)

    @pytest.mark.parametrize(
        "name, column, number",
        [
            ("front.parquet", "spend", lambda spend: spend * (1 + 1e-10)),
            ("points/0/allocation.parquet", "budget", lambda money: money + 1.0),
            ("points/0/allocation.parquet", "action", lambda _: "none"),
            ("points/0/departments.parquet", "department", lambda _: "parks"),
            ("points/0/departments.parquet", "-risk", lambda risk: risk + 1e-10),
            ("points/0/departments.parquet", "spend", lambda money: money + 1.0),
            ("points/0/lines.parquet", "budget", lambda money: money + 1.0),
            ("points/0/lines.parquet", "spent", lambda money: money - 1.0),
            ("points/0/population.parquet", "count", lambda count: count + 1),
        ],
    )
    def test_a_number_of_any_table(self, folder, name, column, number):
        old = pq.read_table(folder / name).to_pydict()[column][0]
        changed(folder / name, column, 0, number(old))
        resealed(folder)
        assert failed(folder) == ["points"]

    @pytest.mark.parametrize("name", ["value", "bound", "gap", "gap_absolute", "tolerance", "model"])
    def test_what_a_point_says_of_itself(self, folder, name):
        file = folder / "points" / "0" / "result.json"
        content = json.loads(file.read_text())
        other = {**content["model"], "weights": {"service": 0.5, "risk": 0.5}}
        file.write_text(json.dumps({**content, name: other if name == "model" else content[name] + 1.0}))
        resealed(folder)
        assert failed(folder) == ["points"]

    def test_other_objectives(self, folder):
        resealed(folder, objectives=["-risk", "service"])
        assert failed(folder) == ["front.json"]

    def test_a_bound_left_out(self, folder):
        """The front is certified at every weight at which it was computed."""
        for column in ("bound", "gap"):
            changed(folder / "weights.parquet", column, 1, np.inf)
        changed(folder / "weights.parquet", "price", 1, np.nan)
        resealed(folder)
        assert "bounds" in failed(folder)

    def test_two_actions_at_once(self, folder):
        """Of two rows for one state, the one that counts is not the one that is read first."""
        file = folder / "points" / "0" / "policies.parquet"
        table = pq.read_table(file)
        other = table.slice(0, 1).set_column(4, "action", pa.array(["none"]))
        pq.write_table(pa.concat_tables([other.cast(table.schema), table]), file)
        with pytest.raises(ResultError, match="not as it was written"):
            load_front(folder)
        resealed(folder)
        assert failed(folder) == ["points"]

    def test_any_file_that_is_not_as_it_was(self, folder):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.parent.name != "model":
                whole = file.read_bytes()
                file.write_bytes(whole + b" ")
                if file.name != "front.json":
                    with pytest.raises(ResultError, match="not as it was written"):
                        load_front(folder)
                    file.unlink()
                    with pytest.raises(ResultError, match="is missing"):
                        load_front(folder)
                file.write_bytes(whole)

    def test_shares_that_are_none(self, folder):
        changed(folder / "points" / "0" / "mixture.parquet", "share", 0, 0.5)
        resealed(folder)
        with pytest.raises(ResultError, match="points/0 does not hold a plan"):
            load_front(folder).point_of(0)

    def test_another_model(self, folder, tmp_path):
        save(two_departments(horizon=4), tmp_path / "other")
        with pytest.raises(ResultError, match="hash"):
            load_front(folder, tmp_path / "other")
        with pytest.raises(ResultError, match="departments with hash"):
            load_answer(folder / "points" / "0", tmp_path / "other")

    @pytest.mark.parametrize("name", ["front.parquet", "weights.parquet", "points/0/mixture.parquet"])
    def test_missing(self, folder, name):
        (folder / name).unlink()
        resealed(folder)
        with pytest.raises(ResultError, match="missing"):
            load_front(folder).point_of(0)

    @pytest.mark.parametrize("damage", ["", 3, None, [], {"a": 1}, -1, 2**62, float("1e308")])
    def test_every_field_damaged(self, folder, damage):
        """Whatever stands in front.json: a clear refusal, or a check that fails, and never anything else."""
        fields = json.loads((folder / "front.json").read_text())
        free = {"version", "command", "seed", "message", "objectives", "files", "sha256"}
        for name in sorted(set(fields) - free):
            if fields[name] == damage or (name == "tolerance" and damage in (3, 2**62, 1e308)):
                continue
            resealed(folder, **{name: damage})
            try:
                assert failed(folder), name
            except ResultError as error:
                assert str(error)
            resealed(folder, **fields)

    @pytest.mark.parametrize("file", ["front.parquet", "weights.parquet"])
    def test_every_column_damaged(self, folder, file):
        table = pq.read_table(folder / file)
        for place, name in enumerate(table.column_names):
            for column in (["x"] * table.num_rows, [None] * table.num_rows, [-1.0] * table.num_rows):
                pq.write_table(table.set_column(place, name, pa.array(column)), folder / file)
                resealed(folder)
                try:
                    assert failed(folder), name
                except ResultError as error:
                    assert str(error)
        pq.write_table(table.drop_columns(["point"]), folder / file)
        resealed(folder)
        with pytest.raises(ResultError, match="one column 'point'"):
            load_front(folder)


class TestRisk:
    harms = SideEffects(("improve",), (harmful("improve", 0.5),))

    def test_it_is_held_against_the_weighted_reward(self):
        """R' = R - κ CausalRisk, so that a front with it is that of the weighted problem with it."""
        from optbudget import allocate, solve
        from optbudget.problems import hold_risk

        d = two_departments()
        front = exact_front(d.with_risk(self.harms, 2.0), weights=5, refine=0, tolerance=1e-9).front
        plain = exact_front(d, weights=5, refine=0, tolerance=1e-9).front
        assert (front.value <= plain.value + 1e-12).all() and (front.value < plain.value - 0.1).any()
        for p, weight in enumerate(front.weight):
            problem = d.budgeted(dict(zip(d.objectives, weight.tolist(), strict=True)))
            held = hold_risk(problem, self.harms, 2.0)
            split = allocate(solve(held), d.population(held), d.total_budget)
            assert front.value[p] == pytest.approx(split.value, abs=1e-9)

    def test_weights_of_another_sum_scale_it(self):
        d = two_departments().with_risk(self.harms, 1.0)
        twice = d.budgeted({"service": 1.0, "risk": 1.0})
        once = d.budgeted({"service": 0.5, "risk": 0.5})
        assert twice.utility == pytest.approx(2.0 * once.utility)
        assert once.risk.weight == 1.0 and d.budgeted({"service": 0.5, "risk": 0.5}).risk.name == "risk"

    def test_on_disk(self, tmp_path):
        found = exact_front(two_departments().with_risk(self.harms, 2.0), weights=4, refine=0)
        save(found.with_plans(), tmp_path / "front")
        again = load(tmp_path / "front")
        assert np.array_equal(again.departments.signed_reward, found.departments.signed_reward)
        assert verify(again).checks[0].name == "risk term" and verify(again).ok
        point = verify(load(tmp_path / "front" / "points" / "2"))
        assert point.checks[0].name == "risk term" and point.ok

    def test_its_consequences_are_the_value_given_up(self):
        """By the model without the risk a plan is worth what it is with it, plus weight times its harm."""
        plain, weights = two_departments(), np.array([[0.2, 0.8], [0.5, 0.5], [0.8, 0.2]])
        found = exact_front(plain.with_risk(self.harms, 2.0), weights=weights, refine=0)
        for p, weight in enumerate(weights):
            said, plan = unintended(found.with_plans().mixture(p)), found.plan(p)
            before = weight @ evaluate_lottery(plain, plan.policy, plan.share).point
            assert said.value == pytest.approx(before, abs=1e-12) and said.weight == 2.0
            harm = (before - found.front.value[p]) / 2.0
            assert said.harm == pytest.approx(harm, abs=1e-12)
        assert said.harm > 0.5


class TestFigures:
    @pytest.mark.parametrize("objectives", [1, 2, 3, 4])
    @pytest.mark.parametrize("learned", [False, True])
    def test_any_number_of_objectives(self, objectives, learned, tmp_path):
        pytest.importorskip("matplotlib")
        from optbudget import plot
        from optbudget.report.figures import write
        from optbudget.report.front_figures import parallel_figure, point_figure

        d = two_departments()
        draws = np.random.default_rng(0).integers(0, 5, size=(d.held.cost.size, 4)).astype(float)
        more = replace(
            d, objectives=("service", "risk", "speed", "calm")[:objectives],
            direction=np.array([1, -1, 1, 1])[:objectives],
            reward=np.column_stack([d.reward, draws])[:, :objectives],
        )  # fmt: skip
        answer = exact_front(more, weights=max(4, objectives), refine=0).with_plans()
        if learned:
            other = replace(
                answer.front.take(np.array([0])), kind=("learned",), bound=[np.inf], price=[np.nan]
            )
            answer = answer.joined(DepartmentFront(more, other, answer.point_of))
        for k, figure in enumerate((plot(answer), parallel_figure(answer, chosen=0))):
            assert write(figure, tmp_path / f"{k}.svg").stat().st_size > 1000
        assert write(point_figure(answer.point_of(0), 0), tmp_path / "point.svg").is_file()


class TestCommand:
    @pytest.fixture
    def model(self, tmp_path):
        save(two_departments(), tmp_path / "two")
        return tmp_path / "two"

    def test_a_front(self, model, tmp_path):
        found = run_json(
            "pareto", model, "--episodes", "0", "--out", tmp_path / "f", "--weights", "5", "--refine", "1"
        )
        assert found["termination"] == "OPTIMAL" and len(found["points"]) == 6
        assert set(found["points"][0]) == {
            "point", "kind", "service", "-risk", "spend", "weights", "bound", "gap", "price",
        }  # fmt: skip
        assert found["objectives"] == ["service", "-risk"]
        assert (tmp_path / "f" / "front.svg").is_file() and (tmp_path / "f" / "objectives.svg").is_file()
        assert run_json("verify", tmp_path / "f")["ok"]
        assert run_json("verify", tmp_path / "f" / "points" / "5")["ok"]

    def test_a_point_of_it(self, model, tmp_path):
        run("pareto", model, "--episodes", "0", "--out", tmp_path / "f", "--weights", "5", "--no-figures")
        before = (tmp_path / "f" / "front.json").read_bytes()
        found = run_json("pareto", model, "--episodes", "0", "--out", tmp_path / "f", "--point", "2")
        assert sum(found["budgets"].values()) == pytest.approx(found["spend"])
        assert {row["type"] for row in found["allocation"]} == {"roads", "parks"}
        text = (tmp_path / "f" / "points" / "2" / "policy.csv").read_text().splitlines()
        assert text[0] == "policy,share,stage,type,state,action"
        assert (tmp_path / "f" / "points" / "2" / "allocation.csv").is_file()
        assert (tmp_path / "f" / "front.json").read_bytes() == before
        assert run_json("verify", tmp_path / "f")["ok"]
        shown = run("pareto", model, "--episodes", "0", "--out", tmp_path / "f", "--point", "2").stdout
        assert "the budget of each department" in shown and "improve" in shown

    def test_explain_names_what_a_point_does_besides(self, model, tmp_path):
        causal_folder(TestRisk.harms, tmp_path / "harms")
        quick = ("--episodes", "0", "--weights", "3", "--refine", "0", "--no-figures")
        run("pareto", model, "--out", tmp_path / "f", *quick)
        assert "unintended" not in run_json("explain", tmp_path / "f/points/0")
        besides = run_json("explain", tmp_path / "f/points/0", "--risk", tmp_path / "harms")
        assert besides["unintended"]["harm"] > 0 and besides["unintended"]["weight"] == 0
        run("pareto", model, "--out", tmp_path / "h", *quick, "--risk", tmp_path / "harms")
        assert "spend → wait" in run("explain", tmp_path / "h/points/0").stdout

    def test_with_a_risk(self, model, tmp_path):
        causal_folder(TestRisk.harms, tmp_path / "effects")
        found = run_json(
            "pareto", model, "--episodes", "0", "--out", tmp_path / "f", "--weights", "3", "--refine", "0",
            "--no-figures", "--risk", tmp_path / "effects", "--risk-weight", "2", "--point", "0",
        )  # fmt: skip
        assert found["chosen"]["point"] == 0
        assert run_json("verify", tmp_path / "f")["checks"][0]["name"] == "risk term"

    @pytest.mark.parametrize(
        "options, code, message",
        [
            (("--point", "99", "--weights", "3"), exits.USAGE, "the front has points 0 to"),
            (("--budget", "-1"), exits.USAGE, "the budget is -1"),
            (("--weights", "1"), exits.USAGE, "at least 2 weights"),
            (("--risk-weight", "1"), exits.USAGE, "--risk DIR"),
            (("--time-limit", "0"), exits.NOTHING, "stopped before every weight had a bound"),
            (("--max-memory", "1KiB"), exits.NOTHING, "1 KiB"),
        ],
    )
    def test_refused(self, model, tmp_path, options, code, message):
        done = run("pareto", model, "--episodes", "0", "--out", tmp_path / "f", *options, code=code)
        assert message in done.stderr and not (tmp_path / "f").exists()

    def test_infeasible(self, tmp_path):
        d = two_departments()
        save(replace(d, held=replace(d.held, cost=d.held.cost + 1.0)), tmp_path / "dear")
        done = run("pareto", tmp_path / "dear", "--out", tmp_path / "f", code=exits.INFEASIBLE)
        assert "no plan spends less than 6:" in done.stderr and not (tmp_path / "f").exists()

    def test_the_front_of_another_model(self, model, tmp_path):
        run("pareto", model, "--episodes", "0", "--out", tmp_path / "f", "--weights", "3", "--no-figures")
        save(two_departments(horizon=4), tmp_path / "other")
        done = run("pareto", tmp_path / "other", "--out", tmp_path / "f", "--point", "0", code=exits.INVALID)
        assert "of another model" in done.stderr

    @pytest.mark.parametrize(
        "asked, said",
        [
            (("--risk", "harms", "--risk-weight", "2"), "with 1 x risk of 'harms'"),
            (("--risk", "others"), "with 1 x risk of 'harms'"),
            (("--risk-weight", "1"), "name that folder too"),
        ],
    )
    def test_a_point_of_a_front_with_another_risk(self, model, tmp_path, asked, said):
        causal_folder(TestRisk.harms, tmp_path / "harms")
        out, harms = ("--out", tmp_path / "f"), ("--risk", tmp_path / "harms")
        run("pareto", model, *out, *harms, "--weights", "3", "--episodes", "0", "--no-figures")
        run("pareto", model, *out, *harms, "--point", "0")
        if asked[0] == "--risk":
            asked = ("--risk", tmp_path / asked[1], *asked[2:])
        assert said in run("pareto", model, *out, "--point", "0", *asked, code=exits.USAGE).stderr

    @pytest.mark.parametrize(("name", "word"), [("policy.csv", "hold"), ("allocation.csv", "roads")])
    def test_an_export_that_was_edited_fails(self, model, tmp_path, name, word):
        quick = ("--episodes", "0", "--weights", "3", "--no-figures", "--point", "1")
        run("pareto", model, "--out", tmp_path / "f", *quick)
        file = tmp_path / "f/points/1" / name
        assert word in file.read_text()
        file.write_text(file.read_text().replace(word, "improve", 1))
        done = run("verify", tmp_path / "f", code=exits.FAILED)
        assert f"points/1/{name} is not as it was exported" in done.stdout

    def test_options_of_a_new_front_are_not_dropped_in_silence(self, model, tmp_path):
        quick = ("--episodes", "0", "--weights", "3", "--no-figures")
        run("pareto", model, "--out", tmp_path / "f", *quick)
        done = run(
            "pareto", model, "--out", tmp_path / "f", "--point", "1", "--rules", "3", "--tolerance=1e-3"
        )
        assert "--tolerance, --rules not used" in done.stderr

    @pytest.mark.parametrize("command", ["report", "explain", "allocate", "simulate"])
    def test_other_commands_say_what_it_is(self, model, tmp_path, command):
        run("pareto", model, "--episodes", "0", "--out", tmp_path / "f", "--weights", "3", "--no-figures")
        more = {
            "report": ("--out", tmp_path / "x.html"), "allocate": ("--budget", "2"),
            "simulate": ("--budget", "2", "--trials", "5"),
        }  # fmt: skip
        done = run(command, tmp_path / "f", *more.get(command, ()), code=exits.USAGE)
        assert "is a front" in done.stderr and "points/0" in done.stderr


def test_of_a_learned_point_no_price_is_claimed(tmp_path):
    """No price is known of it, which is not a price of 0."""
    from optbudget.pareto import DepartmentsEnv, learn_front
    from optbudget.report.explaining_plans import line_sentences

    two = two_departments()
    learned = learn_front(two, DepartmentsEnv(two, steps=50), [[0.5, 0.5]], episodes=2)
    save(learned.with_plans(), tmp_path / "front")
    said = " ".join(line_sentences(load_answer(tmp_path / "front" / "points" / "0")))
    assert "is not known" in said and "worth nothing" not in said and "the best" not in said
