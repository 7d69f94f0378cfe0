"""Statements that are false in one place each: the check that must fail, by name."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optbudget.allocation import allocate
from optbudget.budgeted import exact_backup, solve, stationary_solve, walk
from optbudget.budgeted.in_use import policy_in_use
from optbudget.certify import bracket, stationary_variances, verify
from optbudget.curves import Curves
from optbudget.errors import ResultError
from optbudget.files import load_model, load_result, save
from optbudget.problems import BudgetedMDP, Population, PricePolicy
from optbudget.status import Outcome, Solution, Termination

from forgeries import random_problem, restated, summed

MODELS = Path(__file__).parent.parent / "models"
AT_MOST = {"tolerance": 1e4, "outcome": Outcome(Termination.TOLERANCE, Solution.CERTIFIED)}


def failed(answer, **options):
    return [check.name for check in verify(answer, **options).checks if not check.ok]


@pytest.fixture(scope="module")
def curves():
    answer = replace(walk(load_model(MODELS / "synthetic_ad")), tolerance=1.0)
    assert failed(answer) == []
    return answer


@pytest.fixture(scope="module")
def split(curves):
    people = Population(curves.problem.labels, np.full(len(curves), 7))
    answer = allocate(curves, people, 0.3 * 7 * sum(c.largest_useful_budget for c in curves.curves))
    assert (answer.probability < 1).sum() == 2
    assert failed(answer) == []
    return answer


def rows_at(answer, rows):
    """The allocation with rows (state, count, level, probability) and every total that follows."""
    curves = answer.curves.curves
    state, count, level, chance = (np.array(column) for column in zip(*rows, strict=True))
    return summed(
        answer, state=state, count=count, probability=chance.astype(float),
        unit_budget=np.array([curves[s].budgets[j] for s, j in zip(state, level, strict=True)]),
        unit_value=np.array([curves[s].values[j] for s, j in zip(state, level, strict=True)]),
        action=answer.curves.first_action[curves.indptr[state] + state + level],
    )  # fmt: skip


def levels(answer):
    """(state, count, level, probability) of every row."""
    curves = answer.curves.curves
    return [
        (s, n, int(np.searchsorted(curves[s].budgets, b)), p)
        for s, n, b, p in zip(answer.state, answer.count, answer.unit_budget, answer.probability, strict=True)
    ]


def slope_right(answer, rows):
    """The steepest slope to the right of rows, the upper one of a drawn pair left out."""
    upper = {s: max(j for r, _, j, p in rows if r == s and p < 1) for s, _, _, p in rows if p < 1}
    curves = answer.curves.curves
    return max(
        float(curves.gain[curves.indptr[s] + j] / curves.length[curves.indptr[s] + j])
        for s, _, j, p in rows
        if j < curves.segments[s] and not (p < 1 and upper[s] == j)
    )


def counts_that_wrap(split):
    """Counts whose sum is right only modulo 2^64, at a row that costs nothing."""
    s = next(s for s, c in enumerate(split.curves.curves) if c.start_budget == 0 and c.start_value > 0)
    rows = [*levels(split), *[(s, 2**62, 0, 1.0)] * 4]
    return rows_at(split, rows)


def money_left(split):
    """Nothing is bought, and money is said to be worth what the first unit of it would bring."""
    rows = [(s, 7, 0, 1.0) for s in range(len(split.curves))]
    return replace(rows_at(split, rows), price=slope_right(split, rows))


def two_states_drawn(split):
    """A second randomised unit, in another state."""
    drawn = {s for s, _, _, p in levels(split) if p < 1}
    rows = levels(split)
    k = next(k for k, (s, n, j, _) in enumerate(rows) if s not in drawn and n > 1 and j > 0)
    s, n, j, _ = rows[k]
    rows[k : k + 1] = [(s, n - 1, j, 1.0), (s, 1, j, 0.5), (s, 1, j - 1, 0.5)]
    return rows_at(split, rows)


def not_adjacent(split):
    """The randomised unit is drawn between budgets two segments apart."""
    rows = levels(split)
    low = min((k for k, row in enumerate(rows) if row[3] < 1), key=lambda k: rows[k][2])
    s, n, j, p = rows[low]
    rows[low] = (s, n, j - 1, p)
    return rows_at(split, rows)


def bought_too_dear(split):
    """One unit has a segment whose price is below that of money."""
    rows = levels(split)
    drawn = {s for s, _, _, p in rows if p < 1}
    segments = split.curves.curves.segments
    k = next(k for k, (s, n, j, _) in enumerate(rows) if s not in drawn and n > 1 and j + 1 < segments[s])
    s, n, j, _ = rows[k]
    rows[k : k + 1] = [(s, n - 1, j, 1.0), (s, 1, j + 1, 1.0)]
    return replace(rows_at(split, rows), budget=split.budget * 2, unspent=0.0)


def lower_value(split):
    """A row that says less than its breakpoint is worth."""
    value = split.unit_value.copy()
    value[0] -= 0.25
    return summed(split, unit_value=value)


def called_uniform(split):
    """The best split, called equal shares, with the price that equal shares would have."""
    share = split.budget / split.population.size
    price = np.mean([float(curve.price(share)) for curve in split.curves.curves])
    return replace(split, method="uniform", price=float(price))


def reason_without_rest(split):
    return replace(split, why_unspent=None if split.spent != split.budget else "there is a rest")


def infeasible_with_a_price(split):
    """A true infeasibility that states a price and a bound."""
    problem = load_model(MODELS / "toll")
    answer = solve(problem, method="walk")
    least = float(answer.curves.start_budget[0])
    none = allocate(answer, Population.at(problem, {problem.labels[0]: 1}), least / 2)
    assert least > 0 and failed(none) == []
    return replace(none, price=1.0)


ROWS = {
    counts_that_wrap: "population served",
    money_left: "price",
    two_states_drawn: "randomised units",
    not_adjacent: "adjacent useful budgets",
    bought_too_dear: "price",
    lower_value: "useful budgets",
    called_uniform: "equal shares",
    reason_without_rest: "spent and unspent",
    infeasible_with_a_price: "infeasible",
}


@pytest.mark.parametrize("forge", ROWS)
def test_rows_that_are_not_so(forge, split):
    assert ROWS[forge] in failed(forge(split))


def test_equal_shares_pass(split):
    for share in (0.01, 0.3, 0.9, 5.0):
        budget = share * split.budget
        answer = allocate(split.curves, split.population, budget, method="uniform")
        assert failed(answer) == []


def test_the_price_of_equal_shares_is_checked(split):
    answer = allocate(split.curves, split.population, split.budget, method="uniform")
    assert answer.price > 0
    assert failed(replace(answer, price=answer.price * 1.01)) == ["price"]


def test_equal_shares_are_infeasible_only_where_they_are():
    problem = load_model(MODELS / "toll")
    answer = solve(problem, method="walk")
    people = Population.at(problem, {problem.labels[0]: 2})
    least = 2 * float(answer.curves.start_budget[0])
    none = allocate(answer, people, least / 2, method="uniform")
    assert failed(none) == []
    assert "infeasible" in failed(replace(none, budget=least))


def test_a_tolerance_that_is_not_kept(curves):
    gap = 1.5 * np.ones(len(curves))
    said = Outcome(Termination.TOLERANCE, Solution.CERTIFIED)
    assert failed(replace(curves, state_gap=gap, gap=1.5, outcome=said)) == ["outcome"]
    assert failed(replace(curves, state_gap=gap, gap=1.5, tolerance=2.0, outcome=said)) == []


def test_a_unit_is_not_given_more_than_the_cap(split):
    cap = float(np.sort(split.unit_budget)[-1]) / 2
    problem = replace(split.curves.problem, budget_cap=cap, folder=None)
    assert "rows well formed" in failed(replace(split, curves=replace(split.curves, problem=problem)))


# -- curves -----------------------------------------------------------------------------------------


def begins_far_below(curves):
    """A curve that begins far below what it is worth, so that its rounding would excuse false values."""
    old = curves.curves
    start, gain, gap = old.start_value.copy(), old.gain.copy(), curves.state_gap.copy()
    start[0], gap[0] = start[0] - 2e15, 1e3
    gain[0] += 2e15 + 4.0
    return replace(
        curves, curves=Curves(old.start_budget, start, old.indptr, old.length, gain), state_gap=gap,
        gap=1e3, **AT_MOST,
    )  # fmt: skip


def budgets_lower_by_a_hair(curves):
    """Every useful budget half a billionth below what its value costs."""
    old = curves.curves
    length = old.length * (1 - 5e-10)
    return replace(curves, curves=Curves(old.start_budget, old.start_value, old.indptr, length, old.gain))


def more_decisions(curves):
    """The curves of a longer horizon, as those of a stage before the first."""
    longer = replace(curves.problem, horizon=curves.problem.horizon + 2, folder=None)
    return replace(walk(longer), problem=curves.problem, stage=-2)


def pruning_negative(curves):
    return replace(curves, pruning_error=np.full(len(curves), -1.0))


def pruning_understated(curves):
    """Curves that lost segments, and say that pruning cost nothing."""
    old = curves.curves
    kept = np.ones(old.length.size, dtype=bool)
    kept[old.indptr[1] - 1] = False
    place = np.ones(old.length.size + len(old), dtype=bool)
    place[old.indptr[1]] = False
    indptr = old.indptr - (np.arange(old.indptr.size) > 0)
    wide = curves.state_gap + 10.0
    return replace(
        curves, curves=Curves(old.start_budget, old.start_value, indptr, old.length[kept], old.gain[kept]),
        first_action=curves.first_action[place], spend_variance=curves.spend_variance[place],
        state_gap=wide, gap=float(wide.max()), pruning_error=np.zeros(len(curves)), **AT_MOST,
    )  # fmt: skip


def witness_of_another_kind(curves):
    machine = solve(load_model(MODELS / "machine"))
    assert machine.witness is not None
    return replace(curves, witness=machine.witness)


CURVES = {
    begins_far_below: "curves achievable",
    budgets_lower_by_a_hair: "curves achievable",
    more_decisions: "stage",
    pruning_negative: "pruning error",
    pruning_understated: "pruning error",
    witness_of_another_kind: "witness",
}


@pytest.mark.parametrize("forge", CURVES)
def test_curves_that_are_not_so(forge, curves):
    assert CURVES[forge] in failed(forge(curves))


@pytest.mark.parametrize("model", ["machine", "uneven_discounts"])
def test_tails_are_checked(model):
    answer = solve(load_model(MODELS / model), tolerance=1e-3)
    assert failed(answer) == []
    for k in range(3):
        tails = list(answer.witness.tails)
        tails[k] = tails[k] / 2 if tails[k] > 0 else -1.0
        assert failed(replace(answer, witness=replace(answer.witness, tails=tuple(tails)))) == ["witness"]


def test_an_end_without_tail_may_spend_less_than_its_neighbours():
    """A false alarm of 2026: a truncated horizon's last decisions are cheap, and spend more than the end."""
    problem = BudgetedMDP(
        states=("s", "t"), actions=("a", "b"), pair_ptr=np.array([0, 2, 4]),
        pair_action=np.array([0, 1, 0, 1]), pair_row=np.arange(4), cost=np.array([0.0, 1.0, 0.0, 2.0]),
        utility=np.array([3.0, 9.0, 5.0, 6.0]), row_ptr=np.arange(5), next_state=np.array([1, 1, 0, 1]),
        probability=np.ones(4), terminal_utility=np.zeros(2), discount=0.75, cost_discount=0.5,
        horizon=None, reward="gross",
    )  # fmt: skip
    answer = stationary_solve(problem, tolerance=1e-2)
    assert answer.outcome.termination is Termination.TOLERANCE
    assert failed(answer) == []
    # Beyond that end nothing is achieved: a segment more is a lie.
    higher = answer.curves.gain.copy()
    higher[answer.curves.indptr[1] - 1] += 1e-6
    old = answer.curves
    raised = Curves(old.start_budget, old.start_value, old.indptr, old.length, higher)
    assert "curves achievable" in failed(replace(answer, curves=raised))


