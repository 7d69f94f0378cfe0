"""Departments: the weighted problem beside a plain twin and the joint one; their folder; bad input."""

from itertools import product

import numpy as np
import pytest
from commands import run, run_json
from model_names import MODELS

from optbudget import allocate, load, save, solve, verify
from optbudget.cli import exits
from optbudget.cli.starters import STARTERS
from optbudget.errors import ProblemError
from optbudget.files import check, departments_hash, load_expected, load_model, load_problem
from optbudget.files.departments_folder import departments_tables
from optbudget.problems import BudgetedMDP, Departments, Population
from optbudget.problems.examples import two_departments
from optbudget.simulate.departments_model import departments_20

from reference import weighted_departments


def drawn(seed):
    """Two departments, regimes, states and actions; numbers of a small grid, so that ties are common."""
    draws = np.random.default_rng(seed)
    departments, regimes, states, actions = ("x", "y"), ("up", "down"), ("a", "b"), ("no", "yes")
    keys = list(product(departments, regimes, states, actions))
    share = draws.integers(1, 4, size=len(keys)) / 4
    stay = draws.integers(0, 5, size=2) / 4
    chain = [(r, to, p) for r, q in zip(regimes, stay, strict=True)
             for to, p in zip(regimes, (q, 1 - q), strict=True) if p]  # fmt: skip
    moves = [(*k, s, p) for k, q in zip(keys, share, strict=True) for s, p in (("a", q), ("b", 1 - q)) if p]
    acts = [
        (*k, float(k[3] == "yes") * draws.integers(1, 4), *draws.integers(-4, 5, size=2).tolist())
        for k in keys
    ]
    return Departments.from_tables(
        columns("regime next_regime probability", chain),
        columns("department regime state action next_state probability", moves),
        columns("department regime state action cost gain harm", acts),
        {"department": ["x", "y"], "state": ["a", "b"]},
        objectives=["gain", "-harm"], total_budget=3.0, initial_regime="down",
        discount=0.75, cost_discount=1.0, horizon=3,
    )  # fmt: skip


def columns(names, rows):
    return {name: list(column) for name, column in zip(names.split(), zip(*rows, strict=True), strict=True)}


def twin(d, weights):
    tables = departments_tables(d)
    signs = dict(zip(d.objectives, d.direction.tolist(), strict=True))
    signed = {name: signs[name] * weight for name, weight in weights.items()}
    return weighted_departments(tables["actions"].to_pylist(), tables["transitions"].to_pylist(), signed)


def joint(d, weights):
    """The problem of both departments at once, on (regime, state, state) and pairs of actions."""
    one = twin(d, weights)
    rows, acts = [], []
    for regime, s, t in product(d.regimes, ("a", "b"), ("a", "b")):
        for a, b in product(("no", "yes"), repeat=2):
            (paid, worth, x), (more, also, y) = one["x", regime, s, a], one["y", regime, t, b]
            key = (f"{regime}.{s}.{t}", f"{a}.{b}")
            acts.append((*key, paid + more, worth + also))
            k = d.regimes.index(regime)
            rows += [(*key, f"{after}.{u}.{v}", d.regime_probability[k, m] * p * q)
                     for m, after in enumerate(d.regimes) for u, p in x.items() for v, q in y.items()
                     if d.regime_probability[k, m] * p * q > 0]  # fmt: skip
    start = f"{d.initial_regime}.{'.'.join(d.start)}"
    return BudgetedMDP.from_tables(
        columns("state action next_state probability", rows), columns("state action cost utility", acts),
        discount=0.75, cost_discount=1.0, horizon=3, reward="gross", initial=start,
    ), start  # fmt: skip


