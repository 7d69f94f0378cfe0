"""Problems from tables in memory, arrays and Gymnasium's layout."""

import warnings

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbudget.errors import ProblemError
from optbudget.problems import BudgetedMDP, Population
from optbudget.problems.sharing import share_rows

SCALARS = {"discount": 0.9, "cost_discount": 1.0, "horizon": 3}
TRANSITIONS = {
    "state": ["a", "a", "a", "b", "b"],
    "action": ["wait", "act", "act", "wait", "wait"],
    "next_state": ["a", "a", "b", "b", "end"],
    "probability": [1.0, 0.25, 0.75, 0.5, 0.5],
}
ACTIONS = {
    "state": ["a", "a", "b"],
    "action": ["wait", "act", "wait"],
    "cost": [0, 2, 0],
    "utility": [0.0, 5.0, 1.0],
}
STATES = {"state": ["end"], "terminal_utility": [3.0]}

ARRAYS = (
    "pair_ptr", "pair_action", "pair_row", "cost", "utility", "row_ptr", "next_state", "probability",
    "terminal_utility", "initial_state", "initial_probability",
)  # fmt: skip


def assert_same(one, other):
    assert one.states == other.states and one.actions == other.actions
    assert one.state_type == other.state_type
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def as_pandas(columns):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
    return pd.DataFrame(columns)


def as_polars(columns):
    return pytest.importorskip("polars").DataFrame(columns)


def as_categories(columns):
    table = pa.table(columns)
    for k, name in enumerate(table.column_names):
        if pa.types.is_string(table.column(k).type):
            table = table.set_column(k, name, table.column(k).dictionary_encode())
    return table


@pytest.mark.parametrize("make", [dict, pa.table, as_pandas, as_polars, as_categories])
def test_every_kind_of_table_is_the_same_problem(make):
    plain = BudgetedMDP.from_tables(TRANSITIONS, ACTIONS, STATES, terminal_states=["end"], **SCALARS)
    made = BudgetedMDP.from_tables(
        make(TRANSITIONS), make(ACTIONS), make(STATES), terminal_states=["end"], **SCALARS
    )
    assert_same(plain, made)
    assert made.states == ("a", "b", "end")
    assert made.terminal_utility.tolist() == [0, 0, 3]


def test_whole_numbers_are_names_too():
    problem = BudgetedMDP.from_tables(
        {"state": [7, 3], "action": [0, 0], "next_state": [3, 7], "probability": [1.0, 1.0]},
        {"state": [7, 3], "action": [0, 0], "cost": [0, 1], "utility": [0, 0]}, **SCALARS,
    )  # fmt: skip
    assert problem.states == ("7", "3")
    assert problem.next_state.tolist() == [1, 0]


def test_types_are_apart_although_names_are_equal():
    problem = BudgetedMDP.from_tables(
        {"type": ["x", "y"], "state": ["s", "s"], "action": ["a", "a"], "next_state": ["s", "s"],
         "probability": [1.0, 1.0]},
        {"type": ["x", "y"], "state": ["s", "s"], "action": ["a", "a"], "cost": [0, 0], "utility": [1, 2]},
        initial="y/s", **SCALARS,
    )  # fmt: skip
    assert problem.labels == ("x/s", "y/s")
    assert problem.initial.tolist() == [0, 1]
    assert problem.next_state[problem.row_ptr[problem.pair_row]].tolist() == [0, 1]


@pytest.mark.parametrize(
    "change, code",
    [
        ({"probability": [1.0, 0.25, 0.7, 0.5, 0.5]}, "row-sum"),
        ({"probability": [1.0, 0.25, None, 0.5, 0.5]}, "missing-value"),
        ({"probability": ["1", "0.25", "0.75", "0.5", "0.5"]}, "column-type"),
        ({"next_state": ["a", "a", "b", "b", "pit"]}, "dead-end"),
        ({"state": ["a", "a", "a", "b", ""]}, "name"),
    ],
)
def test_wrong_tables_name_row_and_table(change, code):
    columns = {name: pa.array(column) for name, column in (TRANSITIONS | change).items()}
    with pytest.raises(ProblemError) as raised:
        BudgetedMDP.from_tables(columns, ACTIONS, STATES, terminal_states=["end"], **SCALARS)
    issue = next(issue for issue in raised.value.issues if issue.code == code)
    assert issue.state or "transitions" in issue.message or "column" in issue.message


@pytest.mark.parametrize("data", [None, 3, [1, 2], {"state": [1, 2], "action": [1]}, {"state": object()}])
def test_what_is_no_table_is_refused(data):
    with pytest.raises(ProblemError):
        BudgetedMDP.from_tables(data if data is not None else [], ACTIONS, **SCALARS)


