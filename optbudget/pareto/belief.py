"""What a watch believes by what really happens, told period by period and by name."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError, UsageError
from optbudget.pareto.adaptation import Watch, watched
from optbudget.pareto.arguments import of_kind
from optbudget.problems.columns import did_you_mean

Integers = NDArray[np.int64]


class Move(NamedTuple):
    """What one department did in a period: in a state it took an action, and came to another state."""

    state: str
    action: str
    next_state: str


class Belief:
    """The statistics of a watch over one real run, all 0 at its beginning.

    Examples
    --------
    Improving has become useless, and roads and parks tell:

    >>> from optbudget.pareto.adaptation import weakened
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments(horizon=12)
    >>> belief = Belief(Watch([two, weakened(two, 0.0)], [1.0, 1.0], 0.5, periods=12, false_alarm=0.2))
    >>> vain = Move("poor", "improve", "poor")
    >>> [belief.see("lean", {"roads": vain, "parks": vain}, "lean") for _ in range(6)]
    [0, 0, 0, 0, 1, 1]
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = of_kind("watch", watch, Watch)
        self._score = np.zeros((1, len(watch.worlds)))

    def see(self, regime: str, moves: Mapping[str, Move], next_regime: str) -> int:
        """Take in a period, and say which model's plan to follow now; 0 is the model that was planned with.

        Parameters
        ----------
        regime, next_regime : in which the departments acted, and the one after
        moves : of every department

        Raises
        ------
        ProblemError
            Naming the department that is missing, or the regime, state or action that is unknown.
        """
        model = self.watch.worlds[0].departments
        _require_moves(model.departments, moves)
        before, after = (_known(name, model.regimes, "regime") for name in (regime, next_regime))
        pairs, within = [], []
        for name in model.departments:
            move, held = moves[name], model.held
            state = held.index(model.label(name, regime, move.state))
            own = range(int(held.pair_ptr[state]), int(held.pair_ptr[state + 1]))
            actions = tuple(held.actions[held.pair_action[pair]] for pair in own)
            pairs.append(own[_known(move.action, actions, f"action of {name} in {move.state!r}")])
            within.append(held.index(model.label(name, regime, move.next_state)))
        told = self.watch.likelihood(
            np.array([pairs]), np.array([within]), np.array([before]), np.array([after])
        )
        now, self._score = watched(self.watch, self._score, told)
        return int(now[0])


def _require_moves(departments: tuple[str, ...], moves: Mapping[str, Move]) -> None:
    """Refuse moves that are not one of every department."""
    if not isinstance(moves, Mapping):
        raise UsageError(f"moves must be a mapping from department to Move; got {moves!r:.60}")
    missing = [name for name in departments if name not in moves]
    if missing:
        raise ProblemError(f"nothing is said of department {missing[0]!r}")
    for name, move in moves.items():
        _known(name, departments, "department")
        if not isinstance(move, Move):
            raise UsageError(f"what {name} did must be a Move; got {move!r:.60}")


def _known(name: str, names: tuple[str, ...], what: str) -> int:
    if name not in names:
        raise ProblemError(f"{name!r} is no {what}{did_you_mean(name, names)}; there are {', '.join(names)}")
    return names.index(name)
