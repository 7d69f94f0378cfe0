"""Declared programs in files: the model's own words, and what `optbudget export` refuses."""

import re
import shlex

import pytest
from commands import ROOT, run, run_json

from optbudget.files import load_problem
from optbudget.formulations import STATEMENTS, declared, named
from optbudget.problems import ConstrainedMDP, Knapsack

LEADS, HALLS = "two_limits", "whole_units"
WORDS = {
    "cmdp_primal": ("x[0,lead,wait]", "flow[0,lead]", "budget[hours]"),
    "cmdp_dual": ("y[0,lead]", "covers[0,lead,wait]", "price[hours]"),
    "deterministic_stage": ("z[1,interested,visit]", "one_action[0,lead]", "chosen[0,lead,call]"),
    "deterministic_budget": ("z[0,lead,wait]", "one_action[1,interested]", "budget[money]"),
    "mckp_ip": ("n[hall,rent]", "one_option[stand]", "budget"),
    "mckp_unit": ("x[2,stand,rent]", "one_option[2,stand]", "budget"),
    "mckp_lp": ("n[stand,nothing]", "one_option[hall]", "budget"),
}


@pytest.mark.parametrize("row", STATEMENTS, ids=lambda row: row.name)
def test_columns_and_rows_are_called_as_in_the_model(row):
    problem = load_problem(ROOT / "models" / (LEADS if row.of is ConstrainedMDP else HALLS))
    program, _ = declared(row.name, "pyomo", problem, 10.0 if row.of is Knapsack else None)
    found = named(program, problem)
    names = (*found.column_names, *found.row_names)
    assert set(WORDS[row.name]) <= set(names)
    assert len(set(names)) == program.n_columns + program.n_rows
    for part in ("objective", "coefficient", "column", "row_upper", "upper"):
        assert getattr(found, part).tolist() == getattr(program, part).tolist()


def test_the_file_of_a_model_can_be_read_by_a_person(tmp_path):
    told = run_json("export", ROOT / "models" / LEADS, "--formulation", "cmdp_lp", "--out", tmp_path / "a.lp")
    assert told["formulation"] == "cmdp_primal" and told["named"]
    text = (tmp_path / "a.lp").read_text()
    assert " flow_1_lead: + 1.0 x_1_lead_wait + 1.0 x_1_lead_call = 0.0" in text
    assert " budget_hours: + 1.0 x_0_lead_call + 2.0 x_0_interested_visit" in text
    model = ROOT / "models" / "two_types"
    run("export", model, "--formulation", "cmdp_dual", "--budget", 3, "--out", tmp_path / "b.mps")
    assert " y[0,loyal/active] covers[0,loyal/active,none] 1.0" in (tmp_path / "b.mps").read_text()


def test_above_many_columns_names_are_short_and_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("optbudget.solvers.MOST_NAMED", 9)
    done = run("export", ROOT / "models" / LEADS, "--formulation", "cmdp_lp", "--out", tmp_path / "a.mps")
    assert "More than 9 columns" in " ".join(done.stdout.split())
    assert " x[0,0] flow[0,0] 1.0" in (tmp_path / "a.mps").read_text()


@pytest.mark.parametrize("budget", ["inf", "nan", "-3", "-inf"])
def test_amounts_that_no_file_can_hold(tmp_path, budget):
    out = tmp_path / "a.lp"
    done = run(
        "export",
        ROOT / "models" / "toll",
        "--formulation",
        "cmdp_lp",
        f"--budget={budget}",
        "--out",
        out,
        code=2,
    )
    assert f"--budget is {float(budget)}" in done.stderr and "a finite amount of money" in done.stderr
    assert not out.exists()


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "a.lp").mkdir()
    model = ROOT / "models" / "toll"
    done = run("export", model, "--formulation", "cmdp_lp", "--budget", 3, "--out", tmp_path / "a.lp", code=2)
    assert "is a folder" in done.stderr


def test_the_commands_of_the_page_say_what_it_says(tmp_path, monkeypatch):
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "declared-programs.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", page, flags=re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        command, *lines = block.strip().splitlines()
        shown = " ".join(run(*shlex.split(command)[2:]).stdout.split())
        assert " ".join(lines) == shown
    (begin,) = re.findall(r"```text\n(.*?)```", page, flags=re.DOTALL)
    assert (tmp_path / "leads.lp").read_text().startswith(begin)
    listed = re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)
    assert sorted(listed) == sorted(row.name for row in STATEMENTS)