def stationary(seed, other=None, cap=None):
    """A random problem over an infinite horizon."""
    rng = np.random.default_rng(seed)
    problem = random_problem(rng)
    return replace(problem, horizon=None, discount=0.75, cost_discount=other or 0.75, budget_cap=cap)


@pytest.mark.parametrize("cap", [0.9, 1.7, 2.3])
@pytest.mark.parametrize("seed", range(8))
def test_a_cap_may_cut_a_chord_that_passes_over_other_points(seed, cap):
    """A false alarm of 2026: between the ends all points are moved by tails, and lie below such chords."""
    answer = stationary_solve(stationary(seed, 0.6, cap), tolerance=1e-3)
    assert failed(answer) == []


@pytest.mark.parametrize("other", [None, 0.6])
@pytest.mark.parametrize("cap", [None, 1.7])
@pytest.mark.parametrize(
    "seed", [1, 3, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (0, 2, 4, 5))]
)
def test_every_variance_of_an_infinite_horizon_is_held_against_its_policy(seed, cap, other):
    answer = stationary_solve(stationary(seed, other, cap), tolerance=1e-3)
    said = next(check for check in verify(answer).checks if check.name == "spend variance")
    compared, total = (int(word.replace(",", "")) for word in said.detail.split()[0:3:2])
    assert said.ok and total == answer.spend_variance.size and compared >= total - len(answer)
    found = 0
    for place in range(total):
        variance = answer.spend_variance.copy()
        variance[place] = 1.01 * variance[place] + 0.01
        found += "spend variance" in failed(replace(answer, spend_variance=variance))
    assert found == compared


