"""Departments as an environment with several rewards (Gymnasium and MO-Gymnasium).

One step is one period of all departments at once: each takes one of its actions in its state s and the
regime r, spends :math:`c_d(r, s, a)`, earns the vector :math:`R_d(r, s, a)`, and moves to s' with
:math:`p_d(s' | r, s, a)`; the regime moves with :math:`q(r' | r)`. The step's reward is
:math:`\\sum_d R_d`, **more is better in every objective**: one that is better small has its sign changed.

**What is exogenous.** The regime (revenue, environment), its chain q, and every number of the model. No
action moves the regime, and no department's action or state enters another's transitions, reward or cost.
Everything that is proved about departments one by one, and everything that is learned department by
department, is exact only because of that: where a decision moves the regime, or one department moves
another, put the state they share into one department, or do not use this.

**What the environment does not know.** The horizon, the discounts and the budget: they say what a plan is
worth, not what happens. A run is cut off (truncated) after `steps` steps; it never terminates.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import MissingExtraError, UsageError
from optbudget.pareto import _environment_kernels as kernels
from optbudget.pareto.arguments import of_kind, whole
from optbudget.problems import BudgetedMDP, Departments

try:
    import gymnasium
except ImportError as missing:
    raise MissingExtraError("the environment needs Gymnasium: pip install 'optbudget[pareto]'") from missing

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STEPS = 1000
"""Length of a run if none is asked for."""

ROUNDING = 1e-9
"""By how much, relative to their size, the limits of the reward are widened for the rounding of sums."""


class DepartmentsEnv(gymnasium.Env[Integers, Integers]):
    """All departments of a model, period by period, with one reward per objective.

    An observation (1 + D,) holds the number of the regime and of each department's state, in the order of
    `regimes` and `states`; the stage is not part of it. An action (D,) holds, for each department, a number
    in the order of `actions`; where a state lacks it, the department takes the cheapest it has. The reward
    (K,) is that of all departments together. `info` holds, department by department, the `action` that was
    taken, `spend` (D,) in money and `reward` (D, K).

    Parameters
    ----------
    departments : the model; its start is where every run begins
    steps : periods in a run, >= 1

    Attributes
    ----------
    regimes, actions, objectives : names
    states : for each department the names of its states
    reward_space : box of the rewards (K,), as MO-Gymnasium has it

    Raises
    ------
    UsageError
        If `steps` is no whole number above 0, or `departments` another kind of problem.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> env = DepartmentsEnv(two_departments(), steps=3)
    >>> seen, info = env.reset(seed=42)
    >>> env.regimes[seen[0]], [names[s] for names, s in zip(env.states, seen[1:])]
    ('rich', ['poor', 'good'])
    >>> env.objectives, env.actions
    (('service', '-risk'), ('hold', 'improve'))
    >>> seen, reward, terminated, truncated, info = env.step([1, 0])
    >>> reward.tolist(), info["spend"].tolist(), info["reward"].tolist()
    ([2.0, -0.5], [1.0, 0.0], [[0.0, -0.5], [2.0, 0.0]])
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - so Gymnasium declares it
    render_mode = None

    def __init__(self, departments: Departments, *, steps: int = STEPS) -> None:
        held = of_kind("departments", departments, Departments).held
        own, states = own_states(departments)
        self.departments, self.steps = departments, whole("steps", steps, least=1)
        self.regimes, self.actions, self.states = departments.regimes, held.actions, states
        self.objectives = departments.signed_objectives
        self._world = kernels.World(
            pair_by_action(held), held.pair_action, held.pair_row, held.cost,
            departments.signed_reward, held.row_ptr, held.next_state, held.probability,
            departments.elsewhere, own,
        )  # fmt: skip
        self._chain = departments.regime_probability.ravel()
        now = zip(departments.departments, departments.start, strict=True)
        self._start = np.array([held.index(departments.label(d, self._regime_now(), s)) for d, s in now])
        sizes = [len(self.regimes), *map(len, states)]
        self.observation_space = gymnasium.spaces.MultiDiscrete(sizes)
        self.action_space = gymnasium.spaces.MultiDiscrete([len(self.actions)] * len(states))
        self.reward_dim = len(self.objectives)
        self.reward_space = gymnasium.spaces.Box(*self._limits(), dtype=np.float64)
        self._at: Integers | None = None

    @classmethod
    def from_history(cls, history: object, *, steps: int = STEPS, **settings: Any) -> "DepartmentsEnv":
        """The environment of a model estimated from observed transitions; see `learn.learn_departments`."""
        from optbudget.learn.departments import learn_departments

        return cls(learn_departments(history, **settings), steps=steps)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Integers, dict[str, Any]]:
        """Begin a run where the departments are now; without a seed, further on in the same draws."""
        super().reset(seed=None if seed is None else whole("seed", seed))
        self._regime = self.regimes.index(self._regime_now())
        self._at, self._step = self._start.copy(), 0
        return np.append(self._regime, self._world.own[self._at]), {}

    def step(self, action: ArrayLike) -> tuple[Integers, Floats, bool, bool, dict[str, Any]]:
        """All departments act, and a period passes.

        Raises
        ------
        UsageError
            Before `reset`, after the last step of a run, or if the action is not one of the action space.
        """
        if self._at is None or self._step >= self.steps:
            when = "has not begun" if self._at is None else "has ended"
            raise UsageError(f"the run {when}: call reset() before step()")
        count, number = self._at.size, len(self.regimes)
        taken = self._checked(action)
        draw = self.np_random.random(count + 1)
        row = self._regime * number
        self._regime = kernels.picked(self._chain, row, row + number, draw[count]) - row
        seen = np.empty(count + 1, dtype=np.int64)
        seen[0] = self._regime
        spend, reward = np.empty(count), np.empty((count, self.reward_dim))
        kernels.act(self._world, self._regime, draw, self._at, taken, seen[1:], spend, reward)
        self._step += 1
        info = {"action": taken, "spend": spend, "reward": reward}
        return seen, reward.sum(axis=0), False, self._step >= self.steps, info

    def _checked(self, action: ArrayLike) -> Integers:
        """A copy of an action, its numbers looked at."""
        try:
            given = np.asarray(action)
        except ValueError:
            given = np.empty(0)
        wanted = (len(self.states),)
        if given.shape != wanted or given.dtype.kind not in "iu":
            raise UsageError(
                f"an action is one whole number per department, shape {wanted}; got {action!r:.60}"
            )
        wrong = (given < 0) | (given >= len(self.actions))
        if wrong.any():
            d = int(wrong.argmax())
            name, last = self.departments.departments[d], len(self.actions) - 1
            raise UsageError(f"department {name!r}: the action is {given[d]}; it must be in 0 to {last}")
        return given.astype(np.int64)

    def _regime_now(self) -> str:
        return self.departments.initial_regime

    def _limits(self) -> tuple[Floats, Floats]:
        """Least and most reward of a step, (K,) each."""
        world, held = self._world, self.departments.held
        number = {name: d for d, name in enumerate(self.departments.departments)}
        department = np.array([number[name] for name in held.state_type])[held.pair_state]
        low, high = np.zeros((2, len(number), self.reward_dim))
        np.minimum.at(low, department, world.reward)
        np.maximum.at(high, department, world.reward)
        slack = ROUNDING * (1.0 + np.maximum(-low, high).sum(axis=0))
        return low.sum(axis=0) - slack, high.sum(axis=0) + slack


