"""Interpretability: how much of a plan a short list of rules says, and what is lost by following the rules.

A decision tree of limited depth is grown by scikit-learn on what anyone can see of a department: its size,
the regime, the parts of its state's name, and how many decisions are left. Every state counts with the
chance that the plan comes to it. *Fidelity* is the expected share of the plan's decisions that the tree
makes too, in the states that the plan comes to. The tree's own decisions are a plan as well, evaluated by
the model.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import MissingExtraError, UsageError
from optbudget.pareto.arguments import floats, of_kind, whole
from optbudget.pareto.baselines import sizes
from optbudget.pareto.evaluation import Worth, evaluate
from optbudget.pareto.metrics.metric import Metric
from optbudget.problems import Departments
from optbudget.problems.departments import JOINT

Floats = NDArray[np.float64]

METRIC = Metric(
    "interpretability",
    "share of the plan's decisions that a decision tree of depth 4 makes too",
    "% of decisions",
    "framework, section 4, 4 (Simba); fidelity of a surrogate tree (Craven & Shavlik 1996)",
    more_is_better=True,
)
DEPTH = 4


@dataclass(frozen=True, eq=False)
class Rules:
    """A plan as rules.

    Attributes
    ----------
    fidelity : share of the plan's decisions that the rules make too, in [0, 1]
    text : what is asked about, then the rules, one line for each branch
    leaves : number of rules
    worth : what the rules yield and spend if they are followed instead
    """

    fidelity: float
    text: str
    leaves: int
    worth: Worth


def rules(departments: Departments, decisions: Floats, *, depth: int = DEPTH) -> Rules:
    """The rules that say most of what is decided.

    Parameters
    ----------
    departments : the model
    decisions : (T, n, A) how often each action is taken at each stage and state (`optbudget.pareto.visits`)
    depth : questions that lead to a decision, at most

    Raises
    ------
    MissingExtraError
        Without the extra [pareto].

    Examples
    --------
    >>> from optbudget.pareto.front import exact_front
    >>> from optbudget.pareto.visits import decisions
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> found = rules(two, decisions(exact_front(two, weights=[[0.9, 0.1]], refine=0).plan(0)))
    >>> round(found.fidelity, 3), found.leaves
    (0.866, 7)
    """
    held = of_kind("departments", departments, Departments).held
    stages, n = held.horizon or 1, held.n_states
    decisions = floats("decisions", decisions, (stages, n, len(held.actions)), "[0, inf)")
    if not decisions.any():
        raise UsageError("decisions must hold one that is taken")
    whole("depth", depth, least=1)
    try:
        from sklearn.tree import DecisionTreeClassifier, export_text

        from optbudget.pareto.environment import pair_by_action
    except ImportError as missing:
        raise MissingExtraError("rules need scikit-learn: pip install 'optbudget[pareto]'") from missing
    names, features = _features(departments, stages)
    often = decisions.reshape(stages * n, -1)
    seen, taken = np.nonzero(often)
    tree = DecisionTreeClassifier(max_depth=depth, random_state=0)
    tree.fit(features[seen], taken, sample_weight=often[seen, taken])
    chosen = tree.predict(features)
    fidelity = often[np.arange(chosen.size), chosen].sum() / often.sum()
    labels = [departments.held.actions[a] for a in tree.classes_]
    text = "".join(f"{name}: {said}\n" for name, said in names.items())
    text += export_text(tree, feature_names=list(names), class_names=labels, decimals=1)
    policy = pair_by_action(departments.held)[np.arange(n), chosen.reshape(stages, n)]
    return Rules(float(fidelity), text, int(tree.get_n_leaves()), evaluate(departments, policy))


def _features(departments: Departments, stages: int) -> tuple[dict[str, str], Floats]:
    """What can be seen in each stage and state, (T * n, F); what it is called, and what its numbers mean.

    A part of a state's name (between "-") or a regime's ("_") is a number, in order of first appearance.
    """
    states = _parts([name.split(JOINT, 1)[1] for name in departments.held.states], "-", "state")
    regimes = _parts(list(departments.regimes), "_", "regime")
    size: NDArray[Any] = sizes(departments)[departments.department_of_state]
    columns = {"size": (size, "mean cost of its actions")}
    columns |= {name: (numbers, said) for name, numbers, said in states}
    columns |= {name: (numbers[departments.regime_of_state], said) for name, numbers, said in regimes}
    left = np.repeat(np.arange(stages, 0, -1), departments.held.n_states)
    said = {name: text for name, (_, text) in columns.items()} | {"decisions_left": "this one included"}
    return said, np.column_stack([*(np.tile(numbers, stages) for numbers, _ in columns.values()), left])


def _parts(names: list[str], mark: str, what: str) -> list[tuple[str, NDArray[Any], str]]:
    """Of the parts of names: what each is called, its number for every name, and what the numbers mean."""
    split = [name.split(mark) for name in names]
    if len({len(parts) for parts in split}) != 1:
        split = [[name] for name in names]
    found = []
    for k, part in enumerate(zip(*split, strict=True)):
        place = {name: j for j, name in enumerate(dict.fromkeys(part))}
        said = ", ".join(f"{j} {name}" for name, j in place.items())
        found.append((f"{what}_{k + 1}", np.array([place[name] for name in part], dtype=np.int64), said))
    return found
