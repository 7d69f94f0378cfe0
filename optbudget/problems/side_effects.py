"""The unintended harm of actions: expected, at both ends of the intervals, and how likely.

For an action and an outcome that it does not target the harm is :math:`X \\sim N(\\mu, \\tau^2)`, positive
where it hurts; :math:`\\omega E[X^+]` is its risk, in value. The rows of an action add up to

.. math:: \\text{CausalRisk}(s, a) = \\sum_k \\omega_k E[X_k^+].
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.columns import did_you_mean
from optbudget.problems.risk import RiskTerm

End = Literal["expected", "lower", "upper"]


@dataclass(frozen=True, slots=True)
class SideEffect:
    """What an action is predicted to do to one outcome that it does not target.

    Attributes
    ----------
    action : a name, or "type/action" for one unit type only
    state : the state it is for, or None for every state
    risk : weight of the outcome times E[X+], value, >= 0; with several candidate effects the largest
    lower, upper : the harm in value if the effect is the less or the more harmful end of its interval,
        over all candidates; lower <= risk <= upper
    probability : P(X > 0) for the candidate with the largest risk
    mean : E[X] of that candidate, outcome units, positive where it hurts
    path : names from a decision to the outcome: how the graph carries the harm; () if it has no such path
    """

    action: str
    state: str | None
    outcome: str
    risk: float
    lower: float
    upper: float
    probability: float
    mean: float
    path: tuple[str, ...] = ()

    def issue(self) -> Issue | None:
        """What is wrong with the numbers, if anything is."""
        of = f"the risk of action {self.action!r} for {self.outcome!r}"
        if not np.isfinite([self.risk, self.upper, self.mean]).all():
            return Issue("error", "risk", f"{of} is no finite number", self.state, action=self.action)
        if not 0 <= self.lower <= self.risk <= self.upper:
            text = f"{of} is {self.risk}, between {self.lower} and {self.upper}; 0 and these must be in order"
            return Issue("error", "risk", text, state=self.state, action=self.action)
        if not 0 <= self.probability <= 1:
            text = f"{of}: the probability is {self.probability}"
            return Issue("error", "risk", text, state=self.state, action=self.action)
        return None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An outcome for which an action has no risk, because an effect that it needs is not known."""

    action: str
    outcome: str
    reason: str


