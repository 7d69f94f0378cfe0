"""`optbudget report`: the page says what a check found just now, and shows the baseline that was given."""

import json
import re
from html import unescape
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from optbudget import files
from optbudget.allocation import baseline_comparison
from optbudget.report import page
from optbudget.report.words import number
from tests.commands import run, run_json

MODELS = Path(__file__).parents[1] / "models"
TODAY = "state,count,budget\nbegin,60,1\nbegin,40,2.5\nours_3,10,0\n"
POPULATION = "state,count\nbegin,100\nours_3,10\n"


@pytest.fixture
def result(tmp_path):
    (tmp_path / "today.csv").write_text(TODAY)
    (tmp_path / "units.csv").write_text(POPULATION)
    run("solve", MODELS / "synthetic_ad", "--out", tmp_path / "ads", "--tolerance", 1e-3)
    given = ("--population", tmp_path / "units.csv", "--baseline", tmp_path / "today.csv")
    run("allocate", tmp_path / "ads", "--budget", 160, *given)
    return tmp_path / "ads"


def text_of(path):
    body = re.sub(r"<style>.*?</style>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body)))


def test_the_baseline_is_kept_and_reported(result, tmp_path):
    fields = run_json("report", result, "--out", tmp_path / "page.html")
    assert fields["ok"] and fields["checks"]
    text = text_of(tmp_path / "page.html")
    today = baseline_comparison(files.load_result(result), files.load_baseline(tmp_path / "today.csv"))
    assert f"What is done today spends 160 and is worth {number(today.total_value)}" in text
    assert today.change > 0 and f"{number(today.change)} more" in text
    begin = today.state == files.load_result(result).curves.problem.index("begin")
    worth = number(float((today.count * today.value)[begin].sum()))
    spend = number(float((today.count * today.answer_budget)[begin].sum()))
    assert re.search(rf"begin 100 160 {re.escape(spend)} {re.escape(worth)} ", text)
    assert "Where the money moves" in text


def test_a_split_without_baseline_replaces_it(result, tmp_path):
    run("allocate", result, "--budget", 160, "--population", tmp_path / "units.csv")
    assert files.kept_baseline(result) is None
    run("report", result, "--out", tmp_path / "page.html")
    assert "is done today" not in text_of(tmp_path / "page.html")


def test_a_baseline_of_other_units_is_refused(result, tmp_path):
    table = files.kept_baseline(result)
    pq.write_table(table.slice(1), result / "baseline.parquet")
    assert "population" in run("report", result, "--out", tmp_path / "page.html", code=3).stderr
    assert not (tmp_path / "page.html").exists()


def test_the_page_says_that_the_certificate_was_checked(result, tmp_path):
    assert "the certificate holds" in run("report", result, "--out", tmp_path / "page.html").stdout
    text = text_of(tmp_path / "page.html")
    assert re.search(r"Checked when this page was written, .*: all \d+ statements are proved", text)
    assert "FAILED" not in text


def test_a_failed_certificate_is_reported_as_failed(result, tmp_path):
    stated = json.loads((result / "result.json").read_text())
    stated["bound"] -= 1.0
    (result / "result.json").write_text(json.dumps(stated))
    fields = run_json("report", result, "--out", tmp_path / "page.html", code=8)
    assert not fields["ok"] and not all(check["ok"] for check in fields["checks"])
    text = text_of(tmp_path / "page.html")
    assert text.index("The check of this answer FAILED") < text.index("What was asked")
    assert "Do not rely on this answer" in text and "it is proved that" not in text
    assert "FAILED" in run("report", result, "--out", tmp_path / "page.html", code=8).stdout


def test_a_page_without_a_check_says_so(result, tmp_path):
    page(files.load_result(result), tmp_path / "page.html")
    assert "was not checked when this page was written" in text_of(tmp_path / "page.html")


def test_both_ends_of_every_state_are_drawn(result, tmp_path):
    run("report", result, "--out", tmp_path / "page.html")
    drawn = re.findall(r"<svg.*?</svg>", (tmp_path / "page.html").read_text(encoding="utf-8"), re.DOTALL)
    assert {"begin, today: 160 for 100 units", "ours_3, today: 0 for 10 units"} <= {
        label.split(", worth")[0] for label in re.findall(r'aria-label="([^"]*)"', drawn[0])
    }
