"""What was found in a budget history: a graph, effects, and the side effects of actions."""

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
        If the parts are not of the same question.
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
        found = self.side_effects
        said = {(row.action, row.outcome) for row in found.rows}
        said |= {(entry.action, entry.outcome) for entry in found.refused}
        for action, outcome, _ in question.unintended():
            if (action, outcome) not in said:
                text = f"the risk of action {action!r} for {outcome!r} is neither given nor refused"
                issues.append(Issue("error", "risk", text, action=action))
        if issues:
            raise ProblemError(issues)