@dataclass(frozen=True, eq=False)
class SideEffects:
    """The side effects of all actions that are known to change decisions.

    Attributes
    ----------
    actions : every action declared, also those without a side effect; a name or "type/action"
    rows : one per action, state and outcome
    refused : actions whose risk is not known; a problem that uses one gets no risk term
    weights : outcome -> value per unit of it, as far as that is stated; with it `verify` can hold mean and
        probability of a row against its risk

    Raises
    ------
    ProblemError
        Naming the row whose numbers are none, or that is there twice.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> row = SideEffect("a", None, "waiting time", 3.0, 0.0, 8.0, 0.9, 1.5, ("spend", "waiting time"))
    >>> SideEffects(("a",), (row,)).risk_term(two_action_example(), weight=2.0).amount
    array([3., 0.])
    """

    actions: tuple[str, ...]
    rows: tuple[SideEffect, ...] = ()
    refused: tuple[Refusal, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))
        issues = [issue for row in self.rows if (issue := row.issue()) is not None]
        seen: set[tuple[str, str | None, str]] = set()
        for row in self.rows:
            if (row.action, row.state, row.outcome) in seen or (row.action, None, row.outcome) in seen:
                text = f"the risk of action {row.action!r} for {row.outcome!r} is said twice"
                issues.append(Issue("error", "risk", text, state=row.state, action=row.action))
            seen.add((row.action, row.state, row.outcome))
        named = [row.action for row in self.rows] + [entry.action for entry in self.refused]
        for action in dict.fromkeys(named):
            if action not in self.actions:
                text = f"action {action!r} is not declared{did_you_mean(action, self.actions)}"
                issues.append(Issue("error", "risk", text, action=action))
        if issues:
            raise ProblemError(issues)

    def of(self, action: str) -> tuple[SideEffect, ...]:
        """The rows of an action, the largest risk first."""
        return tuple(sorted((row for row in self.rows if row.action == action), key=lambda row: -row.risk))

    def amounts(self, problem: BudgetedMDP, *, end: End = "expected") -> NDArray[np.float64]:
        """(m,) risk of each state-action pair, value; actions that are not declared have none.

        Raises
        ------
        ProblemError
            If an action or state named here is not in the model, or a risk that is needed was refused.
        """
        amount = np.zeros(problem.cost.size)
        what = "risk" if end == "expected" else end
        for row, here in self.places(problem):
            amount[here] += getattr(row, what)
        return amount

    def places(self, problem: BudgetedMDP) -> Iterator[tuple[SideEffect, NDArray[np.bool_]]]:
        """Each row with the (m,) state-action pairs of a problem that it is about.

        Raises
        ------
        ProblemError
            As `amounts`.
        """
        of_pair = _declared(problem, self.actions)
        self._require_known(of_pair)
        place = {name: k for k, name in enumerate(self.actions)}
        for row in self.rows:
            here = of_pair == place[row.action]
            yield row, here if row.state is None else here & _in_state(problem, row.state)

    def risk_term(self, problem: BudgetedMDP, weight: float, *, end: End = "expected") -> RiskTerm:
        """The term of a problem's reward: its expected harm, or that at one end of the intervals.

        Raises
        ------
        ProblemError
            As `amounts`; or if the weight is no number >= 0.
        """
        return RiskTerm(self.amounts(problem, end=end), weight)

    def _require_known(self, of_pair: NDArray[np.int64]) -> None:
        used = {self.actions[k] for k in np.unique(of_pair[of_pair >= 0])}
        issues = [
            Issue("error", "not-identified", f"no risk term: action {entry.action!r} may change "
                  f"{entry.outcome!r}, and by how much is not known: {entry.reason}", action=entry.action)
            for entry in self.refused if entry.action in used
        ]  # fmt: skip
        if issues:
            raise ProblemError(issues)


def _declared(problem: BudgetedMDP, actions: tuple[str, ...]) -> NDArray[np.int64]:
    """(m,) which of the declared actions each pair takes; "type/action" before "action"; -1 for none."""
    place = {name: k for k, name in enumerate(actions)}
    types = problem.state_type or ("",) * problem.n_states
    names: dict[tuple[str, str], int] = {}
    known: dict[str, None] = {}
    kinds = np.array(types)[problem.pair_state]
    for kind, code in dict.fromkeys(zip(kinds.tolist(), problem.pair_action.tolist(), strict=True)):
        action = problem.actions[code]
        full = f"{kind}/{action}" if kind else action
        known |= {action: None, full: None}
        names[kind, action] = place.get(full, place.get(action, -1))
    unknown = [name for name in actions if name not in known]
    if unknown:
        raise ProblemError([
            Issue("error", "unknown-action", f"the risk is declared for action {name!r}, which the model "
                  f"does not have{did_you_mean(name, list(known))}", action=name)
            for name in unknown[:FIRST_ISSUES]
        ])  # fmt: skip
    pairs = zip(kinds.tolist(), problem.pair_action.tolist(), strict=True)
    return np.array([names[kind, problem.actions[code]] for kind, code in pairs], dtype=np.int64)


def _in_state(problem: BudgetedMDP, state: str) -> NDArray[np.bool_]:
    """(m,) whether a pair is of a state, given as its label or its name."""
    states = np.array([state in (label, name) for label, name in _state_names(problem)])
    if not states.any():
        labels = [label for label, _ in _state_names(problem)]
        raise ProblemError(
            f"a risk is for state {state!r}, unknown to the model{did_you_mean(state, labels)}"
        )
    found: NDArray[np.bool_] = states[problem.pair_state]
    return found


def _state_names(problem: BudgetedMDP) -> Iterator[tuple[str, str]]:
    return zip(problem.labels, problem.states, strict=True)
