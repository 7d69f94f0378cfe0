"""A risk held against the reward: what enters, what a result records, what verify finds, what is refused."""

import json
from dataclasses import replace
from shutil import copytree, rmtree

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import run, run_json
from hypothesis import given, settings
from hypothesis import strategies as st
from model_names import MODELS
from small_risks import causal_folder, harmful, refused

from optbudget import allocate, load, save, solve, verify
from optbudget.causal.risk import chance_of_harm, expected_excess
from optbudget.certify.harm_checks import harm_check
from optbudget.cli import exits
from optbudget.errors import ProblemError, ResultError
from optbudget.files import load_answer, load_model
from optbudget.files.risk_folder import FILES, file_hash
from optbudget.problems import BudgetedMDP, Population, RiskTerm, hold_risk, without_risk
from optbudget.problems.examples import two_departments
from optbudget.problems.side_effects import SideEffect, SideEffects

UNIVERSITY = MODELS / "university"


@pytest.fixture(scope="module")
def harms():
    """Of an action of all faculties, of one faculty's, and of one in one state only."""
    rows = (
        harmful("teaching_posts", 4.0, lower=1.0),
        harmful("sciences/teaching_posts", 9.0, lower=2.0),
        harmful("new_chair", 60.0, state="humanities/steady"),
    )
    return SideEffects(("teaching_posts", "sciences/teaching_posts", "new_chair", "research_fund"), rows)


@pytest.fixture(scope="module")
def place(tmp_path_factory, harms):
    place = tmp_path_factory.mktemp("held")
    causal_folder(harms, place / "causal")
    run("solve", UNIVERSITY, "--out", place / "plain", "--keep-stages", "--quiet")
    for name, weight in (("nothing", 0), ("held", 2)):
        asked = ("--risk", place / "causal", "--risk-weight", weight, "--out", place / name)
        run("solve", UNIVERSITY, *asked, "--keep-stages", "--quiet")
    return place


def test_the_reward_is_less_by_weight_times_risk_and_comes_back(harms):
    problem = load_model(UNIVERSITY)
    held = hold_risk(problem, harms, 2.0)
    amount = harms.amounts(problem)
    assert np.array_equal(held.utility, problem.utility - 2.0 * amount) and amount.max() > 0
    assert np.array_equal(without_risk(held).utility, problem.utility) and without_risk(held).risk is None
    assert np.array_equal(RiskTerm(amount, 2.0).applied(problem).utility, held.utility)
    with pytest.raises(ProblemError, match="already"):
        hold_risk(held, harms, 1.0)


def test_a_weight_of_0_gives_the_answer_of_the_model_to_the_bit(place):
    own = {"result.json", "timings.json"}
    plain = {f.relative_to(place / "plain") for f in (place / "plain").rglob("*") if f.is_file()}
    assert len(plain) > 6
    for file in plain:
        if file.name not in own:
            assert (place / "plain" / file).read_bytes() == (place / "nothing" / file).read_bytes(), file
    first, second = (json.loads((place / n / "result.json").read_text()) for n in ("plain", "nothing"))
    assert second["model"].pop("risk")["weight"] == 0
    first.pop("command"), second.pop("command")
    assert first == second
    assert (place / "held" / "curves.parquet").read_bytes() != (
        place / "plain" / "curves.parquet"
    ).read_bytes()


def test_the_result_records_the_risk_and_verifies_alone(place, tmp_path):
    copytree(place / "held", tmp_path / "alone")
    said = json.loads((tmp_path / "alone" / "result.json").read_text())["model"]["risk"]
    assert said["name"] == "causal" and said["weight"] == 2
    risk = "risk.parquet"
    assert (tmp_path / "alone" / "risk" / risk).read_bytes() == (place / "causal" / risk).read_bytes()
    checks = {c["name"]: c for c in run_json("verify", tmp_path / "alone")["checks"]}
    assert checks["risk term"]["ok"] and "given these effects" in checks["risk term"]["detail"]
    assert "risk term" not in {c["name"] for c in run_json("verify", place / "plain")["checks"]}


def test_what_is_made_of_the_result_keeps_the_risk(place, tmp_path):
    run("allocate", place / "held", "--budget", 900, "--out", tmp_path / "split", "--quiet")
    assert load_answer(tmp_path / "split").curves.problem.risk.weight == 2.0
    assert run_json("verify", tmp_path / "split")["ok"]
    run("allocate", tmp_path / "split", "--budget", 1500, "--quiet")
    assert run_json("verify", tmp_path / "split", "--exact")["ok"]
    run("explain", tmp_path / "split", "--quiet")
    fields = run_json("simulate", tmp_path / "split", "--budget", 1500, "--trials", 20)
    assert fields["policies"]
    run("report", tmp_path / "split", "--out", tmp_path / "page.html", "--quiet")


