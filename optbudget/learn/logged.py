"""Logs that a model writes: units move through it while a known rule acts on them.

At each decision a unit logs two events: the state that it is in, then what was done, the name of an action
or QUIET where the first action of the state was taken. The second has the cost and the utility of the
decision. A unit begins as the model says and logs until it has made so many decisions, or until it is in a
state that no action leads out of; that state is its last event.

A learner finds the model in such a log with

    order = 2, actions = all but the first, in_place_of = [QUIET], withheld, cut_off, terminal = the states
    that are not left: an action takes the place of QUIET, so the history is "state>action", whose row is
    that of the state and action; after it comes "action>state", and by the rule that is withheld, QUIET.

A step of the model is two of the log, so the horizon is twice and the discount the square root. The paper's
own action model (section 4.7) does not do: there an action takes the place of the last event whatever it
is, also of a state, which is lost; and `none` goes on with what the rule would have done.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from optbudget.errors import ProblemError
from optbudget.learn._source_kernels import act
from optbudget.problems import BudgetedMDP
from optbudget.problems.columns import Floats
from optbudget.problems.events import EventBatch, name_issues

QUIET = "quiet"
"""The event of a decision that took a state's first action: nothing was done."""

DRAWS = 1 << 20
"""Random numbers drawn at once: what bounds the memory, and what a log depends on besides its seed."""


def propensities(
    problem: BudgetedMDP,
    shares: Mapping[str, float],
    *,
    where: Mapping[str, Mapping[str, float]] | None = None,
) -> Floats:
    """The probability of every state-action pair in its state, (m,), for a rule that acts by chance.

    Parameters
    ----------
    shares : probability of each action; what is left to 1 is that of the state's first action
    where : other shares in some states, by name: a rule that targets

    Raises
    ------
    ProblemError
        If a share is not in [0, 1], shares add up to more than 1, or a name is unknown.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> propensities(two_action_example(), {"b": 0.25}).tolist()
    [0.75, 0.25]
    """
    asked = {"": shares, **(where or {})}
    unknown = [a for given in asked.values() for a in given if a not in problem.actions]
    unknown += [name for name in asked if name and name not in problem.states]
    if unknown:
        raise ProblemError(f"the model has no state or action {unknown[0]!r}")
    for given in asked.values():
        if any(not 0 <= share <= 1 for share in given.values()) or sum(given.values()) > 1 + 1e-12:
            raise ProblemError(f"the shares {dict(given)} must be in [0, 1] and add up to at most 1")
    found = np.zeros(problem.cost.size)
    for i in np.flatnonzero(~problem.is_terminal).tolist():
        pairs = slice(int(problem.pair_ptr[i]), int(problem.pair_ptr[i + 1]))
        given = asked.get(problem.states[i], shares)
        mine = np.array([given.get(problem.actions[a], 0.0) for a in problem.pair_action[pairs]])
        mine[0] = max(0.0, 1.0 - mine[1:].sum())
        found[pairs] = mine
    return found


def logged_events(
    problem: BudgetedMDP, propensity: Floats, *, events: int, decisions: int | None = None, seed: int = 0
) -> Iterator[EventBatch]:
    """A log of at least so many events, of whole units, batch by batch in bounded memory.

    Parameters
    ----------
    propensity : (m,) probability of every state-action pair in its state (`propensities`)
    events : rows; the unit with which they are reached is the last
    decisions : of a unit, at most; by default the horizon of the problem
    seed : of everything drawn; a longer log begins with a shorter one

    Raises
    ------
    ProblemError
        If there are several types of units, a name cannot be an event's, or the probabilities of a state do
        not add up to 1.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example()
    >>> log = logged_events(problem, propensities(problem, {"b": 0.25}), events=1000, decisions=5)
    >>> sum(len(batch) for batch in log) >= 1000
    True
    """
    steps = decisions if decisions is not None else problem.horizon
    if steps is None or steps < 1:
        raise ProblemError("say how many decisions of a unit are logged: the horizon is infinite")
    names = (*problem.states, QUIET, *problem.actions[1:])
    if problem.state_type or (issues := name_issues(names)):
        raise ProblemError("units of several types are logged one by one" if problem.state_type else issues)
    begin = problem.pair_ptr[:-1][~problem.is_terminal]
    right = propensity.shape == problem.cost.shape and bool((propensity >= 0).all())
    total = np.add.reduceat(propensity, begin) if right else np.zeros(1)
    if not np.allclose(total, 1.0, rtol=0, atol=1e-9):
        raise ProblemError(f"propensity must have a probability for each of the {problem.cost.size} pairs")
    return _drawn(problem, propensity, names, events, steps, seed)


def _drawn(
    problem: BudgetedMDP, propensity: Floats, names: tuple[str, ...], events: int, steps: int, seed: int
) -> Iterator[EventBatch]:
    import pyarrow as pa

    first_pair = np.zeros(problem.cost.size, dtype=np.bool_)
    first_pair[problem.pair_ptr[:-1][~problem.is_terminal]] = True
    done = problem.n_states + np.where(first_pair, 0, np.maximum(problem.pair_action, 1)).astype(np.int32)
    units = max(1, DRAWS // (2 * steps + 1))
    stays = _stays(problem)
    written = unit = batch = 0
    while written < events:
        draw = np.random.default_rng([seed, batch]).random((units, 2 * steps + 1))
        found = tuple(np.empty(units * (2 * steps + 1), dtype=np.int64) for _ in range(4))
        m = act(
            draw, events - written, unit,
            (problem.initial_state, problem.initial_probability, stays),
            (problem.pair_ptr, propensity, problem.pair_row, done),
            (problem.row_ptr, problem.next_state, problem.probability),
            found,
        )  # fmt: skip
        who, time, event, pair = (column[:m].copy() for column in found)
        acted = pair >= 0
        value, cost = np.where(acted, problem.utility[pair], 0.0), np.where(acted, problem.cost[pair], 0.0)
        yield EventBatch(pa.array(who), time, event.astype(np.int32), names, value, cost)
        written, unit, batch = written + m, int(who[-1]) + 1, batch + 1


def _stays(problem: BudgetedMDP) -> np.ndarray:
    """Which states no action leads out of, (n,)."""
    stays = np.array(problem.is_terminal, copy=True)
    for i in np.flatnonzero(~problem.is_terminal).tolist():
        rows = problem.pair_row[problem.pair_ptr[i] : problem.pair_ptr[i + 1]]
        stays[i] = all(
            (problem.next_state[problem.row_ptr[r] : problem.row_ptr[r + 1]] == i).all() for r in rows
        )
    return stays