class TestWeighted:
    @pytest.mark.parametrize("seed", range(5))
    def test_as_its_plain_twin(self, seed):
        d, weights = drawn(seed), {"gain": 2.0, "harm": 0.5}
        problem = d.budgeted(weights)
        plain = twin(d, weights)
        pointer, entries = problem.pair_entries
        for k, state in enumerate(problem.pair_state.tolist()):
            regime, name = problem.states[state].split("|")
            cost, utility, moves = plain[
                problem.state_type[state], regime, name, problem.actions[problem.pair_action[k]]
            ]
            assert problem.utility[k] == pytest.approx(utility, abs=1e-15)
            assert problem.cost[k] == cost
            place = entries[pointer[k] : pointer[k + 1]]
            leads = {
                problem.states[i]: p
                for i, p in zip(problem.next_state[place], problem.probability[place], strict=True)
            }
            r = d.regimes.index(regime)
            assert leads == {
                f"{after}|{to}": p * q
                for after, q in zip(d.regimes, d.regime_probability[r], strict=True) if q
                for to, p in moves.items()
            }  # fmt: skip

    @pytest.mark.parametrize("seed", range(8))
    def test_apart_they_are_worth_what_they_are_together(self, seed):
        """The theorem of the docstring: both departments as one problem have no more."""
        d, weights = drawn(seed), {"gain": 1.0, "harm": 0.5}
        together, start = joint(d, weights)
        curve = solve(together, tolerance=1e-9)
        problem = d.budgeted(weights)
        apart = solve(problem, tolerance=1e-9)
        for budget in (0.5, 1.0, 2.5, 6.0):
            split = allocate(apart, d.population(problem), budget)
            assert split.value == pytest.approx(float(curve.value(start, [budget])[0]), abs=1e-7)

    def test_one_unit_of_each_where_it_is(self):
        d = drawn(0)
        problem = d.budgeted()
        expected = Population.at(problem, {"x/down|a": 1, "y/down|b": 1})
        assert np.array_equal(d.population(problem).count, expected.count)
        assert problem.initial.sum() == pytest.approx(1.0)

    @pytest.mark.parametrize(
        "weights, message",
        [
            ({"gian": 1.0}, "did you mean 'gain'"),
            ({"gain": -1.0}, "it must be a number >= 0"),
            ({"gain": float("nan")}, "it must be a number >= 0"),
            ({"gain": "much"}, "must be a number"),
        ],
    )
    def test_weights_refused(self, weights, message):
        with pytest.raises(ProblemError, match=message):
            drawn(0).budgeted(weights)


@pytest.fixture
def folder(tmp_path):
    """The model that `optbudget new` writes, to spoil."""
    place = tmp_path / "m"
    place.mkdir()
    for name, text in STARTERS["departments"].items():
        (place / name).write_text(text.replace("{title}", "T").replace("{name}", "m"))
    return place


def edit(folder, name, old, new):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


REFUSED = [
    ("regimes.csv", "high,low,0.3", "high,low,0.2", ":2", "probabilities of regime 'high' sum to 0.9"),
    ("regimes.csv", "high,low,0.3", "high,lwo,0.3", ":3", "no regime is called 'lwo'; did you mean 'low'"),
    ("regimes.csv", "high,low,0.3", "high,high,0.3", ":3", "is listed twice"),
    ("regimes.csv", "high,low,0.3", "high,low,-0.3", ":3", "must be in [0, 1]"),
    ("actions.csv", "roads,high,worn,hold", "roads,hihg,worn,hold", ":3", "no regime is called 'hihg'"),
    ("transitions.csv", "roads,high,worn,hold", "roads,hgh,worn,hold", ":3", "no regime is called 'hgh'"),
    ("transitions.csv", "worn,decrease,worn,1", "worn,decrease,worn,0.5", ":2", "sum to 0.5, not 1"),
    ("transitions.csv", "worn,decrease,worn,1", "worn,decrease,worm,1", ":2", "worm"),
    ("actions.csv", ",risk,", ",rsik,", ":1", "column 'risk' is missing; is it 'rsik'"),
    ("actions.csv", "roads,high,worn,decrease,0,", "roads,high,worn,decrease,-1,", ":2", "cost is -1"),
    ("initial.csv", "parks,good\n", "", "", "department 'parks' has no row"),
    ("initial.csv", "parks,good", "parks,bad", ":3", "has no state called 'bad'"),
    ("initial.csv", "parks,good", "park,good", ":3", "no department is called 'park'; did you mean 'parks'"),
    ("initial.csv", "parks,good", "roads,good", ":3", "listed twice"),
    ("model.toml", 'initial = "high"', 'initial = "hihg"', ":10", "one of high, low; did you mean 'high'"),
    ("model.toml", '"-risk"', '"-risk", "risk"', ":11", "names 'risk' twice"),
    ("model.toml", '"-risk"', '"cost"', ":11", "meaning of its own"),
    ("model.toml", "total_budget = 200.0", "total_budget = -1.0", ":12", "total_budget is -1.0"),
    ("model.toml", "total_budget = 200.0", "", "", "key 'total_budget' is missing"),
    ("model.toml", "horizon = 5", 'horizon = 5\nterminal_states = ["x"]', ":10", "'constrained_mdp' only"),
]
"""A file of the starter, a text in it, what takes its place, the line and a part of the message."""