def test_departments_hold_a_risk_too(tmp_path):
    save(two_departments(), tmp_path / "two")
    causal_folder(SideEffects(("roads/improve",), (harmful("roads/improve", 0.25),)), tmp_path / "causal")
    asked = ("solve", tmp_path / "two", "--weights", "risk=0.5", "--quiet")
    run(*asked, "--out", tmp_path / "plain")
    run(*asked, "--risk", tmp_path / "causal", "--risk-weight", 0, "--out", tmp_path / "nothing")
    run(*asked, "--risk", tmp_path / "causal", "--risk-weight", 3, "--out", tmp_path / "held")
    plain, nothing, held = (tmp_path / n / "curves.parquet" for n in ("plain", "nothing", "held"))
    assert plain.read_bytes() == nothing.read_bytes() != held.read_bytes()
    run("allocate", tmp_path / "held", "--budget", 2, "--quiet")
    assert run_json("verify", tmp_path / "held")["ok"]
    answer = load_answer(tmp_path / "held")
    assert answer.population.size == 2  # The population of the departments went along.
    apart = without_risk(answer.curves.problem)
    changed = answer.curves.problem.utility != apart.utility
    kinds = np.array(apart.state_type)[apart.pair_state[changed]]
    assert set(kinds) == {"roads"}
    steps = ("--method", "deterministic", "--risk", tmp_path / "causal", "--out", tmp_path / "steps")
    run(*asked, *steps, code=exits.NOTHING)  # It has no certificate.
    assert (tmp_path / "steps" / "risk").is_dir()


def test_a_mended_model_keeps_its_own_utilities(tmp_path, harms):
    problem = hold_risk(load_model(UNIVERSITY), harms, 2.0)
    answer = solve(replace(problem, folder=None))
    save(answer, tmp_path / "out")
    read = load(tmp_path / "out")
    assert np.array_equal(read.problem.utility, problem.utility) and verify(read).ok
    assert np.array_equal(load_model(tmp_path / "out" / "model").utility, without_risk(problem).utility)


@pytest.mark.parametrize("file", ["risk.parquet", "chances.parquet", "risk.json"])
def test_a_risk_changed_by_hand_is_found_by_its_hash(place, tmp_path, file):
    copytree(place / "held", tmp_path / "held")
    changed = tmp_path / "held" / "risk" / file
    changed.write_bytes(changed.read_bytes() + b" ")
    assert file in run("verify", tmp_path / "held", code=exits.INVALID).stderr
    changed.unlink()
    assert "missing" in run("verify", tmp_path / "held", code=exits.INVALID).stderr


def rewrite_hashes(folder):
    """Let result.json state the files of risk/ as they are now."""
    said = json.loads((folder / "result.json").read_text())
    said["model"]["risk"]["sha256"] = {name: file_hash(folder / "risk" / name) for name in FILES}
    (folder / "result.json").write_text(json.dumps(said))


def test_a_risk_exchanged_with_its_hashes_fails_the_certificate(place, tmp_path, harms):
    copytree(place / "held", tmp_path / "held")
    table = pq.read_table(tmp_path / "held" / "risk" / "risk.parquet")
    less = table.set_column(3, "risk", pq.read_table(place / "causal" / "risk.parquet")["lower"])
    pq.write_table(less, tmp_path / "held" / "risk" / "risk.parquet")
    rewrite_hashes(tmp_path / "held")
    failed = [
        c["name"] for c in run_json("verify", tmp_path / "held", code=exits.FAILED)["checks"] if not c["ok"]
    ]
    assert "curves achievable" in failed or "gap of every state" in failed


@pytest.mark.parametrize(
    ("column", "factor"), [("mean", 0.5), ("mean", -1.0), ("mean", 1.001), ("probability", 0.1)]
)
def test_chances_exchanged_with_their_hashes_fail_the_certificate(place, tmp_path, column, factor):
    copytree(place / "held", tmp_path / "held")
    file = tmp_path / "held" / "risk" / "chances.parquet"
    table = pq.read_table(file)
    where = table.column_names.index(column)
    pq.write_table(table.set_column(where, column, [factor * table[column].to_numpy()]), file)
    rewrite_hashes(tmp_path / "held")
    said = run_json("verify", tmp_path / "held", code=exits.FAILED)["checks"]
    failed = [check for check in said if not check["ok"]]
    assert [check["name"] for check in failed] == ["predicted harm"] and "mean" in failed[0]["detail"]


@settings(max_examples=200, deadline=None)
@given(st.floats(-8, 37), st.floats(1e-9, 1e9), st.sampled_from([0.5, 1.0, 40.0]))
def test_every_normal_harm_passes_the_check_of_harms(sure, sd, weight):
    mean = -sure * sd
    excess, chance = expected_excess(mean, sd), chance_of_harm(mean, sd)
    ends = [max(weight * (mean + k * sd), 0.0) for k in (-2, 2)]
    risk = weight * excess
    row = SideEffect("a", None, "y", risk, min(ends[0], risk), max(ends[1], risk), chance, mean)
    assert harm_check(SideEffects(("a",), (row,), weights={"y": weight})).ok
    if 0.1 < abs(sure) < 2:
        more = replace(row, risk=1.01 * risk, upper=1.01 * row.upper)
        assert not harm_check(SideEffects(("a",), (more,), weights={"y": weight})).ok