P = np.array([[[0.9, 0.1], [0.0, 1.0]], [[1.0, 0.0], [0.5, 0.5]]])
COST = [[0, 2], [0, 2]]
UTILITY = [[5, 5], [1, 1]]


def test_dense_and_sparse_arrays_are_the_same_problem():
    sparse = pytest.importorskip("scipy.sparse")
    dense = BudgetedMDP.from_arrays(P, COST, UTILITY, **SCALARS)
    assert_same(dense, BudgetedMDP.from_arrays(list(P), COST, UTILITY, **SCALARS))
    for kind in (sparse.csr_matrix, sparse.coo_array, sparse.csc_matrix):
        assert_same(dense, BudgetedMDP.from_arrays([kind(p) for p in P], COST, UTILITY, **SCALARS))
    tables = BudgetedMDP.from_tables(
        {"state": ["0", "0", "0", "1", "1", "1"], "action": ["0", "0", "1", "0", "1", "1"],
         "next_state": ["0", "1", "0", "1", "0", "1"], "probability": [0.9, 0.1, 1, 1, 0.5, 0.5]},
        {"state": ["0", "0", "1", "1"], "action": ["0", "1", "0", "1"], "cost": [0, 2, 0, 2],
         "utility": [5, 5, 1, 1]}, **SCALARS,
    )  # fmt: skip
    assert_same(dense, tables)


def test_utility_of_transitions_is_its_expectation():
    worth = np.arange(8.0).reshape(2, 2, 2)
    problem = BudgetedMDP.from_arrays(P, COST, worth, **SCALARS)
    np.testing.assert_allclose(problem.utility, (P * worth).sum(axis=2).T.reshape(-1))


def test_terminal_and_unavailable_rows_are_not_looked_at():
    broken = P.copy()
    broken[:, 1] = np.nan
    problem = BudgetedMDP.from_arrays(broken, COST, UTILITY, terminal_states=[1], **SCALARS)
    assert problem.is_terminal.tolist() == [False, True]
    only = BudgetedMDP.from_arrays(P, COST, UTILITY, available=[[True, False], [True, True]], **SCALARS)
    assert np.diff(only.pair_ptr).tolist() == [1, 2]


@pytest.mark.parametrize(
    "arguments, word",
    [
        ((P[:, :, :1], COST, UTILITY), "square"),
        ((P, [0, 2], UTILITY), "cost must have shape"),
        ((P, COST, np.ones((3, 3))), "utility must have shape"),
        ((P * 0.5, COST, UTILITY), "sum to 0.5"),
        ((np.where(P == 0.5, 0.0, P), COST, UTILITY), "probabilities are 0"),
        ((np.where(P == 0.5, np.nan, P), COST, UTILITY), "nan"),
        ((P, [[0, -2], [0, 2]], UTILITY), "cost is -2"),
        (([], COST, UTILITY), "no action"),
    ],
)
def test_wrong_arrays(arguments, word):
    with pytest.raises(ProblemError, match=word):
        BudgetedMDP.from_arrays(*arguments, **SCALARS)


def test_frozen_lake():
    gymnasium = pytest.importorskip("gymnasium")
    env = gymnasium.make("FrozenLake-v1", is_slippery=True).unwrapped
    problem = BudgetedMDP.from_gymnasium(
        env.P, {2: 1.0}, initial=env.initial_state_distrib, discount=0.95, cost_discount=1.0, horizon=20
    )
    # Four holes and the goal end the episode: 16 states, 11 with four actions each.
    assert problem.n_states == 16
    assert int(problem.is_terminal.sum()) == 5
    assert problem.cost.size == 44
    # The goal (15) is entered from 14 alone, with probability 1/3 under three of its actions.
    assert sorted(problem.utility[problem.pair_state == 14].round(9)) == [0.0] + [round(1 / 3, 9)] * 3
    assert problem.initial.tolist() == [1.0] + [0.0] * 15


def test_cliff_ends_in_an_added_state():
    """An episode that ends in a state that goes on elsewhere must not go on."""
    step = {0: {0: [(1.0, 1, -1.0, True)], 1: [(1.0, 1, 0.0, False)]}, 1: {0: [(1.0, 0, 2.0, False)]}}
    problem = BudgetedMDP.from_gymnasium(step, [[1.0, 0.0], [0.0, 0.0]], **SCALARS)
    assert problem.states == ("0", "1", "ended")
    assert problem.is_terminal.tolist() == [False, False, True]
    assert problem.next_state[problem.row_ptr[problem.pair_row]].tolist() == [2, 1, 0]
    assert problem.utility.tolist() == [-1.0, 0.0, 2.0]


