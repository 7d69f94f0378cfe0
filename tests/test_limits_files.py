"""Limits from disk and to it, and at the command line."""

import pytest
from commands import ROOT, run, run_json

from optbudget import files, load, save, solve, verify
from optbudget.allocation import allocate
from optbudget.errors import ProblemError
from optbudget.files import limits_text, load_limits
from optbudget.problems import GroupLimit, Limits, Population, UnitLimit

MODEL = ROOT / "models" / "two_types"

GOOD = """\
# of each unit
[[limit]]
type = "new"
most = 2.5

[[limit]]
type = "loyal"
state = "active"
least = 0.25

[[group]]
name = "loyal ones"
types = ["loyal"]
most = 1.5

[[group]]
name = "all"
groups = ["loyal ones"]
states = ["new/active"]
least = 2

[fairness]
least_share = 0.1
"""


@pytest.fixture(scope="module")
def curves():
    return solve(load(MODEL), tolerance=1e-9)


def test_every_kind_is_read_and_written_back(tmp_path):
    (tmp_path / "l.toml").write_text(GOOD)
    limits = load_limits(tmp_path / "l.toml")
    assert limits == Limits(
        (UnitLimit(type="new", most=2.5), UnitLimit(type="loyal", state="active", least=0.25)),
        (
            GroupLimit("loyal ones", types=("loyal",), most=1.5),
            GroupLimit("all", states=("new/active",), groups=("loyal ones",), least=2.0),
        ),
        0.1,
    )
    (tmp_path / "again.toml").write_text(limits_text(limits))
    assert load_limits(tmp_path / "again.toml") == limits