def test_a_certain_harm_and_a_weight_of_0_pass_the_check_of_harms():
    rows = [SideEffect("a", None, "y", 2.0 * max(m, 0), 0.0, 8.0, float(m > 0), m) for m in (-1.0, 0.0, 3.0)]
    rows.append(SideEffect("a", None, "z", 0.0, 0.0, 0.0, 0.7, 3.0))
    for row in rows:
        assert harm_check(SideEffects(("a",), (row,), weights={"y": 2.0, "z": 0.0})).ok
    for wrong in (replace(rows[2], probability=0.0), replace(rows[3], risk=1.0, upper=1.0)):
        assert not harm_check(SideEffects(("a",), (wrong,), weights={"y": 2.0, "z": 0.0})).ok
    assert harm_check(SideEffects(("a",), (replace(rows[2], probability=0.5),))).ok  # No weights: not held.


def test_a_weight_changed_by_hand_fails_the_certificate(place, tmp_path):
    copytree(place / "held", tmp_path / "held")
    stated = tmp_path / "held" / "result.json"
    said = json.loads(stated.read_text())
    said["model"]["risk"]["weight"] = 1.0
    stated.write_text(json.dumps(said))
    run("verify", tmp_path / "held", code=exits.FAILED)
    del said["model"]["risk"]
    stated.write_text(json.dumps(said))
    assert "weight" in run("verify", tmp_path / "held", code=exits.INVALID).stderr
    rmtree(tmp_path / "held" / "risk")
    run("verify", tmp_path / "held", code=exits.FAILED)


def test_the_check_finds_a_utility_that_is_not_the_models_less_the_risk(harms):
    answer = solve(hold_risk(load_model(UNIVERSITY), harms, 2.0))
    utility = answer.problem.utility.copy()
    utility[3] = np.nextafter(utility[3], np.inf)
    wrong = replace(answer, problem=replace(answer.problem, utility=utility))
    failed = [check for check in verify(wrong).checks if check.name == "risk term"]
    assert not failed[0].ok and "utility" in failed[0].detail


def refusal(folder, tmp_path):
    asked = ("--risk", folder, "--out", tmp_path / "o")
    return run("solve", UNIVERSITY, *asked, code=exits.INVALID).stderr


def test_what_is_refused(place, tmp_path):
    causal_folder(refused("new_chair"), tmp_path / "unknown")
    said = refusal(tmp_path / "unknown", tmp_path)
    assert "unknown/risk.parquet" in said and "spend does not vary" in said
    causal_folder(SideEffects(("new_chiar",), (harmful("new_chiar", 1.0),)), tmp_path / "other")
    said = refusal(tmp_path / "other", tmp_path)
    assert "other/risk.parquet" in said and "'new_chiar'" in said and "new_chair" in said
    elsewhere = harmful("new_chair", 1.0, state="humanities/stedy")
    causal_folder(SideEffects(("new_chair",), (elsewhere,)), tmp_path / "state")
    assert "humanities/steady" in refusal(tmp_path / "state", tmp_path)
    refusal(place / "plain", tmp_path)
    assert "nowhere/causal.json cannot be read" in refusal(tmp_path / "nowhere", tmp_path)
    out = ("--out", tmp_path / "o")
    assert "--risk DIR" in run("solve", UNIVERSITY, "--risk-weight", 1, *out, code=2).stderr
    wrong = ("--risk", place / "causal", "--risk-weight", -1)
    assert "--risk-weight" in run("solve", UNIVERSITY, *wrong, *out, code=2).stderr
    assert not (tmp_path / "o").exists()


def test_loading_with_another_model_object_takes_the_risk_of_the_result(place, harms):
    other = hold_risk(load_model(UNIVERSITY), harms, 7.0)
    assert load(place / "held").problem.risk.weight == 2.0
    assert load_answer(place / "held", other).problem.risk.weight == 2.0
    with pytest.raises(ResultError):
        load_answer(place / "held", load_model(MODELS / "toll"))


def test_an_allocation_in_memory_is_that_of_the_term(harms):
    problem = load_model(UNIVERSITY)
    people = Population.at(problem, {"sciences/steady": 7})
    one = allocate(solve(hold_risk(problem, harms, 2.0)), people, 800.0)
    other = allocate(solve(harms.risk_term(problem, 2.0).applied(problem)), people, 800.0)
    assert one.value == other.value and isinstance(one.curves.problem, BudgetedMDP)
