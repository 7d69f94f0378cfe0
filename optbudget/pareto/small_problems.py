"""Three small stochastic problems of different kinds, whose fronts can be listed, and an environment of any.

They are where set-valued learning is held against the truth, and where it is first tried.
"""

import itertools

import numpy as np

from optbudget.errors import UsageError
from optbudget.pareto.arguments import number, of_kind, place, whole
from optbudget.problems.vector_mdp import VectorMDP


def warehouse() -> VectorMDP:
    """A store of at most seven units: how many to order each day, before the day's demand is known.

    Demand is 0, 1, 2 or 3 with probabilities 0.2, 0.4, 0.3, 0.1; what is not in store is lost. An
    order of up to three comes at once as far as there is room, and costs 1 whatever its size. It begins at
    any stock, all alike.
    Objectives: units sold, little held overnight, few orders.
    """
    chance, most = np.array([0.2, 0.4, 0.3, 0.1]), 7
    transition, reward = np.zeros((most + 1, 4, most + 1)), np.zeros((most + 1, 4, 3))
    for stock, order in itertools.product(range(most + 1), range(4)):
        there = min(stock + order, most)
        for demand, p in enumerate(chance):
            sold = min(demand, there)
            transition[stock, order, there - sold] += p
            reward[stock, order] += p * np.array([sold, sold - there, 0.0])
        reward[stock, order, 2] = -float(order > 0)
    return VectorMDP(
        states=tuple(f"stock {n}" for n in range(most + 1)),
        actions=tuple(f"order {n}" for n in range(4)),
        objectives=("sold", "-held", "-orders"),
        transition=transition,
        reward=reward,
        discount=0.9,
        initial=np.full(most + 1, 1.0 / (most + 1)),
    )


def inspection() -> VectorMDP:
    """A machine that wears in five steps under a demand that comes and goes: run, service or replace it.

    Running is worth the output of its condition, twice when demand is high, and fails with a probability
    that rises with wear. Objectives: output, little money, few failures.
    """
    output, failing = np.array([5.0, 4.0, 3.0, 2.0, 0.5]), np.array([0.01, 0.03, 0.08, 0.2, 0.5])
    demand = np.array([[0.8, 0.2], [0.3, 0.7]])
    wear = np.zeros((3, 5, 5))
    for now in range(5):
        wear[0, now, now] += 0.6
        wear[0, now, min(now + 1, 4)] += 0.4
        wear[1, now, max(now - 1, 0)] += 0.7
        wear[1, now, now] += 0.3
        wear[2, now, 0] = 1.0
    reward = np.zeros((2, 5, 3, 3))
    for high, now in itertools.product(range(2), range(5)):
        reward[high, now, 0] = [output[now] * (1 + high), 0.0, -failing[now]]
        reward[high, now, 1] = [0.6 * output[now] * (1 + high), -1.0, -0.3 * failing[now]]
        reward[high, now, 2] = [0.0, -4.0, 0.0]
    return VectorMDP(
        states=tuple(f"{d} demand, wear {w}" for d in ("low", "high") for w in range(5)),
        actions=("run", "service", "replace"),
        objectives=("output", "-money", "-failures"),
        transition=np.einsum("de,awv->dwaev", demand, wear).reshape(10, 3, 10),
        reward=reward.reshape(10, 3, 3),
        discount=0.9,
        initial=np.eye(10)[0],
    )


def garnet(
    *, states: int = 8, actions: int = 3, branching: int = 3, objectives: int = 2, seed: int = 0
) -> VectorMDP:
    """A random problem: every action leads to `branching` states at random (Archibald et al. 1995).

    Probabilities are the gaps between uniform numbers, rewards uniform on [0, 1]; discount 0.9.
    """
    sizes = {"states": states, "actions": actions, "branching": branching, "objectives": objectives}
    for name, size in sizes.items():
        whole(name, size, least=1)
    if branching > states:
        raise UsageError(f"branching is {branching}; it must be at most the number of states, {states}")
    draw = np.random.default_rng(whole("seed", seed))
    transition = np.zeros((states, actions, states))
    for s, a in itertools.product(range(states), range(actions)):
        to = draw.choice(states, size=branching, replace=False)
        transition[s, a, to] = np.diff(np.sort(np.append(draw.random(branching - 1), [0.0, 1.0])))
    return VectorMDP(
        states=tuple(f"s{s}" for s in range(states)),
        actions=tuple(f"a{a}" for a in range(actions)),
        objectives=tuple(f"r{k}" for k in range(objectives)),
        transition=transition,
        reward=draw.random((states, actions, objectives)),
        discount=0.9,
        initial=np.eye(states)[0],
    )


class Simulator:
    """A problem as an environment with the interface of MO-Gymnasium: `reset` and `step`.

    An observation is the state's place in the problem. Rewards are the expected ones plus, if asked for,
    normal noise. Everything drawn comes from the seed given last.

    Examples
    --------
    >>> world = Simulator(inspection())
    >>> world.reset(seed=1)
    (0, {})
    >>> world.step(0)
    (6, array([ 5.  ,  0.  , -0.01]), False, False, {})
    """

    def __init__(self, problem: VectorMDP, *, noise: float = 0.0) -> None:
        self._problem, self._noise = (
            of_kind("problem", problem, VectorMDP),
            number("noise", noise, "[0, inf)"),
        )
        self._draw = np.random.default_rng()
        self._state = -1
        self._first = np.cumsum(problem.initial)
        self._cumulative = np.cumsum(problem.transition, axis=2)

    def reset(self, *, seed: int | None = None) -> tuple[int, dict[str, object]]:
        """Begin anew, with another stream of random numbers if a seed is given."""
        if seed is not None:
            self._draw = np.random.default_rng(whole("seed", seed))
        self._state = int(np.searchsorted(self._first, self._draw.random() * self._first[-1], side="right"))
        return self._state, {}

    def step(self, action: int) -> tuple[int, np.ndarray, bool, bool, dict[str, object]]:
        """Observation, vector reward, whether it ended, False (never cut off), {}.

        Raises
        ------
        UsageError
            Before `reset`, after the end, or for an action that is not possible.
        """
        s, problem = self._state, self._problem
        place("action", action, len(problem.actions))
        if s < 0 or not problem.possible[s, action]:
            where = "before reset" if s < 0 else f"in state {problem.states[s]!r}"
            raise UsageError(f"action {action} is not possible {where}")
        row = self._cumulative[s, action]
        self._state = int(np.searchsorted(row, self._draw.random() * row[-1], side="right"))
        reward = problem.reward[s, action].copy()
        if self._noise:
            reward += self._noise * self._draw.standard_normal(reward.size)
        return self._state, reward, bool(problem.is_terminal[self._state]), False, {}