@pytest.mark.parametrize("name", ['a "quoted" name', "back\\slash", "tab\there", "\x7f", "ünïcode", "#"])
def test_names_survive(name, tmp_path):
    bounded = Limits(
        (UnitLimit(unit=name, least=1e-300, most=1e300), UnitLimit(state="s", least=0.1, most=0.1)),
        (GroupLimit(name, units=(name, "7"), most=3.0),),
    )
    (tmp_path / "l.toml").write_text(limits_text(bounded), encoding="utf-8")
    assert load_limits(tmp_path / "l.toml") == bounded


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("most = 2.5", "mots = 2.5"), "l.toml:4: key 'mots' is not known in limit; did you mean 'most'"),
        (("most = 2.5", 'most = "2.5"'), "l.toml:4: most is '2.5'; it must be a finite number"),
        (("most = 2.5", "most = nan"), "l.toml:4: most is nan; it must be a finite number"),
        (("most = 2.5", "most = -1"), "l.toml:4: type new: most is -1.0; it must be a number >= 0"),
        (("most = 2.5", "fixed = 1\nmost = 2"), "l.toml:4: fixed is least and most at once"),
        (("most = 2.5", ""), "l.toml:2: nothing is limited: give least or most or fixed"),
        (('type = "new"', 'unit = "u"\ntype = "new"'), "l.toml:2: a limit names a type, a state or a unit"),
        (('type = "new"', 'type = "nwe"'), "l.toml:3: no type is called 'nwe'"),
        (('state = "active"', 'state = "x"'), "l.toml:8: no state is called 'loyal/x'"),
        (('states = ["new/active"]', 'states = ["active"]'), "l.toml:19: no state is called 'active'"),
        (
            ('states = ["new/active"]', 'states = "new/active"'),
            "l.toml:19: states is 'new/active'; it must be a list",
        ),
        (
            ('states = ["new/active"]', 'units = ["Ann"]'),
            "l.toml:19: unit 'Ann' is named, and the population was",
        ),
        (('groups = ["loyal ones"]', 'groups = ["loyal one"]'), "l.toml:18: no group is called 'loyal one'"),
        (('groups = ["loyal ones"]', 'groups = ["all"]'), "l.toml:18: group 'all' contains itself"),
        (('name = "all"', 'name = "loyal ones"'), "l.toml:17: group 'loyal ones' is listed twice"),
        (('name = "all"', ""), "l.toml:16: a group needs a name"),
        (("least_share = 0.1", "least_share = 2"), "l.toml:23: least_share is 2.0"),
        (("[fairness]", "[[fairness]]"), "fairness must be given as [fairness]"),
        (("[fairness]", "[fairnes]"), "table 'fairnes' is not known"),
        (("[[limit]]", "[[limit]"), "not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(change, message, tmp_path, curves):
    assert change[0] in GOOD
    (tmp_path / "l.toml").write_text(GOOD.replace(*change, 1))
    people = files.load_population(MODEL, curves.problem)
    with pytest.raises(ProblemError) as error:
        load_limits(tmp_path / "l.toml", curves.problem, people)
    assert message in str(error.value)


def test_there_is_no_such_file(tmp_path):
    with pytest.raises(ProblemError, match="no such file"):
        load_limits(tmp_path / "l.toml")


def test_a_result_under_limits_comes_back_whole(tmp_path, curves):
    people = Population.of_units(
        curves.problem, ["a", "b", "c", "d"], ["new/active", "new/active", "loyal/active", "loyal/active"]
    )
    limits = Limits(
        (UnitLimit(unit="b", least=2.0, most=2.0), UnitLimit(type="loyal", least=0.5)),
        (GroupLimit("pair", units=("a", "c"), most=1.25),),
    )
    answer = allocate(curves, people, 6.0, limits=limits)
    save(answer, tmp_path / "result")
    again = load(tmp_path / "result")
    assert (again.limits, again.multipliers) == (limits, answer.multipliers)
    assert again.unit.tolist() == answer.unit.tolist()
    assert verify(again, exact=True).ok


def test_the_command_line_says_what_binds(tmp_path):
    run("solve", MODEL, "--out", tmp_path / "r")
    (tmp_path / "l.toml").write_text(GOOD)
    shown = run("allocate", tmp_path / "r", "--budget", "6", "--limits", tmp_path / "l.toml").stdout
    assert "raising the most of group loyal ones by one is worth at most 1.5" in shown
    answer = run_json("allocate", tmp_path / "r", "--budget", "6", "--limits", tmp_path / "l.toml")
    assert answer["multipliers"] == [{"group": "loyal ones", "side": "most", "limit": 1.5, "value": 1.5}]
    assert {"name", "side", "limit", "assigned", "worth", "sentence", "exact"} == set(answer["limits"][0])
    assert (tmp_path / "r" / "limits.toml").is_file()
    run("verify", tmp_path / "r")
    poor = run("allocate", tmp_path / "r", "--budget", "1", "--limits", tmp_path / "l.toml", code=4)
    assert "a smallest part" in poor.stderr


def test_what_limits_do_not_go_with(tmp_path):
    run("solve", MODEL, "--out", tmp_path / "r")
    (tmp_path / "l.toml").write_text(GOOD)
    limits = ("--limits", tmp_path / "l.toml")
    shares = ("--budget", "6", "--method", "uniform")
    for others in (("--least-roi", "3"), ("--least-marginal-roi", "3"), shares):
        assert "limits" in run("allocate", tmp_path / "r", *others, *limits, code=2).stderr
    assert (
        "limits" in run("allocate", ROOT / "models" / "whole_units", "--budget", "6", *limits, code=2).stderr
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[group]]\nname = "g"\ntypes = ["loyal"]\nfixed = 2\n', "give least and most equal"),
        ('[[group]]\nname = ""\ntypes = ["loyal"]\nmost = 2\n', "a name that is not empty"),
        ('[[limit]]\nstate = "active"\nmost = 2\n', "with its type there is '"),
    ],
)
def test_messages_say_what_to_do(tmp_path, curves, text, message):
    (tmp_path / "l.toml").write_text(text)
    people = files.load_population(MODEL, curves.problem)
    with pytest.raises(ProblemError, match=message):
        load_limits(tmp_path / "l.toml", curves.problem, people)
    with pytest.raises(ProblemError, match="is a directory"):
        load_limits(tmp_path)
