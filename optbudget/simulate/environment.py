"""A population under one budget as a Gymnasium environment, so that anyone's agent can be compared.

An episode is one trial of `optbudget.simulate.simulate`: the sum of its rewards is the trial's discounted
value, and after `reset(seed=s)` episode k meets the draws of trial k of seed s. An agent that has learned
here is put beside the other policies by `simulate(..., own={"mine": env.policy(agent)})`.
"""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import MissingExtraError, NoAnswerError, UsageError
from optbudget.problems import BudgetedMDP, Population
from optbudget.simulate import _step_kernels as kernels
from optbudget.simulate._money_kernels import over_down
from optbudget.simulate.own import PopulationPolicy
from optbudget.simulate.trials import seed_word
from optbudget.simulate.world import world_of

try:
    import gymnasium
except ImportError as missing:
    raise MissingExtraError("the environment needs Gymnasium: pip install 'gymnasium>=1.0'") from missing

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class PopulationEnv(gymnasium.Env[Floats, Floats]):
    """All units of a population, acting stage by stage on one budget.

    An observation (n + 2,) holds the share of the units in each state, the discounted money left and the
    stage, as parts of the budget and of the horizon. An action (m,) holds a weight in [0, 1] for each pair:
    the units of a state are divided over its pairs in proportion, by largest remainders; if all are 0,
    evenly. `info` holds the units of each state, the money left at this stage and the money paid.

    Parameters
    ----------
    problem : of a finite horizon
    population : units per state
    budget : money, finite and > 0
    strict : units act in the order of the pairs while money lasts, then take the dearest that fits, so that
    no
        path overspends; else they do as told, and money left may fall below 0

    Raises
    ------
    UsageError
        If the horizon is infinite or the budget not a finite number above 0.
    NoAnswerError
        If strict, and the budget does not cover what units may be forced to spend.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example(horizon=1)
    >>> env = PopulationEnv(problem, Population.at(problem, {"s": 2}), 1.5)
    >>> observation, info = env.reset(seed=0)
    >>> observation, reward, terminated, truncated, info = env.step(np.array([1.0, 0.0]))
    >>> reward, terminated, info["spend"]
    (11.0, True, 1.0)
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - so Gymnasium declares it
    render_mode = None

    def __init__(
        self, problem: BudgetedMDP, population: Population, budget: float, *, strict: bool = True
    ) -> None:
        if problem.horizon is None:
            raise UsageError("an infinite horizon cannot be acted out to its end: give the model a horizon")
        given: object = budget
        if isinstance(given, bool) or not isinstance(given, Real) or not 0 < float(given) < np.inf:
            raise UsageError(f"the budget is {budget!r:.40}; it must be a finite number above 0")
        self.problem, self.population, self.budget, self.strict = problem, population, float(budget), strict
        self._world = world_of(problem)
        self._start = np.where(problem.is_terminal, 0, population.count)
        self._ended = float((population.count - self._start) @ problem.terminal_utility)
        least = float(self._start @ self._world.least[0])
        if strict and least > budget:
            raise NoAnswerError(
                f"units may be forced to spend {least:.10g}, more than the budget of {budget:.10g}"
            )
        low, high = np.zeros(problem.n_states + 2), np.ones(problem.n_states + 2)
        if not strict:
            dearest = float(problem.cost.max(initial=0.0))
            low[-2] = min(0.0, 1.0 - population.size * problem.horizon * dearest / self.budget) - 1.0
        self.observation_space = gymnasium.spaces.Box(low, high, dtype=np.float64)
        self.action_space = gymnasium.spaces.Box(0.0, 1.0, (problem.cost.size,), dtype=np.float64)
        self._key, self._stage = (seed_word(0), -1), 0
        self._counts: Integers | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Begin the next trial, or trial 0 (or options["trial"]) of a seed."""
        trial_asked = (options or {}).get("trial", 0)
        for what, number in (("seed", 0 if seed is None else seed), ("options['trial']", trial_asked)):
            if isinstance(number, bool) or not isinstance(number, Integral) or number < 0:
                raise UsageError(f"{what} is {number!r:.40}; it must be a whole number >= 0")
        super().reset(seed=seed)
        word, trial = self._key
        self._key = (word, trial + 1) if seed is None else (seed_word(seed), 0)
        if options and "trial" in options:
            self._key = (self._key[0], int(trial_asked))
        self._counts = self._start[None, :].copy()
        self._money, self._stage, self._weight, self._paid = self.budget, 0, 1.0, 0.0
        return self.observation(0, self._counts[0], self._money), self._info()

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Divide the units over pairs by the weights, and let them act.

        Raises
        ------
        UsageError
            Before `reset`, after the last stage, or if the action is no weight for each pair.
        """
        problem, world = self.problem, self._world
        if self._counts is None or self._stage >= (problem.horizon or 0):
            when = "has not begun" if self._counts is None else "has ended"
            raise UsageError(f"the episode {when}: call reset() before step()")
        taken = self.units(action, self._stage, self._counts[0], self._money)
        self._money = over_down(kernels.paid(world, taken, self._money), problem.cost_discount)
        reward, self._paid, ended = kernels.move(world, taken[None, :], self._key, self._stage, self._counts)
        reward = self._weight * (reward + problem.discount * ended)
        self._weight *= problem.discount
        self._stage += 1
        over = self._stage == problem.horizon
        if over:
            reward += self._weight * kernels.last_worth(world, self._counts)
        if self._stage == 1:
            reward += self._ended
        seen = self.observation(self._stage, self._counts[0], self._money)
        return seen, float(reward), over, False, self._info()

    def observation(self, stage: int, counts: Integers, money: float) -> Floats:
        """What an agent sees: (n + 2,) shares of units, money left and stage."""
        left = money * self.problem.cost_discount**stage / self.budget
        seen = np.append(counts / max(1, self.population.size), (left, stage / (self.problem.horizon or 1)))
        return np.asarray(np.clip(seen, self.observation_space.low, self.observation_space.high))  # type: ignore[attr-defined]

    def units(self, action: Floats, stage: int, counts: Integers, money: float) -> Integers:
        """Units that take each pair, (m,): by the weights of an action, and if strict, while money lasts."""
        wanted = shared_out(self.problem, checked_weights(self.problem, action), counts)
        if not self.strict:
            return wanted
        taken = np.zeros_like(wanted)
        slack = kernels.slack_of(self._world, stage, counts, money)
        for pair in np.flatnonzero(wanted):
            slack = kernels.serve(
                self._world, stage, self.problem.pair_state[pair], pair, wanted[pair], slack, taken
            )
        return taken

    def policy(self, agent: Callable[[Floats], Floats]) -> PopulationPolicy:
        """An agent, from observation to action, as a policy for `simulate(own=...)`."""

        def act(stage: int, counts: Integers, money: float) -> Integers:
            return self.units(agent(self.observation(stage, counts, money)), stage, counts, money)

        return act

    def _info(self) -> dict[str, Any]:
        assert self._counts is not None
        return {"units": self._counts[0].copy(), "money": self._money, "spend": self._paid}


def checked_weights(problem: BudgetedMDP, action: ArrayLike) -> Floats:
    """The weights of all pairs, (m,).

    Raises
    ------
    UsageError
        Unless they are m finite numbers >= 0.
    """
    try:
        weight = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"an action is one weight for each pair; got {action!r:.40}") from None
    if weight.shape != problem.cost.shape:
        raise UsageError(
            f"an action must have shape {problem.cost.shape}, a weight per pair; got {weight.shape}"
        )
    wrong = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if wrong.size:
        pair = int(wrong[0])
        state, name = problem.labels[problem.pair_state[pair]], problem.actions[problem.pair_action[pair]]
        raise UsageError(
            f"state {state!r}, action {name!r}: the weight is {weight[pair]}; it must be finite and >= 0"
        )
    return weight


def shared_out(problem: BudgetedMDP, weight: Floats, counts: Integers) -> Integers:
    """Units of each pair, (m,): the units of a state in proportion to weights, by largest remainders.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> shared_out(two_action_example(), np.array([0.2, 0.1]), np.array([7]))
    array([5, 2])
    """
    state = problem.pair_state
    total = np.bincount(state, weight, minlength=problem.n_states)
    weight = np.where(total[state] > 0, weight, 1.0)
    total = np.bincount(state, weight, minlength=problem.n_states)
    ideal = counts[state] * (weight / total[state])
    units = np.floor(ideal).astype(np.int64)
    left = np.where(problem.is_terminal, 0, counts) - np.bincount(state, units, minlength=problem.n_states)
    order = np.lexsort((units - ideal, state))
    place = np.arange(order.size) - problem.pair_ptr[state[order]]
    units[order] += place < left[state[order]]
    return units
