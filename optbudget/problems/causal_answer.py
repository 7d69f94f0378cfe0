"""What was found in a budget history: a graph, effects, and the side effects of actions."""

from collections.abc import Iterator
from dataclasses import dataclass

from optbudget.errors import Issue, ProblemError
from optbudget.problems.causal_graph import CausalGraph
from optbudget.problems.causal_question import CausalQuestion
from optbudget.problems.effects import Effects
from optbudget.problems.side_effects import SideEffects


@dataclass(frozen=True, eq=False)
class CausalAnswer:
    """The answer to a causal question.

    Attributes
    ----------
    question : what was asked
    graph : learned, given, or merged; its names are at least the columns of the question
    effects : of every decision on every outcome
    side_effects : of every action of the question
    rows : of the history
    seed : of resamples and refutations
    bootstraps, refutations : how many resamples and how many simulations of each refutation

    Raises
    ------
    ProblemError
        If the parts are not of the same question, or a risk has no effect to stand on.
    """

    question: CausalQuestion
    graph: CausalGraph
    effects: Effects
    side_effects: SideEffects
    rows: int
    seed: int = 0
    bootstraps: int = 0
    refutations: int = 0

    def __post_init__(self) -> None:
        question, issues = self.question, []
        if (self.effects.decisions, self.effects.outcomes) != (question.decisions, question.outcomes):
            issues.append(Issue("error", "effects", "the effects are not those of the question's columns"))
        missing = [name for name in question.columns if name not in self.graph.names]
        if missing:
            issues.append(Issue("error", "graph", f"the graph has no node {missing[0]!r}"))
        if self.side_effects.actions != tuple(question.actions):
            issues.append(Issue("error", "risk", "the side effects are not those of the question's actions"))
        if not issues:
            issues += self._risk_issues()
        if issues:
            raise ProblemError(issues)

    def _risk_issues(self) -> Iterator[Issue]:
        """Risks that are missing, that nobody asked for, or that an unknown effect would be needed for."""
        given = {(row.action, row.outcome) for row in self.side_effects.rows}
        refused = {(entry.action, entry.outcome) for entry in self.side_effects.refused}
        asked = {(action, outcome): changes for action, outcome, changes in self.question.unintended()}
        wrong = [(pair, "is neither given nor refused") for pair in asked if pair not in given | refused]
        wrong += [(pair, "is not asked for") for pair in sorted((given | refused) - asked.keys())]
        for pair in (pair for pair in asked if pair in given):
            if any(self.effects[decision, pair[1]].unknown for decision in asked[pair]):
                wrong.append((pair, "is given, but an effect that it needs is not known"))
        for (action, outcome), what in wrong:
            text = f"the risk of action {action!r} for {outcome!r} {what}"
            yield Issue("error", "risk", text, action=action)
