"""Interpretability: how much of a plan a short list of rules says, and what is lost by following the rules.

A decision tree of limited depth is grown by scikit-learn on what anyone can see of a department: its size,
the regime, the parts of its state's name, and how many decisions are left. Every state counts with the
chance that the plan comes to it. *Fidelity* is the expected share of the plan's decisions that the tree
makes too, in the states that the plan comes to. The tree's own decisions are a plan as well, evaluated by
the model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import MissingExtraError
from optbudget.pareto.baselines import sizes
from optbudget.pareto.evaluation import Worth, evaluate
from optbudget.pareto.metrics.metric import Metric
from optbudget.pareto.visits import visits
from optbudget.problems import DepartmentPlan, Departments
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
    text : the rules, one line for each branch
    leaves : number of rules
    worth : what the rules yield and spend if they are followed instead
    """

    fidelity: float
    text: str
    leaves: int
    worth: Worth


def rules(plan: DepartmentPlan, *, depth: int = DEPTH) -> Rules:
    """The rules of a plan; of a lottery, those of its likeliest policy.

    Raises
    ------
    MissingExtraError
        Without the extra [pareto].

    Examples
    --------
    >>> from optbudget.pareto.front import exact_front
    >>> from optbudget.problems.examples import two_departments
    >>> found = rules(exact_front(two_departments(), weights=[[0.9, 0.1]], refine=0).plan(0))
    >>> found.fidelity, found.leaves
    (0.875, 5)
    """
    try:
        from sklearn.tree import DecisionTreeClassifier, export_text
    except ImportError as missing:
        raise MissingExtraError("rules need scikit-learn: pip install 'optbudget[pareto]'") from missing
    departments = plan.departments
    policy = plan.policy[int(plan.share.argmax())]
    names, features = _features(departments, len(policy))
    weight = visits(departments, policy).ravel()
    taken = departments.held.pair_action[policy].ravel()
    seen = weight > 0
    tree = DecisionTreeClassifier(max_depth=depth, random_state=0)
    tree.fit(features[seen], taken[seen], sample_weight=weight[seen])
    said = tree.predict(features).reshape(policy.shape)
    fidelity = float(weight[seen] @ (said.ravel() == taken)[seen] / weight.sum())
    labels = [departments.held.actions[a] for a in tree.classes_]
    text = export_text(tree, feature_names=names, class_names=labels, decimals=1)
    worth = evaluate(departments, _possible(departments, said, policy))
    return Rules(fidelity, text, int(tree.get_n_leaves()), worth)


def _features(departments: Departments, stages: int) -> tuple[list[str], Floats]:
    """What can be seen in each stage and state, (T * n, F), and what it is called.

    A part of a state's name is a number, in order of first appearance; names of "-" and "_" have parts.
    """
    states = [name.split(JOINT, 1)[1].split("-") for name in departments.held.states]
    regimes = [name.split("_") for name in departments.regimes]
    own, shared = _numbered(states), _numbered(regimes)[departments.regime_of_state]
    columns = [sizes(departments)[departments.department_of_state], *own.T, *shared.T]
    names = ["size", *(f"state_{k}" for k in range(own.shape[1]))]
    names += [f"regime_{k}" for k in range(shared.shape[1])]
    left = np.repeat(np.arange(stages, 0, -1), departments.held.n_states)
    return [*names, "decisions_left"], np.column_stack([*(np.tile(c, stages) for c in columns), left])


def _numbered(names: list[list[str]]) -> NDArray[np.int64]:
    """The parts of names as numbers, (N, parts); names of unlike parts are one part each."""
    if len({len(parts) for parts in names}) != 1:
        names = [["-".join(parts)] for parts in names]
    columns = []
    for part in zip(*names, strict=True):
        place = {name: k for k, name in enumerate(dict.fromkeys(part))}
        columns.append([place[name] for name in part])
    return np.array(columns, dtype=np.int64).T


def _possible(
    departments: Departments, action: NDArray[np.integer], policy: NDArray[np.integer]
) -> NDArray[np.int64]:
    """The pairs of actions (T, n); where a state lacks the action, what the plan does."""
    held = departments.held
    pair = np.full((held.n_states, len(held.actions)), -1)
    pair[held.pair_state, held.pair_action] = np.arange(held.cost.size)
    found = pair[np.arange(held.n_states), action]
    return np.where(found >= 0, found, policy)