small_rows = st.lists(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.25, 0.5, 1.0])), min_size=1, max_size=3),
    min_size=1, max_size=12,
)  # fmt: skip


@given(small_rows)
def test_sharing_keeps_every_row_and_stores_none_twice(rows):
    ptr = np.concatenate(([0], np.cumsum([len(row) for row in rows])))
    target = np.array([t for row in rows for t, _ in row])
    chance = np.array([p for row in rows for _, p in row])
    shared = share_rows(ptr, target, chance)
    stored = [
        tuple(zip(shared.next_state[a:b].tolist(), shared.probability[a:b].tolist(), strict=True))
        for a, b in zip(shared.ptr, shared.ptr[1:], strict=False)
    ]
    assert [stored[k] for k in shared.of_pair] == [tuple(row) for row in rows]
    assert len(set(stored)) == len(stored)
    assert list(dict.fromkeys(shared.of_pair.tolist())) == list(range(len(stored)))


@pytest.mark.parametrize(
    "ptr, target, chance, expected",
    [
        ([0, 1, 2, 4, 5], [0, 1, 0, 1, 0], [1, 1, 0.5, 0.5, 1], [0, 1, 2, 0]),
        ([0, 1, 2, 3], [0, 1, 0], [1, 1, 1], [0, 1, 0]),
        ([0, 1, 2, 3], [0, 0, 0], [1, 0.5, 1], [0, 1, 0]),
    ],
)
def test_sharing_survives_colliding_hashes(ptr, target, chance, expected, monkeypatch):
    from optbudget.problems import sharing

    monkeypatch.setattr(sharing, "mix", lambda word: word * np.uint64(0))
    shared = share_rows(np.array(ptr), np.array(target), np.array(chance, dtype=float))
    assert shared.of_pair.tolist() == expected


def test_a_misspelt_column_or_state_is_held_against_what_is_there():
    utilty = {("utilty" if name == "utility" else name): column for name, column in ACTIONS.items()}
    with pytest.raises(ProblemError, match=r"no column 'utility'; is it 'utilty'\?"):
        BudgetedMDP.from_tables(TRANSITIONS, utilty, **SCALARS)
    names = {"a": "visitor", "b": "basket", "end": "gone"}
    transitions, actions = (
        {name: [names.get(cell, cell) for cell in column] for name, column in table.items()}
        for table in (TRANSITIONS, ACTIONS)
    )
    for options in ({"initial": "visitr"}, {"initial": {"visitor": 0.5, "visitr": 0.5}}):
        with pytest.raises(ProblemError, match=r"did you mean 'visitor'\?"):
            BudgetedMDP.from_tables(transitions, actions, terminal_states=["gone"], **options, **SCALARS)


def test_populations_that_are_too_large_name_state_and_limit():
    problem = BudgetedMDP.from_tables(TRANSITIONS, ACTIONS, terminal_states=["end"], **SCALARS)
    for count in (2**62 + 2**20, 2**63, 10**30):
        with pytest.raises(ProblemError, match=r"'b'.*2\^62"):
            Population.at(problem, {"a": 1, "b": count})
    for counts in ([1, 1e19, 0], np.array([1, 2**63 + 2**40, 0], dtype=np.uint64), [1, 10**30, 0]):
        with pytest.raises(ProblemError, match=r"'b'.*2\^62"):
            Population(problem.labels, counts)
    with pytest.raises(ProblemError, match=r"2\^62"):
        Population(problem.labels, [2**62, 2**62, 0])
    assert Population(problem.labels, [0, 2**62, 0]).size == 2**62
    assert Population.at(problem, {"b": 2**62 - 1}).size == 2**62 - 1


def test_totals_that_no_double_holds_are_refused_where_they_stand():
    moves = {"state": ["s", "s"], "action": ["a", "b"], "next_state": ["s", "s"], "probability": [1, 1]}
    for utility, wrong in ((1.7e308, True), (-1.7e308, True), (4e149, True), (1e149, False)):
        table = {"state": ["s", "s"], "action": ["a", "b"], "cost": [1, 2], "utility": [0.0, utility]}
        settings = {"discount": 1.0, "cost_discount": 1.0, "horizon": 3}
        if wrong:
            with pytest.raises(ProblemError, match=r"over the horizon; take larger units.*row 1 of actions"):
                BudgetedMDP.from_tables(moves, table, **settings)
        else:
            BudgetedMDP.from_tables(moves, table, **settings)