@pytest.mark.parametrize("name", ["WORK", "DENSE"])
def test_variances_by_iteration_or_not_at_all(name, monkeypatch):
    answer = stationary_solve(stationary(1), tolerance=1e-3)
    monkeypatch.setattr(stationary_variances, name, 0)
    said = next(check for check in verify(answer).checks if check.name == "spend variance")
    assert said.ok and said.detail.startswith(
        "0 of" if name == "WORK" else f"{answer.spend_variance.size} of"
    )
    if name == "DENSE":
        false = replace(answer, spend_variance=answer.spend_variance + 1e-6)
        assert "spend variance" in failed(false)


def test_a_gap_widens_less_where_values_are_negative():
    """From (0, -2) to (1, -1), a gap of 1/2 allows -1/2 and 0; the line ends at 0.9."""
    numbers = (np.array([x]) for x in (0.0, -2.0, 1.0, -1.0, 1.0, -1.0, 0.0))
    piece = bracket.Pieces(np.array([0]), *numbers)
    lines = SimpleNamespace(price=np.array([1.5, 0.0]), intercept=np.array([[-0.6, 10.0]]))
    assert not bracket.holds(piece, lines, np.array([0.5]), 0).any()
    assert bracket.holds(piece, lines, np.array([1.0]), 0).all()


