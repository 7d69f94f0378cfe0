"""All histories of a finite problem as a tree: what a policy that remembers its assigned budget chooses on.

A policy that is deterministic in (state, stage, assigned budget) sends each next state away with a budget
of its own, so two histories that meet in one state may go on differently. On the tree of histories it
is one action per node. A node v is a history, :math:`q_v` its probability once the actions along it are
taken. The frontier of such policies is that of Boutilier & Lu 2016, section 4.2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import LimitError, UsageError
from optbudget.formulations.flow import flow
from optbudget.problems import ConstrainedMDP

Floats = NDArray[np.float64]

MOST_CHOICES = 200_000
"""Choices beyond which the tree is refused: it grows by a factor of actions x successors per decision."""


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes and choices; a choice is a node and one of its state's pairs.

    Attributes
    ----------
    parent : per node the choice that leads to it, -1 for a root
    first : (nodes + 1,) choices of node v are first[v]:first[v+1]
    pair : (c,) state-action pair of each choice
    node : (c,) its node
    reward : (c,) probability of the node times what the pair earns there, discounted
    cost : (1 + R, c) likewise what it uses
    limit : (1 + R,)
    constant : what units that start in a terminal state are worth
    """

    parent: list[int]
    first: list[int]
    pair: list[int]
    node: list[int]
    reward: Floats
    cost: Floats
    limit: Floats
    constant: float

    @property
    def limited(self) -> list[int]:
        """The resources that have a limit."""
        return np.flatnonzero(np.isfinite(self.limit)).tolist()


def tree(problem: ConstrainedMDP) -> Tree:
    """The tree of histories of a finite problem.

    Raises
    ------
    UsageError
        If the horizon is infinite.
    LimitError
        If there are more than `MOST_CHOICES` choices.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> found = tree(ConstrainedMDP(two_action_example(horizon=2), 1.9))
    >>> len(found.parent), len(found.pair), found.parent
    (3, 6, [-1, 0, 1])
    """
    if problem.problem.horizon is None:
        raise UsageError("histories over an infinite horizon are not finite; give a finite horizon")
    data = flow(problem)
    begin, active = data.pair_ptr.tolist(), set(data.states.tolist())
    parent, first, pair, node, share, stage = list[int](), [0], list[int](), list[int](), list[float](), []
    wave = [(-1, s, q) for s, q in enumerate(data.start.tolist()) if q > 0 and s in active]
    for k in range(data.stages):
        following = []
        for choice, s, q in wave:
            for a in range(begin[s], begin[s + 1]):
                if k + 1 < data.stages:
                    following += [(len(pair), j, q * p) for j, p in data.leading(a) if j in active]
                pair.append(a)
                node.append(len(parent))
                share.append(q)
                stage.append(k)
            parent.append(choice)
            first.append(len(pair))
        if len(pair) + len(following) > MOST_CHOICES:
            raise LimitError(
                f"after {k + 1} of {data.stages} decisions there are more than {MOST_CHOICES:,} histories "
                "and actions; shorten the horizon, or use the statement by state and stage"
            )
        wave = following
    weight = np.array(share)
    return Tree(
        parent, first, pair, node, weight * data.reward[stage, pair], weight * data.cost[:, stage, pair],
        data.limit, data.constant,
    )  # fmt: skip