def pair_by_action(problem: BudgetedMDP) -> Integers:
    """The pair that each action comes to in each state, (n, A): the cheapest where a state lacks it.

    Terminal states have -1.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> pair_by_action(two_departments().held)[:2].tolist()
    [[0, 1], [2, 3]]
    """
    cheapest = np.full(problem.n_states, -1, dtype=np.int64)
    order = np.lexsort((-np.arange(problem.cost.size), -problem.cost))
    cheapest[problem.pair_state[order]] = order
    table = np.repeat(cheapest[:, None], len(problem.actions), axis=1)
    table[problem.pair_state, problem.pair_action] = np.arange(problem.cost.size)
    return table


def own_states(departments: Departments) -> tuple[Integers, tuple[tuple[str, ...], ...]]:
    """The number of every state within its department, (n,), and the names of each department's states.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> own, names = own_states(two_departments())
    >>> own.tolist(), names
    ([0, 1, 0, 1, 0, 1, 0, 1], (('poor', 'good'), ('poor', 'good')))
    """
    number: dict[str, dict[str, int]] = {name: {} for name in departments.departments}
    held = departments.held
    own = np.empty(held.n_states, dtype=np.int64)
    for i, (department, label) in enumerate(zip(held.state_type, held.states, strict=True)):
        known = number[department]
        own[i] = known.setdefault(label.split("|", 1)[1], len(known))
    return own, tuple(tuple(known) for known in number.values())