class TestFolder:
    @pytest.mark.parametrize("form", [None, "csv", "parquet"])
    def test_round_trip(self, tmp_path, form):
        d = drawn(3)
        save(d, tmp_path / "one", format=form)
        save(load(tmp_path / "one"), tmp_path / "two", format=form)
        for file in (tmp_path / "one").iterdir():
            assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
        back = load(tmp_path / "one")
        assert np.array_equal(back.reward, d.reward) and back.start == d.start
        assert back.objectives == d.objectives and back.direction.tolist() == [1, -1]
        assert (back.initial_regime, back.total_budget) == ("down", 3.0)
        assert back.folder.sha256 == departments_hash(tmp_path / "one")

    def test_the_hash_follows_every_table(self, folder):
        was = departments_hash(folder)
        for name in ("model.toml", "regimes.csv", "transitions.csv", "actions.csv", "initial.csv"):
            (folder / name).write_text((folder / name).read_text() + "\n")
            assert departments_hash(folder) != was
            was = departments_hash(folder)
        (folder / "README.md").write_text("other")
        assert departments_hash(folder) == was

    def test_mended_rows_have_no_hash(self, folder):
        edit(folder, "transitions.csv", "worn,0.9", "worn,0.8")
        with pytest.warns(UserWarning, match="divided by their sum"):
            assert load_problem(folder, normalize=True).folder is None

    @pytest.mark.parametrize("file, old, new, place, message", REFUSED)
    def test_refused_and_located(self, folder, file, old, new, place, message):
        edit(folder, file, old, new)
        issues = [str(issue) for issue in check(folder)]
        assert any(text.startswith(file + place) and message in text for text in issues), issues

    def test_a_state_missing_in_a_regime(self, folder):
        for name in ("actions.csv", "transitions.csv"):
            rows = (folder / name).read_text().splitlines(keepends=True)
            rows = [row for row in rows if not row.startswith("parks,low,good")]
            low = [row.startswith("parks,low") and ",good," in row for row in rows]
            rows = [row for row, leads in zip(rows, low, strict=True) if not leads]
            (folder / name).write_text("".join(rows))
        edit(folder, "transitions.csv", "parks,low,worn,hold,worn,0.9", "parks,low,worn,hold,worn,1")
        edit(
            folder,
            "transitions.csv",
            "parks,low,worn,increase_1,worn,0.4",
            "parks,low,worn,increase_1,worn,1",
        )
        (issue,) = check(folder)
        assert issue.message == "department 'parks' has no row for state 'good' in regime 'low'"
        assert (issue.file, issue.line) == ("actions.csv", 17)

    def test_a_missing_table(self, folder):
        (folder / "regimes.csv").unlink()
        assert [issue.file for issue in check(folder)] == ["regimes.csv"]

    def test_in_memory_a_missing_column(self):
        with pytest.raises(ProblemError, match="table 'initial' has no column 'state'"):
            Departments.from_tables(
                {"regime": ["r"], "next_regime": ["r"], "probability": [1.0]},
                columns("department regime state action next_state probability", [(*"drsas", 1.0)]),
                columns("department regime state action cost gain", [(*"drsa", 0.0, 1.0)]),
                {"department": ["d"]}, objectives=["gain"], total_budget=1.0,
                discount=0.9, cost_discount=0.9, horizon=2,
            )  # fmt: skip