@pytest.mark.parametrize(("over", "holds"), [(1e-9, False), (-1e-9, True)])
def test_a_gap_holds_to_the_last_digits(over, holds):
    """From (0, 1) to (1, 2), a gap of 1/2 allows the line from 2 to 3.5."""
    numbers = (np.array([x]) for x in (0.0, 1.0, 1.0, 2.0, 1.0, 1.0, 0.0))
    piece = bracket.Pieces(np.array([0]), *numbers)
    lines = SimpleNamespace(price=np.array([1.5, 0.0]), intercept=np.array([[2.0 + over, 10.0]]))
    assert bracket.holds(piece, lines, np.array([0.5]), 0).all() == holds


@pytest.mark.parametrize("short", [(0.1, 0.1), (0.1, 0.0), (0.0, 0.1)])
@pytest.mark.parametrize(("over", "holds"), [(1e-9, False), (-1e-9, True)])
def test_a_gap_counts_what_values_are_raised_by(over, holds, short):
    """Of (0, 1) and (1, 2) a tenth is excused, not achieved: a gap of 1/2 allows from 1.9 to 3.4."""
    at = bracket.breakpoints(Curves(np.zeros(1), np.ones(1), np.array([0, 1]), np.ones(1), np.ones(1)))
    piece = bracket.pieces(at, np.array(short), None)
    lines = SimpleNamespace(price=np.array([1.5, 0.0]), intercept=np.array([[1.9 + over, 3.3]]))
    assert bracket.holds(piece, lines, np.array([0.5]), 0).all() == holds


# -- policies ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept():
    answer = solve(load_model(MODELS / "synthetic_ad"), method="sweep", tolerance=1e-2, keep_policy=True)
    assert failed(answer) == []
    return answer


def test_a_policy_holds_no_two_actions_at_one_price(kept):
    high = np.full(kept.policy.price_high.size, np.inf)
    assert failed(replace(kept, policy=replace(kept.policy, price_high=high))) == ["policy"]


def test_a_policy_does_not_hold_where_it_is_not_best(kept):
    old = kept.policy
    least = old.price_low == 0
    forged = PricePolicy(
        old.problem, old.state[least], old.stage[least], old.price_low[least],
        np.full(int(least.sum()), np.inf), old.action[least],
    )  # fmt: skip
    assert failed(replace(kept, policy=forged)) == ["policy"]


def test_a_policy_in_use_does_not_hold_at_all_prices(split):
    policy = policy_in_use(split)
    assert failed(replace(split, curves=replace(split.curves, policy=policy))) == []
    upper = policy.price_high > split.price
    only = PricePolicy(
        policy.problem, policy.state[upper], policy.stage[upper], np.zeros(int(upper.sum())),
        np.full(int(upper.sum()), np.inf), policy.action[upper],
    )  # fmt: skip
    assert "policy" in failed(replace(split, curves=replace(split.curves, policy=only)))


def test_a_stationary_policy_begins_at_prices_of_the_witness():
    answer = solve(load_model(MODELS / "machine"), keep_policy=True)
    assert failed(answer) == []
    policy = answer.policy
    for change in ({"price_low": policy.price_low + 1e-9}, {"stage": policy.stage + 1}):
        assert failed(replace(answer, policy=replace(policy, **change))) == ["policy"]


# -- on disk ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["budget", "probability", "action", "unit"])
def test_what_is_assigned_by_name_follows_from_the_rows(name, tmp_path):
    problem = load_model(MODELS / "synthetic_ad")
    units = [f"unit {k}" for k in range(20)]
    people = Population.of_units(problem, units, [problem.labels[k % len(problem.labels)] for k in range(20)])
    save(allocate(exact_backup(problem), people, 30.0), tmp_path / "r")
    assert failed(load_result(tmp_path / "r")) == []
    file = tmp_path / "r" / "assignment.parquet"
    table = pq.read_table(file)
    words = table.column(name).to_pylist()
    forged = pa.array(words[::-1], table.schema.field(name).type)
    assert words != words[::-1]
    pq.write_table(table.set_column(table.column_names.index(name), name, forged), file)
    with pytest.raises(ResultError, match=r"assignment\.parquet"):
        load_result(tmp_path / "r")


def test_tails_of_certificate_json_are_checked(tmp_path):
    save(solve(load_model(MODELS / "uneven_discounts"), tolerance=1e-3), tmp_path / "r")
    file = tmp_path / "r" / "certificate.json"
    said = json.loads(file.read_text())
    said["tails"][0] = -1.0
    file.write_text(json.dumps(said))
    assert failed(load_result(tmp_path / "r")) == ["witness"]
    shutil.rmtree(tmp_path / "r")


def test_the_forger_restates_what_follows(split):
    assert failed(restated(split)) == []