class TestCommands:
    def test_the_chain(self, tmp_path):
        model, result = tmp_path / "m", tmp_path / "r"
        run("new", model, "--kind", "departments")
        assert run_json("check", model)["ok"]
        answer = run_json("solve", model, "--out", result, "--weights", "risk=2,efficiency=0.5")
        assert answer["states"] == 8
        split = run_json("allocate", result, "--budget", "100")
        assert [row["type"] for row in split["allocation"]].count("parks") >= 1
        assert run_json("verify", result)["ok"]
        d = load(model)
        problem = d.budgeted({"risk": 2.0, "efficiency": 0.5})
        mine = allocate(solve(problem), d.population(problem), 100.0)
        assert split["value"] == pytest.approx(mine.value, abs=1e-9)

    @pytest.mark.parametrize(
        "weights, code, message",
        [
            ("risk=2,risk=3", exits.USAGE, "weighs 'risk' twice"),
            ("risk", exits.USAGE, "is no NAME=W"),
            ("rsk=1", exits.INVALID, "did you mean 'risk'"),
        ],
    )
    def test_weights_refused(self, folder, tmp_path, weights, code, message):
        done = run("solve", folder, "--out", tmp_path / "r", "--weights", weights, code=code)
        assert message in done.stderr

    def test_weights_of_no_objectives(self, tmp_path):
        done = run(
            "solve", MODELS / "two_action", "--out", tmp_path / "r", "--weights", "risk=1", code=exits.USAGE
        )
        assert "this model has none" in done.stderr

    def test_where_a_curve_is_wanted(self, folder):
        with pytest.raises(ProblemError, match="solve --weights"):
            load_model(folder)


class TestTwenty:
    def test_the_folder_is_what_its_rule_gives(self):
        made, kept = departments_20(), load(MODELS / "departments_20")
        for name in ("pair_action", "pair_row", "cost", "row_ptr", "next_state", "probability"):
            assert np.array_equal(getattr(made.held, name), getattr(kept.held, name)), name
        assert np.array_equal(made.reward, kept.reward)
        assert (made.start, made.regimes, made.objectives) == (kept.start, kept.regimes, kept.objectives)
        assert repr(kept).startswith("Departments(20 departments, 6 regimes, 60 states each")

    @pytest.mark.nightly
    def test_its_curves_verify(self):
        assert verify(solve(load(MODELS / "departments_20").budgeted(), tolerance=1e-3)).ok

    @pytest.mark.nightly
    def test_recorded_answers(self):
        d = load(MODELS / "departments_20")
        for expected in load_expected(MODELS / "departments_20"):
            problem = d.budgeted(expected.arguments["weights"])
            curves = solve(problem, tolerance=1e-3)
            split = allocate(curves, d.population(problem), expected.arguments["budget"])
            assert split.value <= expected.value + expected.tolerance
            assert split.bound >= expected.value - expected.tolerance
            assert split.bound - split.value < 0.02


def test_the_small_example_is_worth_having():
    """In a rich year 1 makes roads good for certain: 4 next year and the year after, less a risk of 0.5."""
    d = two_departments()
    problem = d.budgeted({"risk": 0.0})
    curves = solve(problem)
    assert curves.value("roads/rich|poor", [1.0])[0] > 0.9 * 4
